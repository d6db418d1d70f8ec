// Copies of the runner's tokens for runs that may use them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/work.h"
#include "services/runner/file.h"
#include "services/runner/run_credentials.h"

namespace stackyard::runner {

// Keeps copies as fresh as what they are copied from, which Kubernetes renews well before it ends.
// A copy belongs to whoever its folder belongs to, and is put into place in one step. Whatever the
// owner of a folder does to it, nothing is written elsewhere.
class TokenCopies {
 public:
  // Makes the copies; the folders must be there. RUN_FAILED when a token cannot be read.
  static absl::StatusOr<std::unique_ptr<TokenCopies>> Start(std::vector<TokenCopy> tokens);

  // Makes them again; what cannot be read now is left as it was. Thread-safe.
  void Refresh();

 private:
  // A token, and where its copy lies.
  struct Place {
    TokenCopy token;
    Fd folder;
    std::string name;
  };
  explicit TokenCopies(std::vector<Place> places) : places_(std::move(places)) {}
  static absl::Status Copy(const Place& place);

  const std::vector<Place> places_;
  absl::Mutex refreshing_;
  std::unique_ptr<Loop> loop_;
};

}  // namespace stackyard::runner
