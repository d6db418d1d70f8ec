// The capacities that this process knows: a copy of what rows say, kept up by the log.
#pragma once

#include <list>
#include <map>
#include <set>
#include <string>

#include "services/quota/metric_capacity.h"
#include "services/quota/store.h"

namespace stackyard::quota {

// Belongs to one transaction after the other, each between Begin and Settle or Abandon. Whatever a
// transaction did to a capacity is thrown away with the capacity when it comes to nothing.
class Capacities {
 public:
  // What became of bringing capacities up to date.
  struct Counts {
    int64_t rebuilt = 0;
    int64_t followed = 0;
    int64_t evicted = 0;
  };

  // `most_nodes` bounds the memory: about 120 bytes each. Beyond it the least recently used
  // metrics are forgotten, never those of the last transaction.
  explicit Capacities(size_t most_nodes) : most_nodes_(most_nodes) {}

  // Makes a metric's capacity what it is in this version at `now`. The transaction sees this
  // version, and nobody can make another one before it ends. Follows the log from the version that
  // is known, or reads all rows where that is not possible.
  void Follow(Tx& tx, const MetricKey& metric, int64_t version, absl::Time now);
  // Of one that was followed in this transaction.
  MetricCapacity& Of(const MetricKey& metric) { return known_.at(metric).capacity; }

  // The transaction was committed: what it changed are now these versions.
  void Settle(const std::map<MetricKey, int64_t>& versions);
  // It was not.
  void Abandon();

  Counts counts() const { return counts_; }
  size_t nodes() const { return nodes_; }

 private:
  struct Entry {
    MetricCapacity capacity;
    int64_t version;
    // As counted when it was last settled.
    size_t nodes = 0;
    // Its place in age_.
    std::list<MetricKey>::iterator age;
  };

  // False when the log does not tell the way.
  bool CatchUp(Tx& tx, const MetricKey& metric, int64_t version, absl::Time now, Entry& entry);
  void Forget(std::map<MetricKey, Entry>::iterator entry);

  const size_t most_nodes_;
  std::map<MetricKey, Entry> known_;
  // Least recently used first.
  std::list<MetricKey> age_;
  // Of this transaction.
  std::set<MetricKey> touched_;
  size_t nodes_ = 0;
  Counts counts_;
};

}  // namespace stackyard::quota
