// Checks the parameters of a request against what a template version declares.
#pragma once

#include <string>
#include <vector>

#include "common/status.h"
#include "google/protobuf/struct.pb.h"
#include "stackyard/v1/catalog.pb.h"

namespace stackyard::stacks {

// What reads in place of a sensitive value.
inline constexpr char kMasked[] = "(sensitive)";

// Adds a violation under `field` for every unknown name, missing value, wrong type and value out
// of range. Converts as Terraform does: "3" is a number, 3 and true are strings.
void CheckParameters(std::string_view field,
                     const google::protobuf::RepeatedPtrField<v1::Parameter>& schema,
                     const google::protobuf::Struct& values, Violations& violations);

// Checks the schema itself, as template.yaml refined it: bounds that fit the type, patterns that
// compile, defaults and examples that pass their own rules. Adds violations under `field`.
void CheckSchema(std::string_view field,
                 const google::protobuf::RepeatedPtrField<v1::Parameter>& schema,
                 Violations& violations);

// The same values with sensitive ones masked.
google::protobuf::Struct Mask(const google::protobuf::RepeatedPtrField<v1::Parameter>& schema,
                              const google::protobuf::Struct& values);

}  // namespace stackyard::stacks
