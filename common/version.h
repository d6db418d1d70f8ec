#pragma once

#include <string_view>

namespace stackyard {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace stackyard
