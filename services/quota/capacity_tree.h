// What is held and granted on one level, as changes over time in a balanced tree.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/numeric/int128.h"
#include "services/quota/span.h"

namespace stackyard::quota {

// A treap of the instants at which something changes, each node with the sums and the extremes of
// its subtree. All but FromHolds and Forget take O(log n) in the number of instants. Sums are
// exact.
class CapacityTree {
 public:
  // At one instant.
  struct Value {
    absl::int128 used = 0;
    absl::int128 granted = 0;

    // What matters to admission: how much of the permanent limit is taken.
    absl::int128 taken() const { return used - granted; }
  };

  CapacityTree() = default;
  // The same as adding all of them one by one and forgetting what is before `from`, in less time.
  static CapacityTree FromHolds(const std::vector<Span>& holds, absl::Time from);

  // Add an amount for a window, or with a negative one take it away again. Windows that end before
  // they start, and amounts of 0, change nothing.
  void AddHold(const Span& span) { Add(span, &Value::used); }
  void AddGrant(const Span& span) { Add(span, &Value::granted); }

  // From now on only instants from `time` on are asked about. Takes back the memory of those
  // before; O(log n) for each.
  void Forget(absl::Time time);

  Value At(absl::Time time) const;
  // The greatest `taken` within a window that is not empty.
  absl::int128 MostTaken(const Window& window) const;
  // The first instant from `from` on at which more is taken than `bound`, or at most `bound`;
  // nullopt: never.
  std::optional<absl::Time> FirstAbove(absl::Time from, absl::int128 bound) const;
  std::optional<absl::Time> FirstWithin(absl::Time from, absl::int128 bound) const;

  // Instants at which something changes.
  size_t size() const { return nodes_.size() - free_.size(); }
  // Nodes that take memory; those that were given back are kept for later.
  size_t memory() const { return nodes_.size(); }

 private:
  using Index = uint32_t;
  static constexpr Index kNone = ~Index{0};

  struct Node {
    int64_t time = 0;  // Microseconds.
    Index left = kNone, right = kNone;
    // What changes at this instant.
    Value change;
    // Over the subtree: all changes, and the greatest and least `taken` that they add up to at any
    // of its instants, where what comes before the subtree counts for nothing.
    Value sum;
    absl::int128 most = 0, least = 0;
  };

  void Add(const Span& span, absl::int128 Value::*field);
  void Change(int64_t time, const Value& change);
  // Each answers the root of what became of the subtree.
  Index Insert(Index at, int64_t time, const Value& change);
  Index Erase(Index at);
  Index Merge(Index left, Index right);
  void Split(Index at, int64_t time, Index& before, Index& rest);
  void Pull(Index at);
  Index New(int64_t time, const Value& change);

  absl::int128 MostOf(Index at, absl::int128 before, int64_t after, int64_t until) const;
  // First instant behind `after` that adds up to more than `bound`; with `sign` -1 all is mirrored.
  std::optional<int64_t> Search(Index at, absl::int128 before, int64_t after, absl::int128 bound,
                                int sign) const;

  Index root_ = kNone;
  std::vector<Node> nodes_;
  std::vector<Index> free_;
  // All changes until `floor_`, which no node stands for any more.
  Value base_;
  int64_t floor_ = INT64_MIN;
};

}  // namespace stackyard::quota
