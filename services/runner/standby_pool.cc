#include "services/runner/standby_pool.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/log.h"
#include "common/status_macros.h"

namespace stackyard::runner {
namespace {

constexpr absl::Duration kPauseAfterFault = absl::Seconds(30);

}  // namespace

StandbyPool::StandbyPool(Workspace& workspace, Containment& containment, Prepare prepare,
                         StandbyPoolOptions options)
    : workspace_(workspace),
      containment_(containment),
      prepare_(std::move(prepare)),
      options_(options) {
  if (options_.sites == 0) return;
  absl::MutexLock lock(&mutex_);
  refill_ = std::make_unique<Loop>("standby", [this] { return Refill(); });
}

StandbyPool::~StandbyPool() {
  refill_.reset();
  absl::MutexLock lock(&mutex_);
  ready_.clear();
}

std::unique_ptr<ReadySite> StandbyPool::Take(Kind kind) {
  if (options_.sites == 0) return nullptr;
  absl::MutexLock lock(&mutex_);
  last_begin_ = absl::Now();
  asked_[kind] = last_begin_;
  if (kind.work == Work::kPlan) asked_[{Work::kApply, kind.network}] = last_begin_;
  refill_->Wake();
  auto& sites = ready_[kind];
  if (sites.empty()) return nullptr;
  auto site = std::move(sites.back());
  sites.pop_back();
  return site;
}

void StandbyPool::Busy() {
  absl::MutexLock lock(&mutex_);
  last_begin_ = absl::Now();
}

int StandbyPool::size() const {
  absl::MutexLock lock(&mutex_);
  int size = 0;
  for (const auto& [kind, sites] : ready_) size += static_cast<int>(sites.size());
  return size;
}

std::optional<StandbyPool::Kind> StandbyPool::Wanting() {
  std::optional<Kind> wanting;
  const absl::Time horizon = absl::Now() - options_.memory;
  for (const auto& [kind, asked] : asked_) {
    auto& sites = ready_[kind];
    if (asked < horizon) {
      sites.clear();
    } else if (!wanting && static_cast<int>(sites.size()) < options_.sites) {
      wanting = kind;
    }
  }
  return wanting;
}

absl::Duration StandbyPool::Refill() {
  std::optional<Kind> wanting;
  {
    absl::MutexLock lock(&mutex_);
    wanting = Wanting();
    // Who asks for one wakes this loop.
    if (!wanting) return asked_.empty() ? absl::InfiniteDuration() : options_.memory;
    const absl::Duration quiet = absl::Now() - last_begin_;
    if (quiet < options_.quiet) return options_.quiet - quiet;
  }
  auto site = Make(*wanting);
  if (!site.ok()) {
    LogWarning("no Terraform can be started ahead of time",
               {{"error", std::string(site.status().message())}});
    return kPauseAfterFault;
  }
  absl::MutexLock lock(&mutex_);
  ready_[*wanting].push_back(*std::move(site));
  return absl::ZeroDuration();
}

absl::StatusOr<std::unique_ptr<ReadySite>> StandbyPool::Make(Kind kind) {
  auto site = std::make_unique<ReadySite>();
  ASSIGN_OR_RETURN(site->folder, workspace_.MakeReadyFolder());
  ASSIGN_OR_RETURN(site->box, containment_.MakeBox(options_.limits));
  RETURN_IF_ERROR(site->box->Own(site->folder->path()));
  RETURN_IF_ERROR(site->box->Own(site->folder->tmp()));
  ASSIGN_OR_RETURN(site->terraform,
                   Standby::Start(prepare_(*site, kind), site->folder->path() + "/config"));
  return site;
}

}  // namespace stackyard::runner
