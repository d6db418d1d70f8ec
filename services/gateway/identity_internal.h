// What the parts of Identity share.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/paging.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "google/protobuf/field_mask.pb.h"
#include "services/gateway/identity.h"
#include "services/gateway/identity_schema.h"
#include "services/gateway/list_filter.h"
#include "services/gateway/member_name.h"
#include "services/gateway/record_table.h"

namespace stackyard::gateway {

// Engine errors tell clients nothing, and the log all.
absl::Status ExplainSql(absl::Status status);

// The id in `users/{user}` and the like; INVALID_FIELD on `field`.
absl::StatusOr<std::string> ReadId(std::string_view field, std::string_view name,
                                   std::string_view collection);

// ETAG_MISMATCH when one was sent and is not the current one.
absl::Status CheckEtag(const std::string& sent, const std::string& current);

// The fields to change. An empty mask means those of `set`, `*` all of `known`. Unknown paths
// become violations.
std::set<std::string> ReadMask(const google::protobuf::FieldMask& mask,
                               const std::vector<std::string>& known,
                               const std::vector<std::string>& set, Violations& violations);

void CheckText(std::string_view field, const std::string& text, size_t most,
               Violations& violations);

// One page of a listing whose rows are filtered after they were read.
template <typename T>
struct Listing {
  // Method and parent: what page tokens are good for.
  std::string scope;
  std::vector<std::string> filter_fields;
  std::function<absl::StatusOr<std::vector<T>>(const Range&)> fetch;
  std::function<std::string(const T&)> key;
  std::function<ListFilter::Fields(const T&)> fields;

  absl::StatusOr<std::vector<T>> Read(int page_size, const std::string& page_token,
                                      const std::string& filter_text, const std::string& order_by,
                                      std::string* next_page_token) const {
    const std::string scope_text = absl::StrCat(scope, "|", filter_text, "|", order_by);
    ASSIGN_OR_RETURN(const Page page, ReadPage(page_size, page_token, scope_text));
    ASSIGN_OR_RETURN(const ListFilter filter, ListFilter::Parse(filter_text, filter_fields));
    ASSIGN_OR_RETURN(const bool descending, ReadOrder(order_by));
    // One row more tells whether there is another page.
    Range range{page.after, descending, page.size + 1};
    std::vector<T> result;
    while (true) {
      ASSIGN_OR_RETURN(std::vector<T> rows, fetch(range));
      const bool last = static_cast<int>(rows.size()) < range.limit;
      for (T& row : rows) {
        range.after = key(row);
        if (!filter.Matches(fields(row))) continue;
        if (static_cast<int>(result.size()) == page.size) {
          *next_page_token = PageToken(key(result.back()), scope_text);
          return result;
        }
        result.push_back(std::move(row));
      }
      if (last) return result;
    }
  }
};

template <typename Response>
absl::StatusOr<Response> Identity::Change(
    const ReplayKey& key, const google::protobuf::MessageLite& request,
    const std::function<absl::StatusOr<Response>(soci::session&)>& body) {
  Response response;
  const absl::Status status = database_.Write([&](soci::session& sql) -> absl::Status {
    BumpGeneration(sql);
    response.Clear();
    return OncePerRequestId(sql, key, request, clock_.TimeNow(), response, [&]() -> absl::Status {
      ASSIGN_OR_RETURN(response, body(sql));
      return absl::OkStatus();
    });
  });
  if (!status.ok()) return ExplainSql(status);
  on_change_();
  return response;
}

template <typename Response>
absl::StatusOr<Response> Identity::Read(
    const std::function<absl::StatusOr<Response>(soci::session&)>& body) {
  absl::StatusOr<Response> result = database_.ReadValue<Response>(body);
  if (!result.ok()) return ExplainSql(result.status());
  return result;
}

}  // namespace stackyard::gateway
