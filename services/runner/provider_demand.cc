#include "services/runner/provider_demand.h"

#include <algorithm>

namespace stackyard::runner {
namespace {

constexpr absl::Duration kLately = absl::Minutes(5);
constexpr absl::Duration kForgotten = absl::Hours(1);

}  // namespace

void ProviderDemand::Note(absl::Time when, int at_once) {
  // What is lower and older than this cannot be the highest any more.
  while (!notes_.empty() && notes_.back().second <= at_once) notes_.pop_back();
  notes_.emplace_back(when, at_once);
  last_ = std::max(last_, when);
}

int ProviderDemand::Wanted(absl::Time now, int min, int max) {
  while (!notes_.empty() && notes_.front().first + kLately < now) notes_.pop_front();
  if (last_ + kForgotten < now) return 0;
  const int highest = notes_.empty() ? 0 : notes_.front().second;
  return std::min(std::max(highest, min), max);
}

}  // namespace stackyard::runner
