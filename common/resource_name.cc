#include "common/resource_name.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status.h"

namespace stackyard {

absl::StatusOr<std::vector<std::string>> ParseName(std::string_view field, std::string_view name,
                                                   std::string_view pattern) {
  const auto mismatch = [&] {
    return InvalidField(field, absl::StrCat("must look like ", std::string(pattern)));
  };
  std::vector<std::string> ids;
  std::string_view rest = name;
  const std::vector<std::string> parts = absl::StrSplit(std::string(pattern), '/');
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] == "**") {
      if (rest.empty()) return mismatch();
      ids.emplace_back(rest);
      return ids;
    }
    const bool last = i + 1 == parts.size();
    const size_t end = last ? rest.size() : rest.find('/');
    if (end == std::string_view::npos) return mismatch();
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(last ? end : end + 1);
    if (part.empty() || part.size() > 256) return mismatch();
    if (parts[i] == "*") {
      if (part.find('/') != std::string_view::npos) return mismatch();
      ids.emplace_back(part);
    } else if (part != parts[i]) {
      return mismatch();
    }
  }
  return ids;
}

bool IsResourceId(std::string_view id) {
  if (id.size() < 2 || id.size() > 40 || id.back() == '-') return false;
  if (id[0] < 'a' || id[0] > 'z') return false;
  for (const char c : id) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
  }
  return true;
}

}  // namespace stackyard
