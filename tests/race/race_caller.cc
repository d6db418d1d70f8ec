// One process of the race:
//
//   race_caller DATABASE BOARD FIRST CALLERS ROUNDS
//
// CALLERS callers, numbered from FIRST on, each take a unit of metrics/nodes of projects/web and
// give it back, ROUNDS times.
#include <algorithm>
#include <iostream>

#include "common/proto_time.h"
#include "common/work.h"
#include "services/quota/ledger.h"
#include "tests/race/race_board.h"

namespace stackyard::quota {
namespace {

class Racer {
 public:
  Racer(Ledger& ledger, RaceBoard& board) : ledger_(ledger), board_(board) {}

  void Run(int caller, int rounds) {
    for (int round = 1; round <= rounds; ++round) {
      const std::string name = RaceName(caller, round);
      if (!Take(name)) return;
      board_.admitted[caller] = round;
      if (board_.Raise(caller) > kRaceLimit) ++board_.over;
      if (round % 2 == 0) {
        internal::v1::CommitRequest commit;
        commit.set_name(name);
        AddUnit(commit.mutable_amounts());
        Expect(Timed([&] { return ledger_.Commit(commit); }));
      }
      board_.Lower(caller);
      internal::v1::ReleaseRequest release;
      release.set_name(name);
      Expect(Timed([&] { return ledger_.Release(release); }));
    }
  }

 private:
  using Result = absl::StatusOr<v1::Reservation>;
  Result Timed(const std::function<Result()>& work) {
    const absl::Time start = absl::Now();
    Result result = work();
    const int64_t took = absl::ToInt64Milliseconds(absl::Now() - start);
    int64_t longest = board_.longest;
    while (took > longest && !board_.longest.compare_exchange_weak(longest, took)) {
    }
    return result;
  }
  static void AddUnit(google::protobuf::RepeatedPtrField<v1::Amount>* amounts) {
    v1::Amount* amount = amounts->Add();
    amount->set_metric("nodes");
    amount->set_value(1);
  }
  void Expect(const absl::StatusOr<v1::Reservation>& result) {
    if (result.ok()) return;
    std::cerr << result.status() << "\n";
    ++board_.faults;
  }
  // Tries until there is room.
  bool Take(const std::string& name) {
    v1::Reservation wish;
    wish.set_name(name);
    AddUnit(wish.mutable_amounts());
    while (true) {
      const absl::Time now = absl::Now();
      *wish.mutable_start_time() = ToProto(now);
      *wish.mutable_end_time() = ToProto(now + absl::Hours(2));
      *wish.mutable_expire_time() = ToProto(now + absl::Hours(1));
      const auto made = Timed([&] { return ledger_.Reserve(wish); });
      if (made.ok()) return true;
      if (ReasonOf(made.status()) != v1::QUOTA_EXCEEDED) {
        Expect(made);
        return false;
      }
    }
  }

  Ledger& ledger_;
  RaceBoard& board_;
};

int Run(const std::vector<std::string>& args) {
  RaceBoard* board = RaceBoard::Open(args[1]);
  auto store = Store::Open(args[0], 3);
  if (board == nullptr || !store.ok()) {
    std::cerr << store.status() << "\n";
    return 1;
  }
  const SystemClock clock;
  Ledger ledger(**store, clock);
  Racer racer(ledger, *board);
  std::vector<Task> callers;
  const int first = std::stoi(args[2]), rounds = std::stoi(args[4]);
  for (int i = 0; i < std::stoi(args[3]); ++i) {
    callers.emplace_back("caller", [&racer, first, i, rounds] { racer.Run(first + i, rounds); });
  }
  callers.clear();
  return 0;
}

}  // namespace
}  // namespace stackyard::quota

int main(int argc, char** argv) {
  if (argc == 6) return stackyard::quota::Run({argv + 1, argv + argc});
  std::cerr << "usage: see the head of race_caller.cc\n";
  return 2;
}
