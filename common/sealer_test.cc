#include "common/sealer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace stackyard {
namespace {

using testing::HasSubstr;
using testing::Not;

class SealerTest : public testing::Test {
 protected:
  SealerTest() {
    std::string name = testing::TempDir() + "/sealer-XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~SealerTest() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& text, int mode = 0600) {
    const std::string path = folder_ + "/keys";
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }

  std::string folder_;
};

const std::string kOne(64, '1');
const std::string kTwo(64, '2');

TEST_F(SealerTest, OpensWhatItSealed) {
  const auto sealer = Sealer::Read(Write(kOne));
  ASSERT_TRUE(sealer.ok()) << sealer.status();
  for (const std::string& plain : {std::string(), std::string("x"), std::string(1 << 20, 'y')}) {
    const std::string sealed = sealer->Seal(plain, "state");
    EXPECT_EQ(sealed.size(), plain.size() + Sealer::kOverhead);
    EXPECT_EQ(*sealer->Open(sealed, "state"), plain);
  }
}

TEST_F(SealerTest, ShowsNothingOfTheContentAndNeverTheSameTwice) {
  const auto sealer = Sealer::Read(Write(kOne));
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string sealed = sealer->Seal("very secret", "state");
    EXPECT_THAT(sealed, Not(HasSubstr("secret")));
    EXPECT_TRUE(seen.insert(sealed).second);
  }
}

TEST_F(SealerTest, NoticesEveryChangedByte) {
  const auto sealer = Sealer::Read(Write(kOne));
  const std::string sealed = sealer->Seal("content", "state");
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string damaged = sealed;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(sealer->Open(damaged, "state").ok()) << i;
  }
  EXPECT_FALSE(sealer->Open(sealed.substr(0, sealed.size() - 1), "state").ok());
  EXPECT_FALSE(sealer->Open("", "state").ok());
}

TEST_F(SealerTest, OpensForTheSamePurposeAlone) {
  const auto sealer = Sealer::Read(Write(kOne));
  const auto opened = sealer->Open(sealer->Seal("content", "state"), "plan");
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(SealerTest, NewKeysSealAndOldOnesOpen) {
  const auto before = Sealer::Read(Write(kOne));
  const std::string old = before->Seal("content", "state");
  const auto after = Sealer::Read(Write("# new\n" + kTwo + "\n\n" + kOne + "\n"));
  EXPECT_EQ(*after->Open(old, "state"), "content");
  const auto unknown = before->Open(after->Seal("content", "state"), "state");
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(unknown.status().message(), HasSubstr("which the key file lacks"));
}

TEST_F(SealerTest, RefusesFilesThatAreNone) {
  const auto message = [](const std::string& path) {
    return std::string(Sealer::Read(path).status().message());
  };
  EXPECT_THAT(message(folder_ + "/none"), HasSubstr("No such file"));
  EXPECT_THAT(message(Write("")), HasSubstr("holds no key"));
  EXPECT_THAT(message(Write(kOne + "\nabc\n")), HasSubstr("keys:2: a key is 64"));
  EXPECT_THAT(message(Write("abc")), Not(HasSubstr("abc")));
  EXPECT_THAT(message(Write(kOne, 0644)), HasSubstr("others may read it"));
}

TEST_F(SealerTest, ProgramsThatStartAtOnceAgreeOnOneKey) {
  const std::string path = folder_ + "/keys";
  std::vector<std::string> sealed(8);
  std::vector<std::thread> threads;
  for (std::string& mine : sealed) {
    threads.emplace_back([&] { mine = Sealer::ReadOrMake(path)->Seal("content", "state"); });
  }
  for (std::thread& thread : threads) thread.join();
  const auto sealer = Sealer::Read(path);
  ASSERT_TRUE(sealer.ok()) << sealer.status();
  for (const std::string& one : sealed) EXPECT_EQ(*sealer->Open(one, "state"), "content");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

}  // namespace
}  // namespace stackyard
