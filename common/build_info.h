// Which program this is.
#pragma once

#include <string_view>

namespace stackyard {

// The commit that the program was built from; `unknown` where the build was not told.
std::string_view BuildCommit();

}  // namespace stackyard
