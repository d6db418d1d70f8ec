// Calls of Terraform to a provider, on their way through a proxy. All delete themselves.
#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/client_callback.h>

#include <atomic>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "services/runner/plugin_proxy.h"

namespace stackyard::runner {

// Answers without asking the provider.
class PluginAnswer final : public grpc::ServerGenericBidiReactor {
 public:
  explicit PluginAnswer(std::string_view response);
  explicit PluginAnswer(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer response_;
};

// A stream on which nothing ever comes, until the client leaves.
class PluginSilence final : public grpc::ServerGenericBidiReactor {
 public:
  PluginSilence() { StartSendInitialMetadata(); }
  void OnCancel() override { Finish(grpc::Status::CANCELLED); }
  void OnDone() override { delete this; }
};

// One question and one answer, both of which the proxy looks at.
class PluginExchange final : public grpc::ServerGenericBidiReactor {
 public:
  enum class Kind {
    // The configuration is checked: the answer may be known.
    kCheck,
    // The provider is configured.
    kConfigure,
  };

  PluginExchange(PluginProxy& proxy, grpc::GenericCallbackServerContext* context, Kind kind);

  void OnReadDone(bool ok) override;
  void OnCancel() override { upstream_context_.TryCancel(); }
  void OnDone() override { Unref(); }

 private:
  void Ask();
  void OnAnswered(const grpc::Status& status);
  void Answer(std::string_view response);
  void Unref();

  PluginProxy& proxy_;
  const std::string method_;
  const Kind kind_;
  std::string asked_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  grpc::ClientContext upstream_context_;
  // This reactor, and the call to the provider while it goes on.
  std::atomic<int> references_{1};
};

// Any other call: messages go one at a time in each direction, the next is read when the last was
// written.
class PluginStream final : public grpc::ServerGenericBidiReactor {
 public:
  PluginStream(PluginProxy& proxy, grpc::GenericCallbackServerContext* context);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override { upstream_context_.TryCancel(); }
  void OnDone() override { Unref(); }

 private:
  // The provider's side.
  class Upstream final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
   public:
    explicit Upstream(PluginStream& call) : call_(call) {}
    void OnReadInitialMetadataDone(bool ok) override { StartRead(&call_.response_); }
    void OnReadDone(bool ok) override { call_.OnUpstreamRead(ok); }
    void OnWriteDone(bool ok) override { call_.OnUpstreamWritten(ok); }
    void OnDone(const grpc::Status& status) override { call_.OnUpstreamDone(status); }

   private:
    PluginStream& call_;
  };

  void OnUpstreamRead(bool ok);
  void OnUpstreamWritten(bool ok);
  void OnUpstreamDone(const grpc::Status& status);
  // Lets upstream end although the client could still send.
  void DropWriteHold() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Unref();

  PluginProxy& proxy_;
  const std::string method_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  grpc::ClientContext upstream_context_;
  Upstream upstream_;
  // This reactor and upstream.
  std::atomic<int> references_{2};

  absl::Mutex mutex_;
  // The client's messages can still be written to upstream.
  bool write_hold_ ABSL_GUARDED_BY(mutex_) = true;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool upstream_ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace stackyard::runner
