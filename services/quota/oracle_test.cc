// The ledger against a slow, obviously right one that looks at every minute.
#include <random>

#include "services/quota/testing.h"

namespace stackyard::quota {
namespace {

constexpr int kHorizon = 400;  // Minutes; nothing lies behind it.

struct Entry {
  bool pending = true;
  bool held = true;
  int from, to, expire;
  std::string user;
  std::map<std::string, int64_t> amounts;
  std::string supersedes;

  int64_t At(const std::string& metric, int minute) const {
    const auto amount = amounts.find(metric);
    return held && from <= minute && minute < to && amount != amounts.end() ? amount->second : 0;
  }
};

class Oracle {
 public:
  struct Grant {
    std::string metric, user;
    int from, to;
    int64_t value;
  };
  std::map<std::string, int64_t> limits;  // By limit id.
  std::vector<Grant> grants;
  std::map<std::string, Entry> entries;
  int now = 0;

  void Advance(int minutes) {
    now += minutes;
    for (auto& [id, entry] : entries) {
      if (entry.pending && entry.expire <= now) entry.held = false;
    }
  }

  std::optional<int64_t> LimitAt(const std::string& metric, const std::string& user,
                                 int minute) const {
    auto limit = limits.find(user.empty() ? metric : metric + ":" + user);
    if (limit == limits.end() && !user.empty()) limit = limits.find(metric + ":-");
    if (limit == limits.end()) return std::nullopt;
    int64_t sum = limit->second;
    for (const Grant& grant : grants) {
      if (grant.metric == metric && grant.user == user && grant.from <= minute &&
          minute < grant.to) {
        sum += grant.value;
      }
    }
    return sum;
  }

  // All that is held, less what is counted twice while an update waits beside what it replaces.
  int64_t UsedAt(const std::string& metric, const std::string& user, int minute) const {
    int64_t sum = 0;
    for (const auto& [id, entry] : entries) {
      if (!user.empty() && entry.user != user) continue;
      sum += entry.At(metric, minute);
      const auto old = entries.find(entry.supersedes);
      if (!entry.pending || old == entries.end()) continue;
      if (!user.empty() && old->second.user != user) continue;
      sum -= std::min(entry.At(metric, minute), old->second.At(metric, minute));
    }
    return sum;
  }

  // Whether it fits from minute `from` on: it is put in, looked at, and taken out again.
  bool Fits(Entry entry, int from) {
    entry.to += from - entry.from;
    entry.from = from;
    bool fits = true;
    for (const auto& [metric, amount] : entry.amounts) {
      for (const std::string& user : std::set<std::string>{"", entry.user}) {
        for (int minute = std::max(from, now); minute < entry.to; ++minute) {
          const auto limit = LimitAt(metric, user, minute);
          if (!limit) continue;
          const int64_t before = UsedAt(metric, user, minute);
          entries["candidate"] = entry;
          const int64_t after = UsedAt(metric, user, minute);
          entries.erase("candidate");
          if (after > before && after > *limit) fits = false;
        }
      }
    }
    return fits;
  }
};

class OracleTest : public QuotaTest {};

TEST_P(OracleTest, AgreesOnEveryDecision) {
  const unsigned seed = 7;
  std::mt19937 random(seed);
  const auto upto = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
  const std::vector<std::string> metrics = {"vcpu", "nodes"};
  const std::vector<std::string> users = {"", "ann", "bob"};
  Oracle oracle;
  const auto set_limit = [&](const std::string& id, int value) {
    ASSERT_TRUE(SetLimit(id, value).ok());
    oracle.limits[id] = value;
  };
  set_limit("vcpu", 12);
  set_limit("nodes", 6);
  set_limit("vcpu:-", 8);
  int admitted = 0, refused = 0, replaced = 0;
  const int steps = GetParam() == Engine::kSqlite ? 600 : 250;
  for (int step = 0; step < steps; ++step) {
    SCOPED_TRACE(testing::Message() << "step " << step << " of seed " << seed);
    switch (upto(9)) {
      case 0:
        clock_.Advance(absl::Minutes(1));
        oracle.Advance(1);
        if (upto(2) == 0) {
          ASSERT_TRUE(ledger_->MarkExpired().ok());
        }
        break;
      case 1:
        if (upto(3) == 0)
          set_limit(std::vector<std::string>{"vcpu", "nodes:ann"}[upto(1)], upto(14));
        break;
      case 2: {
        if (upto(3) != 0) break;
        const int from = oracle.now + upto(20);
        const Oracle::Grant grant{metrics[upto(1)], users[upto(2)], from, from + 1 + upto(30),
                                  1 + upto(5)};
        ASSERT_TRUE(AddGrant(grant.metric, grant.value, grant.from, grant.to, grant.user).ok());
        oracle.grants.push_back(grant);
        break;
      }
      case 3:
      case 4: {
        // Commits or releases something that is held.
        std::vector<std::string> ids;
        for (const auto& [id, entry] : oracle.entries) {
          if (entry.held) ids.push_back(id);
        }
        if (ids.empty()) break;
        Entry& entry = oracle.entries[ids[upto(ids.size() - 1)]];
        const std::string id =
            std::find_if(oracle.entries.begin(), oracle.entries.end(), [&](const auto& e) {
              return &e.second == &entry;
            })->first;
        if (upto(2) == 0) {
          ASSERT_TRUE(Release(id).ok());
          entry.held = false;
          break;
        }
        for (auto& [metric, amount] : entry.amounts) amount -= upto(4) == 0 && amount > 0;
        const auto committed = Commit(id, entry.amounts);
        ASSERT_TRUE(committed.ok()) << committed.status();
        EXPECT_FALSE(committed->over_reserved());
        if (entry.pending && !entry.supersedes.empty()) {
          oracle.entries[entry.supersedes].held = false;
        }
        entry.pending = false;
        break;
      }
      default: {
        Entry entry;
        entry.from = oracle.now - 3 + upto(30);
        entry.to = std::max(entry.from, oracle.now) + 1 + upto(20);
        entry.expire = oracle.now + 1 + upto(10);
        entry.user = users[upto(2)];
        for (const std::string& metric : metrics) {
          if (upto(2) != 0) entry.amounts[metric] = 1 + upto(4);
        }
        std::vector<std::string> candidates;
        for (const auto& [id, other] : oracle.entries) {
          const bool taken =
              std::any_of(oracle.entries.begin(), oracle.entries.end(), [&](auto& e) {
                return e.second.held && e.second.pending && e.second.supersedes == id;
              });
          if (other.held && !other.pending && !taken) candidates.push_back(id);
        }
        if (!candidates.empty() && upto(1) == 0) {
          entry.supersedes = candidates[upto(candidates.size() - 1)];
        }
        const std::string id = "r" + std::to_string(step);
        v1::Reservation wish = Wish(id, entry.amounts, entry.from, entry.to);
        wish.set_user(entry.user);
        *wish.mutable_expire_time() = ToProto(At(entry.expire));
        if (!entry.supersedes.empty()) wish.set_supersedes(ReservationOf(entry.supersedes));
        const auto made = ledger_->Reserve(wish);
        const bool fits = oracle.Fits(entry, entry.from);
        ASSERT_EQ(made.ok(), fits) << made.status();
        if (made.ok()) {
          oracle.entries[id] = entry;
          ++admitted;
          replaced += !entry.supersedes.empty();
          break;
        }
        ++refused;
        ASSERT_EQ(ReasonOf(made.status()), v1::QUOTA_EXCEEDED) << made.status();
        // With one shortfall, it tells from when the whole would fit. A window that began in the
        // past is asked for from now on.
        v1::CheckFitResponse fit;
        ASSERT_TRUE(ReadDetail(made.status(), fit));
        if (fit.shortfalls_size() != 1 || entry.from < oracle.now) break;
        const v1::Shortfall& shortfall = fit.shortfalls(0);
        Entry alone = entry;
        alone.amounts = {{shortfall.metric(), shortfall.requested()}};
        if (shortfall.level() == "project") alone.user.clear();
        if (alone.user != entry.user && !entry.supersedes.empty()) break;
        int first = entry.from;
        while (first < kHorizon && !oracle.Fits(alone, first)) ++first;
        ASSERT_EQ(shortfall.has_fits_from(), first < kHorizon);
        if (shortfall.has_fits_from() && shortfall.level() == "project") {
          EXPECT_EQ(FromProto(shortfall.fits_from()), At(first));
        }
      }
    }
    for (const std::string& metric : metrics) {
      const v1::Usage usage = UsageOf(metric);
      ASSERT_EQ(usage.committed() + usage.pending(), oracle.UsedAt(metric, "", oracle.now));
      ASSERT_EQ(usage.limit(), oracle.LimitAt(metric, "", oracle.now));
    }
  }
  EXPECT_GT(admitted, steps / 10);
  EXPECT_GT(refused, steps / 10);
  EXPECT_GT(replaced, steps / 50);
}

INSTANTIATE_TEST_SUITE_P(Engines, OracleTest, testing::Values(Engine::kSqlite, Engine::kPostgres),
                         EngineName);

}  // namespace
}  // namespace stackyard::quota
