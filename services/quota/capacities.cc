#include "services/quota/capacities.h"

#include <utility>

namespace stackyard::quota {

void Capacities::Follow(Tx& tx, const MetricKey& metric, int64_t version, absl::Time now) {
  touched_.insert(metric);
  if (const auto found = known_.find(metric); found != known_.end()) {
    if (CatchUp(tx, metric, version, now, found->second)) return;
    Forget(found);
  }
  ++counts_.rebuilt;
  MetricCapacity capacity(tx.ReadAllowance(metric, now), tx.ReadCommitted(metric, now),
                          tx.ReadPending(metric, now), now);
  known_.emplace(metric, Entry{std::move(capacity), version, 0, age_.insert(age_.end(), metric)});
}

bool Capacities::CatchUp(Tx& tx, const MetricKey& metric, int64_t version, absl::Time now,
                         Entry& entry) {
  if (entry.version != version) {
    const auto changes = tx.ChangesBetween(metric, entry.version, version);
    if (!changes) return false;
    bool limits = false;
    for (const Changes& step : *changes) {
      limits = limits || step.limits;
      for (const Change& change : step.reservations) entry.capacity.Apply(change);
    }
    if (limits && !entry.capacity.SetAllowance(tx.ReadAllowance(metric, now))) return false;
    entry.version = version;
    counts_.followed += static_cast<int64_t>(changes->size());
  }
  entry.capacity.Advance(now);
  age_.splice(age_.end(), age_, entry.age);
  return true;
}

void Capacities::Settle(const std::map<MetricKey, int64_t>& versions) {
  for (const auto& [metric, version] : versions) known_.at(metric).version = version;
  for (const MetricKey& metric : touched_) {
    Entry& entry = known_.at(metric);
    nodes_ += entry.capacity.size() - entry.nodes;
    entry.nodes = entry.capacity.size();
  }
  // The youngest are those of this transaction.
  while (nodes_ > most_nodes_ && touched_.count(age_.front()) == 0) {
    Forget(known_.find(age_.front()));
    ++counts_.evicted;
  }
  touched_.clear();
}

void Capacities::Abandon() {
  for (const MetricKey& metric : touched_) {
    if (const auto found = known_.find(metric); found != known_.end()) Forget(found);
  }
  touched_.clear();
}

void Capacities::Forget(std::map<MetricKey, Entry>::iterator entry) {
  nodes_ -= entry->second.nodes;
  age_.erase(entry->second.age);
  known_.erase(entry);
}

}  // namespace stackyard::quota
