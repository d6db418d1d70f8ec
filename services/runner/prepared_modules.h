// Modules that are unpacked and initialised, by the digest of their bundle.
#pragma once

#include <functional>
#include <list>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/runner/run_control.h"

namespace stackyard::runner {

// A prepared module is a folder with the module's files, `.terraform.lock.hcl` and `.terraform`.
// It appears whole or not at all, is never written again, and many runs share it. Thread-safe; the
// folder may be shared with other processes.
class PreparedModules {
 public:
  // Builds a module; answers the folder that holds it, on the same file system.
  using Builder = std::function<absl::StatusOr<std::string>()>;

  // `key` names the program and configuration that modules are prepared with: what another one
  // prepared is not used. What nobody has used for `keep` is removed now, that of other keys too.
  PreparedModules(const std::string& parent, const std::string& key,
                  absl::Duration keep = absl::Hours(24 * 7));

  // The folder of a module, made by `build` when it is not there. Of several callers one builds
  // and the others wait; when it fails, the next one tries. CANCELLED when `control` says stop.
  absl::StatusOr<std::string> Get(const std::string& digest, const RunControl& control,
                                  const Builder& build);
  // Takes a module that was built elsewhere: the folder is moved. Does nothing when there is one.
  absl::StatusOr<std::string> Publish(const std::string& digest, const std::string& folder);
  // Remembers what was held against a policy and found good, by a digest of both, as long as the
  // process lives.
  void Allowed(const std::string& mark);
  bool IsAllowed(const std::string& mark) const;
  // Digests, last used first; at most 100.
  std::vector<std::string> Recent() const;

 private:
  // The folder, marked as used; empty when it is not there.
  std::string Lookup(const std::string& digest);

  const std::string root_;
  mutable absl::Mutex mutex_;
  std::set<std::string> building_ ABSL_GUARDED_BY(mutex_);
  std::list<std::string> recent_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> allowed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stackyard::runner
