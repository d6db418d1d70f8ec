#include "common/paging.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/status.h"

namespace stackyard {
namespace {

constexpr size_t kScopeBytes = 6;

std::string ScopeMark(std::string_view scope) { return Sha256(scope).substr(0, kScopeBytes); }

}  // namespace

absl::StatusOr<Page> ReadPage(int32_t page_size, std::string_view page_token,
                              std::string_view scope) {
  Page page;
  if (page_size < 0) return InvalidField("page_size", "must be 0 or more");
  if (page_size > 0) page.size = page_size > 1000 ? 1000 : page_size;
  if (page_token.empty()) return page;
  std::string text;
  if (!absl::WebSafeBase64Unescape(absl::string_view(page_token.data(), page_token.size()),
                                   &text) ||
      text.size() <= kScopeBytes || text.substr(0, kScopeBytes) != ScopeMark(scope)) {
    return InvalidField("page_token", "is not one that this listing gave out");
  }
  page.after = text.substr(kScopeBytes);
  return page;
}

std::string PageToken(std::string_view after, std::string_view scope) {
  return absl::WebSafeBase64Escape(absl::StrCat(ScopeMark(scope), std::string(after)));
}

}  // namespace stackyard
