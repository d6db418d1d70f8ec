// Judges plans by the rules of the operator: an OPA bundle.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/runner/process.h"
#include "stackyard/v1/common.pb.h"

namespace stackyard::runner {

struct PolicyOptions {
  // The opa program.
  std::string opa;
  // A folder, or a bundle as a gzipped tar.
  std::string bundle;
  // What is evaluated. Its value is an object; its members `deny` and `warn`, where they are there,
  // are sets of strings or of objects with `msg` and perhaps `address`.
  std::string query = "data.stackyard";
  absl::Duration timeout = absl::Seconds(30);
  // Of OPA's heap, in MiB. It ends when it wants twice as much.
  int memory_mib = 1024;
};

// Immutable; thread-safe. The bundle is read anew for each plan.
class Policy {
 public:
  // FAILED_PRECONDITION with what OPA says when the bundle does not compile, or the query has no
  // such value.
  static absl::StatusOr<std::unique_ptr<Policy>> Open(PolicyOptions options);

  // Evaluates the query for the input in a file, and prints the answer for ReadVerdict.
  Command Evaluate(const std::string& input) const;

 private:
  explicit Policy(PolicyOptions options) : options_(std::move(options)) {}
  Command Make(std::vector<std::string> arguments) const;

  const PolicyOptions options_;
};

// What OPA answered: `deny` as errors, `warn` as warnings. FAILED_PRECONDITION, with what is wrong,
// for anything else: a plan is never let through because its rules could not be read.
absl::StatusOr<std::vector<v1::Diagnostic>> ReadVerdict(std::string_view answer);

// The errors that OPA prints when it fails, on one line; empty when there are none.
std::string PolicyFaults(std::string_view answer);

}  // namespace stackyard::runner
