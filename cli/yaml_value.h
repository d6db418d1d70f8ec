// YAML as values of parameters.
#pragma once

#include "google/protobuf/struct.pb.h"

namespace YAML {
class Node;
}  // namespace YAML

namespace stackyard::cli {

// By YAML 1.2's core schema: only what is not quoted can be anything but a string.
google::protobuf::Value ValueOf(const YAML::Node& node);

}  // namespace stackyard::cli
