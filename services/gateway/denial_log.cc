#include "services/gateway/denial_log.h"

#include <prometheus/counter.h>

#include <utility>

#include "common/log.h"
#include "common/proto_time.h"

namespace stackyard::gateway {
namespace {

constexpr size_t kMostWaiting = 10'000;
constexpr long long kRowsKept = 100'000;
constexpr size_t kMostResource = 200;

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
