#include "services/stacks/meters.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::stacks {
namespace {

using google::protobuf::Value;

absl::Status Uncountable(const MeteredResource& resource, const v1::Meter& meter,
                         std::string_view what) {
  return InvalidField(
      resource.address(),
      absl::StrCat("cannot be counted as ", meter.metric().empty() ? "cost" : meter.metric(), ": ",
                   std::string(what)));
}

std::string TextOf(const Value& value) {
  switch (value.kind_case()) {
    case Value::kStringValue:
      return value.string_value();
    case Value::kNumberValue:
      return absl::StrCat(value.number_value());
    case Value::kBoolValue:
      return value.bool_value() ? "true" : "false";
    default:
      return "";
  }
}

absl::StatusOr<int64_t> WholeNumber(const Value& value) {
  double number = 0;
  if (value.kind_case() == Value::kNumberValue) {
    number = value.number_value();
  } else if (value.kind_case() != Value::kStringValue ||
             !absl::SimpleAtod(value.string_value(), &number)) {
    return absl::InvalidArgumentError("is no number");
  }
  // Beyond 2^53 a double is no longer exact.
  if (number < 0 || number > 9007199254740992.0 || number != std::floor(number)) {
    return absl::InvalidArgumentError("is no whole number of 0 or more");
  }
  return static_cast<int64_t>(number);
}

// Units of the meter's metric that one resource uses, before the factor.
absl::StatusOr<int64_t> UnitsOf(const v1::Meter& meter, const MeteredResource& resource) {
  const std::string& path = meter.has_lookup() ? meter.lookup().attribute() : meter.attribute();
  if (path.empty()) return 1;
  const auto found = resource.attributes().find(path);
  if (found == resource.attributes().end()) {
    return Uncountable(resource, meter,
                       absl::StrCat("the attribute ", path, " is not known before apply"));
  }
  if (meter.has_lookup()) {
    const std::string key = TextOf(found->second);
    const auto entry = meter.lookup().table().find(key);
    if (entry != meter.lookup().table().end()) return entry->second;
    if (meter.lookup().has_default_amount()) return meter.lookup().default_amount();
    return Uncountable(resource, meter,
                       absl::StrCat("the template's table has no entry for ", path, " = ", key));
  }
  const auto number = WholeNumber(found->second);
  if (!number.ok()) {
    return Uncountable(
        resource, meter,
        absl::StrCat("the attribute ", path, " ", std::string(number.status().message())));
  }
  return number;
}

}  // namespace

absl::StatusOr<Price> PriceOf(const google::protobuf::RepeatedPtrField<v1::Meter>& meters,
                              const std::vector<MeteredResource>& resources) {
  std::map<std::string, int64_t> sums;
  Price price;
  for (const v1::Meter& meter : meters) {
    int64_t& sum = sums[meter.metric()];
    if (meter.cost()) continue;
    for (const MeteredResource& resource : resources) {
      if (resource.type() != meter.resource_type()) continue;
      ASSIGN_OR_RETURN(const int64_t units, UnitsOf(meter, resource));
      int64_t amount = 0;
      int64_t cost = 0;
      if (__builtin_mul_overflow(units, meter.amount(), &amount) ||
          __builtin_add_overflow(sum, amount, &sum) ||
          __builtin_mul_overflow(amount, meter.price_micros_per_hour(), &cost) ||
          __builtin_add_overflow(price.micros_per_hour, cost, &price.micros_per_hour)) {
        return Uncountable(resource, meter, "the sum is too large");
      }
    }
    if (meter.price_micros_per_hour() > 0) {
      price.currency = meter.currency();
      // Days like 2026-01-31 sort by age.
      if (price.price_date.empty() || meter.price_date() < price.price_date) {
        price.price_date = meter.price_date();
      }
    }
  }
  // Those that only cost are no metric's.
  sums.erase("");
  for (const v1::Meter& meter : meters) {
    if (meter.cost()) sums[meter.metric()] = price.micros_per_hour;
  }
  for (const auto& [metric, sum] : sums) {
    v1::Amount amount;
    amount.set_metric(metric);
    amount.set_value(sum);
    price.amounts.push_back(std::move(amount));
  }
  return price;
}

absl::StatusOr<Price> PriceOfStack(const google::protobuf::RepeatedPtrField<v1::Meter>& meters,
                                   const std::vector<MeteredResource>& resources) {
  ASSIGN_OR_RETURN(Price price, PriceOf(meters, resources));
  v1::Amount& itself = price.amounts.emplace_back();
  itself.set_metric(kStackMetric);
  itself.set_value(1);
  return price;
}

void RaiseAmounts(const google::protobuf::RepeatedPtrField<v1::Amount>& least,
                  google::protobuf::RepeatedPtrField<v1::Amount>& amounts) {
  for (const v1::Amount& one : least) {
    const auto found = std::find_if(amounts.begin(), amounts.end(), [&](const v1::Amount& amount) {
      return amount.metric() == one.metric();
    });
    if (found == amounts.end()) {
      *amounts.Add() = one;
    } else {
      found->set_value(std::max(found->value(), one.value()));
    }
  }
}

google::protobuf::Map<std::string, internal::v1::AttributePaths> MeteredAttributes(
    const google::protobuf::RepeatedPtrField<v1::Meter>& meters) {
  google::protobuf::Map<std::string, internal::v1::AttributePaths> types;
  for (const v1::Meter& meter : meters) {
    if (meter.cost()) continue;
    auto& paths = *types[meter.resource_type()].mutable_paths();
    for (const std::string& path : {meter.attribute(), meter.lookup().attribute()}) {
      if (!path.empty() && std::find(paths.begin(), paths.end(), path) == paths.end()) {
        *paths.Add() = path;
      }
    }
  }
  return types;
}

}  // namespace stackyard::stacks
