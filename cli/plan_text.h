// Plans as people read them.
#pragma once

#include <string>

#include "google/protobuf/repeated_field.h"
#include "stackyard/v1/quota.pb.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::cli {

// What changes, one block per resource: its sign (`+ create`, `~ update`, `-/+ replace`,
// `- destroy`) and address, and below it each attribute with its old and new value. Resources that
// stay as they are, and data that is only read, are left out.
std::string ChangesText(const google::protobuf::RepeatedPtrField<v1::ResourceChange>& changes,
                        bool color);

// The changes, the counts, the warnings and what the plan costs in quota and money.
std::string PlanText(const v1::Plan& plan, bool color);

// One line per metric that is short, and from when it would fit.
std::string ShortfallsText(const google::protobuf::RepeatedPtrField<v1::Shortfall>& shortfalls);

// What the policy bundle says of a plan, a line each.
std::string PolicyText(const google::protobuf::RepeatedPtrField<v1::Diagnostic>& messages,
                       bool color);

}  // namespace stackyard::cli
