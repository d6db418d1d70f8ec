// The shapes in which a secret turns up in text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stackyard::runner {

// The secret itself, and as JSON (also twice, and as Go escapes it), XML, URLs, hexadecimal and
// base64 hold it, wherever in the encoded text it begins. May hold a form twice.
std::vector<std::string> SecretForms(std::string_view secret);

}  // namespace stackyard::runner
