// The roles that are always there.
#pragma once

#include <string_view>
#include <vector>

#include "stackyard/v1/identity.pb.h"

namespace stackyard::gateway {

// admin, dev, devops and viewer, by name.
const std::vector<v1::Role>& BuiltinRoles();

// By id, `dev`; nullptr when it is none of them.
const v1::Role* FindBuiltinRole(std::string_view id);

}  // namespace stackyard::gateway
