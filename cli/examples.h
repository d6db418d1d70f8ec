// Command lines that show how commands are used.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace stackyard::cli {

// By the name of the command, like `stacks create`; without the program. Each is a command line
// that works where there are such resources: a test runs them all.
std::map<std::string, std::vector<std::string>> Examples();

}  // namespace stackyard::cli
