#include "cli/names.h"

#include <gtest/gtest.h>

namespace stackyard::cli {
namespace {

constexpr char kStack[] = "projects/*/stacks/*";
constexpr char kRun[] = "projects/*/stacks/*/runs/*";

TEST(FullName, ShortAndFullMeanTheSame) {
  EXPECT_EQ(*FullName(kStack, "p", "web"), "projects/p/stacks/web");
  EXPECT_EQ(*FullName(kStack, "projects/p", "stacks/web"), "projects/p/stacks/web");
  EXPECT_EQ(*FullName(kStack, "", "projects/q/stacks/web"), "projects/q/stacks/web");
  EXPECT_EQ(*FullName(kStack, "p", "projects/q/stacks/web"), "projects/q/stacks/web");
  EXPECT_EQ(*FullName(kRun, "p", "web/3"), "projects/p/stacks/web/runs/3");
  EXPECT_EQ(*FullName(kRun, "p", "stacks/web/runs/3"), "projects/p/stacks/web/runs/3");
  EXPECT_EQ(*FullName("users/*/tokens/*", "", "ann/t1"), "users/ann/tokens/t1");
}

TEST(FullName, SaysWhatIsExpected) {
  for (const char* wrong : {"", "web/3", "a/b/c", "projects//stacks/web", "projects/p/runs/web"}) {
    const auto name = FullName(kStack, "p", wrong);
    ASSERT_FALSE(name.ok()) << wrong;
    EXPECT_NE(name.status().message().find("projects/*/stacks/*"), std::string::npos)
        << name.status();
  }
  const auto without = FullName(kStack, "", "web");
  EXPECT_EQ(without.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(without.status().message().find("--project"), std::string::npos) << without.status();
}

TEST(VersionName, TakesLatestWhereNoneIsGiven) {
  EXPECT_EQ(*VersionName("hello"), "templates/hello/versions/latest");
  EXPECT_EQ(*VersionName("hello@1.0"), "templates/hello/versions/1.0");
  EXPECT_EQ(*VersionName("templates/hello"), "templates/hello/versions/latest");
  EXPECT_EQ(*VersionName("templates/hello/versions/2"), "templates/hello/versions/2");
  for (const char* wrong : {"", "@1", "hello@", "a/b/c"}) EXPECT_FALSE(VersionName(wrong).ok());
}

TEST(Names, Parts) {
  EXPECT_EQ(LastPart("projects/p/stacks/web"), "web");
  EXPECT_EQ(ProjectOf("projects/p/stacks/web"), "p");
  EXPECT_EQ(ProjectOf("templates/x"), "");
  EXPECT_EQ(FirstParts("projects/p/stacks/web/runs/3", 4), "projects/p/stacks/web");
  EXPECT_EQ(InCollection("users", "ann"), "users/ann");
  EXPECT_EQ(InCollection("users", "users/ann"), "users/ann");
  EXPECT_EQ(ProjectOrAll(""), "projects/-");
  EXPECT_EQ(ProjectOrAll("p"), "projects/p");
}

}  // namespace
}  // namespace stackyard::cli
