#include "services/gateway/call_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <string>

#include "google/rpc/code.pb.h"

namespace stackyard::gateway {
namespace {

std::string MethodLabel(const Route* route) {
  // Names of unknown methods are the client's to choose, and each would be a series.
  return route == nullptr ? "unknown" : route->method.substr(1);
}

}  // namespace

CallMetrics::CallMetrics(const RouteTable& routes, prometheus::Registry& registry)
    : routes_(routes),
      requests_(prometheus::BuildCounter()
                    .Name("stackyard_gateway_requests_total")
                    .Help("Calls that ended, by method and gRPC code")
                    .Register(registry)),
      open_(prometheus::BuildGauge()
                .Name("stackyard_gateway_open_requests")
                .Help("Calls that go on now, streams included")
                .Register(registry)
                .Add({})),
      per_route_(routes.routes().size() + 1) {
  auto& seconds = prometheus::BuildHistogram()
                      .Name("stackyard_gateway_request_seconds")
                      .Help("Time from the headers of a call to its status")
                      .Register(registry);
  const prometheus::Histogram::BucketBoundaries buckets = {.001, .0025, .005, .01, .025, .05, .1,
                                                           .25,  .5,    1,    2.5, 5,    10,  60};
  for (size_t i = 0; i < per_route_.size(); ++i) {
    const Route* route = i < routes.routes().size() ? &routes.routes()[i] : nullptr;
    per_route_[i].seconds = &seconds.Add({{"method", MethodLabel(route)}}, buckets);
  }
}

void CallMetrics::Begin() { open_.Increment(); }

void CallMetrics::End(const Route* route, grpc::StatusCode code, absl::Duration took) {
  open_.Decrement();
  PerRoute& mine = per_route_[route == nullptr ? routes_.routes().size() : route->index];
  mine.seconds->Observe(absl::ToDoubleSeconds(took));
  const int index = code >= 0 && code < kCodes ? static_cast<int>(code) : grpc::StatusCode::UNKNOWN;
  prometheus::Counter* counter = mine.by_code[index].load(std::memory_order_acquire);
  if (counter == nullptr) {
    // The same labels get the same counter, so that a race here does no harm.
    counter =
        &requests_.Add({{"method", MethodLabel(route)}, {"code", google::rpc::Code_Name(index)}});
    mine.by_code[index].store(counter, std::memory_order_release);
  }
  counter->Increment();
}

}  // namespace stackyard::gateway
