#include "common/health.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/grpc_setup.h"
#include "common/log.h"

namespace stackyard {
namespace {

// In a row; with the usual pause, ten seconds.
constexpr int kFailures = 5;
// A probe asks once and goes.
constexpr int kMostStreams = 16;
constexpr int kMostBytes = 4096;

// Reflection would tell anybody what else the process serves.
class HealthAlone final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    plugins->clear();
  }
};

}  // namespace

struct Health::Listener {
  // A server without any service does not start. This one answers UNIMPLEMENTED.
  grpc::CallbackGenericService nothing;
  std::unique_ptr<grpc::Server> server;
};

absl::StatusOr<std::unique_ptr<Health>> Health::Open(const std::string& listen) {
  SetUpGrpc();
  std::unique_ptr<Health> health(new Health());
  if (listen.empty()) return health;
  health->listener_ = std::make_unique<Listener>();
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port);
  builder.SetOption(std::make_unique<HealthAlone>());
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMostStreams);
  builder.SetMaxReceiveMessageSize(kMostBytes);
  // Anybody may connect: nobody may stay, or descriptors would run out.
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, 1'000);
  builder.RegisterCallbackGenericService(&health->listener_->nothing);
  health->listener_->server = builder.BuildAndStart();
  if (health->listener_->server == nullptr) {
    return absl::UnavailableError(absl::StrCat(
        "--health-listen=", listen, " cannot be used: taken, or not an address of ours"));
  }
  health->target_ = absl::StrCat(listen.substr(0, listen.rfind(':')), ":", port);
  health->Add(health->listener_->server->GetHealthCheckService());
  LogInfo("health can be asked for", {{"listen", health->target_}});
  return health;
}

Health::Health() = default;

Health::~Health() {
  if (listener_ == nullptr || listener_->server == nullptr) return;
  // Watches of those who would stay for ever.
  listener_->server->Shutdown(std::chrono::system_clock::now());
  listener_->server->Wait();
}

void Health::SetReady(bool ready) {
  absl::MutexLock lock(&mutex_);
  if (drained_ || ready == ready_) return;
  ready_ = ready;
  for (auto* told : told_) Tell(told);
}

void Health::Drain() {
  absl::MutexLock lock(&mutex_);
  drained_ = true;
  ready_ = false;
  for (auto* told : told_) Tell(told);
}

bool Health::ready() const {
  absl::MutexLock lock(&mutex_);
  return ready_;
}

void Health::Add(grpc::HealthCheckServiceInterface* told) {
  absl::MutexLock lock(&mutex_);
  told_.push_back(told);
  Tell(told);
}

void Health::Remove(grpc::HealthCheckServiceInterface* told) {
  absl::MutexLock lock(&mutex_);
  told_.erase(std::remove(told_.begin(), told_.end(), told), told_.end());
}

void Health::Tell(grpc::HealthCheckServiceInterface* told) const {
  told->SetServingStatus(kLiveness, true);
  told->SetServingStatus(kReadiness, ready_);
  told->SetServingStatus("", ready_);
}

ReadyWhile::ReadyWhile(Health& health, std::function<absl::Status()> check, absl::Duration pause)
    : health_(health),
      check_(std::move(check)),
      pause_(pause),
      loop_("ready", [this] { return Look(); }) {}

absl::Duration ReadyWhile::Look() {
  const absl::Status status = check_();
  if (status.ok()) {
    if (was_ready_ && failures_ >= kFailures) LogInfo("ready again");
    failures_ = 0;
    was_ready_ = true;
    health_.SetReady(true);
  } else if (++failures_ == kFailures && was_ready_) {
    LogError("not ready: what it cannot do without does not answer",
             {{"error", status.ToString()}});
    health_.SetReady(false);
  }
  return pause_;
}

}  // namespace stackyard
