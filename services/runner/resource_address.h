// Addresses of resource instances.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

namespace stackyard::runner {

// `module.net["a"].data.aws_subnet.one[0]` in its parts.
struct ResourceAddress {
  // None, a number of `count`, or a key of `for_each`.
  using Key = std::variant<std::monostate, int64_t, std::string>;
  std::vector<std::pair<std::string, Key>> modules;
  bool is_data = false;
  std::string type;
  std::string name;
  Key key;

  // FAILED_PRECONDITION when it is none.
  static absl::StatusOr<ResourceAddress> Parse(std::string_view text);
};

// The order in which Terraform lists resources: of outer modules first, data before resources.
bool operator<(const ResourceAddress& a, const ResourceAddress& b);

// `[0]`, `["a"]`; empty for no key. FAILED_PRECONDITION for characters that no plan of ours has.
absl::StatusOr<std::string> KeyText(const ResourceAddress::Key& key);

}  // namespace stackyard::runner
