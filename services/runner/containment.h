// Keeps runs apart from each other, from the runner and from its machine.
#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/runner/cgroups.h"
#include "services/runner/child_process.h"
#include "services/runner/sandbox.h"
#include "services/runner/slot_uids.h"

namespace stackyard::runner {

// What a machine may lack. By these names --allow-without knows them.
inline constexpr std::string_view kSandboxFeature = "sandbox";
inline constexpr std::string_view kSlotUidsFeature = "slot-uids";
inline constexpr std::string_view kMemoryFeature = "memory-limit";
inline constexpr std::string_view kCpuFeature = "cpu-limit";
inline constexpr std::string_view kProcessFeature = "process-limit";

// All of them.
const std::vector<std::string>& ContainmentFeatures();

struct ContainmentOptions {
  // The bubblewrap program, by path or by a name on PATH.
  std::string bwrap = "bwrap";
  // What every command sees.
  std::vector<Bind> paths;
  // First of the users that boxes get when the runner is root; 0: none.
  uid_t slot_uids = 0;
  // Largest file that a command may write, in bytes; 0: any.
  int64_t max_file_bytes = 0;
  // A folder of the runner's own, to try things in.
  std::string scratch;
  CgroupPaths cgroup_paths;
};

class Containment;

// Confines what belongs together: the commands of one run, or one provider. A user of its own where
// the runner is root, and one control group for all of it, both until the object goes. Not
// thread-safe.
class Box {
 public:
  // A command that is confined to what all see and to `folders`.
  Command Confine(Command command, const std::vector<Bind>& folders, bool network) const;
  // Makes the box's user the owner of a folder or file and all in it. For files that the runner
  // wrote; links are not followed.
  absl::Status Own(const std::string& path) const;
  // 0: the runner's own.
  uid_t uid() const { return sharing_ == nullptr ? uid_.uid() : sharing_->uid(); }
  // From now on its commands are the user of another box, which outlives that: what runs in both
  // reads and writes the same files. nullptr: its own again.
  void ShareUser(const Box* other) { sharing_ = other; }
  // Whether its commands see no processes but their own.
  bool sandboxed() const;
  const Limits& limits() const { return limits_; }
  // Takes effect at once.
  absl::Status SetLimits(const Limits& limits);
  // What it ran into since it was last asked, `went over its 64 MiB of memory`; empty: nothing.
  std::string LimitReached();

 private:
  friend class Containment;
  Box(const Containment& containment, SlotUids::Lease uid, std::unique_ptr<Cgroup> cgroup,
      const Limits& limits)
      : containment_(containment),
        uid_(std::move(uid)),
        cgroup_(std::move(cgroup)),
        limits_(limits) {}

  const Containment& containment_;
  // Before the group: a user is given to the next one when nothing of it runs any more.
  SlotUids::Lease uid_;
  const Box* sharing_ = nullptr;
  std::unique_ptr<Cgroup> cgroup_;
  Limits limits_;
  int64_t memory_kills_ = 0;
  int64_t refused_processes_ = 0;
};

// What this machine can do of it, found out by doing it. Thread-safe; outlives its boxes.
class Containment {
 public:
  struct Missing {
    std::string feature;
    // On one line.
    std::string why;
  };

  // Tries everything. What does not work is left out, and told by missing().
  static std::unique_ptr<Containment> Open(const ContainmentOptions& options,
                                           const std::string& runner_id);

  const std::vector<Missing>& missing() const { return missing_; }
  // FAILED_PRECONDITION, on one line, when something is missing that is not in `allowed`.
  absl::Status Check(const std::set<std::string>& allowed) const;
  // Whether boxes have users of their own.
  bool has_users() const { return uids_ != nullptr; }

  absl::StatusOr<std::unique_ptr<Box>> MakeBox(const Limits& limits);

 private:
  friend class Box;
  explicit Containment(ContainmentOptions options) : options_(std::move(options)) {}
  void OpenSandbox();
  void OpenCgroups(const std::string& runner_id);
  // A confined command for real: OK when it could write into a folder of its own, and nothing else.
  absl::Status Try(bool sandboxed, uid_t uid) const;
  void Miss(std::string_view feature, const absl::Status& why);

  const ContainmentOptions options_;
  // Empty: no sandbox.
  std::string bwrap_;
  std::shared_ptr<const Fd> seccomp_;
  std::unique_ptr<SlotUids> uids_;
  std::unique_ptr<Cgroups> cgroups_;
  std::vector<Missing> missing_;
  std::atomic<int64_t> boxes_{0};
};

}  // namespace stackyard::runner
