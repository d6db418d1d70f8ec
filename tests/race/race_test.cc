// 64 callers in several processes against one metric. QUOTA_RACE_ROUNDS makes it longer.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>
#include <thread>

#include "services/quota/testing.h"
#include "tests/race/race_board.h"

namespace stackyard::quota {
namespace {

constexpr int kProcesses = 4;
constexpr int kCallers = kMostCallers / kProcesses;
static_assert(kFirstVictim == kMostCallers - kCallers);

class RaceProcessesTest : public QuotaTest {
 protected:
  void SetUp() override {
    QuotaTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    std::filesystem::create_directories(folder_);
    board_ = RaceBoard::Open(board_path_);
    ASSERT_NE(board_, nullptr);
    ASSERT_TRUE(SetLimit("nodes", kRaceLimit).ok());
    const char* rounds = std::getenv("QUOTA_RACE_ROUNDS");
    if (rounds != nullptr) rounds_ = std::atoi(rounds);
  }
  void TearDown() override {
    for (const pid_t process : processes_) {
      kill(process, SIGKILL);
      waitpid(process, nullptr, 0);
    }
    if (board_ != nullptr) munmap(board_, sizeof(RaceBoard));
    QuotaTest::TearDown();
  }

  void Start() {
    for (int i = 0; i < kProcesses; ++i) {
      std::vector<std::string> args = {RACE_CALLER,
                                       url_,
                                       board_path_,
                                       std::to_string(i * kCallers),
                                       std::to_string(kCallers),
                                       std::to_string(rounds_)};
      std::vector<char*> argv;
      for (std::string& arg : args) argv.push_back(arg.data());
      argv.push_back(nullptr);
      pid_t process = 0;
      ASSERT_EQ(posix_spawn(&process, RACE_CALLER, nullptr, nullptr, argv.data(), environ), 0);
      processes_.push_back(process);
    }
  }
  // Of one that is left; answers how it ended.
  int Wait(size_t process) {
    int status = 0;
    waitpid(processes_[process], &status, 0);
    processes_.erase(processes_.begin() + static_cast<ptrdiff_t>(process));
    return status;
  }

  // What all callers from `first` on have had admitted so far.
  int64_t Admitted(int first = 0) const {
    int64_t sum = 0;
    for (int i = first; i < kMostCallers; ++i) sum += board_->admitted[i];
    return sum;
  }

  void ExpectNeverOver() const {
    EXPECT_EQ(board_->over, 0);
    EXPECT_EQ(board_->faults, 0);
    EXPECT_LT(board_->longest, 30'000) << "milliseconds that one call took";
  }
  // Gives back what the callers from `first` on hold; answers how much that was.
  int64_t GiveBack(Ledger& ledger, int first) {
    board_->ForgetVictims();
    const auto held = ledger.ListHeld({});
    EXPECT_TRUE(held.ok()) << held.status();
    int64_t units = 0;
    for (const v1::Reservation& reservation : held->reservations()) {
      if (RaceCaller(reservation.name()) < first) continue;
      internal::v1::ReleaseRequest release;
      release.set_name(reservation.name());
      EXPECT_TRUE(ledger.Release(release).ok());
      ++units;
    }
    return units;
  }
  void ExpectNoUnitLost(Ledger& ledger) {
    EXPECT_TRUE(ledger.ListHeld({})->reservations().empty());
    const absl::Time now = system_clock_.TimeNow();
    v1::Reservation all = Wish("all", {{"nodes", kRaceLimit}});
    *all.mutable_start_time() = ToProto(now);
    *all.mutable_end_time() = ToProto(now + absl::Hours(1));
    *all.mutable_expire_time() = ToProto(now + absl::Hours(1));
    const auto made = ledger.Reserve(all);
    EXPECT_TRUE(made.ok()) << made.status();
    all.set_name(ReservationOf("one-more"));
    EXPECT_EQ(ReasonOf(ledger.Reserve(all).status()), v1::QUOTA_EXCEEDED);
  }

  const std::string board_path_ = (folder_ / "board").string();
  const SystemClock system_clock_;
  RaceBoard* board_ = nullptr;
  int rounds_ = 4;
  std::vector<pid_t> processes_;
};

TEST_P(RaceProcessesTest, NeverOverNeverAUnitLostAndEveryCallerGetsThrough) {
  Start();
  while (!processes_.empty()) EXPECT_EQ(Wait(0), 0);
  ExpectNeverOver();
  for (int i = 0; i < kMostCallers; ++i) EXPECT_EQ(board_->admitted[i], rounds_) << "caller " << i;
  EXPECT_EQ(board_->held, 0);
  Ledger ledger(*store_, system_clock_);
  ExpectNoUnitLost(ledger);
}

TEST_P(RaceProcessesTest, AProcessThatIsKilledTakesNothingAlong) {
  Start();
  // The last one, when it is in the middle of it.
  const int first = kFirstVictim;
  while (Admitted(first) < kCallers * rounds_ / 4) std::this_thread::yield();
  kill(processes_.back(), SIGKILL);
  EXPECT_TRUE(WIFSIGNALED(Wait(processes_.size() - 1)));
  EXPECT_LT(Admitted(first), kCallers * rounds_) << "killed too late to tell anything";
  // What it held stays held until somebody gives it back, or its time to commit is up.
  Ledger ledger(*store_, system_clock_);
  EXPECT_LE(GiveBack(ledger, first), kRaceLimit);
  while (!processes_.empty()) EXPECT_EQ(Wait(0), 0);
  ExpectNeverOver();
  for (int i = 0; i < first; ++i) EXPECT_EQ(board_->admitted[i], rounds_) << "caller " << i;
  // What was answered is there, whatever became of who asked.
  for (int i = first; i < kMostCallers; ++i) {
    if (board_->admitted[i] == 0) continue;
    v1::GetReservationRequest get;
    get.set_name(RaceName(i, board_->admitted[i]));
    EXPECT_TRUE(ledger.Get(get).ok()) << get.name();
  }
  ExpectNoUnitLost(ledger);
}

INSTANTIATE_TEST_SUITE_P(Engines, RaceProcessesTest,
                         testing::Values(Engine::kSqlite, Engine::kPostgres), EngineName);

}  // namespace
}  // namespace stackyard::quota
