// Turns resources into amounts of metrics.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "stackyard/internal/v1/run_queue.pb.h"
#include "stackyard/v1/catalog.pb.h"
#include "stackyard/v1/common.pb.h"

namespace stackyard::stacks {

using internal::v1::MeteredResource;

// Metric that every stack holds one of, whatever its meters say.
inline constexpr char kStackMetric[] = "stacks";

// What a set of resources comes to.
struct Price {
  // By metric name; metrics that a meter names and no resource uses are there with 0.
  std::vector<v1::Amount> amounts;
  // Estimated cost of an hour in millionths of `currency`; 0: no meter has a price.
  int64_t micros_per_hour = 0;
  std::string currency;
  // Day of the prices, the oldest where they differ.
  std::string price_date;
};

// Sums the meters over the resources; meters with `cost` get what the others come to in money. A
// meter without a metric counts for the cost alone. INVALID_FIELD, naming the address, when an
// attribute that is needed is not known, is no whole number of 0 or more, is not in the lookup
// table, or when a sum leaves the range of int64.
absl::StatusOr<Price> PriceOf(const google::protobuf::RepeatedPtrField<v1::Meter>& meters,
                              const std::vector<MeteredResource>& resources);

// What a stack with these resources holds: what its meters count, and itself. Errors as PriceOf.
absl::StatusOr<Price> PriceOfStack(const google::protobuf::RepeatedPtrField<v1::Meter>& meters,
                                   const std::vector<MeteredResource>& resources);

// Raises amounts to what `least` says of each metric.
void RaiseAmounts(const google::protobuf::RepeatedPtrField<v1::Amount>& least,
                  google::protobuf::RepeatedPtrField<v1::Amount>& amounts);

// The attributes that the meters read, by resource type.
google::protobuf::Map<std::string, internal::v1::AttributePaths> MeteredAttributes(
    const google::protobuf::RepeatedPtrField<v1::Meter>& meters);

}  // namespace stackyard::stacks
