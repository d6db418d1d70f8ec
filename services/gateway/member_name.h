// What users and groups may be called.
#pragma once

#include <string_view>

namespace stackyard::gateway {

// Whether an id is 1 to 64 of a-z, 0-9, `.`, `-`, `_` and `@`, starting with a letter or digit.
bool IsUserId(std::string_view id);

// Whether a text can name a group: 1 to 256 bytes of UTF-8 without control characters, and neither
// beginning nor ending with a blank. Providers call groups as they like (`/ops/on-call`, `Web
// Team`), and a name that was changed to fit could be another group's.
bool IsGroupName(std::string_view name);

// What IsGroupName expects, for error messages.
inline constexpr char kGroupNameRule[] =
    "must be 1 to 256 bytes without control characters and without blanks at its ends";

}  // namespace stackyard::gateway
