// Between JSON and protobuf's Struct.
#pragma once

#include <nlohmann/json.hpp>

#include "google/protobuf/struct.pb.h"

namespace stackyard::runner {

google::protobuf::Value ToValue(const nlohmann::json& json);

// Whole numbers become integers: Terraform refuses `2.0` as a count of things.
nlohmann::json ToJson(const google::protobuf::Value& value);
nlohmann::json ToJson(const google::protobuf::Struct& value);

}  // namespace stackyard::runner
