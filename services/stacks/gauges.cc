#include "services/stacks/gauges.h"

#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "common/status_macros.h"

namespace stackyard::stacks {
namespace {

using prometheus::Family;
using prometheus::Gauge;

Family<Gauge>& FamilyOf(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

// What one look at the database finds.
struct Seen {
  QueueDepth queue;
  std::map<v1::Stack::State, int64_t> stacks;
  std::map<std::string, int64_t> ending;
  WaitingRequests requests;
  Outbox outbox;
};

absl::StatusOr<Seen> Look(soci::session& sql, absl::Time now) {
  Seen seen;
  seen.queue = ReadQueueDepth(sql, now);
  seen.stacks = CountStacks(sql);
  for (const auto& [label, within] :
       {std::pair("1h", absl::Hours(1)), std::pair("24h", absl::Hours(24)),
        std::pair("7d", absl::Hours(24 * 7))}) {
    seen.ending[label] = CountEndingLeases(sql, now, within);
  }
  ASSIGN_OR_RETURN(seen.requests, ReadWaitingRequests(sql, now));
  seen.outbox = ReadOutbox(sql, now);
  return seen;
}

}  // namespace

Gauges::Gauges(Store& store, prometheus::Registry& registry)
    : store_(store),
      leases_(store, registry),
      queue_(FamilyOf(registry, "stackyard_stacks_queue_runs",
                      "Runs that are queued, or running on a runner")),
      queue_oldest_(FamilyOf(registry, "stackyard_stacks_queue_oldest_seconds",
                             "For how long the oldest run has been queued; 0 when none is")
                        .Add({})),
      stacks_(FamilyOf(registry, "stackyard_stacks_stacks",
                       "Stacks by state, without those that are gone")),
      ending_(FamilyOf(registry, "stackyard_stacks_leases_ending",
                       "Stacks whose lease ends within this time")),
      requests_(FamilyOf(registry, "stackyard_stacks_change_requests_waiting",
                         "Change requests that wait for review")),
      request_oldest_(FamilyOf(registry, "stackyard_stacks_change_request_oldest_seconds",
                               "For how long the oldest change request waits; 0 when none does")
                          .Add({})),
      outbox_(FamilyOf(registry, "stackyard_stacks_outbox_pending", "What is due and not done")),
      outbox_lag_(FamilyOf(registry, "stackyard_stacks_outbox_lag_seconds",
                           "For how long the oldest that is due has been; 0 when none is")) {}

absl::Status Gauges::Refresh() {
  RETURN_IF_ERROR(leases_.Refresh());
  ASSIGN_OR_RETURN(const Seen seen, store_.ReadValue<Seen>([&](soci::session& sql) {
    return Look(sql, store_.Now());
  }));
  queue_.Add({{"state", "queued"}}).Set(static_cast<double>(seen.queue.queued.count));
  queue_.Add({{"state", "running"}}).Set(static_cast<double>(seen.queue.running));
  queue_oldest_.Set(absl::ToDoubleSeconds(seen.queue.queued.oldest));
  for (const auto& [state, count] : seen.stacks) {
    stacks_.Add({{"state", absl::AsciiStrToLower(v1::Stack::State_Name(state))}})
        .Set(static_cast<double>(count));
  }
  for (const auto& [within, count] : seen.ending) {
    ending_.Add({{"within", within}}).Set(static_cast<double>(count));
  }
  for (const auto& [type, count] : seen.requests.by_type) {
    requests_.Add({{"kind", absl::AsciiStrToLower(v1::ChangeRequest::Type_Name(type))}})
        .Set(static_cast<double>(count));
  }
  request_oldest_.Set(absl::ToDoubleSeconds(seen.requests.oldest));
  SetBacklog("tasks", seen.outbox.tasks);
  SetBacklog("notices", seen.outbox.notices);
  SetBacklog("deliveries", seen.outbox.deliveries);
  return absl::OkStatus();
}

void Gauges::SetBacklog(const char* kind, const Backlog& backlog) {
  outbox_.Add({{"kind", kind}}).Set(static_cast<double>(backlog.count));
  outbox_lag_.Add({{"kind", kind}}).Set(absl::ToDoubleSeconds(backlog.oldest));
}

}  // namespace stackyard::stacks
