#include "services/runner/cgroups.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/log.h"
#include "common/poll_until.h"
#include "common/status_macros.h"

namespace stackyard::runner {
namespace fs = std::filesystem;
namespace {

constexpr const char* kControllers[] = {"memory", "cpu", "pids"};
constexpr char kPrefix[] = "stackyard-";
constexpr int64_t kCpuPeriod = 100'000;
// How long a group whose processes were killed may take to be empty.
constexpr absl::Duration kPatience = absl::Seconds(5);

// A mounted hierarchy: where, which of its groups is the top of it, and its controllers.
struct Hierarchy {
  std::string path;
  std::string root;
  bool v2 = false;
  std::vector<std::string> controllers;
};

bool IsController(const std::string& name) {
  return std::find(std::begin(kControllers), std::end(kControllers), name) !=
         std::end(kControllers);
}

// Lines of mountinfo: id, parent, device, root, path, options, … `-`, type, source, options.
std::vector<Hierarchy> ReadHierarchies(const std::string& mounts) {
  std::vector<Hierarchy> found;
  for (const auto line : absl::StrSplit(mounts, '\n', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> halves =
        absl::StrSplit(line, absl::MaxSplits(" - ", 1));
    const std::vector<std::string> place = absl::StrSplit(halves.first, ' ');
    const std::vector<std::string> kind = absl::StrSplit(halves.second, ' ');
    if (place.size() < 5 || kind.size() < 3) continue;
    Hierarchy hierarchy{place[4], place[3], kind[0] == "cgroup2", {}};
    if (kind[0] == "cgroup") {
      for (const std::string& option : std::vector<std::string>(absl::StrSplit(kind[2], ','))) {
        if (IsController(option)) hierarchy.controllers.push_back(option);
      }
      if (!hierarchy.controllers.empty()) found.push_back(std::move(hierarchy));
    } else if (hierarchy.v2) {
      found.push_back(std::move(hierarchy));
    }
  }
  return found;
}

// The group of this process by controller; that of the second version by the empty name.
std::map<std::string, std::string> ReadGroups(const std::string& groups) {
  std::map<std::string, std::string> result;
  for (const auto line : absl::StrSplit(groups, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() < 3) continue;
    for (const std::string& name : std::vector<std::string>(absl::StrSplit(parts[1], ','))) {
      result[name] = parts[2];
    }
  }
  return result;
}

// Where a group is below a mount that shows only a part of the hierarchy, as in containers.
std::string PathOf(const Hierarchy& hierarchy, absl::string_view group) {
  if (hierarchy.root != "/") absl::ConsumePrefix(&group, hierarchy.root);
  if (group == "/") group = "";
  return absl::StrCat(hierarchy.path, group);
}

// Files of the kernel take one write, and never a new file.
absl::Status Put(const std::string& path, const std::string& text) {
  const Fd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (fd.ok() && write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) {
    return absl::OkStatus();
  }
  const int error = errno;
  const std::string message = absl::StrCat("writing ", text, " to ", path, ": ", strerror(error));
  if (error == ENOENT) return absl::NotFoundError(message);
  if (error == EBUSY) return absl::AbortedError(message);
  return absl::InternalError(message);
}

// `name value` lines.
int64_t Counter(const std::string& path, std::string_view name) {
  const auto text = ReadFile(path, 1 << 16);
  if (!text.ok()) return 0;
  for (const auto line : absl::StrSplit(*text, '\n')) {
    const std::pair<std::string, std::string> entry = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    if (entry.first == name) return atoll(entry.second.c_str());
  }
  return 0;
}

void KillMembers(const std::string& path) {
  if (Put(path + "/cgroup.kill", "1").ok()) return;
  const auto members = ReadFile(path + "/cgroup.procs", 1 << 20);
  if (!members.ok()) return;
  for (const auto line : absl::StrSplit(*members, '\n', absl::SkipEmpty())) {
    int pid = 0;
    if (absl::SimpleAtoi(line, &pid) && pid > 0 && pid != getpid()) kill(pid, SIGKILL);
  }
}

// Removes a group that is empty, or becomes so when its processes are killed.
bool RemoveGroup(const std::string& path) {
  int error = 0;
  const auto settled = [&path, &error] {
    error = rmdir(path.c_str()) == 0 ? 0 : errno;
    if (error == EBUSY) KillMembers(path);
    return error != EBUSY;
  };
  PollUntil(settled, kPatience);
  if (error == 0 || error == ENOENT) return true;
  // Else it was left by a runner of another user, who removes it.
  if (error != EACCES && error != EPERM) {
    LogWarning("a control group cannot be removed", {{"path", path}, {"error", strerror(error)}});
  }
  return false;
}

void RemoveTree(const std::string& path) {
  std::vector<std::string> below;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
    if (entry.is_directory(error)) below.push_back(entry.path().string());
  }
  for (const std::string& group : below) RemoveTree(group);
  RemoveGroup(path);
}

Fd Lock(const std::string& path) {
  Fd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.ok() && flock(fd.get(), LOCK_EX | LOCK_NB) != 0) fd.Close();
  return fd;
}

bool IsThere(const std::string& path, const Fd& fd) {
  struct stat by_path;
  struct stat by_fd;
  return stat(path.c_str(), &by_path) == 0 && fstat(fd.get(), &by_fd) == 0 &&
         by_path.st_ino == by_fd.st_ino;
}

// Makes a group and locks it. A runner that starts meanwhile may take it for a dead one's and
// remove it before it is locked: then once more.
absl::StatusOr<Fd> MakeLocked(const std::string& path) {
  for (int i = 0; i < 5; ++i) {
    if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
      return absl::UnavailableError(absl::StrCat("making ", path, ": ", strerror(errno)));
    }
    Fd lock = Lock(path);
    if (lock.ok() && IsThere(path, lock)) return lock;
  }
  return absl::UnavailableError(absl::StrCat("cannot lock ", path));
}

void RemoveOrphans(const std::string& parent) {
  std::vector<std::string> groups;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(parent, error)) {
    if (entry.path().filename().string().rfind(kPrefix, 0) == 0) {
      groups.push_back(entry.path().string());
    }
  }
  for (const std::string& group : groups) {
    // A living runner holds it.
    if (Lock(group).ok()) RemoveTree(group);
  }
}

std::string Enabling(const std::vector<std::string>& controllers) {
  return absl::StrCat("+", absl::StrJoin(controllers, " +"));
}

std::string OrMax(int64_t value, const char* none) {
  return value > 0 ? std::to_string(value) : none;
}

absl::Status LimitMemory(const std::string& path, bool v2, int64_t bytes) {
  if (v2) {
    RETURN_IF_ERROR(Put(path + "/memory.max", OrMax(bytes, "max")));
    const absl::Status swap = Put(path + "/memory.swap.max", bytes > 0 ? "0" : "max");
    return absl::IsNotFound(swap) ? absl::OkStatus() : swap;
  }
  const std::string limit = OrMax(bytes, "-1");
  // Memory with swap is never less than memory alone: which one goes first depends on what was.
  Put(path + "/memory.limit_in_bytes", limit).IgnoreError();
  const absl::Status swap = Put(path + "/memory.memsw.limit_in_bytes", limit);
  if (!swap.ok() && !absl::IsNotFound(swap)) return swap;
  return Put(path + "/memory.limit_in_bytes", limit);
}

absl::Status LimitCpu(const std::string& path, bool v2, int64_t millis) {
  const std::string quota = OrMax(millis * kCpuPeriod / 1000, v2 ? "max" : "-1");
  if (v2) return Put(path + "/cpu.max", absl::StrCat(quota, " ", kCpuPeriod));
  RETURN_IF_ERROR(Put(path + "/cpu.cfs_period_us", std::to_string(kCpuPeriod)));
  return Put(path + "/cpu.cfs_quota_us", quota);
}

}  // namespace

// ---- Cgroup ------------------------------------------------------------------------------------

Cgroup::~Cgroup() {
  for (const Folder& folder : folders_) RemoveGroup(folder.path);
}

std::vector<std::string> Cgroup::procs() const {
  std::vector<std::string> files;
  for (const Folder& folder : folders_) files.push_back(folder.path + "/cgroup.procs");
  return files;
}

const Cgroup::Folder* Cgroup::Find(std::string_view controller) const {
  for (const Folder& folder : folders_) {
    for (const std::string& name : folder.controllers) {
      if (name == controller) return &folder;
    }
  }
  return nullptr;
}

absl::Status Cgroup::SetLimits(const Limits& limits) {
  if (const Folder* memory = Find("memory")) {
    RETURN_IF_ERROR(LimitMemory(memory->path, memory->v2, limits.memory_bytes));
  }
  if (const Folder* cpu = Find("cpu")) {
    RETURN_IF_ERROR(LimitCpu(cpu->path, cpu->v2, limits.cpu_millis));
  }
  if (const Folder* pids = Find("pids")) {
    RETURN_IF_ERROR(Put(pids->path + "/pids.max", OrMax(limits.processes, "max")));
  }
  return absl::OkStatus();
}

int64_t Cgroup::OutOfMemoryKills() const {
  const Folder* memory = Find("memory");
  if (memory == nullptr) return 0;
  return Counter(memory->path + (memory->v2 ? "/memory.events" : "/memory.oom_control"),
                 "oom_kill");
}

int64_t Cgroup::RefusedProcesses() const {
  const Folder* pids = Find("pids");
  return pids == nullptr ? 0 : Counter(pids->path + "/pids.events", "max");
}

int64_t Cgroup::PeakMemory() const {
  const Folder* memory = Find("memory");
  if (memory == nullptr) return 0;
  const auto text =
      ReadFile(memory->path + (memory->v2 ? "/memory.peak" : "/memory.max_usage_in_bytes"), 100);
  return text.ok() ? atoll(text->c_str()) : 0;
}

// ---- Cgroups -----------------------------------------------------------------------------------

std::unique_ptr<Cgroups> Cgroups::Open(const std::string& runner_id, const CgroupPaths& paths) {
  std::unique_ptr<Cgroups> cgroups(new Cgroups());
  for (const char* name : kControllers) {
    cgroups->controllers_.push_back({name, absl::NotFoundError("no hierarchy with it is mounted")});
  }
  const std::map<std::string, std::string> groups =
      ReadGroups(ReadFile(paths.groups, 1 << 20).value_or(""));
  for (const Hierarchy& hierarchy :
       ReadHierarchies(ReadFile(paths.mounts, 64 << 20).value_or(""))) {
    const auto group = groups.find(hierarchy.v2 ? "" : hierarchy.controllers.front());
    if (group == groups.end()) continue;
    std::vector<std::string> controllers;
    const std::string parent = PathOf(hierarchy, group->second);
    if (hierarchy.v2) {
      const auto given = ReadFile(parent + "/cgroup.controllers", 1 << 16);
      for (const auto name :
           absl::StrSplit(given.value_or(""), absl::ByAnyChar(" \n"), absl::SkipEmpty())) {
        if (IsController(std::string(name))) controllers.emplace_back(name);
      }
      for (const char* name : kControllers) {
        // What the first version said of it tells more.
        if (!absl::IsNotFound(cgroups->Missing(name))) continue;
        cgroups->Miss({name},
                      absl::UnavailableError(absl::StrCat("it is not delegated to ", parent)));
      }
    } else {
      controllers = hierarchy.controllers;
    }
    // A hierarchy may be mounted twice.
    controllers.erase(std::remove_if(controllers.begin(), controllers.end(),
                                     [&](const auto& name) { return cgroups->Missing(name).ok(); }),
                      controllers.end());
    if (!controllers.empty()) cgroups->Use(parent, runner_id, hierarchy.v2, controllers);
  }
  return cgroups;
}

void Cgroups::Miss(const std::vector<std::string>& controllers, const absl::Status& why) {
  for (Controller& controller : controllers_) {
    if (std::find(controllers.begin(), controllers.end(), controller.name) != controllers.end() &&
        !controller.missing.ok()) {
      controller.missing = why;
    }
  }
}

void Cgroups::Use(const std::string& parent, const std::string& runner_id, bool v2,
                  const std::vector<std::string>& controllers) {
  RemoveOrphans(parent);
  Home home{absl::StrCat(parent, "/", kPrefix, runner_id), controllers, v2, Fd()};
  auto lock = MakeLocked(home.path);
  if (!lock.ok()) return Miss(controllers, lock.status());
  home.lock = *std::move(lock);
  if (v2) {
    // A group hands its controllers on only when no process is in it: the runner goes below.
    const std::string own = home.path + "/runner";
    const bool is_top = access((parent + "/cgroup.type").c_str(), F_OK) != 0;
    absl::Status status;
    if (!is_top) {
      if (mkdir(own.c_str(), 0755) != 0 && errno != EEXIST) {
        status = absl::UnavailableError(absl::StrCat("making ", own, ": ", strerror(errno)));
      } else {
        status = Put(own + "/cgroup.procs", "0");
      }
    }
    if (status.ok()) status = Put(parent + "/cgroup.subtree_control", Enabling(controllers));
    if (status.ok()) status = Put(home.path + "/cgroup.subtree_control", Enabling(controllers));
    if (absl::IsAborted(status)) {
      status = absl::UnavailableError(
          absl::StrCat("other processes are in the runner's group ", parent,
                       "; give it one of its own, as systemd does with Delegate=yes"));
    }
    if (!status.ok()) {
      home.lock.Close();
      return Miss(controllers, status);
    }
  }
  for (Controller& controller : controllers_) {
    if (std::find(controllers.begin(), controllers.end(), controller.name) != controllers.end()) {
      controller.missing = absl::OkStatus();
    }
  }
  homes_.push_back(std::move(home));
}

Cgroups::~Cgroups() {
  for (const Home& home : homes_) {
    // With the second version the runner itself is in it: the next one removes it.
    if (!home.v2) RemoveGroup(home.path);
  }
}

absl::Status Cgroups::Missing(std::string_view controller) const {
  for (const Controller& known : controllers_) {
    if (known.name == controller) return known.missing;
  }
  return absl::InvalidArgumentError("no such controller");
}

absl::StatusOr<std::unique_ptr<Cgroup>> Cgroups::Make(const std::string& name,
                                                      const Limits& limits) const {
  std::vector<Cgroup::Folder> folders;
  for (const Home& home : homes_) {
    folders.push_back({absl::StrCat(home.path, "/", name), home.controllers, home.v2});
  }
  // From here on what was made goes with the object.
  std::unique_ptr<Cgroup> group(new Cgroup(std::move(folders)));
  for (const Cgroup::Folder& folder : group->folders_) {
    // One of the name that could not be removed is as good.
    if (mkdir(folder.path.c_str(), 0755) != 0 && errno != EEXIST) {
      return absl::InternalError(
          absl::StrCat("making the control group ", folder.path, ": ", strerror(errno)));
    }
  }
  RETURN_IF_ERROR(group->SetLimits(limits));
  return group;
}

}  // namespace stackyard::runner
