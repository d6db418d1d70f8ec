#include "common/id.h"

#include <gtest/gtest.h>

#include <set>

namespace stackyard {
namespace {

TEST(IdTest, IdsAreOfTheAlphabetAndDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) {
    const std::string id = RandomId();
    ASSERT_EQ(id.size(), 12u);
    ASSERT_TRUE(id[0] >= 'a' && id[0] <= 'z') << id;
    ASSERT_EQ(id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789"), std::string::npos);
    ASSERT_TRUE(seen.insert(id).second);
  }
}

TEST(IdTest, SecretsDifferAndAreLongEnough) {
  EXPECT_NE(RandomSecret(), RandomSecret());
  EXPECT_GE(RandomSecret(32).size(), 43u);
}

TEST(IdTest, Sha256OfAKnownVector) {
  // FIPS 180-2, appendix B.1.
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_TRUE(ConstantTimeEquals("abc", "abc"));
  EXPECT_FALSE(ConstantTimeEquals("abc", "abd"));
  EXPECT_FALSE(ConstantTimeEquals("abc", "abcd"));
}

}  // namespace
}  // namespace stackyard
