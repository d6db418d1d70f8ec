// RPCs that every gRPC server has: health and reflection. Open to everybody.
#pragma once

#include <string_view>

#include "services/gateway/route_table.h"

namespace stackyard::gateway {

// nullptr for any other method. The routes are of no table: their index is -1.
const Route* FindLocalRoute(std::string_view method);

}  // namespace stackyard::gateway
