// Reads fields of requests; what is wrong with them is collected, not answered at once.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/paging.h"
#include "common/status.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "services/quota/model.h"
#include "services/quota/store.h"
#include "stackyard/internal/v1/principal.pb.h"
#include "stackyard/v1/common.pb.h"
#include "stackyard/v1/quota.pb.h"

namespace stackyard::quota {

using Principal = internal::v1::Principal;

// Rules of ids, and their words for people.
bool IsMetricId(std::string_view id);
bool IsUserId(std::string_view id);
bool IsReservationId(std::string_view id);
inline constexpr char kMetricIdRule[] = "must be 1 to 40 of a-z, 0-9 and _, starting with a letter";
inline constexpr char kUserIdRule[] =
    "must be 1 to 64 of a-z, 0-9, ., -, _ and @, starting with a letter or digit";

// Adds what an INVALID_FIELD status lists.
void Merge(const absl::Status& status, Violations& violations);

// The project of `projects/{project}`; empty after a fault.
std::string ReadProject(std::string_view field, std::string_view name, Violations& violations);

// Names with a last part of any form: `projects/{project}/quota/{collection}/{id}`.
struct QuotaName {
  std::string project;
  std::string id;
};
QuotaName ReadQuotaName(std::string_view field, std::string_view name, std::string_view collection,
                        Violations& violations);
ReservationName ReadReservationName(std::string_view field, std::string_view name,
                                    Violations& violations);

// Amounts by metric, those of 0 left out. Faults: a metric not in `known` or named twice, a
// negative value.
Amounts ReadAmounts(std::string_view field,
                    const google::protobuf::RepeatedPtrField<v1::Amount>& amounts,
                    const MetricIds& known, Violations& violations);

// A timestamp within 0001 to 9999, and otherwise a fault; `fallback` when it is absent.
absl::Time ReadTime(std::string_view field, const google::protobuf::Timestamp* time,
                    absl::Time fallback, Violations& violations);

// Adds a fault when `text` is longer than `most` bytes, or holds what a database does not take.
void CheckText(std::string_view field, std::string_view text, size_t most, Violations& violations);

// What a List request asks for, and the scope of its page tokens.
struct ListQuestion {
  Listing listing;
  std::string scope;

  // Cuts `rows`, which may hold one more than a page, and answers the token of the next page.
  template <typename Row>
  std::string Cut(std::vector<Row>& rows) const {
    if (static_cast<int>(rows.size()) < listing.size) return "";
    rows.pop_back();
    return PageToken(Tx::KeyOf(rows.back()), scope);
  }
};

// Of a request with parent, page_size, page_token, filter and order_by. The parent `projects/-`
// lists what the caller may see. The listing asks for one row more than the page holds.
template <typename Request>
absl::StatusOr<ListQuestion> ReadList(const Request& request, const Principal& caller) {
  Violations violations;
  ListQuestion question;
  if (request.parent() != "projects/-") {
    question.listing.projects = {ReadProject("parent", request.parent(), violations)};
  } else if (!caller.everywhere()) {
    question.listing.projects.emplace(caller.projects().begin(), caller.projects().end());
  }
  if (!request.filter().empty()) violations.Add("filter", "filtering is not built yet");
  if (!request.order_by().empty()) violations.Add("order_by", "ordering is not built yet");
  question.scope = Request::descriptor()->full_name() + " " + request.parent();
  const absl::StatusOr<Page> page =
      ReadPage(request.page_size(), request.page_token(), question.scope);
  Merge(page.status(), violations);
  const absl::Status status = violations.ToStatus();
  if (!status.ok()) return status;
  question.listing.size = page->size + 1;
  question.listing.after = page->after;
  return question;
}

}  // namespace stackyard::quota
