#include "common/database_metrics.h"

#include "absl/strings/cord.h"
#include "common/metric_buckets.h"

namespace stackyard {
namespace {

prometheus::Gauge& Connections(prometheus::Registry& registry, const char* state) {
  return prometheus::BuildGauge()
      .Name("stackyard_db_connections")
      .Help("Connections of the pool")
      .Register(registry)
      .Add({{"state", state}});
}

}  // namespace

DatabaseMetrics::DatabaseMetrics(prometheus::Registry& registry, int connections)
    : idle_(Connections(registry, "idle")),
      busy_(Connections(registry, "busy")),
      read_(MakeMode(registry, "read")),
      write_(MakeMode(registry, "write")) {
  idle_.Set(connections);
  prometheus::BuildGauge()
      .Name("stackyard_db_connections_max")
      .Help("Size of the pool")
      .Register(registry)
      .Add({})
      .Set(connections);
}

DatabaseMetrics::Mode DatabaseMetrics::MakeMode(prometheus::Registry& registry, const char* mode) {
  auto& wait = prometheus::BuildHistogram()
                   .Name("stackyard_db_wait_seconds")
                   .Help("Time to get a connection")
                   .Register(registry);
  auto& transaction = prometheus::BuildHistogram()
                          .Name("stackyard_db_transaction_seconds")
                          .Help("Time of transactions that have a connection")
                          .Register(registry);
  const auto ended = [&](const char* result) -> prometheus::Histogram& {
    return transaction.Add({{"mode", mode}, {"result", result}}, kStorageBuckets);
  };
  return {wait.Add({{"mode", mode}}, kStorageBuckets), ended("ok"), ended("error"),
          ended("conflict")};
}

void DatabaseMetrics::Take(bool write, absl::Duration waited) {
  idle_.Decrement();
  busy_.Increment();
  (write ? write_ : read_).wait.Observe(absl::ToDoubleSeconds(waited));
}

void DatabaseMetrics::GiveBack() {
  busy_.Decrement();
  idle_.Increment();
}

void DatabaseMetrics::End(bool write, const absl::Status& status, absl::Duration took) {
  const Mode& mode = write ? write_ : read_;
  prometheus::Histogram& result = status.ok() || IsOwnAnswer(status) ? mode.ok
                                  : absl::IsAborted(status)          ? mode.conflict
                                                                     : mode.error;
  result.Observe(absl::ToDoubleSeconds(took));
}

bool IsOwnAnswer(const absl::Status& status) {
  bool own = false;
  status.ForEachPayload([&](absl::string_view, const absl::Cord&) { own = true; });
  return own;
}

}  // namespace stackyard
