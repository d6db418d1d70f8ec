// How the commands of a run are confined.
#pragma once

#include <string>

#include "services/runner/containment.h"
#include "services/runner/workspace.h"

namespace stackyard::runner {

// A command of the run whose box and folders these are: it sees the prepared modules, which belong
// to everybody, and writes into its own folders alone. `network`: whether the template lets it out.
Command ConfineToRun(const Box& box, const RunFolder& folder, const std::string& modules,
                     bool network, Command command);

}  // namespace stackyard::runner
