#include "services/quota/metric_capacity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace stackyard::quota {
namespace {

absl::Time At(int minutes) { return absl::UnixEpoch() + absl::Minutes(minutes); }
Window Minutes(int from, int to) { return {At(from), At(to)}; }

Change Pending(const std::string& id, const Holding& holding, int expire) {
  Change change;
  change.id = id;
  change.state = ReservationState::kPending;
  change.holding = holding;
  change.expire_time = At(expire);
  return change;
}

Change Committed(const std::string& id, const Holding& holding, int64_t before = 0) {
  Change change;
  change.id = id;
  change.state = ReservationState::kCommitted;
  change.holding = holding;
  change.committed_before = before;
  return change;
}

Allowance Limit(int64_t value) {
  Allowance allowance;
  allowance.limits[""] = value;
  return allowance;
}

TEST(AllowanceTest, AUserHasTheirOwnLimitElseThatOfEachUserElseNone) {
  Allowance allowance;
  allowance.default_limit = 32;
  EXPECT_EQ(allowance.LimitOf(""), 32);
  EXPECT_EQ(allowance.LimitOf("ann"), std::nullopt);
  allowance.limits = {{"", 0}, {"-", 4}, {"ann", 9}};
  EXPECT_EQ(allowance.LimitOf(""), 0) << "the project's own goes before the default";
  EXPECT_EQ(allowance.LimitOf("ann"), 9);
  EXPECT_EQ(allowance.LimitOf("bob"), 4);
}

TEST(MetricCapacityTest, APendingOneEndsOnTheDot) {
  MetricCapacity capacity(Limit(1), {}, {}, At(0));
  capacity.Apply(Pending("a", {"", {Minutes(0, 60), 1}}, 10));
  capacity.Advance(At(10) - absl::Microseconds(1));
  EXPECT_TRUE(capacity.Short("", Minutes(20, 30), 1, nullptr));
  capacity.Advance(At(10));
  EXPECT_FALSE(capacity.Short("", Minutes(20, 30), 1, nullptr));
  // Whoever commits it all the same holds it, and once.
  capacity.Apply(Committed("a", {"", {Minutes(0, 60), 1}}));
  EXPECT_TRUE(capacity.Short("", Minutes(20, 30), 1, nullptr));
  Change released;
  released.id = "a";
  released.holding = {"", {Minutes(0, 60), 0}};
  released.committed_before = 1;
  capacity.Apply(released);
  EXPECT_FALSE(capacity.Short("", Minutes(20, 30), 1, nullptr));
}

TEST(MetricCapacityTest, UsersThatWereNeverKeptMakeItUseless) {
  MetricCapacity capacity(Limit(9), {{"ann", {Minutes(0, 60), 5}}}, {}, At(0));
  Allowance users = Limit(9);
  users.limits["-"] = 5;
  EXPECT_FALSE(capacity.SetAllowance(users));
  MetricCapacity again(users, {{"ann", {Minutes(0, 60), 5}}}, {}, At(0));
  EXPECT_TRUE(again.Short("ann", Minutes(0, 1), 1, nullptr));
  EXPECT_FALSE(again.Short("bob", Minutes(0, 1), 1, nullptr));
  EXPECT_TRUE(again.SetAllowance(Limit(9)));
  EXPECT_FALSE(again.Short("ann", Minutes(0, 1), 1, nullptr));
}

// The same by minutes, with everything looked at.
struct Model {
  struct Entry {
    ReservationState state;
    std::string user;
    int from, to, expire;
    int64_t amount;
    std::string supersedes;
  };
  std::map<std::string, Entry> entries;
  Allowance allowance;
  int now = 0;

  bool Held(const Entry& entry) const {
    return entry.state == ReservationState::kCommitted ||
           (entry.state == ReservationState::kPending && entry.expire > now);
  }
  int64_t At(const Entry& entry, int minute) const {
    return Held(entry) && entry.from <= minute && minute < entry.to ? entry.amount : 0;
  }
  // `without` is an id, or empty.
  int64_t Used(const std::string& user, int minute, const std::string& without) const {
    int64_t sum = 0;
    for (const auto& [id, entry] : entries) {
      if (!user.empty() && entry.user != user) continue;
      if (id != without) sum += At(entry, minute);
      const auto old = entries.find(entry.supersedes);
      if (entry.state != ReservationState::kPending || old == entries.end()) continue;
      if (!user.empty() && old->second.user != user) continue;
      sum -= std::min(At(entry, minute), At(old->second, minute));
    }
    return sum;
  }
  int64_t Limit(const std::string& user, int minute) const {
    int64_t limit = *allowance.LimitOf(user);
    for (const auto& grant : allowance.grants) {
      if (grant.user == user && grant.span.window.Contains(quota::At(minute))) {
        limit += grant.span.amount;
      }
    }
    return limit;
  }
  bool Fits(const std::string& user, int from, int to, int64_t amount,
            const std::string& supersedes) const {
    if (!allowance.LimitOf(user)) return true;
    const auto old = entries.find(supersedes);
    const bool counts = old != entries.end() && (user.empty() || old->second.user == user);
    for (int minute = std::max(from, now); minute < to; ++minute) {
      if (counts && At(old->second, minute) >= amount) continue;
      if (Used(user, minute, counts ? supersedes : "") + amount > Limit(user, minute)) return false;
    }
    return true;
  }
};

Holding HoldingOf(const Model::Entry& entry) {
  return {entry.user, {Minutes(entry.from, entry.to), entry.amount}};
}

Change PendingOf(const Model& model, const std::string& id) {
  const Model::Entry& entry = model.entries.at(id);
  Change change = Pending(id, HoldingOf(entry), entry.expire);
  change.supersedes = entry.supersedes;
  const auto old = model.entries.find(entry.supersedes);
  if (old != model.entries.end() && old->second.state == ReservationState::kCommitted) {
    change.old = HoldingOf(old->second);
  }
  return change;
}

// What a replica reads from rows.
MetricCapacity Rebuilt(const Model& model) {
  std::vector<Holding> committed;
  std::vector<Change> pending;
  for (const auto& [id, entry] : model.entries) {
    if (!model.Held(entry)) continue;
    if (entry.state == ReservationState::kPending) {
      pending.push_back(PendingOf(model, id));
    } else if (entry.to > model.now) {
      committed.push_back(HoldingOf(entry));
    }
  }
  return MetricCapacity(model.allowance, committed, pending, At(model.now));
}

// One replica follows every change through the log's own lines, one starts anew now and then, and
// both say what looking at every minute says.
TEST(MetricCapacityTest, AgreesWithLookingAtEveryMinuteOverThousandsOfHistories) {
  std::mt19937 random(5);
  const auto upto = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
  const std::vector<std::string> users = {"", "ann", "bob"};
  int fitted = 0, short_of = 0, replaced = 0, expired = 0;
  for (int history = 0; history < 3000; ++history) {
    Model model;
    model.allowance = Limit(4 + upto(8));
    if (upto(1) == 0) model.allowance.limits["-"] = 2 + upto(6);
    for (int i = upto(2); i > 0; --i) {
      const int from = upto(30);
      model.allowance.grants.push_back(
          {users[upto(2)], {Minutes(from, from + 1 + upto(20)), upto(4)}});
    }
    MetricCapacity follower = Rebuilt(model);
    const auto apply = [&](const Change& change) {
      std::string lines;
      AppendLine(change, lines);
      const auto read = ReadLines(lines);
      ASSERT_TRUE(read);
      follower.Apply(read->reservations.at(0));
    };
    for (int step = 0; step < 25; ++step) {
      SCOPED_TRACE(testing::Message() << "history " << history << ", step " << step);
      if (upto(2) == 0) {
        model.now += upto(3);
        follower.Advance(At(model.now));
      }
      if (upto(9) == 0) {
        model.allowance.limits[""] = upto(12);
        if (!follower.SetAllowance(model.allowance)) follower = Rebuilt(model);
      }
      const std::string id = "r" + std::to_string(upto(9));
      const auto found = model.entries.find(id);
      if (found == model.entries.end()) {
        Model::Entry entry{ReservationState::kPending, users[upto(2)], 0, 0, 0, 1 + upto(5), ""};
        entry.from = model.now - 3 + upto(20);
        entry.to = std::max(entry.from, model.now) + 1 + upto(20);
        entry.expire = model.now + 1 + upto(8);
        // Any COMMITTED one that nobody else is about to supersede.
        std::vector<std::string> olds = {""};
        for (const auto& [other, e] : model.entries) {
          if (e.state != ReservationState::kCommitted) continue;
          const bool taken = std::any_of(
              model.entries.begin(), model.entries.end(), [&, name = other](const auto& x) {
                return x.second.supersedes == name && model.Held(x.second) &&
                       x.second.state == ReservationState::kPending;
              });
          if (!taken) olds.push_back(other);
        }
        entry.supersedes = olds[upto(static_cast<int>(olds.size()) - 1)];
        std::optional<Holding> old;
        if (!entry.supersedes.empty()) old = HoldingOf(model.entries.at(entry.supersedes));
        bool fits = true;
        MetricCapacity anew = Rebuilt(model);
        for (const std::string& level : std::set<std::string>{"", entry.user}) {
          const bool want = model.Fits(level, entry.from, entry.to, entry.amount, entry.supersedes);
          const Window window = Minutes(std::max(entry.from, model.now), entry.to);
          for (MetricCapacity* capacity : {&follower, &anew}) {
            const auto shortage =
                capacity->Short(level, window, entry.amount, old ? &*old : nullptr);
            ASSERT_EQ(!shortage, want) << level;
          }
          fits = fits && want;
        }
        ++(fits ? fitted : short_of);
        if (!fits) continue;
        replaced += !entry.supersedes.empty();
        model.entries[id] = entry;
        apply(PendingOf(model, id));
        continue;
      }
      Model::Entry& entry = found->second;
      if (entry.state == ReservationState::kReleased) continue;
      const int64_t before = entry.state == ReservationState::kCommitted ? entry.amount : 0;
      expired += !model.Held(entry);
      if (upto(1) == 0) {
        entry.state = ReservationState::kReleased;
        Change change;
        change.id = id;
        change.holding = HoldingOf(entry);
        change.holding.span.amount = 0;
        change.committed_before = before;
        apply(change);
        continue;
      }
      const bool first = entry.state == ReservationState::kPending;
      entry.state = ReservationState::kCommitted;
      entry.amount = upto(6);
      apply(Committed(id, HoldingOf(entry), before));
      const auto old = model.entries.find(entry.supersedes);
      if (!first || old == model.entries.end()) continue;
      if (old->second.state != ReservationState::kCommitted) continue;
      old->second.state = ReservationState::kReleased;
      Change change;
      change.id = old->first;
      change.holding = HoldingOf(old->second);
      change.committed_before = change.holding.span.amount;
      change.holding.span.amount = 0;
      apply(change);
    }
  }
  // The histories are worth something only when all of it happens.
  EXPECT_GT(fitted, 5000);
  EXPECT_GT(short_of, 5000);
  EXPECT_GT(replaced, 500);
  EXPECT_GT(expired, 500);
}

}  // namespace
}  // namespace stackyard::quota
