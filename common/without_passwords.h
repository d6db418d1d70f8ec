// Settings as they may be shown.
#pragma once

#include <string>
#include <string_view>

namespace stackyard {

// The text with `***` for each password of a URL (`scheme://user:password@host`, also
// `?password=...`) or of a libpq connection string (`password=...`). Hides too much rather than too
// little.
std::string WithoutPasswords(std::string_view text);

}  // namespace stackyard
