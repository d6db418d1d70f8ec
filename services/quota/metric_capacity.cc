#include "services/quota/metric_capacity.h"

#include <algorithm>

namespace stackyard::quota {
namespace {

Span Times(const Span& span, int sign) { return {span.window, sign * span.amount}; }

// What a reservation adds while `old`, which it supersedes, is held beside it: within the window
// of `old` only what goes beyond it. Some may end before they start.
std::vector<Span> Beyond(const Span& span, const Span* old) {
  if (old == nullptr) return {span};
  const Window& window = span.window;
  const Window& shared = old->window;
  return {{{window.start, std::min(window.end, shared.start)}, span.amount},
          {{std::max(window.start, shared.start), std::min(window.end, shared.end)},
           std::max<int64_t>(0, span.amount - old->amount)},
          {{std::max(window.start, shared.end), window.end}, span.amount}};
}

std::vector<Span> SpansOf(const std::vector<Holding>& holdings) {
  std::vector<Span> spans;
  spans.reserve(holdings.size());
  for (const Holding& holding : holdings) spans.push_back(holding.span);
  return spans;
}

}  // namespace

bool Allowance::LimitsUsers() const {
  return std::any_of(limits.begin(), limits.end(),
                     [](const auto& limit) { return !limit.first.empty(); });
}

std::optional<int64_t> Allowance::LimitOf(const std::string& user) const {
  if (const auto own = limits.find(user); own != limits.end()) return own->second;
  if (user.empty()) return default_limit;
  if (const auto each = limits.find(kEachUser); each != limits.end()) return each->second;
  return std::nullopt;
}

MetricCapacity::MetricCapacity(Allowance allowance, const std::vector<Holding>& committed,
                               const std::vector<Change>& pending, absl::Time now)
    : allowance_(std::move(allowance)),
      has_users_(allowance_.LimitsUsers()),
      now_(now),
      project_(CapacityTree::FromHolds(SpansOf(committed), now)) {
  nodes_ = project_.memory();
  if (has_users_) {
    for (const Holding& holding : committed) {
      if (!holding.user.empty()) {
        OnTree(holding.user, [&](CapacityTree& tree) { tree.AddHold(holding.span); });
      }
    }
  }
  CountGrants(1);
  for (const Change& change : pending) AddPending(change);
  Advance(now);
}

bool MetricCapacity::SetAllowance(Allowance allowance) {
  if (allowance.LimitsUsers() && !has_users_) return false;
  CountGrants(-1);
  allowance_ = std::move(allowance);
  if (!allowance_.LimitsUsers()) {
    has_users_ = false;
    for (const auto& [user, tree] : users_) nodes_ -= tree.memory();
    users_.clear();
  }
  CountGrants(1);
  return true;
}

CapacityTree& MetricCapacity::TreeOf(const std::string& user) {
  CapacityTree& tree = user.empty() ? project_ : users_[user];
  nodes_ -= tree.memory();
  tree.Forget(now_);
  nodes_ += tree.memory();
  return tree;
}

template <typename Work>
void MetricCapacity::OnTree(const std::string& user, const Work& work) {
  CapacityTree& tree = TreeOf(user);
  nodes_ -= tree.memory();
  work(tree);
  nodes_ += tree.memory();
}

void MetricCapacity::CountGrants(int sign) {
  for (const Allowance::Grant& grant : allowance_.grants) {
    if (!grant.user.empty() && !has_users_) continue;
    OnTree(grant.user, [&](CapacityTree& tree) { tree.AddGrant(Times(grant.span, sign)); });
  }
}

void MetricCapacity::Count(const Holding& holding, int sign) {
  const auto add = [&](CapacityTree& tree) { tree.AddHold(Times(holding.span, sign)); };
  OnTree("", add);
  if (has_users_ && !holding.user.empty()) OnTree(holding.user, add);
}

void MetricCapacity::Count(const Pending& pending, int sign) {
  const auto add = [&](const Span* old) {
    return [&pending, old, sign](CapacityTree& tree) {
      for (const Span& span : Beyond(pending.holding.span, old)) tree.AddHold(Times(span, sign));
    };
  };
  const Span* old = pending.old ? &pending.old->span : nullptr;
  const std::string& user = pending.holding.user;
  OnTree("", add(old));
  if (!has_users_ || user.empty()) return;
  // Against a user counts in full what takes the place of somebody else's.
  const bool same_user = pending.old && pending.old->user == user;
  OnTree(user, add(same_user ? old : nullptr));
}

void MetricCapacity::AddPending(const Change& change) {
  const auto [added, fresh] = pending_.emplace(
      change.id, Pending{change.holding, change.expire_time, change.supersedes, change.old});
  if (!fresh) return;
  Count(added->second, 1);
  expiries_.emplace(change.expire_time, change.id);
  if (!change.supersedes.empty()) successors_[change.supersedes] = change.id;
}

void MetricCapacity::DropPending(const std::string& id) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  const Pending& pending = found->second;
  Count(pending, -1);
  expiries_.erase({pending.expire_time, id});
  if (const auto successor = successors_.find(pending.supersedes);
      successor != successors_.end() && successor->second == id) {
    successors_.erase(successor);
  }
  pending_.erase(found);
}

void MetricCapacity::Apply(const Change& change) {
  DropPending(change.id);
  Holding before = change.holding;
  before.span.amount = change.committed_before;
  Count(before, -1);
  if (change.state == ReservationState::kPending) AddPending(change);
  const bool committed = change.state == ReservationState::kCommitted;
  if (committed) Count(change.holding, 1);

  // What waits to take its place counts beyond what it holds now.
  const auto successor = successors_.find(change.id);
  if (successor == successors_.end()) return;
  Pending& pending = pending_.at(successor->second);
  Count(pending, -1);
  pending.old = committed ? std::optional(change.holding) : std::nullopt;
  Count(pending, 1);
}

void MetricCapacity::Advance(absl::Time now) {
  now_ = std::max(now_, now);
  while (!expiries_.empty() && expiries_.begin()->first <= now_) {
    DropPending(std::string(expiries_.begin()->second));
  }
  TreeOf("");
}

std::optional<Shortage> MetricCapacity::Short(const std::string& user, const Window& window,
                                              int64_t amount, const Holding* old) {
  const std::optional<int64_t> limit = allowance_.LimitOf(user);
  if (!limit) return std::nullopt;
  CapacityTree& tree = TreeOf(user);
  if (old == nullptr || (!user.empty() && old->user != user)) {
    return Check(tree, *limit, {window, amount, std::nullopt});
  }
  tree.AddHold(Times(old->span, -1));
  const auto shortage = Check(tree, *limit, {window, amount, old->span});
  tree.AddHold(old->span);
  return shortage;
}

size_t MetricCapacity::size() const {
  // What a PENDING one takes besides its nodes is about as much as four of them.
  return nodes_ + pending_.size() * 4 + users_.size() * 2 + allowance_.grants.size() + 8;
}

}  // namespace stackyard::quota
