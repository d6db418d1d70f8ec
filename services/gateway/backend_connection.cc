#include "services/gateway/backend_connection.h"

#include <boost/asio/ip/tcp.hpp>
#include <utility>

#include "services/gateway/call_refusals.h"
#include "services/gateway/proxy_call.h"

namespace stackyard::gateway {
namespace {

using boost::system::error_code;

constexpr std::chrono::seconds kConnectTimeout(5);
constexpr std::chrono::seconds kPingAfter(60), kPingTimeout(20);
// For a service that takes nothing of what was written.
constexpr std::chrono::seconds kWriteTimeout(60);
constexpr int32_t kConnectionWindow = 16 << 20;
// nghttp2 takes no header of more.
constexpr uint32_t kMostHeaderBytes = 60 << 10;

}  // namespace

BackendConnection::BackendConnection(EventLoop& loop, const std::string& service,
                                     TlsFiles::Context tls, Owner& owner)
    : Http2Session(loop, Socket(loop.context()), Side::kClient),
      service_(service),
      tls_(std::move(tls)),
      owner_(&owner),
      too_late_(loop.timeouts(), [this] { Close("it does not answer in time"); }) {}

void BackendConnection::Connect(const boost::asio::generic::stream_protocol::endpoint& endpoint) {
  too_late_.SetAfter(kConnectTimeout);
  error_code error;
  socket_.plain().open(endpoint.protocol(), error);
  if (error) return Close(error.message());
  socket_.plain().async_connect(endpoint,
                                [self = shared_from_this(), this](error_code connect_error) {
                                  if (closed()) return;
                                  if (connect_error) return Close(connect_error.message());
                                  OnConnected();
                                });
}

void BackendConnection::Adopt(int socket) {
  too_late_.SetAfter(kConnectTimeout);
  error_code error;
  socket_.plain().assign({AF_UNIX, 0}, socket, error);
  if (error) return Close(error.message());
  Start();
}

void BackendConnection::OnConnected() {
  error_code ignored;
  socket_.plain().set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  if (tls_ == nullptr) return Start();
  socket_.UseTls(tls_, service_);
  socket_.Handshake(boost::asio::ssl::stream_base::client,
                    [self = shared_from_this(), this](error_code error) {
                      if (closed()) return;
                      if (error) return Close("TLS: " + error.message());
                      if (!socket_.SpeaksHttp2()) return Close("it speaks no HTTP/2");
                      Start();
                    });
}

void BackendConnection::Start() {
  Begin({{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
         {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
         {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMostHeaderBytes}},
        kConnectionWindow);
}

int32_t BackendConnection::Send(const HeaderList& headers, ProxyCall& call) {
  nghttp2_data_provider body{};
  body.read_callback = [](nghttp2_session*, int32_t from, uint8_t* to, size_t most, uint32_t* flags,
                          nghttp2_data_source*, void* session) {
    auto& self = static_cast<BackendConnection&>(*static_cast<Http2Session*>(session));
    ProxyCall* sender = self.Find(from);
    return sender == nullptr ? ssize_t{NGHTTP2_ERR_DEFERRED} : sender->ReadRequest(to, most, flags);
  };
  const int32_t stream =
      nghttp2_submit_request(http2(), nullptr, headers.data(), headers.size(), &body, nullptr);
  if (stream < 0) {
    Leave();
    return stream;
  }
  streams_[stream].call = &call;
  MarkDirty();
  return stream;
}

void BackendConnection::Cancel(int32_t stream) {
  streams_.erase(stream);
  ResetStream(stream, NGHTTP2_CANCEL);
  if (leaving_) Leave();
}

void BackendConnection::Leave() {
  if (!std::exchange(leaving_, true) && owner_ != nullptr) owner_->OnLeaving(*this);
  if (streams_.empty() && !closed()) Terminate(NGHTTP2_NO_ERROR);
}

void BackendConnection::Tick(SteadyTime now) {
  CheckAlive(now, kPingAfter, kPingTimeout, kWriteTimeout);
}

ProxyCall* BackendConnection::Find(int32_t stream) {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? nullptr : found->second.call;
}

void BackendConnection::EndStream(int32_t stream, uint32_t error_code) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  ProxyCall* call = found->second.call;
  streams_.erase(found);
  call->OnBackendStreamClosed(error_code);
}

void BackendConnection::OnHeader(const nghttp2_frame& frame, std::string_view name,
                                 std::string_view value) {
  if (ProxyCall* call = Find(frame.hd.stream_id)) call->OnAnswerHeader(name, value);
}

void BackendConnection::OnData(int32_t stream, std::string_view bytes) {
  if (ProxyCall* call = Find(stream)) call->OnAnswerData(bytes);
}

void BackendConnection::OnFrame(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
      if (ProxyCall* call = Find(frame.hd.stream_id)) {
        call->OnAnswerHeaders((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0);
      }
      break;
    case NGHTTP2_SETTINGS:
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) != 0 || std::exchange(ready_, true)) break;
      too_late_.Clear();
      if (owner_ != nullptr) owner_->OnReady(*this);
      break;
    case NGHTTP2_GOAWAY:
      Leave();
      break;
    default:
      break;
  }
}

void BackendConnection::OnFrameSent(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS) return;
  const auto found = streams_.find(frame.hd.stream_id);
  if (found != streams_.end()) found->second.sent = true;
}

void BackendConnection::OnFrameNotSent(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_HEADERS) EndStream(frame.hd.stream_id, NGHTTP2_REFUSED_STREAM);
}

void BackendConnection::OnStreamClosed(int32_t stream, uint32_t error_code) {
  EndStream(stream, error_code);
  if (leaving_) Leave();
}

void BackendConnection::OnClosed(std::string_view why) {
  too_late_.Clear();
  leaving_ = true;
  if (Owner* owner = std::exchange(owner_, nullptr)) owner->OnGone(*this, why);
  for (const auto& [stream, state] : std::exchange(streams_, {})) {
    state.call->OnBackendStreamClosed(state.sent ? kLostConnection
                                                 : uint32_t{NGHTTP2_REFUSED_STREAM});
  }
}

}  // namespace stackyard::gateway
