// What `stackyard help TOPIC` tells, besides the commands.
#pragma once

#include <map>
#include <string>

namespace stackyard::cli {

struct Topic {
  std::string about;
  std::string text;
};

// By name.
const std::map<std::string, Topic>& Topics();

}  // namespace stackyard::cli
