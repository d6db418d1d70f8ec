#include "services/runner/prepared_modules.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status_macros.h"
#include "services/runner/file.h"

namespace stackyard::runner {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxRecent = 100;
constexpr size_t kMaxAllowed = 10'000;

// The time of a folder is when it was last used. False when it is not there.
bool MarkUsed(const std::string& folder) {
  return utimensat(AT_FDCWD, folder.c_str(), nullptr, 0) == 0;
}

absl::Time LastUse(const fs::path& folder) {
  struct stat info;
  if (stat(folder.c_str(), &info) != 0) return absl::InfinitePast();
  return absl::TimeFromTimespec(info.st_mtim);
}

void RemoveUnused(const std::string& parent, absl::Duration keep) {
  std::vector<std::string> old;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(parent, error)) {
    if (LastUse(entry.path()) + keep < absl::Now()) old.push_back(entry.path().string());
  }
  for (const std::string& path : old) RemoveFolder(path);
}

}  // namespace

PreparedModules::PreparedModules(const std::string& parent, const std::string& key,
                                 absl::Duration keep)
    : root_(absl::StrCat(parent, "/", key)) {
  MakeFolder(root_).IgnoreError();
  chmod(root_.c_str(), 0711);
  MarkUsed(root_);
  RemoveUnused(parent, keep);
  RemoveUnused(root_, keep);
  std::vector<std::pair<absl::Time, std::string>> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(root_, error)) {
    found.emplace_back(LastUse(entry.path()), entry.path().filename().string());
  }
  std::sort(found.rbegin(), found.rend());
  if (found.size() > kMaxRecent) found.resize(kMaxRecent);
  for (const auto& [used, digest] : found) recent_.push_back(digest);
}

std::string PreparedModules::Lookup(const std::string& digest) {
  std::string folder = absl::StrCat(root_, "/", digest);
  if (!MarkUsed(folder)) return "";
  MarkUsed(root_);
  absl::MutexLock lock(&mutex_);
  recent_.remove(digest);
  recent_.push_front(digest);
  if (recent_.size() > kMaxRecent) recent_.pop_back();
  return folder;
}

absl::StatusOr<std::string> PreparedModules::Get(const std::string& digest,
                                                 const RunControl& control, const Builder& build) {
  while (true) {
    if (std::string folder = Lookup(digest); !folder.empty()) return folder;
    absl::MutexLock lock(&mutex_);
    if (building_.insert(digest).second) break;
    const auto built = [this, &digest]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
      return building_.count(digest) == 0;
    };
    // Wakes at once when it is built; now and then to see whether this run is to stop.
    mutex_.AwaitWithTimeout(absl::Condition(&built), absl::Milliseconds(200));
    if (control.interrupted()) return absl::CancelledError("stopped while a module was prepared");
  }
  const auto done = absl::MakeCleanup([this, &digest] {
    absl::MutexLock lock(&mutex_);
    building_.erase(digest);
  });
  // Somebody may have finished between the look and the claim.
  if (std::string folder = Lookup(digest); !folder.empty()) return folder;
  ASSIGN_OR_RETURN(const std::string folder, build());
  return Publish(digest, folder);
}

absl::StatusOr<std::string> PreparedModules::Publish(const std::string& digest,
                                                     const std::string& folder) {
  const std::string place = absl::StrCat(root_, "/", digest);
  RETURN_IF_ERROR(MakeFolder(root_));
  // Another runner may have removed it, unused as it was.
  chmod(root_.c_str(), 0711);
  // Runs of other users read it.
  RETURN_IF_ERROR(ShareFolder(folder));
  if (rename(folder.c_str(), place.c_str()) != 0 && errno != ENOTEMPTY && errno != EEXIST) {
    return absl::InternalError(
        absl::StrCat("moving ", folder, " to ", place, ": ", strerror(errno)));
  }
  return Lookup(digest);
}

void PreparedModules::Allowed(const std::string& mark) {
  absl::MutexLock lock(&mutex_);
  // To look again costs little; to grow for ever does not.
  if (allowed_.size() >= kMaxAllowed) allowed_.clear();
  allowed_.insert(mark);
}

bool PreparedModules::IsAllowed(const std::string& mark) const {
  absl::MutexLock lock(&mutex_);
  return allowed_.count(mark) > 0;
}

std::vector<std::string> PreparedModules::Recent() const {
  absl::MutexLock lock(&mutex_);
  return std::vector<std::string>(recent_.begin(), recent_.end());
}

bool PreparedModules::NeedsNoProviders(const std::string& digest) const {
  std::error_code error;
  const fs::path folder = fs::path(root_) / digest;
  return fs::exists(folder, error) && !fs::exists(folder / ".terraform/providers", error);
}

}  // namespace stackyard::runner
