// YAML that is written back as it was read: order, quotes and all that a reader gets from it.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace YAML {
class Node;
}  // namespace YAML

namespace stackyard::cli {

// Text of a document. What was quoted is quoted again, so that "1" stays a string; comments are not
// kept. Ends in a line break.
std::string YamlText(const YAML::Node& node);

// One document. INVALID_FIELD on `field` that names `path` and the line when it is no YAML.
absl::StatusOr<YAML::Node> ParseYaml(const std::string& field, const std::string& path,
                                     const std::string& text);

}  // namespace stackyard::cli
