#include "services/stacks/lease_metrics.h"

#include "services/stacks/stack_store.h"

namespace stackyard::stacks {

LeaseMetrics::LeaseMetrics(Store& store, prometheus::Registry& registry)
    : store_(store),
      overdue_(prometheus::BuildGauge()
                   .Name("stackyard_stacks_past_lease")
                   .Help("Stacks whose lease is over and that are not gone")
                   .Register(registry)
                   .Add({})),
      longest_(prometheus::BuildGauge()
                   .Name("stackyard_stacks_past_lease_longest_seconds")
                   .Help("For how long the first of them is past its lease; 0 when there is none")
                   .Register(registry)
                   .Add({})) {}

absl::Status LeaseMetrics::Refresh() {
  ASSIGN_OR_RETURN(const Overdue overdue, store_.ReadValue<Overdue>([&](soci::session& sql) {
    return absl::StatusOr<Overdue>(FindOverdue(sql, store_.Now()));
  }));
  overdue_.Set(static_cast<double>(overdue.count));
  longest_.Set(absl::ToDoubleSeconds(overdue.longest));
  return absl::OkStatus();
}

}  // namespace stackyard::stacks
