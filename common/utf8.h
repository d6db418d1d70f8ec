// Text that protobuf takes.
#pragma once

#include <string>
#include <string_view>

namespace stackyard {

// The text with `?` in place of each byte that is no UTF-8, and without NUL.
std::string ValidUtf8(std::string_view text);

}  // namespace stackyard
