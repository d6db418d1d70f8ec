#include "common/gauge_loop.h"

#include <algorithm>
#include <utility>

#include "absl/random/random.h"
#include "absl/time/clock.h"
#include "common/log.h"

namespace stackyard {
namespace {

constexpr int kPausesPerRead = 100;

}  // namespace

absl::Duration PauseAfter(absl::Duration interval, absl::Duration took, double chance) {
  return std::max(interval * (1 + chance), took * kPausesPerRead);
}

absl::Status CheckMetricsInterval(absl::Duration interval) {
  if (interval >= absl::Seconds(1) && interval <= absl::Hours(1)) return absl::OkStatus();
  return absl::InvalidArgumentError("--metrics-interval must be from 1s to 1h");
}

GaugeLoop::GaugeLoop(absl::Duration interval, std::function<absl::Status()> read,
                     prometheus::Registry& registry)
    : interval_(interval),
      read_(std::move(read)),
      last_success_(prometheus::BuildGauge()
                        .Name("stackyard_gauges_read_time_seconds")
                        .Help("When gauges were last read from the database, since 1970")
                        .Register(registry)
                        .Add({})),
      loop_("gauges", [this] { return Read(); }) {}

absl::Duration GaugeLoop::Read() {
  const absl::Time start = absl::Now();
  const absl::Status done = read_();
  const absl::Time end = absl::Now();
  if (done.ok()) {
    last_success_.Set(absl::ToDoubleSeconds(end - absl::UnixEpoch()));
  } else {
    LogError("gauges cannot be read", {{"error", done.ToString()}});
  }
  static thread_local absl::InsecureBitGen random;
  return PauseAfter(interval_, end - start, absl::Uniform(random, -0.1, 0.1));
}

}  // namespace stackyard
