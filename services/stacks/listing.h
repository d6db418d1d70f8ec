// What all List methods share: page, filter and order.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/filter.h"
#include "common/paging.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::stacks {

struct Listing {
  Page page;
  Filter filter;
  std::string scope;

  // Token behind the last row; empty when there is none.
  std::string Token(const std::string& next) const {
    return next.empty() ? "" : PageToken(next, scope);
  }
};

// Reads the list fields of a request over messages of type M. `parent` tells listings apart.
// INVALID_FIELD on page_size, page_token or filter, and on any order_by other than `natural`.
template <typename M, typename Request>
absl::StatusOr<Listing> ReadListing(const Request& request, const std::string& parent,
                                    std::string_view order_by = "",
                                    std::string_view natural = "name") {
  if (!order_by.empty() && order_by != natural) {
    return InvalidField("order_by",
                        absl::StrCat("this listing is ordered by ", std::string(natural), " only"));
  }
  Listing listing;
  listing.scope =
      absl::StrCat(Request::descriptor()->full_name(), "|", parent, "|", request.filter());
  ASSIGN_OR_RETURN(listing.page,
                   ReadPage(request.page_size(), request.page_token(), listing.scope));
  ASSIGN_OR_RETURN(listing.filter, Filter::Parse(request.filter(), M::descriptor()));
  return listing;
}

}  // namespace stackyard::stacks
