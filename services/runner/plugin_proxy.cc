#include "services/runner/plugin_proxy.h"

#include <grpc/grpc.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/channel_arguments.h>
#include <sys/stat.h>

#include <chrono>
#include <map>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/runner/plugin_call.h"

namespace stackyard::runner {
namespace {

// sun_path, less the end of the string.
constexpr size_t kMaxSocketPath = 107;

enum class Handling { kForward, kSchemas, kIdentities, kCheck, kConfigure, kEmpty, kNone, kSilent };

Handling HandlingOf(std::string_view method) {
  static const std::map<std::string, Handling, std::less<>> kHandling = {
      {"/tfplugin5.Provider/GetSchema", Handling::kSchemas},
      {"/tfplugin6.Provider/GetProviderSchema", Handling::kSchemas},
      {"/tfplugin5.Provider/GetResourceIdentitySchemas", Handling::kIdentities},
      {"/tfplugin6.Provider/GetResourceIdentitySchemas", Handling::kIdentities},
      {"/tfplugin5.Provider/PrepareProviderConfig", Handling::kCheck},
      {"/tfplugin6.Provider/ValidateProviderConfig", Handling::kCheck},
      {"/tfplugin5.Provider/Configure", Handling::kConfigure},
      {"/tfplugin6.Provider/ConfigureProvider", Handling::kConfigure},
      {"/plugin.GRPCController/Shutdown", Handling::kEmpty},
      {"/plugin.GRPCStdio/StreamStdio", Handling::kNone},
      {"/plugin.GRPCBroker/StartStream", Handling::kSilent},
  };
  const auto found = kHandling.find(method);
  return found == kHandling.end() ? Handling::kForward : found->second;
}

grpc::Status NotImplemented(const std::string& method) {
  return {grpc::StatusCode::UNIMPLEMENTED, absl::StrCat(method, " is not served")};
}

}  // namespace

std::shared_ptr<grpc::Channel> ConnectProvider(const std::string& target) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // A slot's address may come again for another process.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

PluginProxy::PluginProxy(std::shared_ptr<grpc::Channel> provider, PluginProxyOptions options)
    : options_(std::move(options)), channel_(std::move(provider)), stub_(channel_) {}

absl::StatusOr<std::unique_ptr<PluginProxy>> PluginProxy::Start(
    std::shared_ptr<grpc::Channel> provider, PluginProxyOptions options) {
  if (options.socket.size() > kMaxSocketPath) {
    return absl::InternalError(absl::StrCat(options.socket, " is too long for a socket"));
  }
  std::unique_ptr<PluginProxy> proxy(new PluginProxy(std::move(provider), std::move(options)));
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + proxy->options_.socket, grpc::InsecureServerCredentials());
  builder.SetMaxReceiveMessageSize(-1);
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.RegisterCallbackGenericService(proxy.get());
  proxy->server_ = builder.BuildAndStart();
  // Terraform may be another user; the folder that the socket lies in says who comes near.
  if (proxy->server_ == nullptr || chmod(proxy->options_.socket.c_str(), 0666) != 0) {
    return absl::InternalError(absl::StrCat("cannot listen on ", proxy->options_.socket));
  }
  return proxy;
}

PluginProxy::~PluginProxy() {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now());
  server_.reset();
}

void PluginProxy::BeginCommand() {
  absl::MutexLock lock(&mutex_);
  configuration_.reset();
}

absl::Status PluginProxy::fault() const {
  absl::MutexLock lock(&mutex_);
  return fault_;
}

bool PluginProxy::Admit(const std::string& configuration) {
  absl::MutexLock lock(&mutex_);
  if (!configuration_) configuration_ = configuration;
  if (*configuration_ == configuration) return true;
  fault_.Update(absl::FailedPreconditionError("the provider is configured in two ways"));
  return false;
}

void PluginProxy::Judge(const std::string& method, const grpc::Status& status) {
  if (status.error_code() != grpc::StatusCode::UNAVAILABLE) return;
  absl::MutexLock lock(&mutex_);
  fault_.Update(absl::UnavailableError(absl::StrCat("the provider was lost in ", method)));
}

grpc::ServerGenericBidiReactor* PluginProxy::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  switch (HandlingOf(context->method())) {
    case Handling::kSchemas:
      return new PluginAnswer(options_.schema.schemas);
    case Handling::kIdentities:
      if (options_.schema.identities) return new PluginAnswer(*options_.schema.identities);
      return new PluginAnswer(NotImplemented(context->method()));
    case Handling::kCheck:
      return new PluginExchange(*this, context, PluginExchange::Kind::kCheck);
    case Handling::kConfigure:
      return new PluginExchange(*this, context, PluginExchange::Kind::kConfigure);
    case Handling::kEmpty:
      return new PluginAnswer(std::string_view());
    case Handling::kNone:
      return new PluginAnswer(NotImplemented(context->method()));
    case Handling::kSilent:
      return new PluginSilence();
    case Handling::kForward:
      break;
  }
  return new PluginStream(*this, context);
}

}  // namespace stackyard::runner
