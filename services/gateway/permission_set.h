// Sets of permissions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stackyard::gateway {

// Patterns of permissions: `stacks.create`; `stacks.*` for all that start with `stacks.`; `*` for
// all.
class PermissionSet {
 public:
  PermissionSet() = default;
  explicit PermissionSet(std::vector<std::string> patterns);

  bool Has(std::string_view permission) const;
  // Whether whatever the pattern stands for is in the set.
  bool Covers(std::string_view pattern) const;
  bool empty() const { return !all_ && exact_.empty() && prefixes_.empty(); }

 private:
  bool all_ = false;
  // Sorted.
  std::vector<std::string> exact_;
  // `stacks.` for the pattern `stacks.*`.
  std::vector<std::string> prefixes_;
};

// Whether a pattern stands for at least one of `known`, which is sorted.
bool IsKnownPattern(std::string_view pattern, const std::vector<std::string>& known);

}  // namespace stackyard::gateway
