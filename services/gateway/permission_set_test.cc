#include "services/gateway/permission_set.h"

#include <gtest/gtest.h>

namespace stackyard::gateway {
namespace {

TEST(PermissionSet, HasWhatItsPatternsStandFor) {
  const PermissionSet set({"stacks.get", "quota.*"});
  EXPECT_TRUE(set.Has("stacks.get"));
  EXPECT_TRUE(set.Has("quota.get"));
  EXPECT_TRUE(set.Has("quota.limits.set"));
  EXPECT_FALSE(set.Has("stacks.getAll"));
  EXPECT_FALSE(set.Has("stacks.create"));
  EXPECT_FALSE(set.Has("quotas.get"));
  EXPECT_FALSE(set.Has("quota"));
}

TEST(PermissionSet, NothingIsHeldWithoutAName) {
  EXPECT_FALSE(PermissionSet({"*"}).Has(""));
  EXPECT_FALSE(PermissionSet().Has("stacks.get"));
  EXPECT_TRUE(PermissionSet().empty());
}

TEST(PermissionSet, CoversOnlyWhatIsNoWider) {
  const PermissionSet set({"stacks.get", "quota.*"});
  EXPECT_TRUE(set.Covers("stacks.get"));
  EXPECT_TRUE(set.Covers("quota.*"));
  EXPECT_TRUE(set.Covers("quota.limits.*"));
  EXPECT_FALSE(set.Covers("stacks.*"));
  EXPECT_FALSE(set.Covers("*"));
  EXPECT_TRUE(PermissionSet({"*"}).Covers("*"));
}

TEST(PermissionSet, KnownPatterns) {
  const std::vector<std::string> known = {"quota.get", "quota.limits.set", "stacks.get"};
  for (const char* pattern : {"*", "quota.*", "quota.limits.*", "stacks.get"}) {
    EXPECT_TRUE(IsKnownPattern(pattern, known)) << pattern;
  }
  for (const char* pattern : {"", ".*", "q.*", "quota", "stack.*", "stacks.create", "z.*"}) {
    EXPECT_FALSE(IsKnownPattern(pattern, known)) << pattern;
  }
}

}  // namespace
}  // namespace stackyard::gateway
