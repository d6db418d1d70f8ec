#include "services/gateway/front_connection.h"

#include <utility>

#include "absl/time/time.h"
#include "services/gateway/proxy_call.h"

namespace stackyard::gateway {
namespace {

using std::chrono::steady_clock;

constexpr int32_t kConnectionWindow = 16 << 20;
constexpr std::chrono::seconds kPingTimeout(20);
// A call that is taken back sooner was not meant to be answered.
constexpr std::chrono::seconds kEarly(1);
// For what still goes on when all time is over.
constexpr std::chrono::seconds kLastCalls(5);
// For clients that answer no PING.
constexpr std::chrono::seconds kLeaveNotice(5);

}  // namespace

FrontConnection::FrontConnection(FrontWorker& worker, Socket socket, std::string address,
                                 std::string peer)
    : Http2Session(*worker.loop(), std::move(socket), Side::kServer),
      worker_(worker),
      shared_(worker.shared()),
      address_(std::move(address)),
      peer_(std::move(peer)),
      opened_(steady_clock::now()),
      too_late_(worker.loop()->timeouts(),
                [this] {
                  shared_.limits.Count(FrontLimits::Limit::kHandshake);
                  Close("it does not speak HTTP/2 in time");
                }),
      flood_(shared_.options.max_control_frames, opened_),
      idle_since_(opened_) {}

FrontConnection::~FrontConnection() { shared_.limits.CloseConnection(address_); }

void FrontConnection::Open(TlsFiles::Context tls) {
  too_late_.SetAfter(absl::ToChronoNanoseconds(shared_.options.handshake_timeout));
  if (tls == nullptr) return Start();
  socket_.UseTls(std::move(tls), "");
  socket_.Handshake(boost::asio::ssl::stream_base::server,
                    [self = shared_from_this(), this](const boost::system::error_code& error) {
                      if (closed()) return;
                      if (error || !socket_.SpeaksHttp2()) return Close("TLS failed");
                      Start();
                    });
}

void FrontConnection::Start() {
  const FrontOptions& options = shared_.options;
  Begin({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
          static_cast<uint32_t>(options.max_streams_per_connection)},
         {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
         {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(options.max_header_bytes)}},
        kConnectionWindow);
}

ProxyCall* FrontConnection::Find(int32_t stream) {
  const auto found = calls_.find(stream);
  return found == calls_.end() ? nullptr : found->second.get();
}

ssize_t FrontConnection::ReadAnswer(int32_t stream, uint8_t* to, size_t most, uint32_t* flags) {
  ProxyCall* call = Find(stream);
  return call == nullptr ? ssize_t{NGHTTP2_ERR_DEFERRED} : call->ReadAnswer(to, most, flags);
}

void FrontConnection::OnBeginHeaders(const nghttp2_frame& frame) {
  if (frame.headers.cat != NGHTTP2_HCAT_REQUEST) return;
  calls_.emplace(frame.hd.stream_id,
                 std::make_shared<ProxyCall>(worker_, *this, frame.hd.stream_id, peer_));
}

void FrontConnection::OnHeader(const nghttp2_frame& frame, std::string_view name,
                               std::string_view value) {
  // Trailers of a request say nothing in gRPC.
  if (frame.headers.cat != NGHTTP2_HCAT_REQUEST) return;
  if (ProxyCall* call = Find(frame.hd.stream_id)) call->headers().Add(name, value);
}

void FrontConnection::OnData(int32_t stream, std::string_view bytes) {
  if (ProxyCall* call = Find(stream)) call->OnData(bytes);
}

void FrontConnection::OnFrame(const nghttp2_frame& frame) {
  const bool end = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
      if (ProxyCall* call = Find(frame.hd.stream_id)) {
        if (frame.headers.cat == NGHTTP2_HCAT_REQUEST) call->OnHeaders();
        if (end) call->OnEnd();
      }
      break;
    case NGHTTP2_DATA:
      if (frame.hd.length == 0 && !end) CountControl();
      if (end) {
        if (ProxyCall* call = Find(frame.hd.stream_id)) call->OnEnd();
      }
      break;
    case NGHTTP2_SETTINGS:
      // The first is the last of the preface.
      too_late_.Clear();
      CountControl();
      break;
    case NGHTTP2_RST_STREAM:
      if (ProxyCall* call = Find(frame.hd.stream_id);
          call != nullptr && steady_clock::now() - call->start() < kEarly) {
        CountControl();
      }
      break;
    case NGHTTP2_WINDOW_UPDATE:
      break;
    case NGHTTP2_PING:
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) != 0 && leaving_ != SteadyTime::max()) SayLast();
      CountControl();
      break;
    default:
      CountControl();
      break;
  }
}

void FrontConnection::OnFrameSent(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_RST_STREAM) {
    // What the client made us reset by breaking the rules; see also OnInvalidFrame.
    if (frame.rst_stream.error_code == NGHTTP2_PROTOCOL_ERROR ||
        frame.rst_stream.error_code == NGHTTP2_STREAM_CLOSED ||
        frame.rst_stream.error_code == NGHTTP2_FLOW_CONTROL_ERROR) {
      CountControl();
    }
    return;
  }
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return;
  // Who is answered may measure the way by PINGs.
  if (!flooded_) flood_.Refill();
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
  // The rest of the request need not be sent.
  if (nghttp2_session_get_stream_remote_close(http2(), frame.hd.stream_id) == 0) {
    ResetStream(frame.hd.stream_id, NGHTTP2_NO_ERROR);
  }
}

// An answer whose headers are too large: without it the client would wait for ever.
void FrontConnection::OnFrameNotSent(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_HEADERS) ResetStream(frame.hd.stream_id, NGHTTP2_INTERNAL_ERROR);
}

void FrontConnection::OnInvalidFrame() { CountControl(); }

void FrontConnection::CountControl() {
  if (flooded_ || flood_.Take(steady_clock::now())) return;
  flooded_ = true;
  shared_.limits.Count(FrontLimits::Limit::kControlFrames);
  Terminate(NGHTTP2_ENHANCE_YOUR_CALM);
}

void FrontConnection::OnStreamClosed(int32_t stream, uint32_t) {
  calls_.erase(stream);
  if (calls_.empty()) idle_since_ = steady_clock::now();
}

void FrontConnection::OnClosed(std::string_view) {
  too_late_.Clear();
  calls_.clear();
  worker_.Forget(*this);
}

void FrontConnection::Leave(SteadyTime now) {
  if (leaving_ != SteadyTime::max()) return;
  leaving_ = now;
  nghttp2_submit_shutdown_notice(http2());
  // When its answer is here, so are all calls that were sent before the client knew.
  nghttp2_submit_ping(http2(), NGHTTP2_FLAG_NONE, nullptr);
  MarkDirty();
}

void FrontConnection::SayLast() {
  if (std::exchange(left_, true)) return;
  nghttp2_submit_goaway(http2(), NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(http2()), NGHTTP2_NO_ERROR, nullptr,
                        0);
  MarkDirty();
}

void FrontConnection::Drain() {
  Leave(steady_clock::now());
  for (const auto& [stream, call] : calls_) call->Drain();
}

void FrontConnection::Tick(SteadyTime now) {
  const FrontOptions& options = shared_.options;
  for (const auto& [stream, call] : calls_) {
    call->CheckStall(now);
    call->CheckCaller(now);
  }
  CheckAlive(now, absl::ToChronoNanoseconds(options.keepalive), kPingTimeout,
             absl::ToChronoNanoseconds(options.stall_timeout));
  if (closed() || too_late_.is_set()) return;
  if (leaving_ == SteadyTime::max()) {
    if (calls_.empty() && now - idle_since_ > absl::ToChronoNanoseconds(options.idle_timeout)) {
      Leave(now);
    }
    if (options.max_connection_age > absl::ZeroDuration() &&
        now - opened_ > absl::ToChronoNanoseconds(options.max_connection_age)) {
      Leave(now);
    }
    return;
  }
  if (now - leaving_ > kLeaveNotice) SayLast();
  const auto grace = absl::ToChronoNanoseconds(options.max_connection_age_grace);
  if (now - leaving_ <= grace) return;
  for (const auto& [stream, call] : calls_) call->Drain();
  if (now - leaving_ - grace > kLastCalls) Terminate(NGHTTP2_NO_ERROR);
}

}  // namespace stackyard::gateway
