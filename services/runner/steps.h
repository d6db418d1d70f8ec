// The named steps that runs are made of.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "services/runner/run_context.h"

namespace stackyard::runner {

struct Step {
  std::string name;
  std::function<absl::Status(RunContext&)> body;
  // Done also after a step before it failed or the run was stopped.
  bool always = false;
};

// The steps of an assignment, in order. `judged`: plans are shown to a policy.
std::vector<Step> StepsFor(const internal::v1::Assignment& assignment, bool judged);

// `plan`, `apply`, …
std::string WorkName(internal::v1::Assignment::Work work);

}  // namespace stackyard::runner
