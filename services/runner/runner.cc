#include "services/runner/runner.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "common/log.h"

namespace stackyard::runner {
namespace {

using internal::v1::Assignment;
using internal::v1::Lease;

constexpr absl::Duration kFirstPause = absl::Milliseconds(50);
constexpr absl::Duration kLongestPause = absl::Seconds(2);
// What is kept of the time to drain for killing, and for telling of it.
constexpr absl::Duration kKillTime = absl::Seconds(2);

}  // namespace

Runner::Runner(const RunnerParts& parts, RunnerOptions options) : parts_(parts), options_(options) {
  parts_.metrics.SetSlots(options_.slots);
  heartbeat_ = std::make_unique<Loop>("heartbeat", [this] { return Beat(); });
  absl::MutexLock lock(&mutex_);
  acquire_ = std::make_unique<Loop>("acquire", [this] { return Acquire(); });
}

Runner::~Runner() { Interrupt(absl::ZeroDuration()); }

Runner::Key Runner::KeyOf(const Lease& lease) { return {lease.run(), lease.generation()}; }

int Runner::CountRunning() const {
  return static_cast<int>(std::count_if(active_.begin(), active_.end(),
                                        [](const auto& entry) { return !entry.second->ended; }));
}

int Runner::Reap() {
  std::vector<std::unique_ptr<Active>> ended;
  absl::MutexLock lock(&mutex_);
  for (auto entry = active_.begin(); entry != active_.end();) {
    if (entry->second->ended) {
      ended.push_back(std::move(entry->second));
      entry = active_.erase(entry);
    } else {
      ++entry;
    }
  }
  // Their threads do nothing more that needs the lock.
  return options_.slots - static_cast<int>(active_.size());
}

absl::Duration Runner::Acquire() {
  const int free = Reap();
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return absl::InfiniteDuration();
  }
  // The end of a run wakes this loop.
  if (free <= 0) return absl::InfiniteDuration();
  auto assignments = parts_.queue.Acquire(free, options_.poll, parts_.modules.Recent(),
                                          parts_.terraform.engine().Label());
  if (!assignments.ok()) {
    pause_ = std::min(std::max(pause_ * 2, kFirstPause), kLongestPause);
    if (!absl::IsCancelled(assignments.status())) {
      LogWarning("no work can be fetched",
                 {{"error", std::string(assignments.status().message())}});
    }
    return pause_;
  }
  pause_ = absl::ZeroDuration();
  for (Assignment& assignment : *assignments) Start(std::move(assignment));
  return absl::ZeroDuration();
}

void Runner::Start(Assignment assignment) {
  auto active = std::make_unique<Active>();
  active->assignment = std::move(assignment);
  const Key key = KeyOf(active->assignment.lease());
  absl::MutexLock lock(&mutex_);
  // What comes in now goes to another runner when its lease ends.
  if (interrupted_) return;
  const auto [entry, added] = active_.emplace(key, std::move(active));
  if (!added) return;
  Active& run = *entry->second;
  run.thread = std::make_unique<Task>("run", [this, &run] { Execute(run); });
  parts_.metrics.SetBusy(CountRunning());
}

void Runner::Execute(Active& active) {
  ExecuteRun(parts_, active.assignment, active.control);
  absl::MutexLock lock(&mutex_);
  active.ended = true;
  parts_.metrics.SetBusy(CountRunning());
  acquire_->Wake();
}

absl::Duration Runner::Beat() {
  std::vector<Lease> leases;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [key, active] : active_) {
      if (!active->ended) leases.push_back(active->assignment.lease());
    }
  }
  if (leases.empty()) return options_.heartbeat_interval;
  const absl::Time start = absl::Now();
  const auto answer =
      parts_.queue.Heartbeat(leases, std::max(options_.heartbeat_interval, absl::Seconds(1)));
  if (!answer.ok()) {
    LogWarning("a heartbeat failed", {{"error", std::string(answer.status().message())}});
    return std::max(options_.heartbeat_interval / 4,
                    options_.heartbeat_interval - (absl::Now() - start));
  }
  absl::MutexLock lock(&mutex_);
  const auto find = [this](const Lease& lease) ABSL_SHARED_LOCKS_REQUIRED(mutex_) -> RunControl* {
    const auto found = active_.find(KeyOf(lease));
    return found == active_.end() ? nullptr : &found->second->control;
  };
  for (const auto& cancellation : answer->cancellations()) {
    RunControl* control = find(cancellation.lease());
    if (control == nullptr) continue;
    if (cancellation.kill()) {
      control->Kill(StopReason::kCancelled);
    } else {
      control->Interrupt(StopReason::kCancelled);
    }
  }
  for (const Lease& lease : answer->lost()) {
    RunControl* control = find(lease);
    if (control != nullptr) control->Abandon(StopReason::kLeaseLost);
  }
  return options_.heartbeat_interval;
}

void Runner::StopTaking() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  parts_.queue.StopAcquiring();
  // What the last poll brought was begun when this returns: it is worked on as the rest.
  if (acquire_ != nullptr) acquire_->Stop();
}

bool Runner::Idle() const {
  absl::MutexLock lock(&mutex_);
  return CountRunning() == 0;
}

void Runner::Interrupt(absl::Duration limit) {
  const absl::Time end = absl::Now() + limit;
  const auto idle = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return CountRunning() == 0; };
  {
    absl::MutexLock lock(&mutex_);
    interrupted_ = true;
    for (auto& [key, active] : active_) active->control.Interrupt(StopReason::kDrained);
  }
  StopTaking();
  {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&idle), limit - std::min(kKillTime, limit / 2));
    for (auto& [key, active] : active_) active->control.Kill(StopReason::kDrained);
    mutex_.AwaitWithDeadline(absl::Condition(&idle), end);
    for (auto& [key, active] : active_) active->control.Abandon(StopReason::kLeaseLost);
    mutex_.Await(absl::Condition(&idle));
  }
  if (heartbeat_ != nullptr) heartbeat_->Stop();
  Reap();
}

}  // namespace stackyard::runner
