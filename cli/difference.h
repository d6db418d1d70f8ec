// What is different between how something is and how it should be.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "google/protobuf/message.h"
#include "google/protobuf/struct.pb.h"

namespace stackyard::cli {

struct Difference {
  // `parameters.name`, `displayName`.
  std::string path;
  // Compact JSON; absent: not there.
  std::optional<std::string> before;
  std::optional<std::string> after;

  // Field of the resource that it is in, as in the proto.
  std::string field;
};

// Differences between two messages of one type in some of their fields, in the order of the fields;
// maps and structs key by key.
std::vector<Difference> Compare(const google::protobuf::Message& before,
                                const google::protobuf::Message& after,
                                const std::set<std::string>& fields);

// `+ path: new`, `- path: old` and `~ path: old -> new`, a line each, indented.
std::string DifferencesText(const std::vector<Difference>& differences, bool color);

}  // namespace stackyard::cli
