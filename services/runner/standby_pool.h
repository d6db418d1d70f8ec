// Terraforms that are started ahead of time, each in the folder of a run to come.
#pragma once

#include <compare>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/work.h"
#include "services/runner/containment.h"
#include "services/runner/standby.h"
#include "services/runner/workspace.h"

namespace stackyard::runner {

// The place of a run to come, where a Terraform waits.
struct ReadySite {
  std::unique_ptr<RunFolder> folder;
  std::unique_ptr<Box> box;
  // Goes first. Null: none waits here.
  std::unique_ptr<Standby> terraform;
};

struct StandbyPoolOptions {
  // Of a site, until it is known whose it is.
  Limits limits;
  // Sites of each kind kept ready; 0: none.
  int sites = 1;
  // A kind that nobody asked for in that time is kept no longer.
  absl::Duration memory = absl::Hours(1);
  // They are made when no run has begun for that long: the processors belong to the runs.
  absl::Duration quiet = absl::Milliseconds(200);
};

// Thread-safe.
class StandbyPool {
 public:
  enum class Work { kPlan, kApply };
  struct Kind {
    Work work = Work::kPlan;
    // Whether the run may reach the network.
    bool network = false;

    friend auto operator<=>(const Kind&, const Kind&) = default;
  };

  // How one command of a site will be started.
  using Prepare = std::function<Command(const ReadySite& site, Kind kind)>;

  // The parts must outlive it. Begins at once.
  StandbyPool(Workspace& workspace, Containment& containment, Prepare prepare,
              StandbyPoolOptions options);
  // Kills those that wait.
  ~StandbyPool();

  // A site for a run that begins now; null when there is none. What is asked for is kept ready from
  // then on, and with sites for plans those for the applies that follow.
  std::unique_ptr<ReadySite> Take(Kind kind);
  // Tells of a run that has no use for a site.
  void Busy();
  // Sites that wait.
  int size() const;

 private:
  // Makes one that is missing; answers when to look again.
  absl::Duration Refill();
  // A kind that wants a site; null: none. Drops those that nobody asks for any more.
  std::optional<Kind> Wanting() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<std::unique_ptr<ReadySite>> Make(Kind kind);

  Workspace& workspace_;
  Containment& containment_;
  const Prepare prepare_;
  const StandbyPoolOptions options_;
  mutable absl::Mutex mutex_;
  std::map<Kind, std::vector<std::unique_ptr<ReadySite>>> ready_ ABSL_GUARDED_BY(mutex_);
  // When a kind was asked for last.
  std::map<Kind, absl::Time> asked_ ABSL_GUARDED_BY(mutex_);
  absl::Time last_begin_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  // Last: its thread uses the rest, and the processes live as long as it does.
  std::unique_ptr<Loop> refill_;
};

}  // namespace stackyard::runner
