#include "services/runner/plan_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/id.h"
#include "common/status_macros.h"
#include "services/runner/file.h"

namespace stackyard::runner {
namespace fs = std::filesystem;

PlanStore::PlanStore(std::string root, size_t max_plans, size_t max_bytes)
    : root_(std::move(root)), max_plans_(max_plans), max_bytes_(max_bytes) {
  Trim();
}

absl::Status PlanStore::Put(const std::string& digest, std::string_view plan) {
  const std::string place = absl::StrCat(root_, "/", digest);
  const std::string draft = absl::StrCat(place, ".", RandomId());
  RETURN_IF_ERROR(WriteFile(draft, plan));
  if (rename(draft.c_str(), place.c_str()) != 0) {
    unlink(draft.c_str());
    return absl::InternalError(absl::StrCat("cannot keep ", place));
  }
  Trim();
  return absl::OkStatus();
}

std::string PlanStore::Get(const std::string& digest) const {
  absl::StatusOr<std::string> plan = ReadFile(absl::StrCat(root_, "/", digest));
  if (!plan.ok() || Sha256Hex(*plan) != digest) return "";
  return *std::move(plan);
}

void PlanStore::Remove(const std::string& digest) {
  unlink(absl::StrCat(root_, "/", digest).c_str());
}

void PlanStore::Trim() {
  struct File {
    absl::Time time;
    size_t size;
    std::string path;
  };
  absl::MutexLock lock(&trim_mutex_);
  std::vector<File> files;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(root_, error)) {
    struct stat info;
    if (stat(entry.path().c_str(), &info) != 0) continue;
    files.push_back({absl::TimeFromTimespec(info.st_mtim), static_cast<size_t>(info.st_size),
                     entry.path().string()});
  }
  std::sort(files.begin(), files.end(),
            [](const File& a, const File& b) { return a.time > b.time; });
  size_t bytes = 0;
  size_t plans = 0;
  for (const File& file : files) {
    bytes += file.size;
    if (++plans > max_plans_ || bytes > max_bytes_) unlink(file.path.c_str());
  }
}

}  // namespace stackyard::runner
