#include "services/runner/salvager.h"

#include <optional>
#include <string>
#include <utility>

#include "common/log.h"
#include "common/status.h"
#include "services/runner/local_state.h"
#include "services/runner/run_note.h"

namespace stackyard::runner {
namespace {

// The newest state that a run has left, when it is newer than what the run began with.
std::string LeftState(const std::string& run_folder, const RunNote& note) {
  if (!note.changes_state) return "";
  const auto state = NewestState(run_folder + "/module",
                                 {kCurrentState, kErroredState, kBackupState}, note.lineage);
  return state && state->serial > note.serial ? state->text : "";
}

bool IsAnswer(const absl::Status& status) {
  const ErrorReason reason = ReasonOf(status);
  return status.ok() || reason == v1::INVALID_FIELD || reason == v1::RESOURCE_NOT_FOUND;
}

}  // namespace

Salvager::Salvager(QueueClient& queue, Workspace& workspace)
    : queue_(queue), workspace_(workspace) {
  for (auto& dead : workspace.TakeDead()) dead_.push_back(std::move(dead));
  loop_ = std::make_unique<Loop>("salvage", [this] { return Work(); });
}

Salvager::~Salvager() {
  control_.Abandon(StopReason::kDrained);
  loop_->Stop();
  absl::MutexLock lock(&mutex_);
  for (const auto& folder : lost_) workspace_.Leave(*folder);
}

void Salvager::Add(std::unique_ptr<RunFolder> folder) {
  absl::MutexLock lock(&mutex_);
  lost_.push_back(std::move(folder));
  loop_->Wake();
}

absl::Duration Salvager::Work() {
  std::unique_ptr<DeadRunner> dead;
  std::unique_ptr<RunFolder> lost;
  {
    absl::MutexLock lock(&mutex_);
    if (!lost_.empty()) {
      lost = std::move(lost_.front());
      lost_.pop_front();
    } else if (!dead_.empty()) {
      dead = std::move(dead_.front());
      dead_.pop_front();
    } else {
      return absl::InfiniteDuration();
    }
  }
  if (lost != nullptr && !HandIn(lost->path())) workspace_.Leave(*lost);
  if (dead != nullptr) {
    bool answered = true;
    for (const std::string& run_folder : dead->RunFolders()) answered &= HandIn(run_folder);
    if (answered) dead->Remove();
  }
  return absl::ZeroDuration();
}

bool Salvager::HandIn(const std::string& run_folder) {
  const auto note = ReadNote(run_folder);
  if (!note.ok()) return absl::IsNotFound(note.status());
  const std::string state = LeftState(run_folder, *note);
  const auto response = queue_.Salvage(note->lease, state, control_);
  if (response.ok()) {
    LogInfo("a lost run was handed in", {{"run", note->lease.run()},
                                         {"generation", note->lease.generation()},
                                         {"bytes", static_cast<int64_t>(state.size())},
                                         {"accepted", response->accepted()},
                                         {"serial", response->serial()}});
  } else {
    LogWarning("what a lost run has left was not taken",
               {{"run", note->lease.run()}, {"error", std::string(response.status().message())}});
  }
  return IsAnswer(response.status());
}

}  // namespace stackyard::runner
