#include "common/listen_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "common/id.h"
#include "common/server.h"

namespace stackyard {
namespace {

namespace fs = std::filesystem;

class SocketFolderTest : public testing::Test {
 protected:
  SocketFolderTest() : folder_(fs::temp_directory_path() / ("listen-" + RandomId())) {}
  ~SocketFolderTest() override { fs::remove_all(folder_); }

  static mode_t ModeOf(const fs::path& path) {
    struct stat found {};
    return stat(path.c_str(), &found) == 0 ? found.st_mode & 07777 : 0;
  }
  absl::Status PrepareIn(mode_t mode) {
    fs::create_directories(folder_);
    chmod(folder_.c_str(), mode);
    return PrepareSocketFolder(folder_ / "quota.sock");
  }

  const fs::path folder_;
};

TEST_F(SocketFolderTest, SocketAndFolderAreForTheirOwnerAlone) {
  ServerOptions options;
  options.listen = "unix:" + (folder_ / "quota.sock").string();
  const auto server = Server::Start(options, {});
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_EQ(ModeOf(folder_), 0700u);
  EXPECT_EQ(ModeOf(folder_ / "quota.sock") & 0077u, 0u);
}

TEST_F(SocketFolderTest, WhereOthersMayWriteNoSocketIsMade) {
  EXPECT_TRUE(PrepareIn(0700).ok());
  EXPECT_TRUE(PrepareIn(0755).ok());
  EXPECT_TRUE(PrepareIn(01777).ok());
  for (const mode_t mode : {0777, 0770, 0702}) {
    const absl::Status status = PrepareIn(mode);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << mode;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(folder_.string())) << mode;
  }
}

TEST_F(SocketFolderTest, AFolderThatCannotBeMadeIsNamed) {
  const absl::Status status = PrepareSocketFolder(folder_ / "a" / "b" / "quota.sock");
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("cannot be made"));
}

TEST(ListenAddressTest, LoopbackIsThisMachineAlone) {
  for (const char* address : {"127.0.0.1:1", "127.9.9.9:0", "localhost:1", "[::1]:1"}) {
    EXPECT_TRUE(IsLoopbackAddress(address)) << address;
  }
  for (const char* address : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "localhost.example.org:1",
                              "127.example.org:1", ":1", "*:1", "stacks:1"}) {
    EXPECT_FALSE(IsLoopbackAddress(address)) << address;
  }
}

}  // namespace
}  // namespace stackyard
