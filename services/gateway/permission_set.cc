#include "services/gateway/permission_set.h"

#include <algorithm>

namespace stackyard::gateway {

PermissionSet::PermissionSet(std::vector<std::string> patterns) {
  for (std::string& pattern : patterns) {
    if (pattern == "*") {
      all_ = true;
    } else if (pattern.ends_with(".*")) {
      prefixes_.push_back(pattern.substr(0, pattern.size() - 1));
    } else {
      exact_.push_back(std::move(pattern));
    }
  }
  std::sort(exact_.begin(), exact_.end());
}

bool PermissionSet::Has(std::string_view permission) const {
  if (permission.empty()) return false;
  if (all_ || std::binary_search(exact_.begin(), exact_.end(), permission)) return true;
  return std::any_of(prefixes_.begin(), prefixes_.end(),
                     [&](const std::string& prefix) { return permission.starts_with(prefix); });
}

bool PermissionSet::Covers(std::string_view pattern) const {
  if (all_) return true;
  if (pattern == "*") return false;
  if (!pattern.ends_with(".*")) return Has(pattern);
  pattern.remove_suffix(1);
  return std::any_of(prefixes_.begin(), prefixes_.end(),
                     [&](const std::string& prefix) { return pattern.starts_with(prefix); });
}

bool IsKnownPattern(std::string_view pattern, const std::vector<std::string>& known) {
  if (pattern == "*") return true;
  if (!pattern.ends_with(".*")) return std::binary_search(known.begin(), known.end(), pattern);
  pattern.remove_suffix(1);
  const auto first = std::lower_bound(known.begin(), known.end(), pattern);
  return first != known.end() && first->starts_with(pattern);
}

}  // namespace stackyard::gateway
