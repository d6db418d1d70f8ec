// Manual pages of the tree of commands, in mdoc(7).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cli/command.h"

namespace stackyard::cli {

// Texts by file: `stackyard.1`, and `stackyard-stacks.1` with all commands below `stacks`.
std::map<std::string, std::string> ManPages(const std::vector<CommandHelp>& commands,
                                            absl::Time date);

}  // namespace stackyard::cli
