#include "services/gateway/proxy_call.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/grpc_status.h"
#include "common/log.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::gateway {
namespace {

// For calls with one answer whose client set no deadline: nobody waits for ever.
constexpr std::chrono::minutes kLongestUnary(15);

absl::Status Cancelled() { return absl::CancelledError("the caller cancelled"); }

}  // namespace

ProxyCall::ProxyCall(Proxy& proxy, grpc::GenericCallbackServerContext* context, const Route* route,
                     grpc::GenericStub* stub)
    : proxy_(proxy),
      context_(context),
      route_(route),
      stub_(stub),
      headers_(CallHeaders::Read(context->client_metadata())),
      info_{headers_.request_id, context->peer(), headers_.forwarded_for},
      start_(absl::Now()),
      upstream_(*this) {}

void ProxyCall::Start() {
  proxy_.metrics_.Begin();
  context_->AddInitialMetadata(kRequestIdKey, headers_.request_id);
  if (route_ == nullptr) {
    return End(grpc::Status(grpc::StatusCode::UNIMPLEMENTED,
                            absl::StrCat(context_->method(), " is not part of the API")));
  }
  if (route_->client_streaming || route_->server_streaming) proxy_.AddStream(this);
  proxy_.guard_.Authenticate(
      *route_, headers_.authorization, info_,
      [this](absl::StatusOr<CallerPtr> caller) { OnCaller(std::move(caller)); });
}

void ProxyCall::OnCaller(absl::StatusOr<CallerPtr> caller) {
  if (!caller.ok()) return End(ToGrpc(caller.status()));
  caller_ = *std::move(caller);
  // What needs no look at the message is decided before the message comes in.
  if (route_->resource.empty() && !Authorize("")) return;
  StartRead(&request_);
}

bool ProxyCall::Authorize(std::string_view resource) {
  absl::StatusOr<Principal> principal =
      proxy_.guard_.Authorize(*route_, caller_.get(), resource, info_);
  if (!principal.ok()) {
    End(ToGrpc(principal.status()));
    return false;
  }
  principal_ = *std::move(principal);
  return true;
}

absl::StatusOr<std::string> ProxyCall::ReadResource() {
  if (route_->resource.empty()) return std::string();
  grpc::Slice slice;
  if (!request_.TrySingleSlice(&slice).ok()) {
    const grpc::Status dumped = request_.DumpToSingleSlice(&slice);
    if (!dumped.ok()) return InvalidField("request", "cannot be read");
  }
  const std::string_view bytes(reinterpret_cast<const char*>(slice.begin()), slice.size());
  ASSIGN_OR_RETURN(const std::string_view resource, ScanString(bytes, route_->resource));
  return std::string(resource);
}

void ProxyCall::OnReadDone(bool ok) {
  // A call that was cancelled can come with a buffer that is none.
  ok = ok && request_.Valid();
  if (opened_) {
    OnNextMessage(ok);
  } else {
    OnFirstMessage(ok);
  }
}

void ProxyCall::OnFirstMessage(bool ok) {
  if (!ok) {
    return End(
        ToGrpc(context_->IsCancelled() ? Cancelled() : InvalidField("request", "must be sent")));
  }
  absl::StatusOr<std::string> resource = ReadResource();
  if (!resource.ok()) return End(ToGrpc(resource.status()));
  if (!route_->resource.empty() && !Authorize(*resource)) return;
  resource_ = *std::move(resource);
  if (stub_ == nullptr) {
    return End(ToGrpc(
        Error(v1::DEPENDENCY_UNAVAILABLE, absl::StrCat(route_->backend, " is not configured"))));
  }
  OpenUpstream();
}

void ProxyCall::OpenUpstream() {
  opened_ = true;
  references_.fetch_add(1);
  headers_.PassOn(principal_, upstream_context_);
  if (!route_->client_streaming && !route_->server_streaming) return CallUpstream();
  upstream_context_.set_deadline(context_->deadline());
  // Headers, message and end go out as one.
  upstream_context_.set_initial_metadata_corked(true);
  stub_->PrepareBidiStreamingCall(&upstream_context_, route_->method, grpc::StubOptions(),
                                  &upstream_);
  // Reads of upstream are started by the client's writes, which upstream's end must wait for.
  upstream_.AddHold();
  if (route_->client_streaming) {
    upstream_.AddHold();
    {
      absl::MutexLock lock(&mutex_);
      write_hold_ = true;
      writing_ = true;
    }
    upstream_.StartWrite(&request_);
  } else {
    // Other messages that the client may send are never read.
    upstream_.StartWriteLast(&request_, grpc::WriteOptions());
  }
  upstream_.StartCall();
}

void ProxyCall::CallUpstream() {
  upstream_context_.set_deadline(
      std::min(context_->deadline(), std::chrono::system_clock::now() + kLongestUnary));
  // All of it is one batch with one completion; as a stream it would be four, and each of them a
  // change of threads.
  stub_->UnaryCall(&upstream_context_, route_->method, grpc::StubOptions(), &request_, &response_,
                   [this](const grpc::Status& status) {
                     CopyHeaders();
                     has_response_ = status.ok();
                     OnUpstreamDone(status);
                   });
}

void ProxyCall::OnNextMessage(bool ok) {
  if (ok) {
    // Only the resource that was checked may be named.
    const absl::StatusOr<std::string> resource = ReadResource();
    if (!resource.ok()) return Abort(resource.status());
    if (!resource->empty() && *resource != resource_) {
      return Abort(InvalidField(route_->resource.text, "must stay the same in all messages"));
    }
  }
  {
    absl::MutexLock lock(&mutex_);
    if (!write_hold_) return;
    writing_ = ok;
    if (!ok) {
      upstream_.StartWritesDone();
      return DropWriteHold();
    }
  }
  upstream_.StartWrite(&request_);
}

void ProxyCall::DropWriteHold() {
  if (!std::exchange(write_hold_, false)) return;
  upstream_.RemoveHold();
}

void ProxyCall::Abort(const absl::Status& why) {
  {
    absl::MutexLock lock(&mutex_);
    if (aborted_.ok()) aborted_ = why;
    if (!writing_) DropWriteHold();
  }
  upstream_context_.TryCancel();
}

void ProxyCall::Drain() {
  {
    absl::MutexLock lock(&mutex_);
    if (aborted_.ok()) {
      aborted_ = Error(v1::DEPENDENCY_UNAVAILABLE, "the gateway is going down; connect again");
    }
  }
  // Before upstream is open this makes it fail as soon as it is.
  upstream_context_.TryCancel();
}

void ProxyCall::OnCancel() { upstream_context_.TryCancel(); }

void ProxyCall::OnWriteDone(bool ok) {
  // Without the client upstream has nobody to read for; its end is told by the read below.
  if (!ok) upstream_context_.TryCancel();
  upstream_.StartRead(&response_);
}

void ProxyCall::CopyHeaders() {
  CopyToClient(upstream_context_.GetServerInitialMetadata(),
               [this](const std::string& key, const std::string& value) {
                 context_->AddInitialMetadata(key, value);
               });
}

void ProxyCall::OnUpstreamHeaders(bool ok) {
  if (ok) {
    CopyHeaders();
    // Clients of a stream want to know that it is open; a single answer takes its headers along.
    if (route_->server_streaming) StartSendInitialMetadata();
  }
  upstream_.StartRead(&response_);
}

void ProxyCall::OnUpstreamRead(bool ok) {
  if (ok && route_->server_streaming) return StartWrite(&response_);
  has_response_ = ok;
  {
    absl::MutexLock lock(&mutex_);
    upstream_ended_ = true;
    // A write that goes on drops it when it is done.
    if (!writing_) DropWriteHold();
  }
  upstream_.RemoveHold();
}

void ProxyCall::OnUpstreamWritten(bool ok) {
  if (!route_->client_streaming) return request_.Clear();
  {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    if (!ok || upstream_ended_ || !aborted_.ok()) return DropWriteHold();
  }
  StartRead(&request_);
}

grpc::Status ProxyCall::Translate(const grpc::Status& status) {
  {
    absl::MutexLock lock(&mutex_);
    if (!aborted_.ok()) return ToGrpc(aborted_);
  }
  if (!status.error_details().empty()) return status;
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    const RequestScope scope(headers_.request_id, headers_.traceparent);
    LogWarning("a backend does not answer",
               {{"backend", route_->backend}, {"error", status.error_message()}});
    return ToGrpc(Error(v1::DEPENDENCY_UNAVAILABLE, absl::StrCat("the service ", route_->backend,
                                                                 " does not answer; try again")));
  }
  if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
    return ToGrpc(Error(v1::NOT_BUILT, absl::StrCat(route_->method, " is not built yet")));
  }
  return status;
}

void ProxyCall::OnUpstreamDone(const grpc::Status& status) {
  CopyToClient(upstream_context_.GetServerTrailingMetadata(),
               [this](const std::string& key, const std::string& value) {
                 context_->AddTrailingMetadata(key, value);
               });
  const grpc::Status translated = Translate(status);
  if (status.error_code() == grpc::StatusCode::PERMISSION_DENIED) {
    proxy_.guard_.RecordDenial(*route_, caller_.get(), resource_, FromGrpc(status), info_);
  }
  End(translated, translated.ok() && has_response_);
  Unref();
}

void ProxyCall::End(const grpc::Status& status, bool with_response) {
  proxy_.metrics_.End(route_, status.error_code(), absl::Now() - start_);
  if (with_response) {
    StartWriteAndFinish(&response_, grpc::WriteOptions(), status);
  } else {
    Finish(status);
  }
}

void ProxyCall::OnDone() {
  if (route_ != nullptr && (route_->client_streaming || route_->server_streaming)) {
    proxy_.RemoveStream(this);
  }
  Unref();
}

void ProxyCall::Unref() {
  if (references_.fetch_sub(1) == 1) delete this;
}

}  // namespace stackyard::gateway
