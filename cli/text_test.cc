#include "cli/text.h"

#include <gtest/gtest.h>

#include "common/proto_time.h"

namespace stackyard::cli {
namespace {

TEST(ShortDuration, TakesTheLargestUnitThatFits) {
  EXPECT_EQ(ShortDuration(absl::Seconds(0)), "0s");
  EXPECT_EQ(ShortDuration(absl::Seconds(119)), "119s");
  EXPECT_EQ(ShortDuration(absl::Seconds(120)), "2m");
  EXPECT_EQ(ShortDuration(absl::Minutes(119)), "119m");
  EXPECT_EQ(ShortDuration(absl::Hours(47)), "47h");
  EXPECT_EQ(ShortDuration(absl::Hours(49)), "2d");
  EXPECT_EQ(ShortDuration(-absl::Minutes(3)), "-3m");
}

TEST(Age, IsNeverNegative) {
  const absl::Time now = absl::FromUnixSeconds(1000);
  EXPECT_EQ(Age(ToProto(now - absl::Seconds(5)), now), "5s");
  EXPECT_EQ(Age(ToProto(now + absl::Seconds(5)), now), "0s");
  EXPECT_EQ(Age({}, now), "-");
  EXPECT_EQ(Until(ToProto(now + absl::Minutes(5)), now), "in 5m");
  EXPECT_EQ(Until(ToProto(now - absl::Minutes(5)), now), "5m ago");
}

TEST(ReadDuration, KnowsDays) {
  EXPECT_EQ(*ReadDuration("lease", "72h"), absl::Hours(72));
  EXPECT_EQ(*ReadDuration("lease", "3d"), absl::Hours(72));
  EXPECT_EQ(*ReadDuration("lease", "1d12h"), absl::Hours(36));
  EXPECT_EQ(*ReadDuration("lease", "90s"), absl::Seconds(90));
  for (const char* wrong : {"", "0s", "-1h", "3", "d", "xd", "1d1", "inf", "3 days"}) {
    EXPECT_FALSE(ReadDuration("lease", wrong).ok()) << wrong;
  }
}

TEST(ReadTime, TakesDatesToo) {
  EXPECT_EQ(*ReadTime("from", "2026-01-31T09:00:00Z"),
            absl::FromCivil(absl::CivilSecond(2026, 1, 31, 9, 0, 0), absl::UTCTimeZone()));
  EXPECT_EQ(*ReadTime("from", "2026-01-31"),
            absl::FromCivil(absl::CivilDay(2026, 1, 31), absl::UTCTimeZone()));
  EXPECT_FALSE(ReadTime("from", "soon").ok());
}

TEST(ReadAmount, WantsBothHalves) {
  EXPECT_EQ(ReadAmount("amount", "vcpu=2")->value(), 2);
  for (const char* wrong : {"vcpu", "=2", "vcpu=", "vcpu=-1", "vcpu=2.5"}) {
    EXPECT_FALSE(ReadAmount("amount", wrong).ok()) << wrong;
  }
}

TEST(Cut, CountsCharactersNotBytes) {
  EXPECT_EQ(Cut("äöü", 3), "äöü");
  EXPECT_EQ(Cut("äöüß", 3), "äö…");
  EXPECT_EQ(Cut("one\ntwo", 20), "one…");
  EXPECT_EQ(Width("äö…"), 3u);
}

TEST(ValueText, StringsStandBare) {
  google::protobuf::Value value;
  value.set_string_value("hi");
  EXPECT_EQ(ValueText(value), "hi");
  value.mutable_list_value()->add_values()->set_number_value(2);
  EXPECT_EQ(ValueText(value), "[2]");
}

TEST(EstimateText, SaysThatItIsOneAndHowOld) {
  EXPECT_EQ(EstimateText(0, "USD", "2026-01-31"), "");
  EXPECT_EQ(EstimateText(41'600, "USD", "2026-01-31"),
            "about 0.0416 USD per hour (an estimate, from prices of 2026-01-31)");
  EXPECT_EQ(EstimateText(41'600, "USD", ""), "about 0.0416 USD per hour (an estimate)");
}

TEST(PriceText, IsEmptyWhenUnknown) {
  EXPECT_EQ(PriceText(0, "USD"), "");
  EXPECT_EQ(PriceText(41'600, "USD"), "0.0416 USD per hour");
}

}  // namespace
}  // namespace stackyard::cli
