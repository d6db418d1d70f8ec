#include "services/gateway/denial_log.h"

#include <prometheus/counter.h>

#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/filter.h"
#include "common/log.h"
#include "common/paging.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "services/gateway/identity_internal.h"

namespace stackyard::gateway {
namespace {

constexpr size_t kMostWaiting = 10'000;
constexpr long long kRowsKept = 100'000;
constexpr size_t kMostResource = 200;

// A row and its place in the order.
struct Row {
  int64_t seq = 0;
  v1::Denial denial;
};

// The newest rows before `before`.
std::vector<Row> ReadRows(soci::session& sql, int64_t before, int limit) {
  const long long bound = before;
  long long seq = 0, time = 0;
  v1::Denial one;
  // The engines have different types for `seq`, which SOCI's rows would insist on.
  soci::statement select =
      (sql.prepare << "SELECT seq, time, caller, method, resource, permission, reason, request_id, "
                      "peer FROM denials WHERE seq < :before ORDER BY seq DESC LIMIT "
                   << limit,
       soci::use(bound), soci::into(seq), soci::into(time), soci::into(*one.mutable_user()),
       soci::into(*one.mutable_method()), soci::into(*one.mutable_resource()),
       soci::into(*one.mutable_permission()), soci::into(*one.mutable_reason()),
       soci::into(*one.mutable_request_id()), soci::into(*one.mutable_peer()));
  select.execute();
  std::vector<Row> rows;
  while (select.fetch()) {
    *one.mutable_create_time() = ToProto(FromMicros(time));
    rows.push_back({seq, one});
  }
  return rows;
}

v1::ListDenialsResponse ReadListing(soci::session& sql, const Filter& filter, int size,
                                    int64_t before, const std::string& scope) {
  // Rows that the filter drops are read in larger steps.
  const int step = filter.empty() ? size + 1 : 1000;
  v1::ListDenialsResponse response;
  int64_t last = before;
  while (true) {
    const std::vector<Row> rows = ReadRows(sql, before, step);
    for (const Row& row : rows) {
      before = row.seq;
      if (!filter.Matches(row.denial)) continue;
      if (response.denials_size() == size) {
        response.set_next_page_token(PageToken(std::to_string(last), scope));
        return response;
      }
      *response.add_denials() = row.denial;
      last = row.seq;
    }
    if (static_cast<int>(rows.size()) < step) return response;
  }
}

}  // namespace

DenialLog::DenialLog(Database& database, prometheus::Registry& registry)
    : database_(database),
      count_(prometheus::BuildCounter()
                 .Name("stackyard_gateway_denials_total")
                 .Help("Calls that were not let in, by reason")
                 .Register(registry)),
      lost_(prometheus::BuildCounter()
                .Name("stackyard_gateway_denials_unwritten_total")
                .Help("Denials that are in the log only, because too many came at once")
                .Register(registry)
                .Add({})) {}

DenialLog::~DenialLog() {
  if (const absl::Status status = Flush(); !status.ok()) {
    LogError("cannot write denials", {{"error", status.ToString()}});
  }
}

void DenialLog::Record(Denial denial) {
  if (denial.resource.size() > kMostResource) denial.resource.resize(kMostResource);
  // The column is UTF-8 and the name came from outside.
  for (char& c : denial.resource) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  count_.Add({{"reason", denial.reason}}).Increment();
  const RequestScope scope(denial.request_id, "");
  LogWarning("denied", {{"caller", denial.caller},
                        {"method", denial.method},
                        {"resource", denial.resource},
                        {"permission", denial.permission},
                        {"reason", denial.reason},
                        {"peer", denial.peer}});
  absl::MutexLock lock(&mutex_);
  if (waiting_.size() >= kMostWaiting) return lost_.Increment();
  waiting_.push_back(std::move(denial));
}

absl::StatusOr<v1::ListDenialsResponse> DenialLog::List(const v1::ListDenialsRequest& request) {
  const std::string scope = absl::StrCat("denials|", request.filter());
  ASSIGN_OR_RETURN(const Page page, ReadPage(request.page_size(), request.page_token(), scope));
  ASSIGN_OR_RETURN(const Filter filter, Filter::Parse(request.filter(), v1::Denial::descriptor()));
  int64_t before = std::numeric_limits<int64_t>::max();
  if (!page.after.empty() && !absl::SimpleAtoi(page.after, &before)) {
    return InvalidField("page_token", "is none of this listing");
  }
  if (const absl::Status status = Flush(); !status.ok()) return ExplainSql(status);
  const auto response = database_.ReadValue<v1::ListDenialsResponse>(
      [&](soci::session& sql) { return ReadListing(sql, filter, page.size, before, scope); });
  if (!response.ok()) return ExplainSql(response.status());
  return response;
}

absl::Status DenialLog::Flush() {
  std::vector<Denial> batch;
  {
    absl::MutexLock lock(&mutex_);
    batch.swap(waiting_);
  }
  if (batch.empty()) return absl::OkStatus();
  const absl::Status status = database_.Write([&](soci::session& sql) {
    long long time = 0;
    Denial one;
    soci::statement insert =
        (sql.prepare << "INSERT INTO denials (time, caller, method, resource, permission, reason, "
                        "request_id, peer) VALUES (:time, :caller, :method, :resource, "
                        ":permission, :reason, :request_id, :peer)",
         soci::use(time), soci::use(one.caller), soci::use(one.method), soci::use(one.resource),
         soci::use(one.permission), soci::use(one.reason), soci::use(one.request_id),
         soci::use(one.peer));
    for (const Denial& denial : batch) {
      one = denial;
      time = ToMicros(denial.time);
      insert.execute(true);
    }
    sql << "DELETE FROM denials WHERE seq <= (SELECT MAX(seq) FROM denials) - :kept",
        soci::use(kRowsKept);
    return absl::OkStatus();
  });
  if (!status.ok()) {
    absl::MutexLock lock(&mutex_);
    waiting_.insert(waiting_.begin(), batch.begin(), batch.end());
    if (waiting_.size() > kMostWaiting) {
      lost_.Increment(static_cast<double>(waiting_.size() - kMostWaiting));
      waiting_.resize(kMostWaiting);
    }
  }
  return status;
}

}  // namespace stackyard::gateway
