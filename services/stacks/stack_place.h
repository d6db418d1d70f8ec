// Where stacks stand in the order of a query, and the page tokens that say so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status.h"
#include "services/stacks/stack_query.h"

namespace stackyard::stacks {

// Where a stack stands in the order of a query.
struct Place {
  int64_t micros = 0;
  std::string project, id, uid;
};

class PlaceOrder {
 public:
  explicit PlaceOrder(const StackQuery& query) : query_(query) {}

  bool operator()(const Place& left, const Place& right) const {
    return query_.descending ? Before(right, left) : Before(left, right);
  }

  std::string Token(const Place& place) const {
    return query_.by_name() ? absl::StrCat(place.project, "/", place.id, "/", place.uid)
                            : absl::StrCat(place.micros, "/", place.uid);
  }
  absl::StatusOr<std::optional<Place>> Read(const std::string& token) const {
    if (token.empty()) return std::optional<Place>();
    const std::vector<std::string> parts = absl::StrSplit(token, '/');
    Place place;
    if (query_.by_name() && parts.size() == 3) {
      std::tie(place.project, place.id, place.uid) = std::tie(parts[0], parts[1], parts[2]);
      return std::optional(place);
    }
    if (query_.by_name() || parts.size() != 2 || !absl::SimpleAtoi(parts[0], &place.micros)) {
      return InvalidField("page_token", "is not one that this listing gave out");
    }
    place.uid = parts[1];
    return std::optional(place);
  }

 private:
  bool Before(const Place& left, const Place& right) const {
    if (!query_.by_name())
      return std::tie(left.micros, left.uid) < std::tie(right.micros, right.uid);
    return std::tie(left.project, left.id, left.uid) < std::tie(right.project, right.id, right.uid);
  }

  const StackQuery& query_;
};

}  // namespace stackyard::stacks
