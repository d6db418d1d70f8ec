#include "services/runner/containment.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/status_macros.h"
#include "services/runner/engine.h"
#include "services/runner/process.h"
#include "services/runner/seccomp_filter.h"

namespace stackyard::runner {
namespace fs = std::filesystem;
namespace {

// Enough for Terraform, its providers and their connections.
constexpr int64_t kMaxOpenFiles = 8192;

struct Controller {
  std::string_view feature;
  std::string_view name;
};
constexpr Controller kControllers[] = {
    {kMemoryFeature, "memory"}, {kCpuFeature, "cpu"}, {kProcessFeature, "pids"}};

// Settings by which systems forbid user namespaces.
struct Setting {
  const char* path;
  const char* forbids;
};
constexpr Setting kSettings[] = {
    {"/proc/sys/user/max_user_namespaces", "0"},
    {"/proc/sys/kernel/unprivileged_userns_clone", "0"},
    {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"},
};

std::string ForbiddenBy() {
  for (const Setting& setting : kSettings) {
    std::string value = ReadFile(setting.path, 100).value_or("");
    if (absl::StripAsciiWhitespace(value) == setting.forbids) {
      return absl::StrCat("; user namespaces are forbidden: ", setting.path, " is ",
                          setting.forbids);
    }
  }
  return "";
}

absl::Status OwnedBy(const std::string& path, uid_t uid) {
  // What is gone meanwhile, as a copy of a token that took its place, is nobody's.
  if (lchown(path.c_str(), uid, uid) == 0 || errno == ENOENT) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("giving ", path, " to ", uid, ": ", strerror(errno)));
}

}  // namespace

const std::vector<std::string>& ContainmentFeatures() {
  static const std::vector<std::string> kAll = {
      std::string(kSandboxFeature), std::string(kSlotUidsFeature), std::string(kMemoryFeature),
      std::string(kCpuFeature), std::string(kProcessFeature)};
  return kAll;
}

// ---- Box ---------------------------------------------------------------------------------------

Command Box::Confine(Command command, const std::vector<Bind>& folders, bool network) const {
  const ContainmentOptions& options = containment_.options_;
  auto confinement = std::make_shared<Confinement>();
  confinement->uid = uid();
  if (cgroup_ != nullptr) confinement->cgroups = cgroup_->procs();
  confinement->max_file_bytes = options.max_file_bytes;
  confinement->max_open_files = kMaxOpenFiles;
  if (!containment_.bwrap_.empty()) {
    auto sandbox = std::make_shared<Sandbox>();
    sandbox->bwrap = containment_.bwrap_;
    sandbox->binds = options.paths;
    sandbox->binds.insert(sandbox->binds.end(), folders.begin(), folders.end());
    sandbox->network = network;
    sandbox->seccomp = containment_.seccomp_;
    confinement->sandbox = std::move(sandbox);
  }
  command.confinement = std::move(confinement);
  return command;
}

bool Box::sandboxed() const { return !containment_.bwrap_.empty(); }

absl::Status Box::Own(const std::string& path) const {
  if (uid() == 0) return absl::OkStatus();
  RETURN_IF_ERROR(OwnedBy(path, uid()));
  std::error_code error;
  if (!fs::is_directory(fs::symlink_status(path, error))) return absl::OkStatus();
  for (const auto& entry : fs::recursive_directory_iterator(path, error)) {
    RETURN_IF_ERROR(OwnedBy(entry.path().string(), uid()));
  }
  if (error) return absl::InternalError(absl::StrCat("reading ", path, ": ", error.message()));
  return absl::OkStatus();
}

absl::Status Box::SetLimits(const Limits& limits) {
  limits_ = limits;
  return cgroup_ == nullptr ? absl::OkStatus() : cgroup_->SetLimits(limits);
}

std::string Box::LimitReached() {
  if (cgroup_ == nullptr) return "";
  const int64_t kills = std::exchange(memory_kills_, cgroup_->OutOfMemoryKills());
  const int64_t refused = std::exchange(refused_processes_, cgroup_->RefusedProcesses());
  if (memory_kills_ > kills) {
    return absl::StrCat("went over its ", limits_.memory_bytes >> 20, " MiB of memory");
  }
  if (refused_processes_ > refused) {
    return absl::StrCat("went over its ", limits_.processes, " processes");
  }
  return "";
}

// ---- Containment -------------------------------------------------------------------------------

std::unique_ptr<Containment> Containment::Open(const ContainmentOptions& options,
                                               const std::string& runner_id) {
  std::unique_ptr<Containment> containment(new Containment(options));
  containment->OpenSandbox();
  containment->OpenCgroups(runner_id);
  return containment;
}

void Containment::Miss(std::string_view feature, const absl::Status& why) {
  const std::string text(why.message());
  missing_.push_back({std::string(feature), text.substr(0, text.find('\n'))});
}

absl::Status Containment::Try(bool sandboxed, uid_t uid) const {
  const std::string folder = options_.scratch + "/preflight";
  RETURN_IF_ERROR(MakeFolder(folder));
  const auto remove = absl::MakeCleanup([&folder] { RemoveFolder(folder); });
  if (uid != 0) RETURN_IF_ERROR(OwnedBy(folder, uid));
  Confinement confinement;
  confinement.uid = uid;
  if (sandboxed) {
    Sandbox sandbox{bwrap_, options_.paths, /*network=*/false, seccomp_};
    sandbox.binds.push_back({folder, /*writable=*/true});
    confinement.sandbox = std::make_shared<Sandbox>(sandbox);
  }
  std::string output;
  const auto append = [&output](std::string_view bytes) { output += bytes; };
  ProcessLimits limits;
  limits.deadline = absl::Now() + absl::Seconds(20);
  limits.grace = absl::Seconds(1);
  ASSIGN_OR_RETURN(const Outcome outcome, RunProcess({{"/bin/sh", "-c", "echo tried > file"},
                                                      {"PATH=/usr/bin:/bin"},
                                                      folder,
                                                      std::make_shared<Confinement>(confinement)},
                                                     RunControl(), limits, append, append));
  if (!outcome.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("a command in ", folder, " ", outcome.ToString(), ": ", output));
  }
  // A program that does nothing and says that all went well confines nothing either.
  if (const auto written = ReadFile(folder + "/file", 100); !written.ok()) return written.status();
  return absl::OkStatus();
}

void Containment::OpenSandbox() {
  absl::Status missing;
  bwrap_ = FindProgram(options_.bwrap);
  if (bwrap_.empty()) {
    missing = absl::NotFoundError(
        absl::StrCat("bubblewrap is not there: ", options_.bwrap, " is no program on PATH"));
  } else if (auto filter = SeccompFilter(); filter.ok()) {
    seccomp_ = *std::move(filter);
    missing = Try(/*sandboxed=*/true, 0);
    if (!missing.ok()) {
      missing = absl::FailedPreconditionError(absl::StrCat(missing.message(), ForbiddenBy()));
    }
  } else {
    missing = filter.status();
  }
  if (!missing.ok()) {
    bwrap_.clear();
    Miss(kSandboxFeature, missing);
  }
  // Who is not root cannot become anybody else.
  if (getuid() != 0) return;
  if (options_.slot_uids == 0) {
    return Miss(kSlotUidsFeature, absl::FailedPreconditionError(
                                      "the runner is root, and --slot-uids gives it no users"));
  }
  absl::Status user = Try(!bwrap_.empty(), options_.slot_uids);
  if (absl::StrContains(user.message(), "Permission denied")) {
    user = absl::FailedPreconditionError(
        absl::StrCat(user.message(),
                     "; users of runs must get through the folders above it: "
                     "chmod o+x them, or choose another --work-dir"));
  }
  if (!user.ok()) return Miss(kSlotUidsFeature, user);
  uids_ = std::make_unique<SlotUids>(options_.slot_uids);
}

void Containment::OpenCgroups(const std::string& runner_id) {
  cgroups_ = Cgroups::Open(runner_id, options_.cgroup_paths);
  bool any = false;
  for (const Controller& controller : kControllers) {
    const absl::Status missing = cgroups_->Missing(controller.name);
    any |= missing.ok();
    if (missing.ok()) continue;
    Miss(controller.feature, absl::UnavailableError(absl::StrCat(
                                 "no control groups with the controller ",
                                 std::string(controller.name), ": ", missing.message())));
  }
  if (!any) cgroups_.reset();
}

absl::Status Containment::Check(const std::set<std::string>& allowed) const {
  std::vector<std::string> faults;
  std::vector<std::string> names(allowed.begin(), allowed.end());
  for (const Missing& missing : missing_) {
    if (allowed.count(missing.feature) > 0) continue;
    faults.push_back(absl::StrCat("no ", missing.feature, ": ", missing.why));
    names.push_back(missing.feature);
  }
  if (faults.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("runs cannot be confined: ", absl::StrJoin(faults, "; "),
                   "; to go on without: --allow-without=", absl::StrJoin(names, ",")));
}

absl::StatusOr<std::unique_ptr<Box>> Containment::MakeBox(const Limits& limits) {
  SlotUids::Lease uid;
  if (uids_ != nullptr) uid = uids_->Take();
  std::unique_ptr<Cgroup> cgroup;
  if (cgroups_ != nullptr) {
    ASSIGN_OR_RETURN(cgroup, cgroups_->Make(absl::StrCat("box-", ++boxes_), limits));
  }
  return std::unique_ptr<Box>(new Box(*this, std::move(uid), std::move(cgroup), limits));
}

}  // namespace stackyard::runner
