#include "cli/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <utime.h>

#include <filesystem>
#include <fstream>
#include <vector>

namespace stackyard::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class BundleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/bundle_test.XXXXXX";
    directory_ = mkdtemp(pattern);
    Write("template.yaml", "title: T\n");
  }
  void TearDown() override { fs::remove_all(directory_); }

  void Write(const std::string& name, const std::string& text) {
    fs::create_directories((directory_ / name).parent_path());
    std::ofstream(directory_ / name) << text;
  }

  static std::vector<std::string> Unpack(const std::string& bundle) {
    std::vector<std::string> members;
    archive* in = archive_read_new();
    archive_read_support_filter_gzip(in);
    archive_read_support_format_tar(in);
    EXPECT_EQ(archive_read_open_memory(in, bundle.data(), bundle.size()), ARCHIVE_OK);
    archive_entry* entry = nullptr;
    while (archive_read_next_header(in, &entry) == ARCHIVE_OK) {
      std::string content(archive_entry_size(entry), '\0');
      EXPECT_EQ(archive_read_data(in, content.data(), content.size()),
                static_cast<la_ssize_t>(content.size()));
      EXPECT_EQ(archive_entry_mtime(entry), 0);
      EXPECT_EQ(archive_entry_uid(entry), 0);
      members.push_back(std::string(archive_entry_pathname(entry)) + "=" + content);
    }
    archive_read_free(in);
    return members;
  }

  fs::path directory_;
};

TEST_F(BundleTest, HoldsWhatAModuleNeeds) {
  Write("main.tf", "1");
  Write("tests/a.tftest.hcl", "2");
  Write("modules/net/main.tf", "3");
  Write("empty.tf", "");
  Write(".terraform/providers/x", "no");
  Write("modules/net/.terraform/x", "no");
  Write(".git/config", "no");
  Write("terraform.tfstate", "no");
  Write("terraform.tfstate.backup", "no");
  const auto bundle = PackBundle(directory_);
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  EXPECT_THAT(Unpack(*bundle), ElementsAre("empty.tf=", "main.tf=1", "modules/net/main.tf=3",
                                           "template.yaml=title: T\n", "tests/a.tftest.hcl=2"));
}

TEST_F(BundleTest, IsTheSameForTheSameFiles) {
  Write("main.tf", "1");
  const auto first = PackBundle(directory_);
  const utimbuf long_ago = {1000, 1000};
  ASSERT_EQ(utime((directory_ / "main.tf").c_str(), &long_ago), 0);
  EXPECT_EQ(*first, *PackBundle(directory_.string() + "/"));
  Write("main.tf", "2");
  EXPECT_NE(*first, *PackBundle(directory_));
}

TEST_F(BundleTest, RefusesWhatCannotBeAModule) {
  const auto fault = [&] { return std::string(PackBundle(directory_).status().message()); };
  fs::create_symlink("/etc/passwd", directory_ / "link");
  EXPECT_THAT(fault(), HasSubstr("link"));
  fs::remove(directory_ / "link");
  fs::remove(directory_ / "template.yaml");
  EXPECT_THAT(fault(), HasSubstr("template.yaml"));
  EXPECT_THAT(std::string(PackBundle("/nowhere").status().message()), HasSubstr("no folder"));
}

TEST_F(BundleTest, RefusesWhatIsTooLarge) {
  // Random bytes do not shrink.
  std::string noise(kMaxBundleBytes + 1000, '\0');
  std::ifstream("/dev/urandom").read(noise.data(), static_cast<std::streamsize>(noise.size()));
  Write("noise.bin", noise);
  EXPECT_THAT(std::string(PackBundle(directory_).status().message()), HasSubstr("at most 8388608"));
}

}  // namespace
}  // namespace stackyard::cli
