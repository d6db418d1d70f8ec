#include "services/runner/slot_uids.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

namespace stackyard::runner {
namespace {

TEST(SlotUidsTest, HandsOutTheLowestFreeOne) {
  SlotUids uids(5000);
  SlotUids::Lease a = uids.Take();
  auto b = std::make_unique<SlotUids::Lease>(uids.Take());
  SlotUids::Lease c = uids.Take();
  EXPECT_EQ(a.uid(), 5000U);
  EXPECT_EQ(b->uid(), 5001U);
  EXPECT_EQ(c.uid(), 5002U);
  b.reset();
  SlotUids::Lease again = uids.Take();
  EXPECT_EQ(again.uid(), 5001U);
  // A move hands it on, and gives back what was there.
  a = std::move(again);
  EXPECT_EQ(a.uid(), 5001U);
  EXPECT_EQ(uids.Take().uid(), 5000U);
}

TEST(SlotUidsTest, WithoutABaseEverybodyIsTheRunner) {
  SlotUids uids(0);
  EXPECT_EQ(uids.Take().uid(), 0U);
  EXPECT_EQ(uids.Take().uid(), 0U);
}

}  // namespace
}  // namespace stackyard::runner
