// Control groups: what processes together may use.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/runner/file.h"

namespace stackyard::runner {

// What processes together may use; 0: as much as there is.
struct Limits {
  int64_t memory_bytes = 0;
  // Processors, in thousandths.
  int64_t cpu_millis = 0;
  // Processes and threads.
  int64_t processes = 0;

  friend bool operator==(const Limits&, const Limits&) = default;
};

// One group in each controller that there is, removed with the object, and what runs in it killed.
class Cgroup {
 public:
  ~Cgroup();
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  // The files by which a process joins it, see Confinement::cgroups.
  std::vector<std::string> procs() const;
  // Holds from now on; what is used already stays.
  absl::Status SetLimits(const Limits& limits);
  // How many of its processes the kernel ended because memory was short.
  int64_t OutOfMemoryKills() const;
  // How often it was refused another process.
  int64_t RefusedProcesses() const;
  // The most memory that it has used, in bytes; 0: not known.
  int64_t PeakMemory() const;

 private:
  friend class Cgroups;
  struct Folder {
    std::string path;
    // `memory`, `cpu`, `pids`.
    std::vector<std::string> controllers;
    bool v2 = false;
  };
  explicit Cgroup(std::vector<Folder> folders) : folders_(std::move(folders)) {}
  const Folder* Find(std::string_view controller) const;

  const std::vector<Folder> folders_;
};

// Where the kernel tells of groups.
struct CgroupPaths {
  // What is mounted.
  std::string mounts = "/proc/self/mountinfo";
  // Which groups this process is in.
  std::string groups = "/proc/self/cgroup";
};

// The groups of one runner, below the group that the runner itself is in. Speaks the first and the
// second version, also mixed. Thread-safe.
class Cgroups {
 public:
  // Makes the group of the runner wherever a controller can be used, and removes those that dead
  // runners left beside it. What cannot be used is told by Missing.
  static std::unique_ptr<Cgroups> Open(const std::string& runner_id,
                                       const CgroupPaths& paths = CgroupPaths());
  ~Cgroups();

  // Why a controller (`memory`, `cpu`, `pids`) cannot be used, on one line; OK when it can.
  absl::Status Missing(std::string_view controller) const;
  // A new group; `name` is of letters, digits, `-` and `_`, and no living group has it.
  absl::StatusOr<std::unique_ptr<Cgroup>> Make(const std::string& name, const Limits& limits) const;

 private:
  struct Controller {
    std::string name;
    absl::Status missing;
  };
  // The runner's group in one hierarchy.
  struct Home {
    std::string path;
    std::vector<std::string> controllers;
    bool v2 = false;
    // Held as long as the runner lives.
    Fd lock;
  };

  Cgroups() = default;
  void Use(const std::string& parent, const std::string& runner_id, bool v2,
           const std::vector<std::string>& controllers);
  void Miss(const std::vector<std::string>& controllers, const absl::Status& why);

  std::vector<Controller> controllers_;
  std::vector<Home> homes_;
};

}  // namespace stackyard::runner
