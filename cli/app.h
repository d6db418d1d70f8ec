// The program, apart from the process that it runs in.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/environment.h"

namespace stackyard::cli {

// Runs one command line (without the program's name) and answers the exit code.
int RunApp(const std::vector<std::string>& arguments, const Environment& environment);

// The whole tree, for tests.
std::vector<CommandHelp> AllCommands(const Environment& environment);

}  // namespace stackyard::cli
