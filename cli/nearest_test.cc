#include "cli/nearest.h"

#include <gtest/gtest.h>

namespace stackyard::cli {
namespace {

TEST(Nearest, FindsWhatWasMeant) {
  const std::vector<std::string> known = {"stacks", "states", "status", "displayName", "labels"};
  EXPECT_EQ(Nearest("stakcs", known), "stacks");
  EXPECT_EQ(Nearest("statse", known), "states");
  EXPECT_EQ(Nearest("display_name", known), "displayName");
  EXPECT_EQ(Nearest("lab", known), "labels");
  EXPECT_EQ(Nearest("xyzzy", known), "");
  EXPECT_EQ(Nearest("", known), "");
  EXPECT_EQ(Nearest("x", {}), "");
}

}  // namespace
}  // namespace stackyard::cli
