#include "common/resource_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"

namespace stackyard {
namespace {

using testing::ElementsAre;

TEST(ResourceNameTest, TakesThePartsOut) {
  EXPECT_THAT(*ParseName("name", "projects/web/stacks/a", "projects/*/stacks/*"),
              ElementsAre("web", "a"));
  EXPECT_THAT(*ParseName("name", "projects/p/stacks/s/resources/module.a/b[\"x/y\"]",
                         "projects/*/stacks/*/resources/**"),
              ElementsAre("p", "s", "module.a/b[\"x/y\"]"));
}

TEST(ResourceNameTest, RefusesWhatDoesNotMatch) {
  for (const char* name : {"", "projects", "projects/", "projects//stacks/a", "projects/a/stacks/",
                           "projects/a/stacks/b/c", "project/a/stacks/b", "projects/a/stacks"}) {
    const auto parts = ParseName("parent", name, "projects/*/stacks/*");
    ASSERT_FALSE(parts.ok()) << name;
    EXPECT_EQ(ReasonOf(parts.status()), v1::INVALID_FIELD);
    EXPECT_EQ(parts.status().message(), "parent: must look like projects/*/stacks/*");
  }
}

TEST(ResourceNameTest, Ids) {
  for (const char* id : {"ab", "web-1", "a1234567890123456789012345678901234567-9"}) {
    EXPECT_TRUE(IsResourceId(id)) << id;
  }
  for (const char* id : {"", "a", "1ab", "-ab", "ab-", "aB", "a_b", "a/b",
                         "a12345678901234567890123456789012345678901"}) {
    EXPECT_FALSE(IsResourceId(id)) << id;
  }
}

}  // namespace
}  // namespace stackyard
