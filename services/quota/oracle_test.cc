// The ledger against a slow, obviously right one that looks at every minute: random histories, each
// in a project of its own, over several replicas that share nothing but the database.
#include <cstdlib>
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

// One replica for each way of keeping up: one follows the log from the start, one forgets what it
// knows after every call, and one is started anew for every history.
constexpr int kReplicas = 3;

class OracleTest : public QuotaTest {
 protected:
  void SetUp() override {
    QuotaTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    for (int i = 0; i < kReplicas; ++i) {
      absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(url_, 3);
      ASSERT_TRUE(store.ok()) << store.status();
      stores_.push_back(*std::move(store));
      ledgers_.push_back(NewReplica(i));
    }
  }
  void TearDown() override {
    ledgers_.clear();
    stores_.clear();
    QuotaTest::TearDown();
  }
  std::unique_ptr<Ledger> NewReplica(int i) {
    LedgerOptions options;
    if (i == 1) options.most_nodes = 0;
    return std::make_unique<Ledger>(*stores_[i], clock_, options);
  }
  void Play(int history, std::mt19937& random);

  std::vector<std::unique_ptr<Store>> stores_;
  std::vector<std::unique_ptr<Ledger>> ledgers_;
  int admitted_ = 0, refused_ = 0, replaced_ = 0, replayed_ = 0;
};

void OracleTest::Play(int history, std::mt19937& random) {
  const auto upto = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
  const std::vector<std::string> metrics = {"vcpu", "nodes"};
  const std::vector<std::string> users = {"", "ann", "bob"};
  const std::string project = "projects/h" + std::to_string(history);
  const absl::Time start = clock_.TimeNow();
  const auto at = [&](int minute) { return start + absl::Minutes(minute); };
  const auto name_of = [&](const std::string& id) { return project + "/quota/reservations/" + id; };
  const auto ledger = [&]() -> Ledger& { return *ledgers_[upto(kReplicas - 1)]; };
  Oracle oracle;
  std::map<std::string, std::pair<v1::Reservation, std::string>> answers;
  const auto set_limit = [&](const std::string& id, int value) {
    v1::SetQuotaLimitRequest request;
    request.mutable_quota_limit()->set_name(project + "/quota/limits/" + id);
    request.mutable_quota_limit()->set_value(value);
    ASSERT_TRUE(limits_->Set(request, caller_).ok());
    oracle.limits[id] = value;
  };
  set_limit("vcpu", 12);
  set_limit("nodes", 6);
  if (upto(1) == 0) set_limit("vcpu:-", 8);
  ledgers_[2] = NewReplica(2);
  for (int step = 0; step < 60; ++step) {
    SCOPED_TRACE(testing::Message() << "history " << history << ", step " << step);
    switch (upto(10)) {
      case 0:
        clock_.Advance(absl::Minutes(1));
        oracle.Advance(1);
        if (upto(2) == 0) {
          ASSERT_TRUE(ledger().MarkExpired().ok());
        }
        break;
      case 1:
        if (upto(3) == 0) {
          set_limit(std::vector<std::string>{"vcpu", "nodes:ann", "vcpu:bob"}[upto(2)], upto(14));
        }
        break;
      case 2: {
        if (upto(3) != 0) break;
        const int from = oracle.now + upto(20);
        const Oracle::Grant grant{metrics[upto(1)], users[upto(2)], from, from + 1 + upto(30),
                                  1 + upto(5)};
        v1::CreateQuotaGrantRequest request;
        request.set_parent(project);
        request.mutable_quota_grant()->mutable_amount()->set_metric(grant.metric);
        request.mutable_quota_grant()->mutable_amount()->set_value(grant.value);
        request.mutable_quota_grant()->set_user(grant.user);
        *request.mutable_quota_grant()->mutable_start_time() = ToProto(at(grant.from));
        *request.mutable_quota_grant()->mutable_end_time() = ToProto(at(grant.to));
        ASSERT_TRUE(limits_->CreateGrant(request, caller_).ok());
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
        const std::string id = ids[upto(static_cast<int>(ids.size()) - 1)];
        Entry& entry = oracle.entries[id];
        if (upto(2) == 0) {
          internal::v1::ReleaseRequest request;
          request.set_name(name_of(id));
          ASSERT_TRUE(ledger().Release(request).ok());
          entry.held = false;
          break;
        }
        for (auto& [metric, amount] : entry.amounts) amount -= upto(4) == 0 && amount > 0;
        internal::v1::CommitRequest request;
        request.set_name(name_of(id));
        AddAmounts(entry.amounts, request.mutable_amounts());
        const auto committed = ledger().Commit(request);
        ASSERT_TRUE(committed.ok()) << committed.status();
        EXPECT_FALSE(committed->over_reserved());
        if (entry.pending && !entry.supersedes.empty()) {
          oracle.entries[entry.supersedes].held = false;
        }
        entry.pending = false;
        break;
      }
      case 5: {
        // Asks again for what was answered once.
        if (answers.empty()) break;
        const auto& [wish, answer] =
            std::next(answers.begin(), upto(static_cast<int>(answers.size()) - 1))->second;
        const auto again = ledger().Reserve(wish);
        ASSERT_TRUE(again.ok()) << again.status();
        ASSERT_EQ(again->SerializeAsString(), answer);
        ++replayed_;
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
          entry.supersedes = candidates[upto(static_cast<int>(candidates.size()) - 1)];
        }
        const std::string id = "r" + std::to_string(step);
        v1::Reservation wish;
        wish.set_name(name_of(id));
        AddAmounts(entry.amounts, wish.mutable_amounts());
        wish.set_user(entry.user);
        *wish.mutable_start_time() = ToProto(at(entry.from));
        *wish.mutable_end_time() = ToProto(at(entry.to));
        *wish.mutable_expire_time() = ToProto(at(entry.expire));
        if (!entry.supersedes.empty()) wish.set_supersedes(name_of(entry.supersedes));
        const auto made = ledger().Reserve(wish);
        const bool fits = oracle.Fits(entry, entry.from);
        ASSERT_EQ(made.ok(), fits) << made.status();
        if (made.ok()) {
          oracle.entries[id] = entry;
          answers[id] = {wish, made->SerializeAsString()};
          ++admitted_;
          replaced_ += !entry.supersedes.empty();
          break;
        }
        ++refused_;
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
          EXPECT_EQ(FromProto(shortfall.fits_from()), at(first));
        }
      }
    }
    if (step % 4 != 0) continue;
    v1::ListUsageRequest request;
    request.set_parent(project);
    const auto usage = usage_->List(request);
    ASSERT_TRUE(usage.ok()) << usage.status();
    for (const v1::Usage& line : usage->usage()) {
      if (line.metric() != "vcpu" && line.metric() != "nodes") continue;
      ASSERT_EQ(line.committed() + line.pending(), oracle.UsedAt(line.metric(), "", oracle.now));
      ASSERT_EQ(line.limit(), oracle.LimitAt(line.metric(), "", oracle.now));
    }
  }
}

TEST_P(OracleTest, AgreesOnEveryDecision) {
  const char* asked = std::getenv("QUOTA_HISTORIES");
  const int histories = asked != nullptr ? std::atoi(asked) : 12;
  std::mt19937 random(7);
  for (int history = 0; history < histories && !HasFatalFailure(); ++history) {
    Play(history, random);
  }
  EXPECT_GT(admitted_, histories * 3);
  EXPECT_GT(refused_, histories * 3);
  EXPECT_GT(replaced_, histories);
  EXPECT_GT(replayed_, histories);
}

INSTANTIATE_TEST_SUITE_P(Engines, OracleTest, testing::Values(Engine::kSqlite, Engine::kPostgres),
                         EngineName);

}  // namespace
}  // namespace stackyard::quota
