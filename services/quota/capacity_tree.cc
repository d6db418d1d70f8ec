#include "services/quota/capacity_tree.h"

#include <algorithm>
#include <limits>

#include "common/proto_time.h"

namespace stackyard::quota {
namespace {

constexpr absl::int128 kLeast = std::numeric_limits<absl::int128>::min();
constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

// Nodes with a higher priority lie above. Made from the instant by the finalizer of splitmix64, so
// that a tree's shape depends on what is in it alone, and nobody's choice of times unbalances it by
// accident.
uint64_t Priority(int64_t time) {
  uint64_t x = static_cast<uint64_t>(time) + 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

CapacityTree::Value operator+(const CapacityTree::Value& a, const CapacityTree::Value& b) {
  return {a.used + b.used, a.granted + b.granted};
}

bool IsNothing(const CapacityTree::Value& value) { return value.used == 0 && value.granted == 0; }

}  // namespace

CapacityTree CapacityTree::FromHolds(const std::vector<Span>& holds, absl::Time from) {
  CapacityTree tree;
  tree.floor_ = ToMicros(from);
  std::vector<std::pair<int64_t, int64_t>> changes;
  changes.reserve(holds.size());
  const auto add = [&](absl::Time at, int64_t amount) {
    const int64_t time = ToMicros(at);
    if (time > tree.floor_) {
      changes.emplace_back(time, amount);
    } else {
      tree.base_.used += amount;
    }
  };
  for (const Span& hold : holds) {
    if (hold.window.end <= hold.window.start) continue;
    add(hold.window.start, hold.amount);
    add(hold.window.end, -hold.amount);
  }
  std::sort(changes.begin(), changes.end());

  // Each new node is the rightmost. Those on the right edge with a lower priority go below it, and
  // are complete then.
  std::vector<Index> edge;
  const auto close = [&](uint64_t priority) {
    Index last = kNone;
    while (!edge.empty() && Priority(tree.nodes_[edge.back()].time) < priority) {
      last = edge.back();
      edge.pop_back();
      tree.Pull(last);
    }
    return last;
  };
  for (size_t i = 0; i < changes.size();) {
    const int64_t time = changes[i].first;
    Value change;
    for (; i < changes.size() && changes[i].first == time; ++i) change.used += changes[i].second;
    if (IsNothing(change)) continue;
    const Index below = close(Priority(time));
    const Index at = tree.New(time, change);
    tree.nodes_[at].left = below;
    if (!edge.empty()) tree.nodes_[edge.back()].right = at;
    edge.push_back(at);
  }
  while (!edge.empty()) {
    tree.root_ = edge.back();
    edge.pop_back();
    tree.Pull(tree.root_);
  }
  return tree;
}

void CapacityTree::Add(const Span& span, absl::int128 Value::*field) {
  if (span.amount == 0 || span.window.end <= span.window.start) return;
  Value change;
  change.*field = span.amount;
  Change(ToMicros(span.window.start), change);
  change.*field = -absl::int128(span.amount);
  Change(ToMicros(span.window.end), change);
}

void CapacityTree::Change(int64_t time, const Value& change) {
  if (time <= floor_) {
    base_ = base_ + change;
    return;
  }
  root_ = Insert(root_, time, change);
}

void CapacityTree::Pull(Index at) {
  Node& node = nodes_[at];
  node.sum = node.change;
  node.most = node.least = node.change.taken();
  if (node.left != kNone) {
    const Node& left = nodes_[node.left];
    node.sum = left.sum + node.sum;
    const absl::int128 here = node.sum.taken();
    node.most = std::max(left.most, here);
    node.least = std::min(left.least, here);
  }
  if (node.right != kNone) {
    const Node& right = nodes_[node.right];
    const absl::int128 here = node.sum.taken();
    node.most = std::max(node.most, here + right.most);
    node.least = std::min(node.least, here + right.least);
    node.sum = node.sum + right.sum;
  }
}

CapacityTree::Index CapacityTree::New(int64_t time, const Value& change) {
  Index at;
  if (free_.empty()) {
    at = static_cast<Index>(nodes_.size());
    nodes_.emplace_back();
  } else {
    at = free_.back();
    free_.pop_back();
    nodes_[at] = Node();
  }
  nodes_[at].time = time;
  nodes_[at].change = change;
  Pull(at);
  return at;
}

CapacityTree::Index CapacityTree::Insert(Index at, int64_t time, const Value& change) {
  if (at == kNone) return New(time, change);
  if (nodes_[at].time == time) {
    nodes_[at].change = nodes_[at].change + change;
    if (IsNothing(nodes_[at].change)) return Erase(at);
    Pull(at);
    return at;
  }
  // An instant that is there already lies below, whatever the priorities: the instant decides them.
  if (Priority(time) > Priority(nodes_[at].time)) {
    Index before = kNone, rest = kNone;
    Split(at, time, before, rest);
    const Index top = New(time, change);
    nodes_[top].left = before;
    nodes_[top].right = rest;
    Pull(top);
    return top;
  }
  // New may move the nodes, so no reference is held over the call.
  if (time < nodes_[at].time) {
    const Index left = Insert(nodes_[at].left, time, change);
    nodes_[at].left = left;
  } else {
    const Index right = Insert(nodes_[at].right, time, change);
    nodes_[at].right = right;
  }
  Pull(at);
  return at;
}

CapacityTree::Index CapacityTree::Erase(Index at) {
  const Index merged = Merge(nodes_[at].left, nodes_[at].right);
  free_.push_back(at);
  return merged;
}

CapacityTree::Index CapacityTree::Merge(Index left, Index right) {
  if (left == kNone) return right;
  if (right == kNone) return left;
  if (Priority(nodes_[left].time) > Priority(nodes_[right].time)) {
    nodes_[left].right = Merge(nodes_[left].right, right);
    Pull(left);
    return left;
  }
  nodes_[right].left = Merge(left, nodes_[right].left);
  Pull(right);
  return right;
}

void CapacityTree::Split(Index at, int64_t time, Index& before, Index& rest) {
  if (at == kNone) {
    before = rest = kNone;
    return;
  }
  if (nodes_[at].time < time) {
    before = at;
    Split(nodes_[at].right, time, nodes_[at].right, rest);
  } else {
    rest = at;
    Split(nodes_[at].left, time, before, nodes_[at].left);
  }
  Pull(at);
}

void CapacityTree::Forget(absl::Time time) {
  const int64_t until = ToMicros(time);
  if (until <= floor_) return;
  floor_ = until;
  Index past = kNone, rest = kNone;
  Split(root_, until + 1, past, rest);
  root_ = rest;
  if (past == kNone) return;
  base_ = base_ + nodes_[past].sum;
  std::vector<Index> below = {past};
  while (!below.empty()) {
    const Index at = below.back();
    below.pop_back();
    if (nodes_[at].left != kNone) below.push_back(nodes_[at].left);
    if (nodes_[at].right != kNone) below.push_back(nodes_[at].right);
    free_.push_back(at);
  }
}

CapacityTree::Value CapacityTree::At(absl::Time time) const {
  const int64_t until = ToMicros(time);
  Value value = base_;
  for (Index at = root_; at != kNone;) {
    const Node& node = nodes_[at];
    if (node.time > until) {
      at = node.left;
      continue;
    }
    if (node.left != kNone) value = value + nodes_[node.left].sum;
    value = value + node.change;
    at = node.right;
  }
  return value;
}

absl::int128 CapacityTree::MostTaken(const Window& window) const {
  const int64_t start = ToMicros(window.start);
  return std::max(At(window.start).taken(),
                  MostOf(root_, base_.taken(), start, ToMicros(window.end)));
}

// Of the instants behind `after` and before `until`.
absl::int128 CapacityTree::MostOf(Index at, absl::int128 before, int64_t after,
                                  int64_t until) const {
  absl::int128 most = kLeast;
  while (at != kNone) {
    const Node& node = nodes_[at];
    // Once nothing of a subtree is outside, it has the answer.
    if (after == std::numeric_limits<int64_t>::min() && until == kForever) {
      return std::max(most, before + node.most);
    }
    if (node.time <= after) {
      if (node.left != kNone) before += nodes_[node.left].sum.taken();
      before += node.change.taken();
      at = node.right;
      continue;
    }
    if (node.time >= until) {
      at = node.left;
      continue;
    }
    absl::int128 here = before + node.change.taken();
    if (node.left != kNone) here += nodes_[node.left].sum.taken();
    most = std::max({most, here, MostOf(node.left, before, after, kForever)});
    before = here;
    after = std::numeric_limits<int64_t>::min();
    at = node.right;
  }
  return most;
}

std::optional<absl::Time> CapacityTree::FirstAbove(absl::Time from, absl::int128 bound) const {
  if (At(from).taken() > bound) return from;
  const auto found = Search(root_, base_.taken(), ToMicros(from), bound, 1);
  if (!found) return std::nullopt;
  return FromMicros(*found);
}

std::optional<absl::Time> CapacityTree::FirstWithin(absl::Time from, absl::int128 bound) const {
  if (At(from).taken() <= bound) return from;
  // taken <= bound is the same as -taken > -bound - 1.
  const auto found = Search(root_, base_.taken(), ToMicros(from), -bound - 1, -1);
  if (!found) return std::nullopt;
  return FromMicros(*found);
}

std::optional<int64_t> CapacityTree::Search(Index at, absl::int128 before, int64_t after,
                                            absl::int128 bound, int sign) const {
  if (at == kNone) return std::nullopt;
  const Node& node = nodes_[at];
  // Nothing in it reaches so far, instants that are not asked for included.
  if (sign > 0 ? before + node.most <= bound : -(before + node.least) <= bound) {
    return std::nullopt;
  }
  absl::int128 here = before + node.change.taken();
  if (node.left != kNone) here += nodes_[node.left].sum.taken();
  if (node.time > after) {
    if (const auto found = Search(node.left, before, after, bound, sign)) return found;
    if (here * sign > bound) return node.time;
  }
  return Search(node.right, here, after, bound, sign);
}

}  // namespace stackyard::quota
