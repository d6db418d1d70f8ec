#include "common/rpc_metrics.h"

#include <google/protobuf/descriptor.h>
#include <grpcpp/support/status.h>
#include <prometheus/counter.h>
#include <prometheus/histogram.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/metric_buckets.h"
#include "google/rpc/code.pb.h"

namespace stackyard {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::Interceptor;
using grpc::experimental::ServerRpcInfo;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Histogram;
using prometheus::Labels;

constexpr int kCodes = 17;

std::string TypeName(ServerRpcInfo::Type type) {
  switch (type) {
    case ServerRpcInfo::Type::UNARY:
      return "unary";
    case ServerRpcInfo::Type::CLIENT_STREAMING:
      return "client_stream";
    case ServerRpcInfo::Type::SERVER_STREAMING:
      return "server_stream";
    default:
      return "bidi_stream";
  }
}

// Labels of a method, from its path, `/package.Service/Method`.
Labels LabelsOf(absl::string_view path, ServerRpcInfo::Type type) {
  absl::ConsumePrefix(&path, "/");
  const size_t slash = path.find('/');
  if (slash != absl::string_view::npos) {
    const std::string service(path.substr(0, slash)), method(path.substr(slash + 1));
    if (google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
            absl::StrCat(service, ".", method)) != nullptr) {
      return {{"grpc_type", TypeName(type)}, {"grpc_service", service}, {"grpc_method", method}};
    }
  }
  // Names of such methods are the client's to choose, and each would be a series.
  return {{"grpc_type", TypeName(type)}, {"grpc_service", "unknown"}, {"grpc_method", "unknown"}};
}

// One method's metrics, found once.
class Method {
 public:
  Method(Labels labels, Family<Counter>& started, Family<Counter>& handled,
         Family<Histogram>& seconds)
      : labels_(std::move(labels)),
        started_(started.Add(labels_)),
        seconds_(seconds.Add(labels_, kCallBuckets)),
        handled_(handled) {}

  void Begin() { started_.Increment(); }
  void End(grpc::StatusCode code, absl::Duration took) {
    seconds_.Observe(absl::ToDoubleSeconds(took));
    Of(code >= 0 && code < kCodes ? code : grpc::StatusCode::UNKNOWN).Increment();
  }

 private:
  // Counters of codes that never came are not shown.
  Counter& Of(int code) {
    Counter* counter = by_code_[code].load(std::memory_order_acquire);
    if (counter == nullptr) {
      Labels labels = labels_;
      labels["grpc_code"] = google::rpc::Code_Name(code);
      // The same labels get the same counter, so that a race here does no harm.
      counter = &handled_.Add(labels);
      by_code_[code].store(counter, std::memory_order_release);
    }
    return *counter;
  }

  const Labels labels_;
  Counter& started_;
  Histogram& seconds_;
  Family<Counter>& handled_;
  std::array<std::atomic<Counter*>, kCodes> by_code_{};
};

// One call, from its headers to its status.
class CountedCall final : public Interceptor {
 public:
  explicit CountedCall(Method& method) : method_(method), start_(absl::Now()) { method_.Begin(); }
  // The connection may go before a status is sent.
  ~CountedCall() override { End(grpc::StatusCode::CANCELLED); }

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      End(methods->GetSendStatus().error_code());
    }
    methods->Proceed();
  }

 private:
  void End(grpc::StatusCode code) {
    if (ended_) return;
    ended_ = true;
    method_.End(code, absl::Now() - start_);
  }

  Method& method_;
  const absl::Time start_;
  bool ended_ = false;
};

class RpcMetrics final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit RpcMetrics(prometheus::Registry& registry)
      : started_(prometheus::BuildCounter()
                     .Name("grpc_server_started_total")
                     .Help("Calls that began")
                     .Register(registry)),
        handled_(prometheus::BuildCounter()
                     .Name("grpc_server_handled_total")
                     .Help("Calls that ended, by status")
                     .Register(registry)),
        seconds_(prometheus::BuildHistogram()
                     .Name("grpc_server_handling_seconds")
                     .Help("Time from the headers of a call to its status")
                     .Register(registry)) {}

  Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    // gRPC takes it over.
    return new CountedCall(Find(info->method(), info->type()));
  }

 private:
  Method& Find(absl::string_view path, ServerRpcInfo::Type type) {
    {
      absl::ReaderMutexLock lock(&mutex_);
      const auto found = methods_.find(path);
      if (found != methods_.end()) return *found->second;
    }
    Labels labels = LabelsOf(path, type);
    absl::MutexLock lock(&mutex_);
    const bool known = labels.at("grpc_service") != "unknown";
    const std::string key = known ? std::string(path) : labels.at("grpc_type");
    std::unique_ptr<Method>& method = methods_[key];
    if (method == nullptr) {
      method = std::make_unique<Method>(std::move(labels), started_, handled_, seconds_);
    }
    return *method;
  }

  Family<Counter>& started_;
  Family<Counter>& handled_;
  Family<Histogram>& seconds_;
  absl::Mutex mutex_;
  // By path; those that are unknown by their type.
  absl::flat_hash_map<std::string, std::unique_ptr<Method>> methods_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeRpcMetrics(
    prometheus::Registry& registry) {
  return std::make_unique<RpcMetrics>(registry);
}

}  // namespace stackyard
