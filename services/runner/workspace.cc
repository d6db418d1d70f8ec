#include "services/runner/workspace.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "services/runner/run_note.h"

namespace stackyard::runner {
namespace fs = std::filesystem;
namespace {

// A folder name of a resource name.
std::string Flat(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !isalnum(c) && c != '-' && c != '.'; },
      '_');
  // `..` and hidden names must not come out.
  return absl::StrCat("_", name.substr(0, 200));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Workspace>> Workspace::Open(const std::string& root,
                                                           const std::string& runner_id) {
  std::error_code error;
  const std::string path = fs::absolute(root, error).lexically_normal().string();
  for (const char* part : {"", "/locks", "/runs", "/tmp", "/prepared", "/plans"}) {
    const absl::Status made = MakeFolder(path + part);
    if (!made.ok()) return absl::InvalidArgumentError(made.message());
  }
  const std::string lock_path = absl::StrCat(path, "/locks/", runner_id);
  Fd lock(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.ok() || flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot lock ", lock_path, ": ", strerror(errno)));
  }
  std::unique_ptr<Workspace> workspace(new Workspace(path, runner_id, std::move(lock)));
  RETURN_IF_ERROR(MakeFolder(workspace->own_));
  RETURN_IF_ERROR(workspace->MakeTmp());
  workspace->ClaimDead();
  return workspace;
}

Workspace::Workspace(std::string root, const std::string& runner_id, Fd lock)
    : root_(std::move(root)),
      lock_path_(absl::StrCat(root_, "/locks/", runner_id)),
      own_(absl::StrCat(root_, "/runs/", runner_id)),
      lock_(std::move(lock)) {}

absl::Status Workspace::MakeTmp() {
  // Room for the number of a run.
  constexpr size_t kNumber = 12;
  std::string place = absl::StrCat(root_, "/tmp/XXXXXX");
  if (place.size() + kNumber > kMaxTmpPath) place = "/tmp/stackyard-XXXXXX";
  if (mkdtemp(place.data()) == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("cannot make ", place, ": ", strerror(errno)));
  }
  tmp_ = place;
  return WriteFile(lock_path_, tmp_);
}

absl::Status Workspace::LetUsersThrough() const {
  for (const std::string& folder :
       {root_, root_ + "/runs", own_, root_ + "/tmp", tmp_, prepared()}) {
    if (chmod(folder.c_str(), 0711) != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("opening ", folder, " to the users of runs: ", strerror(errno)));
    }
  }
  return absl::OkStatus();
}

Workspace::~Workspace() {
  if (!leaves_) RemoveFolder(own_);
  if (!tmp_.empty()) RemoveFolder(tmp_);
  unlink(lock_path_.c_str());
}

void Workspace::ClaimDead() {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(root_ + "/runs", error)) {
    const std::string path = entry.path().string();
    if (path == own_) continue;
    const std::string lock_path = absl::StrCat(root_, "/locks/", entry.path().filename().string());
    // A living runner made its lock before its folder, and holds it. One that left something when
    // it ended has none any more.
    Fd lock(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (lock.ok() && flock(lock.get(), LOCK_EX | LOCK_NB) != 0) continue;
    auto dead = std::make_unique<DeadRunner>(path, lock_path, std::move(lock));
    const auto folders = dead->RunFolders();
    if (std::any_of(folders.begin(), folders.end(), HasNote)) {
      dead_.push_back(std::move(dead));
    } else {
      dead->Remove();
    }
  }
}

void Workspace::Leave(RunFolder& folder) {
  leaves_ = true;
  folder.Keep();
}

RunFolder::~RunFolder() {
  if (!kept_) {
    RemoveFolder(path_);
    RemoveNote(path_);
  }
  RemoveFolder(tmp_);
}

std::vector<std::string> DeadRunner::RunFolders() const {
  std::vector<std::string> folders;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(path_, error)) {
    if (entry.is_directory(error)) folders.push_back(entry.path().string());
  }
  return folders;
}

void DeadRunner::Remove() {
  LogInfo("removing what a dead runner left", {{"path", path_}});
  RemoveFolder(path_);
  const auto tmp = ReadFile(lock_path_, /*max_bytes=*/4096);
  if (tmp.ok() && !tmp->empty()) RemoveFolder(*tmp);
  unlink(lock_path_.c_str());
}

absl::StatusOr<std::unique_ptr<RunFolder>> Workspace::MakeRunFolder(
    const internal::v1::Lease& lease) {
  return MakeFolders(absl::StrCat(Flat(lease.run()), "-", lease.generation()));
}

absl::StatusOr<std::string> Workspace::MakeStage() {
  const std::string path = absl::StrCat(own_, "/stage-", ++stages_);
  RETURN_IF_ERROR(MakeFolder(path));
  return path;
}

absl::StatusOr<std::unique_ptr<RunFolder>> Workspace::MakeReadyFolder() {
  return MakeFolders(absl::StrCat("ready-", ++ready_));
}

absl::StatusOr<std::unique_ptr<RunFolder>> Workspace::MakeProviderFolder() {
  return MakeFolders(absl::StrCat("provider-", ++providers_));
}

absl::StatusOr<std::unique_ptr<RunFolder>> Workspace::MakeFolders(const std::string& name) {
  auto folder = std::make_unique<RunFolder>(absl::StrCat(own_, "/", name),
                                            absl::StrCat(tmp_, "/", ++folders_));
  // Left from the same lease, when the service gave it twice.
  RemoveFolder(folder->path());
  RETURN_IF_ERROR(MakeFolder(folder->path()));
  RETURN_IF_ERROR(MakeFolder(folder->module()));
  RETURN_IF_ERROR(MakeFolder(folder->tmp()));
  return folder;
}

}  // namespace stackyard::runner
