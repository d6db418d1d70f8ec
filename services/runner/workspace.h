// The folders of a runner; README.md has a map of them.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/runner/file.h"
#include "stackyard/internal/v1/run_queue.pb.h"

namespace stackyard::runner {

inline constexpr size_t kMaxTmpPath = 88;

// The folders of one run, and its note, removed with the object.
class RunFolder {
 public:
  RunFolder(std::string path, std::string tmp) : path_(std::move(path)), tmp_(std::move(tmp)) {}
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  const std::string& path() const { return path_; }
  // Where Terraform runs.
  std::string module() const { return path_ + "/module"; }
  // Where it keeps temporary files. At most kMaxTmpPath long: providers make Unix sockets there,
  // whose names have at most 107 bytes.
  const std::string& tmp() const { return tmp_; }
  // Leaves it to who comes later.
  void Keep() { kept_ = true; }

 private:
  const std::string path_;
  const std::string tmp_;
  bool kept_ = false;
};

// The folders of a runner that died in the middle of runs. Nobody else claims them while the object
// is there.
class DeadRunner {
 public:
  DeadRunner(std::string path, std::string lock_path, Fd lock)
      : path_(std::move(path)), lock_path_(std::move(lock_path)), lock_(std::move(lock)) {}

  // The folders of its runs.
  std::vector<std::string> RunFolders() const;
  // Removes all that is left of it.
  void Remove();

 private:
  const std::string path_;
  const std::string lock_path_;
  const Fd lock_;
};

class Workspace {
 public:
  // Makes the folders, takes the lock, and removes what dead runners left besides folders of runs.
  // Several runners may share one root. INVALID_ARGUMENT when the root cannot be used.
  static absl::StatusOr<std::unique_ptr<Workspace>> Open(const std::string& root,
                                                         const std::string& runner_id);
  // Removes what belongs to this runner alone, unless something of it is left to others.
  ~Workspace();

  // A new empty folder, with `module` and `tmp` in it.
  absl::StatusOr<std::unique_ptr<RunFolder>> MakeRunFolder(const internal::v1::Lease& lease);
  // Same for a provider that is not any run's yet.
  absl::StatusOr<std::unique_ptr<RunFolder>> MakeProviderFolder();

  // The same for a run that nobody knows yet.
  absl::StatusOr<std::unique_ptr<RunFolder>> MakeReadyFolder();

  // A new empty folder that no run sees.
  absl::StatusOr<std::string> MakeStage();

  // Lets the users of runs through to folders that are theirs. Who does not know their names sees
  // nothing.
  absl::Status LetUsersThrough() const;

  // Dead runners whose runs left something to look at. Each is given out once.
  std::vector<std::unique_ptr<DeadRunner>> TakeDead() { return std::move(dead_); }
  // Leaves the folder of a run to the next runner.
  void Leave(RunFolder& folder);

  // This runner's own folder.
  const std::string& own() const { return own_; }
  // Terraform's configuration, for all runs.
  std::string cli_config() const { return own_ + "/terraform.rc"; }
  std::string prepared() const { return root_ + "/prepared"; }
  std::string plans() const { return root_ + "/plans"; }
  std::string schemas() const { return root_ + "/schemas"; }

 private:
  Workspace(std::string root, const std::string& runner_id, Fd lock);
  // Chooses the folder of temporary files and writes it into the lock.
  absl::Status MakeTmp();
  absl::StatusOr<std::unique_ptr<RunFolder>> MakeFolders(const std::string& name);
  void ClaimDead();

  const std::string root_;
  const std::string lock_path_;
  const std::string own_;
  const Fd lock_;
  std::string tmp_;
  std::vector<std::unique_ptr<DeadRunner>> dead_;
  std::atomic<int64_t> folders_{0};
  std::atomic<int64_t> ready_{0};
  std::atomic<int64_t> stages_{0};
  std::atomic<int64_t> providers_{0};
  std::atomic<bool> leaves_{false};
};

}  // namespace stackyard::runner
