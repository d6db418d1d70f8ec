#include "services/stacks/meters.h"

#include <gmock/gmock.h>

#include <limits>

#include "services/stacks/test_faults.h"

namespace stackyard::stacks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

using Meters = google::protobuf::RepeatedPtrField<v1::Meter>;

v1::Meter MeterOf(const std::string& metric, const std::string& type) {
  v1::Meter meter;
  meter.set_metric(metric);
  meter.set_resource_type(type);
  meter.set_amount(1);
  return meter;
}

MeteredResource Resource(const std::string& address) {
  MeteredResource resource;
  resource.set_address(address);
  resource.set_type(address.substr(0, address.find('.')));
  return resource;
}

MeteredResource Resource(const std::string& address, const std::string& path, double number) {
  MeteredResource resource = Resource(address);
  (*resource.mutable_attributes())[path].set_number_value(number);
  return resource;
}

MeteredResource Resource(const std::string& address, const std::string& path,
                         const std::string& text) {
  MeteredResource resource = Resource(address);
  (*resource.mutable_attributes())[path].set_string_value(text);
  return resource;
}

std::vector<std::pair<std::string, int64_t>> Amounts(const absl::StatusOr<Price>& price) {
  std::vector<std::pair<std::string, int64_t>> amounts;
  EXPECT_TRUE(price.ok()) << price.status();
  if (!price.ok()) return amounts;
  for (const v1::Amount& amount : price->amounts) {
    amounts.emplace_back(amount.metric(), amount.value());
  }
  return amounts;
}

Meters Only(const v1::Meter& meter) {
  Meters meters;
  *meters.Add() = meter;
  return meters;
}

TEST(MetersTest, SumsOverMetersAndResourcesOfTheirTypes) {
  Meters meters;
  *meters.Add() = MeterOf("instances", "aws_instance");
  *meters.Add() = MeterOf("machines", "aws_instance");
  *meters.Add() = MeterOf("machines", "aws_spot");
  meters.Mutable(2)->set_amount(3);
  *meters.Add() = MeterOf("buckets", "aws_s3_bucket");
  EXPECT_THAT(Amounts(PriceOf(meters, {Resource("aws_instance.a"), Resource("aws_spot.b"),
                                       Resource("aws_instance.c"), Resource("aws_vpc.d")})),
              ElementsAre(Pair("buckets", 0), Pair("instances", 2), Pair("machines", 5)));
  EXPECT_THAT(Amounts(PriceOf({}, {Resource("aws_instance.a")})), IsEmpty());
}

TEST(MetersTest, MultipliesWithAnAttribute) {
  v1::Meter meter = MeterOf("disk", "aws_instance");
  meter.set_attribute("root_block_device.0.volume_size");
  meter.set_amount(2);
  EXPECT_THAT(
      Amounts(PriceOf(Only(meter),
                      {Resource("aws_instance.a", "root_block_device.0.volume_size", 20),
                       Resource("aws_instance.b", "root_block_device.0.volume_size", "5")})),
      ElementsAre(Pair("disk", 50)));
}

TEST(MetersTest, LooksAttributesUp) {
  v1::Meter meter = MeterOf("vcpu", "aws_instance");
  meter.mutable_lookup()->set_attribute("instance_type");
  (*meter.mutable_lookup()->mutable_table())["t3.small"] = 2;
  (*meter.mutable_lookup()->mutable_table())["m5.xlarge"] = 4;
  (*meter.mutable_lookup()->mutable_table())["3"] = 30;
  (*meter.mutable_lookup()->mutable_table())["true"] = 100;
  MeteredResource flag = Resource("aws_instance.d");
  (*flag.mutable_attributes())["instance_type"].set_bool_value(true);
  EXPECT_THAT(
      Amounts(PriceOf(Only(meter), {Resource("aws_instance.a", "instance_type", "t3.small"),
                                    Resource("aws_instance.b", "instance_type", "m5.xlarge"),
                                    Resource("aws_instance.c", "instance_type", 3), flag})),
      ElementsAre(Pair("vcpu", 136)));

  const auto lacking =
      PriceOf(Only(meter), {Resource("aws_instance.a", "instance_type", "x1.huge")});
  EXPECT_EQ(ReasonOf(lacking.status()), v1::INVALID_FIELD);
  EXPECT_THAT(FaultsOf(lacking.status()),
              ElementsAre("aws_instance.a: cannot be counted as vcpu: the template's table has no "
                          "entry for instance_type = x1.huge"));
  meter.mutable_lookup()->set_default_amount(7);
  EXPECT_THAT(
      Amounts(PriceOf(Only(meter), {Resource("aws_instance.a", "instance_type", "x1.huge")})),
      ElementsAre(Pair("vcpu", 7)));
}

TEST(MetersTest, RefusesWhatCannotBeCounted) {
  v1::Meter meter = MeterOf("disk", "disk");
  meter.set_attribute("size");
  EXPECT_THAT(FaultsOf(PriceOf(Only(meter), {Resource("disk.a")}).status()),
              ElementsAre("disk.a: cannot be counted as disk: the attribute size is not known "
                          "before apply"));
  for (const double number : {-1.0, 0.5, 9.1e15, 1e300}) {
    EXPECT_THAT(FaultsOf(PriceOf(Only(meter), {Resource("disk.a", "size", number)}).status()),
                ElementsAre(HasSubstr("is no whole number of 0 or more")))
        << number;
  }
  for (const char* text : {"", "big", "-3", "nan", "inf"}) {
    EXPECT_EQ(ReasonOf(PriceOf(Only(meter), {Resource("disk.a", "size", text)}).status()),
              v1::INVALID_FIELD)
        << text;
  }
  MeteredResource list = Resource("disk.a");
  (*list.mutable_attributes())["size"].mutable_list_value();
  EXPECT_EQ(ReasonOf(PriceOf(Only(meter), {list}).status()), v1::INVALID_FIELD);
}

TEST(MetersTest, SumsThatDoNotFitAreRefused) {
  v1::Meter meter = MeterOf("disk", "disk");
  meter.set_attribute("size");
  meter.set_amount(std::numeric_limits<int32_t>::max());
  const double most = 9007199254740992.0;
  EXPECT_THAT(FaultsOf(PriceOf(Only(meter), {Resource("disk.a", "size", most)}).status()),
              ElementsAre("disk.a: cannot be counted as disk: the sum is too large"));
  meter.set_amount(1000);
  EXPECT_TRUE(PriceOf(Only(meter), {Resource("disk.a", "size", most)}).ok());
  EXPECT_THAT(FaultsOf(PriceOf(Only(meter),
                               {Resource("disk.a", "size", most), Resource("disk.b", "size", most)})
                           .status()),
              ElementsAre(HasSubstr("disk.b")));
  meter.set_amount(1);
  meter.set_price_micros_per_hour(1'000'000);
  EXPECT_EQ(ReasonOf(PriceOf(Only(meter), {Resource("disk.a", "size", most)}).status()),
            v1::INVALID_FIELD)
      << "the cost is a sum, too";
}

TEST(MetersTest, AddsUpTheCost) {
  Meters meters;
  *meters.Add() = MeterOf("instances", "aws_instance");
  *meters.Add() = MeterOf("vcpu", "aws_instance");
  meters.Mutable(1)->set_attribute("cores");
  meters.Mutable(1)->set_price_micros_per_hour(20'800);
  meters.Mutable(1)->set_currency("USD");
  *meters.Add() = MeterOf("disk", "disk");
  meters.Mutable(2)->set_price_micros_per_hour(5);
  meters.Mutable(2)->set_currency("USD");
  const auto price = PriceOf(meters, {Resource("aws_instance.a", "cores", 2),
                                      Resource("aws_instance.b", "cores", 4), Resource("disk.c")});
  ASSERT_TRUE(price.ok());
  EXPECT_EQ(price->micros_per_hour, 6 * 20'800 + 5);
  EXPECT_EQ(price->currency, "USD");
  EXPECT_EQ(PriceOf(Only(meters[0]), {Resource("aws_instance.a")})->currency, "");
}

TEST(MetersTest, AnEstimateIsAsOldAsItsOldestPrice) {
  Meters meters;
  for (const char* date : {"2026-02-01", "2026-01-31", "2026-03-01"}) {
    v1::Meter& meter = *meters.Add() = MeterOf("disk", "disk");
    meter.set_price_micros_per_hour(1);
    meter.set_price_date(date);
  }
  EXPECT_EQ(PriceOf(meters, {})->price_date, "2026-01-31");
  EXPECT_EQ(PriceOf(Only(MeterOf("disk", "disk")), {})->price_date, "");
}

TEST(MetersTest, WhatHasNoMetricOnlyCosts) {
  v1::Meter meter = MeterOf("", "aws_instance");
  meter.mutable_lookup()->set_attribute("instance_type");
  (*meter.mutable_lookup()->mutable_table())["t3.small"] = 2;
  meter.set_price_micros_per_hour(10'400);
  const auto price =
      PriceOf(Only(meter), {Resource("aws_instance.a", "instance_type", "t3.small")});
  EXPECT_THAT(Amounts(price), IsEmpty());
  EXPECT_EQ(price->micros_per_hour, 20'800);
  EXPECT_THAT(
      FaultsOf(PriceOf(Only(meter), {Resource("aws_instance.a", "instance_type", "x")}).status()),
      ElementsAre(HasSubstr("cannot be counted as cost")));
}

TEST(MetersTest, ABudgetHoldsWhatTheOthersCost) {
  Meters meters;
  // Wherever it stands among them.
  v1::Meter& budget = *meters.Add();
  budget.set_metric("budget");
  budget.set_cost(true);
  *meters.Add() = MeterOf("disk", "disk");
  meters.Mutable(1)->set_price_micros_per_hour(7);
  EXPECT_THAT(Amounts(PriceOf(meters, {Resource("disk.a"), Resource("disk.b")})),
              ElementsAre(Pair("budget", 14), Pair("disk", 2)));
  EXPECT_THAT(Amounts(PriceOf(meters, {})), ElementsAre(Pair("budget", 0), Pair("disk", 0)));
  EXPECT_EQ(MeteredAttributes(meters).count(""), 0u);
}

TEST(MetersTest, TellsWhichAttributesAreRead) {
  Meters meters;
  *meters.Add() = MeterOf("instances", "aws_instance");
  *meters.Add() = MeterOf("disk", "aws_instance");
  meters.Mutable(1)->set_attribute("size");
  *meters.Add() = MeterOf("disk_again", "aws_instance");
  meters.Mutable(2)->set_attribute("size");
  *meters.Add() = MeterOf("vcpu", "aws_instance");
  meters.Mutable(3)->mutable_lookup()->set_attribute("instance_type");
  *meters.Add() = MeterOf("buckets", "aws_s3_bucket");
  const auto types = MeteredAttributes(meters);
  ASSERT_EQ(types.size(), 2u);
  EXPECT_THAT(types.at("aws_instance").paths(), UnorderedElementsAre("size", "instance_type"));
  EXPECT_THAT(types.at("aws_s3_bucket").paths(), IsEmpty());
}

}  // namespace
}  // namespace stackyard::stacks
