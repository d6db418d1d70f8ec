// What applying one manifest comes to.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/context.h"
#include "cli/difference.h"
#include "cli/manifest.h"

namespace stackyard::cli {

struct ApplyOptions {
  // For reviewers, where the manifest says nothing.
  std::string reason;
  // Send sensitive parameters of stacks that there are: whether they differ cannot be told.
  bool send_secrets = false;
};

struct ApplyStep {
  enum Verb { kNothing, kCreate, kUpdate };

  Verb verb = kNothing;
  std::string kind;
  // Full name.
  std::string name;
  std::vector<Difference> differences;
  // What else is worth telling, a line each.
  std::vector<std::string> notes;
  // Checks or does it. Answers the name of the operation that it started; empty: it is done.
  std::function<absl::StatusOr<std::string>(bool validate_only)> send;
  // The service checks it without doing it.
  bool can_validate = false;
  // For stacks: what PreviewStack is asked.
  std::function<absl::StatusOr<std::string>()> preview;
};

// Looks at what there is. INVALID_FIELD that names file and line when the manifest cannot be meant.
absl::StatusOr<ApplyStep> StepOf(Context& context, const Manifest& manifest,
                                 const ApplyOptions& options);

// The same, for a Stack.
absl::StatusOr<ApplyStep> StackStep(Context& context, const Manifest& manifest,
                                    const ApplyOptions& options);

}  // namespace stackyard::cli
