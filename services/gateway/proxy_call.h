// One call on its way through the gateway.
//
//   headers -> who calls? -> first message -> what on? -> allowed? -> upstream
//
// A call without a valid token is refused on its headers, before its body comes in. Messages then
// go one at a time in each direction: the next is read only when the last was written, so that a
// slow reader slows the writer down and nothing piles up here.
#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/client_callback.h>

#include <atomic>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/gateway/access.h"
#include "services/gateway/call_headers.h"
#include "services/gateway/guard.h"
#include "services/gateway/proxy.h"

namespace stackyard::gateway {

class ProxyCall final : public grpc::ServerGenericBidiReactor {
 public:
  // `route` is null for an unknown method, `stub` for a backend that is not configured.
  ProxyCall(Proxy& proxy, grpc::GenericCallbackServerContext* context, const Route* route,
            grpc::GenericStub* stub);

  // Deletes itself when both sides are done.
  void Start();
  // Ends the call with UNAVAILABLE.
  void Drain();

  // From the client.
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // The backend's side.
  class Upstream final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
   public:
    explicit Upstream(ProxyCall& call) : call_(call) {}
    void OnReadInitialMetadataDone(bool ok) override { call_.OnUpstreamHeaders(ok); }
    void OnReadDone(bool ok) override { call_.OnUpstreamRead(ok); }
    void OnWriteDone(bool ok) override { call_.OnUpstreamWritten(ok); }
    void OnDone(const grpc::Status& status) override { call_.OnUpstreamDone(status); }

   private:
    ProxyCall& call_;
  };

  void OnCaller(absl::StatusOr<CallerPtr> caller);
  void OnFirstMessage(bool ok);
  void OnNextMessage(bool ok);
  // The resource that the message just read names.
  absl::StatusOr<std::string> ReadResource();
  // False when the call was refused.
  bool Authorize(std::string_view resource);
  void OpenUpstream();
  // OpenUpstream for calls with one request and one answer.
  void CallUpstream();
  // Lets upstream end although the client could still send.
  void DropWriteHold() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Cancels upstream; the call will end with `why`.
  void Abort(const absl::Status& why);

  // Answers the client with the headers of the backend.
  void CopyHeaders();
  void OnUpstreamHeaders(bool ok);
  void OnUpstreamRead(bool ok);
  void OnUpstreamWritten(bool ok);
  void OnUpstreamDone(const grpc::Status& status);
  // What the client is told of upstream's end.
  grpc::Status Translate(const grpc::Status& status);

  // Ends the call towards the client; once.
  void End(const grpc::Status& status, bool with_response = false);
  void Unref();

  Proxy& proxy_;
  grpc::GenericCallbackServerContext* const context_;
  const Route* const route_;
  grpc::GenericStub* const stub_;
  const CallHeaders headers_;
  const CallInfo info_;
  const absl::Time start_;

  CallerPtr caller_;
  Principal principal_;
  // As the first message named it.
  std::string resource_;
  bool opened_ = false;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  bool has_response_ = false;

  grpc::ClientContext upstream_context_;
  Upstream upstream_;
  // This reactor, and upstream once it is open.
  std::atomic<int> references_{1};

  absl::Mutex mutex_;
  // The client's messages can still be written to upstream.
  bool write_hold_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool upstream_ended_ ABSL_GUARDED_BY(mutex_) = false;
  // Why we ended the call ourselves.
  absl::Status aborted_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stackyard::gateway
