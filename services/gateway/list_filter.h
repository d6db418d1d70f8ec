// The filters of identity listings: a part of AIP-160.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace stackyard::gateway {

// `field = "text"`, `field != text` and `field : part`, joined by AND. `:` finds a part of the
// value, whatever the case.
class ListFilter {
 public:
  // The values of one row by field.
  using Fields = std::map<std::string, std::string>;

  // INVALID_FIELD on `filter`, also for a field that is not one of `known`.
  static absl::StatusOr<ListFilter> Parse(std::string_view text,
                                          const std::vector<std::string>& known);

  bool Matches(const Fields& fields) const;

 private:
  struct Term {
    std::string field;
    // `=`, `!=` or `:`.
    std::string op;
    std::string value;
  };
  std::vector<Term> terms_;
};

// Whether a listing goes down: `name desc`. INVALID_FIELD on `order_by` for all but name.
absl::StatusOr<bool> ReadOrder(std::string_view order_by);

}  // namespace stackyard::gateway
