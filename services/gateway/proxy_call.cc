#include "services/gateway/proxy_call.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/grpc_status.h"
#include "common/log.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "services/gateway/call_refusals.h"
#include "services/gateway/front_connection.h"
#include "services/gateway/local_routes.h"

namespace stackyard::gateway {
namespace {

using std::chrono::steady_clock;

// For calls with one answer whose client set no deadline: nobody waits for ever.
constexpr std::chrono::minutes kLongestUnary(15);
// Of a message to what needs no token.
constexpr size_t kMostOfStrangers = 64 << 10;
// How often it is asked whether the caller of a stream may still have it.
constexpr std::chrono::seconds kCheckCaller(2);
// Nobody waits so long, and it can be added to a time.
constexpr std::chrono::hours kLongestTimeout(24 * 365);

// A header of a backend's answer that clients may see, as a name that lives on; else empty. What a
// document's answer says of it is meant for HTTP.
std::string_view ShownHead(std::string_view name) {
  constexpr std::array<std::string_view, 3> kShown = {"etag", "cache-control", "last-modified"};
  const auto* const found = std::find(kShown.begin(), kShown.end(), name);
  return found == kShown.end() ? std::string_view() : *found;
}

}  // namespace

ProxyCall::ProxyCall(FrontWorker& worker, Http2Session& client, int32_t stream,
                     const std::string& peer)
    : worker_(worker),
      shared_(worker.shared()),
      client_(client),
      stream_(stream),
      share_(shared_.limits),
      start_(steady_clock::now()),
      deadline_(worker.loop()->timeouts(),
                [this] {
                  Abort(absl::DeadlineExceededError("the deadline passed"));
                  // The client has given up by itself.
                  if (!done_) client_.ResetStream(stream_, NGHTTP2_CANCEL);
                }),
      progress_(start_) {
  info_.peer = peer;
}

ProxyCall::~ProxyCall() {
  if (!done_) Count(grpc::StatusCode::CANCELLED);
  CancelBackend();
}

void ProxyCall::OnHeaders() {
  const absl::Status headers = headers_.Complete();
  info_.request_id = headers_.request_id;
  info_.forwarded_for = headers_.forwarded_for;
  route_ = shared_.routes.Find(headers_.path);
  if (route_ == nullptr) route_ = FindLocalRoute(headers_.path);
  metered_ = route_ == nullptr || route_->index >= 0;
  if (metered_) shared_.metrics.Begin();
  if (metered_ && route_ != nullptr) {
    trace_.Begin(*route_, info_.peer, shared_.options.trace_trust_clients, headers_);
  }
  if (!headers.ok()) return Abort(headers);
  if (const absl::Status admitted = Admit(); !admitted.ok()) return Abort(admitted);
  if (done_) return;
  const size_t most = route_->audience == Audience::kPublic
                          ? std::min<size_t>(shared_.max_message_bytes, kMostOfStrangers)
                          : shared_.max_message_bytes;
  request_.emplace(most, !route_->resource.empty());
  if (route_->index < 0) return OnCaller(nullptr);
  // The answer may come on another thread, and after the call.
  auto loop = worker_.loop();
  shared_.guard.Authenticate(
      *route_, headers_.authorization, info_,
      [call = weak_from_this(), loop = std::move(loop)](absl::StatusOr<CallerPtr> caller) {
        if (loop->IsCurrent()) {
          if (const auto self = call.lock()) self->OnCaller(std::move(caller));
          return;
        }
        loop->Post([call, caller = std::move(caller)]() mutable {
          if (const auto self = call.lock()) self->OnCaller(std::move(caller));
        });
      });
}

absl::Status ProxyCall::Admit() {
  if (headers_.bytes() > static_cast<size_t>(shared_.options.max_header_bytes)) {
    shared_.limits.Count(FrontLimits::Limit::kHeaderBytes);
    return absl::ResourceExhaustedError(
        absl::StrCat("the headers are over ", shared_.options.max_header_bytes, " bytes"));
  }
  if (!headers_.is_grpc()) {
    HeaderList headers;
    headers.Add(":status", "415");
    nghttp2_submit_response(client_.http2(), stream_, headers.data(), headers.size(), nullptr);
    client_.MarkDirty();
    Count(grpc::StatusCode::UNKNOWN);
    done_ = answered_ = true;
    return absl::OkStatus();
  }
  if (route_ == nullptr) {
    return absl::UnimplementedError(absl::StrCat(headers_.path, " is not part of the API"));
  }
  const bool local = route_->index < 0;
  if (!share_.Open(local)) return Overloaded("more calls are open than the gateway serves");
  // Without a token nothing goes on for long but watches of health.
  const bool bounded = local ? route_->client_streaming : route_->audience == Audience::kPublic;
  if (headers_.timeout) {
    expires_ = start_ + std::min<std::chrono::nanoseconds>(*headers_.timeout, kLongestTimeout);
  }
  if (bounded || (!expires_ && !route_->client_streaming && !route_->server_streaming)) {
    expires_ = std::min(expires_.value_or(SteadyTime::max()), start_ + kLongestUnary);
  }
  if (expires_) deadline_.Set(*expires_);
  return absl::OkStatus();
}

void ProxyCall::OnCaller(absl::StatusOr<CallerPtr> caller) {
  if (done_ || cut_) return;
  if (!caller.ok()) return Abort(caller.status());
  caller_ = *std::move(caller);
  checked_ = steady_clock::now();
  if (caller_ != nullptr) {
    if (!share_.OpenFor(caller_->user)) {
      return Abort(Overloaded("this user has too many calls open"));
    }
  }
  // What needs no look at the message is decided before the message comes in.
  if (route_->resource.empty() && route_->index >= 0) {
    if (const absl::Status allowed = Authorize(""); !allowed.ok()) return Abort(allowed);
  }
  admitted_ = true;
  Advance();
}

absl::Status ProxyCall::Authorize(std::string_view resource) {
  ASSIGN_OR_RETURN(principal_, shared_.guard.Authorize(*route_, caller_.get(), resource, info_));
  return absl::OkStatus();
}

void ProxyCall::OnData(std::string_view bytes) {
  unconsumed_ += bytes.size();
  progress_ = steady_clock::now();
  if (done_ || cut_ || request_over_ || !request_) return;
  request_->Append(bytes);
  Advance();
}

void ProxyCall::OnEnd() {
  client_ended_ = true;
  Advance();
}

void ProxyCall::Advance() {
  if (!admitted_ || done_ || cut_ || request_over_) return;
  absl::Status status = TakeMessages();
  if (status.ok() && !share_.Hold(request_->held())) {
    status = Overloaded("too much of unfinished messages is held");
  }
  if (status.ok() && client_ended_ && !request_over_) status = CheckEnd();
  if (!status.ok()) return Abort(status);
  if (done_ || cut_) return;
  if (backend_ != nullptr) backend_->ResumeData(backend_stream_);
  GiveWindow();
}

absl::Status ProxyCall::TakeMessages() {
  while (!done_ && !cut_) {
    const RequestBuffer::Next next = request_->Look();
    if (got_message_ && !route_->client_streaming && request_->released_whole()) {
      // Other messages that the client may send are never read.
      request_->EndHere();
      request_over_ = true;
      return absl::OkStatus();
    }
    switch (next) {
      case RequestBuffer::Next::kIncomplete:
        return absl::OkStatus();
      case RequestBuffer::Next::kTooLarge:
        shared_.limits.Count(FrontLimits::Limit::kMessageBytes);
        Abort(TooLarge(request_->message_length(), shared_.max_message_bytes));
        return absl::OkStatus();
      case RequestBuffer::Next::kCompressed:
        return absl::UnimplementedError("messages must not be compressed");
      case RequestBuffer::Next::kMessage:
        RETURN_IF_ERROR(TakeMessage());
    }
  }
  return absl::OkStatus();
}

absl::Status ProxyCall::TakeMessage() {
  if (!route_->resource.empty()) {
    ASSIGN_OR_RETURN(const std::string_view resource,
                     ScanString(request_->message(), route_->resource));
    if (!got_message_) {
      RETURN_IF_ERROR(Authorize(resource));
      resource_ = resource;
    } else if (!resource.empty() && resource != resource_) {
      // Only the resource that was checked may be named.
      return InvalidField(route_->resource.text, "must stay the same in all messages");
    }
  }
  request_->Release();
  if (!std::exchange(got_message_, true)) OpenBackend();
  return absl::OkStatus();
}

absl::Status ProxyCall::CheckEnd() {
  if (request_->in_message()) return InvalidField("request", "ends within a message");
  if (!got_message_) return InvalidField("request", "must be sent");
  request_over_ = true;
  return absl::OkStatus();
}

void ProxyCall::GiveWindow() {
  // What was let go on must have been taken before more may come; the rest of a message that is
  // not whole yet must be able to come.
  const size_t kept = request_->drained() ? 0 : std::min(unconsumed_, request_->held());
  client_.Consume(stream_, unconsumed_ - kept);
  unconsumed_ = kept;
}

void ProxyCall::OpenBackend() {
  Backend* backend = worker_.FindBackend(route_->backend);
  if (backend == nullptr) {
    return Abort(
        Error(v1::DEPENDENCY_UNAVAILABLE, absl::StrCat(route_->backend, " is not configured")));
  }
  if (BackendConnection* connection = backend->Pick(); connection != nullptr) {
    return Send(*connection);
  }
  if (backend->away()) return OnBackend(nullptr);
  backend->Wait(weak_from_this());
}

void ProxyCall::OnBackend(BackendConnection* connection) {
  if (done_ || cut_) return;
  if (connection != nullptr) return Send(*connection);
  const RequestScope scope(headers_.request_id, headers_.traceparent);
  LogWarning("a backend does not answer",
             {{"backend", route_->backend}, {"error", "there is no connection"}});
  Abort(Away(route_->backend));
}

void ProxyCall::Send(BackendConnection& connection) {
  HeaderList headers;
  headers.Add(":method", "POST");
  headers.Add(":scheme", "http");
  headers.Add(":path", route_->method);
  headers.Add(":authority", route_->backend);
  headers.Add("te", "trailers");
  headers.Add("content-type", "application/grpc");
  std::string timeout;
  if (expires_) {
    timeout = FormatTimeout(*expires_ - steady_clock::now());
    headers.AddOnce("grpc-timeout", timeout);
  }
  std::string principal;
  if (route_->index >= 0) {
    principal = absl::Base64Escape(principal_.SerializeAsString());
    headers.AddOnce(kPrincipalKey, principal);
  }
  trace_.SendTo(*route_, headers_);
  headers_.PassOn(headers);
  backend_stream_ = connection.Send(headers, *this);
  if (backend_stream_ < 0) return Abort(Away(route_->backend));
  backend_ = &connection;
}

ssize_t ProxyCall::ReadRequest(uint8_t* to, size_t most, uint32_t* flags) {
  const size_t count = request_->Read(to, most);
  if (count > 0) {
    progress_ = steady_clock::now();
    GiveWindow();
    share_.Hold(request_->held());
  }
  if (request_over_ && request_->drained()) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    request_sent_ = true;
  } else if (count == 0) {
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<ssize_t>(count);
}

void ProxyCall::CancelBackend() {
  if (backend_ == nullptr) return;
  std::exchange(backend_, nullptr)->Cancel(backend_stream_);
}

void ProxyCall::OnAnswerHeader(std::string_view name, std::string_view value) {
  if (name == ":status") {
    http_status_ = value;
  } else if (const std::string_view shown = ShownHead(name); !answer_began_ && !shown.empty()) {
    answer_head_.emplace_back(shown, value);
  } else {
    status_.Read(name, value);
  }
}

void ProxyCall::OnAnswerHeaders(bool end) {
  if (done_) return;
  if (!std::exchange(answer_began_, true)) request_->ForgetSent();
  if (!end && http_status_ == "200") {
    if (!head_sent_) SendAnswerHead();
    return;
  }
  const CallStatus status = Translate();
  if (status.code() == grpc::StatusCode::PERMISSION_DENIED && route_->index >= 0) {
    shared_.guard.RecordDenial(*route_, caller_.get(), resource_, FromGrpc(status.ToGrpc()), info_);
  }
  Finish(status);
  // A backend may answer before it has read all.
  if (!request_sent_ || !end) CancelBackend();
}

void ProxyCall::SendAnswerHead() {
  HeaderList headers;
  headers.Add(":status", "200");
  headers.Add("content-type", "application/grpc");
  headers.AddOnce(kRequestIdKey, headers_.request_id);
  for (const auto& [name, value] : answer_head_) headers.AddOnce(name, value);
  nghttp2_data_provider answer{};
  answer.read_callback = [](nghttp2_session*, int32_t stream, uint8_t* to, size_t most,
                            uint32_t* flags, nghttp2_data_source*, void* session) {
    return FrontConnection::Of(session).ReadAnswer(stream, to, most, flags);
  };
  nghttp2_submit_response(client_.http2(), stream_, headers.data(), headers.size(), &answer);
  client_.MarkDirty();
  head_sent_ = true;
}

void ProxyCall::OnAnswerData(std::string_view bytes) {
  if (done_) return;
  answer_.Append(bytes);
  client_.ResumeData(stream_);
  if (cut_) TryCut();
}

ssize_t ProxyCall::ReadAnswer(uint8_t* to, size_t most, uint32_t* flags) {
  const size_t count = std::min(most, answer_.size());
  if (count > 0) {
    std::memcpy(to, answer_.view().data(), count);
    edges_.Pass(answer_.view().substr(0, count));
    answer_.Drop(count);
    progress_ = steady_clock::now();
    if (backend_ != nullptr) backend_->Consume(backend_stream_, count);
  }
  if (done_ && answer_.empty()) {
    HeaderList trailers;
    status_.AddTo(trailers);
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    nghttp2_submit_trailer(client_.http2(), stream_, trailers.data(), trailers.size());
    answered_ = true;
  } else if (count == 0) {
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<ssize_t>(count);
}

void ProxyCall::OnBackendStreamClosed(uint32_t error_code) {
  backend_ = nullptr;
  if (done_) return;
  if (cut_) return Finish(CallStatus(*cut_));
  // It never got there, so that once more does no harm.
  if (error_code == NGHTTP2_REFUSED_STREAM && !answer_began_ && !std::exchange(sent_again_, true) &&
      request_->Rewind()) {
    return OpenBackend();
  }
  status_ = CallStatus(StatusOfReset(error_code));
  Finish(Translate());
}

CallStatus ProxyCall::Translate() {
  if (cut_) return CallStatus(*cut_);
  if (!answer_began_ || http_status_ == "200") {
    if (status_.has_details()) return status_;
  } else {
    status_ = CallStatus(
        grpc::Status(grpc::StatusCode::UNKNOWN, absl::StrCat("HTTP status ", http_status_)));
  }
  if (status_.code() == grpc::StatusCode::UNAVAILABLE) {
    const RequestScope scope(headers_.request_id, headers_.traceparent);
    LogWarning("a backend does not answer",
               {{"backend", route_->backend}, {"error", status_.message()}});
    return CallStatus(ToGrpc(Away(route_->backend)));
  }
  if (status_.code() == grpc::StatusCode::UNIMPLEMENTED && route_->index >= 0) {
    return CallStatus(
        ToGrpc(Error(v1::NOT_BUILT, absl::StrCat(route_->method, " is not built yet"))));
  }
  return status_;
}

void ProxyCall::Abort(const absl::Status& why) { Abort(ToGrpc(why)); }

void ProxyCall::Abort(grpc::Status why) {
  if (done_ || cut_) return;
  cut_ = std::move(why);
  TryCut();
}

void ProxyCall::TryCut() {
  if (done_) return;
  const std::optional<size_t> rest = edges_.Rest(answer_.view());
  // More comes in; half a message would make what follows unreadable.
  if (!rest) return;
  answer_.Truncate(*rest);
  CancelBackend();
  Finish(CallStatus(*cut_));
}

void ProxyCall::Finish(CallStatus status) {
  if (std::exchange(done_, true)) return;
  // What is left of it costs the client alone.
  share_.Close();
  deadline_.Clear();
  Count(status.code());
  status_ = std::move(status);
  if (head_sent_) return client_.ResumeData(stream_);
  HeaderList headers;
  headers.Add(":status", "200");
  headers.Add("content-type", "application/grpc");
  headers.AddOnce(kRequestIdKey, headers_.request_id);
  if (status_.code() == grpc::StatusCode::UNIMPLEMENTED) {
    // Tells who compresses what would be understood.
    headers.Add("grpc-accept-encoding", "identity");
  }
  status_.AddTo(headers);
  nghttp2_submit_response(client_.http2(), stream_, headers.data(), headers.size(), nullptr);
  client_.MarkDirty();
  answered_ = true;
}

void ProxyCall::Count(grpc::StatusCode code) {
  if (!std::exchange(metered_, false)) return;
  shared_.metrics.End(route_, code, absl::FromChrono(steady_clock::now() - start_));
  trace_.End(code, headers_.request_id, resource_);
}

void ProxyCall::Drain() {
  if (route_ == nullptr || !(route_->client_streaming || route_->server_streaming)) return;
  Abort(Error(v1::DEPENDENCY_UNAVAILABLE, "the gateway is going down; connect again"));
}

void ProxyCall::CheckCaller(SteadyTime now) {
  if (caller_ == nullptr || done_ || cut_ || now - checked_ < kCheckCaller) return;
  if (!route_->client_streaming && !route_->server_streaming) return;
  checked_ = now;
  auto loop = worker_.loop();
  shared_.guard.Recheck(*route_, headers_.authorization, resource_,
                        [call = weak_from_this(), loop](const absl::Status& allowed) {
                          if (allowed.ok()) return;
                          loop->Post([call, allowed] {
                            if (const auto self = call.lock()) self->Abort(allowed);
                          });
                        });
}

void ProxyCall::CheckStall(SteadyTime now) {
  if (route_ == nullptr ||
      now - progress_ <= absl::ToChronoNanoseconds(shared_.options.stall_timeout)) {
    return;
  }
  const bool held_up_here = request_ && !request_->drained();
  if (!done_ && admitted_ && !route_->client_streaming && !request_over_ && !held_up_here) {
    shared_.limits.Count(FrontLimits::Limit::kStalled);
    return Abort(absl::DeadlineExceededError("the rest of the request did not come in"));
  }
  if (!route_->client_streaming && !route_->server_streaming && head_sent_ && !answered_ &&
      (done_ || !answer_.empty())) {
    shared_.limits.Count(FrontLimits::Limit::kStalled);
    client_.ResetStream(stream_, NGHTTP2_CANCEL);
  }
}

}  // namespace stackyard::gateway
