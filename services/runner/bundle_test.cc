#include "services/runner/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "common/status.h"
#include "services/runner/file.h"
#include "services/runner/testing/files.h"

namespace stackyard::runner {
namespace {

using testing::HasSubstr;

// A gzipped tar written by `fill`.
std::string Archive(const std::function<void(archive*)>& fill, bool gzip = true) {
  std::string bundle(4 << 20, '\0');
  size_t used = 0;
  archive* writer = archive_write_new();
  if (gzip) archive_write_add_filter_gzip(writer);
  archive_write_set_format_pax_restricted(writer);
  archive_write_open_memory(writer, bundle.data(), bundle.size(), &used);
  fill(writer);
  archive_write_close(writer);
  archive_write_free(writer);
  bundle.resize(used);
  return bundle;
}

void Add(archive* writer, const std::string& name, const std::string& content,
         unsigned type = AE_IFREG, const char* link = nullptr, bool hard = false, int mode = 0644) {
  archive_entry* entry = archive_entry_new();
  archive_entry_set_pathname(entry, name.c_str());
  archive_entry_set_filetype(entry, type);
  archive_entry_set_perm(entry, static_cast<mode_t>(mode));
  if (link != nullptr) (hard ? archive_entry_set_hardlink : archive_entry_set_symlink)(entry, link);
  archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
  archive_write_header(writer, entry);
  archive_write_data(writer, content.data(), content.size());
  archive_entry_free(entry);
}

class BundleTest : public testing::Test {
 protected:
  void ExpectRefused(const std::function<void(archive*)>& fill, const std::string& message) {
    const TempFolder folder;
    const absl::Status status = UnpackBundle(Archive(fill), folder.path());
    EXPECT_EQ(ReasonOf(status), v1::BUNDLE_INVALID) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  }

  TempFolder folder_;
};

TEST_F(BundleTest, UnpacksFilesAndFolders) {
  for (const bool gzip : {true, false}) {
    const TempFolder folder;
    const std::string bundle = Archive(
        [](archive* writer) {
          Add(writer, "./", "", AE_IFDIR);
          Add(writer, "./main.tf", "content");
          Add(writer, "a/b/deep.tf", "deep");
          Add(writer, "empty/", "", AE_IFDIR);
          Add(writer, "run.sh", "#!", AE_IFREG, nullptr, false, 0755);
        },
        gzip);
    const absl::Status status = UnpackBundle(bundle, folder.path());
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(*ReadFile(folder.path() + "/main.tf"), "content");
    EXPECT_EQ(*ReadFile(folder.path() + "/a/b/deep.tf"), "deep");
    EXPECT_TRUE(std::filesystem::is_directory(folder.path() + "/empty"));
    const auto mode = std::filesystem::status(folder.path() + "/run.sh").permissions();
    EXPECT_NE(mode & std::filesystem::perms::owner_exec, std::filesystem::perms::none);
  }
}

TEST_F(BundleTest, RefusesNamesThatLeadOutside) {
  for (const char* name : {"../x", "a/../../x", "/etc/x", "a\\..\\x"}) {
    ExpectRefused([&](archive* writer) { Add(writer, name, "x"); }, "name");
  }
}

TEST_F(BundleTest, RefusesLinksAndDevices) {
  ExpectRefused([](archive* writer) { Add(writer, "l", "", AE_IFLNK, "/etc"); }, "neither");
  ExpectRefused(
      [](archive* writer) {
        Add(writer, "a", "x");
        Add(writer, "b", "", AE_IFREG, "a", /*hard=*/true);
      },
      "neither");
  ExpectRefused([](archive* writer) { Add(writer, "p", "", AE_IFIFO); }, "neither");
}

TEST_F(BundleTest, RefusesWhatWouldPlayTricksOnTerraform) {
  for (const char* name : {".terraform/providers/x", "terraform.tfstate",
                           "terraform.tfstate.backup", "./stackyard.auto.tfvars.json"}) {
    ExpectRefused([&](archive* writer) { Add(writer, name, "x"); }, "not part of a module");
  }
}

TEST_F(BundleTest, RefusesNamesTwice) {
  ExpectRefused(
      [](archive* writer) {
        Add(writer, "a", "1");
        Add(writer, "./a", "2");
      },
      "twice");
  ExpectRefused(
      [](archive* writer) {
        Add(writer, "a", "1");
        Add(writer, "a/b", "2");
      },
      "twice");
}

TEST_F(BundleTest, RefusesTooMuch) {
  ExpectRefused([](archive* writer) { Add(writer, "big", std::string(kMaxMember + 1, 'x')); },
                "larger than 16 MiB");
  ExpectRefused(
      [](archive* writer) {
        const std::string member(kMaxMember, 'x');
        for (int i = 0; i < 5; ++i) Add(writer, std::to_string(i), member);
      },
      "more than 64 MiB");
  ExpectRefused(
      [](archive* writer) {
        for (int i = 0; i <= kMaxMembers; ++i) Add(writer, std::to_string(i), "");
      },
      "more than 2000");
  EXPECT_EQ(ReasonOf(UnpackBundle(std::string(kMaxBundle + 1, '\0'), folder_.path())),
            v1::BUNDLE_INVALID);
}

TEST_F(BundleTest, RefusesWhatIsNoTar) {
  std::string cut = Archive([](archive* writer) { Add(writer, "a", std::string(100'000, 'x')); });
  cut.resize(cut.size() / 2);
  for (const std::string& bundle : {std::string(), std::string("no tar"), cut}) {
    const TempFolder folder;
    EXPECT_EQ(ReasonOf(UnpackBundle(bundle, folder.path())), v1::BUNDLE_INVALID);
  }
}

}  // namespace
}  // namespace stackyard::runner
