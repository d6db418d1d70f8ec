#include "services/gateway/member_name.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "common/utf8.h"

namespace stackyard::gateway {

bool IsUserId(std::string_view id) {
  if (id.empty() || id.size() > 64) return false;
  const auto plain = [](char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c); };
  return plain(id[0]) && std::all_of(id.begin(), id.end(), [&](char c) {
           return plain(c) || c == '.' || c == '-' || c == '_' || c == '@';
         });
}

bool IsGroupName(std::string_view name) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return !name.empty() && name.size() <= 256 && name.front() != ' ' && name.back() != ' ' &&
         ValidUtf8(name) == name && std::none_of(name.begin(), name.end(), control);
}

}  // namespace stackyard::gateway
