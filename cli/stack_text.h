// Stacks as people read them.
#pragma once

#include <map>
#include <string>

#include "absl/time/time.h"
#include "google/protobuf/map.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::cli {

// Everything about a stack, with its parameters and outputs.
std::string StackText(const v1::Stack& stack, absl::Time now, bool color);

// Outputs as a table: name, value, description.
std::string OutputsText(const google::protobuf::Map<std::string, v1::Output>& outputs, bool color);

}  // namespace stackyard::cli
