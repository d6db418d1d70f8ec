#include "common/paging.h"

#include <gtest/gtest.h>

#include "common/status.h"

namespace stackyard {
namespace {

TEST(PagingTest, SizesAreBounded) {
  EXPECT_EQ(ReadPage(0, "", "s")->size, 50);
  EXPECT_EQ(ReadPage(7, "", "s")->size, 7);
  EXPECT_EQ(ReadPage(5000, "", "s")->size, 1000);
  EXPECT_EQ(ReasonOf(ReadPage(-1, "", "s").status()), v1::INVALID_FIELD);
}

TEST(PagingTest, ATokenIsGoodForItsOwnListingOnly) {
  const std::string token = PageToken("projects/a", "stacks|x");
  EXPECT_EQ(ReadPage(0, token, "stacks|x")->after, "projects/a");
  for (const char* bad : {"x", "!!!", "AAAA"}) {
    EXPECT_EQ(ReasonOf(ReadPage(0, bad, "stacks|x").status()), v1::INVALID_FIELD) << bad;
  }
  EXPECT_FALSE(ReadPage(0, token, "stacks|y").ok());
}

}  // namespace
}  // namespace stackyard
