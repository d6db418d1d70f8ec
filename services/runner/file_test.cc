#include "services/runner/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "services/runner/testing/files.h"

namespace stackyard::runner {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class FileTest : public testing::Test {
 protected:
  FileTest() {
    for (const char* folder : {"from", "to"}) EXPECT_TRUE(MakeFolder(Path(folder)).ok());
  }
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFile(Path(name), text).ok());
  }
  std::string Read(const std::string& name) { return ReadFile(Path(name)).value_or("none"); }

  const TempFolder folder_;
};

TEST_F(FileTest, MovingReplacesALinkAndNotWhatItLeadsTo) {
  Write("outside", "precious");
  ASSERT_TRUE(MakeFolder(Path("outside.d")).ok());
  fs::create_symlink(Path("outside"), Path("to/state"));
  fs::create_symlink(Path("outside.d"), Path("to/link"));
  Write("from/state", "mine");
  Write("from/link", "also mine");
  const absl::Status moved = MoveInto(Path("from"), Path("to"));
  ASSERT_TRUE(moved.ok()) << moved;
  EXPECT_EQ(Read("outside"), "precious");
  EXPECT_TRUE(fs::is_empty(Path("outside.d")));
  EXPECT_FALSE(fs::is_symlink(Path("to/state")));
  EXPECT_EQ(Read("to/state"), "mine");
  EXPECT_EQ(Read("to/link"), "also mine");
  EXPECT_TRUE(fs::is_empty(Path("from")));
}

TEST_F(FileTest, AFolderDoesNotGoThroughALink) {
  ASSERT_TRUE(MakeFolder(Path("outside.d")).ok());
  fs::create_symlink(Path("outside.d"), Path("to/sub"));
  ASSERT_TRUE(MakeFolder(Path("from/sub")).ok());
  Write("from/sub/x", "mine");
  EXPECT_FALSE(MoveInto(Path("from"), Path("to")).ok());
  EXPECT_TRUE(fs::is_empty(Path("outside.d")));
}

TEST_F(FileTest, AModuleIsCopiedWithoutLinks) {
  Write("secret", "of the machine");
  Write("from/main.tf", "module");
  ASSERT_TRUE(MakeFolder(Path("from/sub")).ok());
  ASSERT_TRUE(MakeFolder(Path("from/.terraform")).ok());
  fs::create_symlink(Path("secret"), Path("from/x.txt"));
  fs::create_symlink(Path("secret"), Path("from/sub/y.txt"));
  ASSERT_TRUE(CopyModule(Path("from"), Path("to")).ok());
  EXPECT_EQ(Read("to/main.tf"), "module");
  EXPECT_TRUE(fs::is_directory(Path("to/sub")));
  for (const char* none : {"to/x.txt", "to/sub/y.txt", "to/.terraform"}) {
    EXPECT_FALSE(fs::exists(fs::symlink_status(Path(none)))) << none;
  }
}

TEST_F(FileTest, WhatARunLeftIsReadWithoutLinksOrWaiting) {
  Write("file", "text");
  EXPECT_EQ(*ReadFileOfRun(Path("file")), "text");
  fs::create_symlink(Path("file"), Path("link"));
  EXPECT_FALSE(ReadFileOfRun(Path("link")).ok());
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_THAT(std::string(ReadFileOfRun(Path("pipe")).status().message()),
              HasSubstr("no regular file"));
  EXPECT_FALSE(ReadFileOfRun(Path("file"), /*max_bytes=*/3).ok());
}

}  // namespace
}  // namespace stackyard::runner
