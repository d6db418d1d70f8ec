#include "services/stacks/bundle.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "services/stacks/test_archive.h"
#include "services/stacks/test_faults.h"
#include "stackyard/v1/catalog.pb.h"

namespace stackyard::stacks {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

const Member kSpec = {"template.yaml", "title: Shop\n"};
const Member kModule = {"main.tf", "# nothing\n"};

std::vector<std::string> Refused(const std::string& bundle) {
  const auto content = ReadBundle(bundle);
  EXPECT_EQ(ReasonOf(content.status()), v1::BUNDLE_INVALID) << content.status();
  return FaultsOf(content.status());
}

std::vector<std::string> RefusedWith(const Member& member) {
  return Refused(MakeTar({kSpec, kModule, member}));
}

TEST(BundleTest, ReadsTarAndGzippedTar) {
  for (const bool gzip : {true, false}) {
    const auto content = ReadBundle(
        MakeTar({kSpec, kModule, {"README.md", "# Shop\n"}, {"modules/a/main.tf", "x"}}, gzip));
    ASSERT_TRUE(content.ok()) << content.status();
    EXPECT_EQ(content->template_yaml, "title: Shop\n");
    EXPECT_EQ(content->readme, "# Shop\n");
  }
}

TEST(BundleTest, TakesWhatTarOfAFolderMakes) {
  const auto content = ReadBundle(MakeTar({{"./", "", AE_IFDIR},
                                           {"./template.yaml", "title: Shop\n"},
                                           {"./main.tf.json", "{}"},
                                           {"./modules/", "", AE_IFDIR},
                                           {"./modules/a.tf", ""}}));
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->template_yaml, "title: Shop\n");
}

TEST(BundleTest, NeedsASpecAndAModuleAtItsRoot) {
  EXPECT_THAT(Refused(MakeTar({kModule})), ElementsAre("bundle: has no template.yaml at its root"));
  EXPECT_THAT(Refused(MakeTar({kSpec, {"modules/main.tf", ""}})),
              ElementsAre("bundle: has no .tf file at its root"));
  EXPECT_THAT(Refused(MakeTar({{"shop/template.yaml", ""}, {"shop/main.tf", ""}})),
              UnorderedElementsAre("bundle: has no template.yaml at its root",
                                   "bundle: has no .tf file at its root"));
}

TEST(BundleTest, RefusesPathsThatLeadOut) {
  for (const char* path : {"../main.tf", "a/../../main.tf", "a/..", ".."}) {
    EXPECT_THAT(RefusedWith({path, "x"}), ElementsAre(HasSubstr("leaves the bundle with `..`")))
        << path;
  }
  for (const char* path : {"/etc/passwd", ".//etc/passwd"}) {
    EXPECT_THAT(RefusedWith({path, "x"}), ElementsAre(HasSubstr("is an absolute path"))) << path;
  }
  for (const char* path : {"a\nb.tf", "a\\b.tf"}) {
    EXPECT_THAT(RefusedWith({path, "x"}), ElementsAre(HasSubstr("control character")));
  }
  EXPECT_THAT(RefusedWith({std::string(600, 'a'), "x"}),
              ElementsAre(HasSubstr("over 512 characters")));
}

TEST(BundleTest, RefusesLinksAndDevices) {
  EXPECT_THAT(RefusedWith({"a.tf", "/etc/passwd", AE_IFLNK}),
              ElementsAre("bundle: a.tf is a link"));
  EXPECT_THAT(RefusedWith({"b.tf", "", AE_IFREG, "main.tf"}),
              ElementsAre("bundle: b.tf is a link"));
  EXPECT_THAT(RefusedWith({"pipe", "", AE_IFIFO}),
              ElementsAre("bundle: pipe is neither a file nor a folder"));
  EXPECT_THAT(RefusedWith({"null", "", AE_IFCHR}),
              ElementsAre("bundle: null is neither a file nor a folder"));
}

TEST(BundleTest, RefusesWhatTerraformLeavesBehind) {
  EXPECT_THAT(RefusedWith({".terraform/providers/x", "x"}),
              ElementsAre(HasSubstr(".terraform/providers/x must not be in a bundle")));
  EXPECT_THAT(RefusedWith({"a/.terraform", "", AE_IFDIR}), testing::SizeIs(1));
  EXPECT_THAT(RefusedWith({"terraform.tfstate", "{}"}), ElementsAre(HasSubstr("secrets")));
  EXPECT_THAT(RefusedWith({"env/terraform.tfstate.backup", "{}"}), testing::SizeIs(1));
}

TEST(BundleTest, RefusesNamesThatAreThereTwice) {
  EXPECT_THAT(RefusedWith({"main.tf", "other"}), ElementsAre("bundle: main.tf is there twice"));
  EXPECT_THAT(RefusedWith({"./main.tf", "other"}), ElementsAre("bundle: main.tf is there twice"));
  EXPECT_THAT(Refused(MakeTar({kSpec, kModule, {"a/b.tf", ""}, {"a//b.tf", ""}})),
              testing::SizeIs(1));
  EXPECT_THAT(Refused(MakeTar({kSpec, kModule, {"a/b.tf", ""}, {"a/./b.tf", ""}})),
              testing::SizeIs(1));
}

TEST(BundleTest, TellsEveryFault) {
  EXPECT_THAT(
      Refused(MakeTar({{"../a", ""}, {"b", "x", AE_IFLNK}, {"c.tfstate", ""}})),
      UnorderedElementsAre(HasSubstr("../a"), HasSubstr("b is a link"), HasSubstr("c.tfstate"),
                           HasSubstr("no template.yaml"), HasSubstr("no .tf file")));
}

TEST(BundleTest, RefusesTooManyMembers) {
  std::vector<Member> members = {kSpec, kModule};
  for (int i = 0; i < kMaxMembers; ++i) members.push_back({absl::StrCat("f", i), ""});
  EXPECT_THAT(Refused(MakeTar(members)), ElementsAre(HasSubstr("over 2000 members")));
}

TEST(BundleTest, RefusesWhatIsTooLarge) {
  EXPECT_THAT(RefusedWith({"big.bin", std::string(kMaxMemberBytes + 1, 'x')}),
              Contains(HasSubstr("big.bin is larger than 16 MiB")));
  std::vector<Member> members = {kSpec, kModule};
  for (int i = 0; i < 5; ++i) {
    members.push_back({absl::StrCat("big", i), std::string(kMaxMemberBytes - 100, 'x')});
  }
  EXPECT_THAT(Refused(MakeTar(members)), Contains(HasSubstr("64 MiB unpacked")));
  EXPECT_THAT(Refused(std::string(kMaxBundleBytes + 1, 'x')),
              ElementsAre("bundle: is larger than 8 MiB"));
  EXPECT_THAT(Refused(""), ElementsAre("bundle: is empty"));
}

std::string Gzip(const std::string& bytes) {
  std::string zipped;
  archive* writer = archive_write_new();
  archive_write_set_format_raw(writer);
  archive_write_add_filter_gzip(writer);
  archive_write_set_bytes_in_last_block(writer, 1);
  archive_write_open(
      writer, &zipped, nullptr,
      [](archive*, void* target, const void* data, size_t count) -> la_ssize_t {
        static_cast<std::string*>(target)->append(static_cast<const char*>(data), count);
        return static_cast<la_ssize_t>(count);
      },
      nullptr);
  archive_entry* entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_write_header(writer, entry);
  archive_write_data(writer, bytes.data(), bytes.size());
  archive_entry_free(entry);
  archive_write_close(writer);
  archive_write_free(writer);
  return zipped;
}

// Writes `text` over a plain tar's header of a member, `offset` bytes behind its beginning, and
// sets the checksum right.
void Forge(std::string& tar, const std::string& member, size_t offset, const std::string& text) {
  const size_t header = tar.find(member + std::string(1, '\0'));
  ASSERT_EQ(header % 512, 0u);
  tar.replace(header + offset, text.size(), text);
  unsigned sum = 0;
  for (size_t i = 0; i < 512; ++i) {
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(tar[header + i]);
  }
  tar.replace(header + 148, 7, absl::StrFormat("%06o", sum) + '\0');
}

// A gzipped tar with members of `mebibytes` of zeros each, in pieces of one that are zipped once.
std::string Bomb(const std::string& name, int members, int mebibytes) {
  const std::string zeros = Gzip(std::string(1 << 20, '\0'));
  std::string bomb;
  for (int i = 0; i < members; ++i) {
    const std::string path = absl::StrCat(name, i);
    std::string header = MakeTar({{path, ""}}, false).substr(0, 512);
    Forge(header, path, 124, absl::StrFormat("%011o", int64_t{mebibytes} << 20));
    bomb += Gzip(header);
    for (int j = 0; j < mebibytes; ++j) bomb += zeros;
  }
  return bomb;
}

absl::Duration CpuTime() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
}

int64_t PeakKilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST(BundleTest, AGzipBombCostsNeitherTimeNorMemory) {
  const std::string gigabyte = Bomb("zeros", 1, 1024);
  ASSERT_LT(gigabyte.size(), kMaxBundleBytes);
  const int64_t memory = PeakKilobytes();
  const absl::Duration start = CpuTime();
  EXPECT_THAT(Refused(gigabyte), Contains(HasSubstr("zeros0 is larger than 16 MiB")));
  EXPECT_LT(CpuTime() - start, absl::Milliseconds(300)) << "it was unpacked to its end";
  EXPECT_LT(PeakKilobytes() - memory, 32 << 10);
}

// What is refused by its name has to be skipped, and skipping costs as much as reading.
TEST(BundleTest, RefusedMembersCountAsWell) {
  const std::string bomb = Bomb("../z", 8, 128);
  const absl::Duration start = CpuTime();
  EXPECT_THAT(Refused(bomb), Contains(HasSubstr("../z0")));
  EXPECT_LT(CpuTime() - start, absl::Milliseconds(300));
}

TEST(BundleTest, ASizeThatLiesIsDamage) {
  std::string tar = MakeTar({kSpec, kModule}, false);
  Forge(tar, "template.yaml", 124, "00077777777");
  EXPECT_THAT(Refused(tar), Contains(HasSubstr("damaged")));
}

TEST(BundleTest, TruncatedAndRandomBytesAreDamage) {
  std::mt19937 random(7);
  std::string noise(50'000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  const std::string bundle = MakeTar({kSpec, kModule, {"noise", noise}, {"template2.yaml", noise}});
  for (const double part : {0.1, 0.5, 0.9}) {
    EXPECT_FALSE(Refused(bundle.substr(0, bundle.size() * part)).empty()) << part;
  }
  EXPECT_FALSE(Refused(noise).empty());
  EXPECT_FALSE(Refused("\x1f\x8b" + noise).empty());
  EXPECT_FALSE(Refused("PK\x03\x04" + noise).empty());
  for (int i = 0; i < 300; ++i) {
    std::string damaged = bundle;
    for (int j = 0; j < 8; ++j) damaged[random() % damaged.size()] = static_cast<char>(random());
    // Some damage does not show; what counts is that nothing worse happens.
    const auto content = ReadBundle(damaged);
    if (!content.ok()) {
      EXPECT_EQ(ReasonOf(content.status()), v1::BUNDLE_INVALID);
    }
  }
}

// Messages hold UTF-8 only: with anything else, the row of the version could not be read back.
TEST(BundleTest, AReadmeIsCutToWholeCharacters) {
  std::string umlauts;
  while (umlauts.size() < 80'000) umlauts += "aä";
  const auto content = ReadBundle(MakeTar({kSpec, kModule, {"README.md", "x" + umlauts}}));
  ASSERT_TRUE(content.ok());
  v1::TemplateVersion version, copy;
  version.set_readme(content->readme);
  EXPECT_TRUE(copy.ParseFromString(version.SerializeAsString()));
  EXPECT_GT(content->readme.size(), 65'000u);
  EXPECT_LE(content->readme.size(), 65'536u);
}

TEST(BundleTest, TextThatIsNoUtf8DoesNotGetIntoMessages) {
  const auto content = ReadBundle(MakeTar({kSpec, kModule, {"README.md", "gr\xfc\xdf Gott"}}));
  ASSERT_TRUE(content.ok());
  v1::TemplateVersion version, copy;
  version.set_readme(content->readme);
  EXPECT_TRUE(copy.ParseFromString(version.SerializeAsString()));
  EXPECT_THAT(content->readme, HasSubstr("Gott"));

  EXPECT_THAT(Refused(MakeTar({{"template.yaml", "title: \xfc"}, kModule})),
              ElementsAre(HasSubstr("template.yaml is no UTF-8")));
  std::string tar = MakeTar({kSpec, kModule, {"u.tfstate", ""}}, false);
  Forge(tar, "u.tfstate", 0, "\xfc");
  EXPECT_THAT(Refused(tar), ElementsAre(HasSubstr("?.tfstate is a Terraform state")))
      << "details with other bytes would not be read";
}

TEST(BundleTest, ASpecThatIsTooLargeIsNotCutButRefused) {
  EXPECT_THAT(Refused(MakeTar({{"template.yaml", std::string((1 << 20) + 1, '#')}, kModule})),
              ElementsAre(HasSubstr("template.yaml is larger than 1 MiB")));
}

}  // namespace
}  // namespace stackyard::stacks
