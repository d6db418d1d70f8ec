// A million events: how long their chain takes to check, and that memory does not grow with it.
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/stacks/events.h"
#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

constexpr int kEvents = 1'000'000;
constexpr int kBatch = 20'000;
constexpr int64_t kMostKib = 64 << 10;

// Peak of the resident memory of this process.
int64_t PeakKib() {
  std::ifstream status("/proc/self/status");
  std::string word;
  int64_t kib = 0;
  while (status >> word) {
    if (word == "VmHWM:") status >> kib;
  }
  return kib;
}

class LongLogTest : public StacksTest {};

// Checking is the same code on PostgreSQL; writing a million events there, each with the trips of
// AppendEvent, takes a quarter of an hour.
INSTANTIATE_TEST_SUITE_P(Engines, LongLogTest, testing::Values(Engine::kSqlite), EngineName);

TEST_P(LongLogTest, AMillionEventsVerifyInBoundedMemory) {
  for (int first = 0; first < kEvents; first += kBatch) {
    const absl::Status written =
        store_->Write({"users/ann", "req"}, [&](Change& change) -> absl::Status {
          for (int i = first; i < first + kBatch; ++i) {
            v1::Event event;
            event.set_type("stack.applied");
            event.set_resource(absl::StrCat("projects/long/stacks/s", i));
            event.set_message("revision 1 is applied");
            if (auto status = AppendEvent(change, "long", event); !status.ok()) return status;
          }
          return absl::OkStatus();
        });
    ASSERT_TRUE(written.ok()) << written;
  }
  // The peak is counted from here.
  std::ofstream("/proc/self/clear_refs") << "5";
  const int64_t before = PeakKib();
  const absl::Time start = absl::Now();
  const auto response = Verify("long");
  const absl::Duration taken = absl::Now() - start;
  const int64_t grown = PeakKib() - before;
  EXPECT_TRUE(response.intact()) << response.ShortDebugString();
  EXPECT_EQ(response.checked(), kEvents);
  EXPECT_LT(grown, kMostKib);
  std::cout << "a million events verify in " << taken << ", with " << grown << " KiB more\n";
}

}  // namespace
}  // namespace stackyard::stacks
