// Page sizes and tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stackyard {

struct Page {
  // 1 to 1000.
  int size = 50;
  // Sort key of the last row that the client has; empty on the first page.
  std::string after;
};

// Checks what a client sent. `scope` names what is listed (method, parent, filter, order): a token
// is good only for the listing that it came from. INVALID_FIELD on page_size or page_token.
absl::StatusOr<Page> ReadPage(int32_t page_size, std::string_view page_token,
                              std::string_view scope);

// Token for the page behind `after`.
std::string PageToken(std::string_view after, std::string_view scope);

}  // namespace stackyard
