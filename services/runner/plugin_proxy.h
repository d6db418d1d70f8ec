// Stands between Terraform and one provider process, and speaks the plugin protocol to both.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/server.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "services/runner/plugin_memory.h"
#include "services/runner/provider_schema.h"

namespace stackyard::runner {

struct PluginProxyOptions {
  // Path of the Unix socket to listen on; not there yet. At most 107 bytes.
  std::string socket;
  // Answered in place of the provider's own: what the run needs of it.
  ProviderSchema schema;
  // Where answers to checks of the provider's configuration are kept and looked for.
  PluginMemory* memory = nullptr;
  // All that those answers depend on besides the question: program and environment.
  std::string memory_scope;
};

// Serves one run, from its first command to its last. Bytes are handed on as they come, whatever
// the method, both ways, with cancellations and of any size; `Stop` is one of them. Answered here:
//
//   GetSchema, GetProviderSchema, GetResourceIdentitySchemas   pruned
//   PrepareProviderConfig, ValidateProviderConfig              from memory, when it was asked
//   before GRPCController.Shutdown, GRPCStdio, GRPCBroker             by go-plugin's rules; the
//   process is
//                                                              not Terraform's to end
//
// A provider process holds one configuration at a time, so two different ones within one command
// would mix: the second is refused. Thread-safe.
class PluginProxy final : public grpc::CallbackGenericService {
 public:
  // Begins to listen. INTERNAL when it cannot.
  static absl::StatusOr<std::unique_ptr<PluginProxy>> Start(std::shared_ptr<grpc::Channel> provider,
                                                            PluginProxyOptions options);
  // Cancels the calls that go on and waits for their end.
  ~PluginProxy() override;

  // A new command of Terraform begins; it may configure the provider in another way.
  void BeginCommand();
  // Why the provider is of no use any more: it was lost, or was to be configured in two ways.
  absl::Status fault() const;

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;

 private:
  friend class PluginExchange;
  friend class PluginStream;

  PluginProxy(std::shared_ptr<grpc::Channel> provider, PluginProxyOptions options);

  // Whether the provider may be configured so.
  bool Admit(const std::string& configuration);
  // Learns from how a call of the provider ended.
  void Judge(const std::string& method, const grpc::Status& status);

  const PluginProxyOptions options_;
  const std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  mutable absl::Mutex mutex_;
  absl::Status fault_ ABSL_GUARDED_BY(mutex_);
  // As the command that goes on configured the provider.
  std::optional<std::string> configuration_ ABSL_GUARDED_BY(mutex_);
  // Last: its end waits for the calls.
  std::unique_ptr<grpc::Server> server_;
};

// The channel to a provider at an address of go-plugin's, `unix:/path` or `host:port`.
std::shared_ptr<grpc::Channel> ConnectProvider(const std::string& target);

}  // namespace stackyard::runner
