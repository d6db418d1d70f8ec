// How the commands of a run are confined.
#pragma once

#include <string>
#include <vector>

#include "services/runner/containment.h"
#include "services/runner/workspace.h"

namespace stackyard::runner {

// What the commands of a run see besides what all see: the prepared modules, which belong to
// everybody, and the run's own folders, where they may write.
std::vector<Bind> FoldersOfRun(const RunFolder& folder, const std::string& modules);

// A command of the run whose box and folders these are. `network`: whether the template lets it
// out.
Command ConfineToRun(const Box& box, const RunFolder& folder, const std::string& modules,
                     bool network, Command command);

}  // namespace stackyard::runner
