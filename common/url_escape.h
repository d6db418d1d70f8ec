// Parts of URLs as AWS reads them.
#pragma once

#include <string>
#include <string_view>

namespace stackyard {

// Everything but letters, digits, `-`, `.`, `_` and `~` as %XX; also `/`, unless it is kept.
std::string UrlEscaped(std::string_view text, bool keep_slashes = false);

// The text that was escaped; what is no escape stays as it is. `+` is a blank.
std::string UrlUnescaped(std::string_view text);

}  // namespace stackyard
