#include "services/gateway/http2_session.h"

#include <boost/asio/buffer.hpp>
#include <stdexcept>
#include <utility>

namespace stackyard::gateway {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// Of one write; the next goes on from there once it is done.
constexpr size_t kMostAtOnce = 64 << 10;
// The caller of many projects has a long list of them in the metadata.
constexpr size_t kMostHeaderBytesSent = 256 << 10;
constexpr std::chrono::seconds kLastWord(2);

}  // namespace

struct Http2Callbacks {
  static Http2Session& Of(void* user_data) { return *static_cast<Http2Session*>(user_data); }

  static int BeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* session) {
    Of(session).OnBeginHeaders(*frame);
    return 0;
  }
  static int Header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                    size_t name_length, const uint8_t* value, size_t value_length, uint8_t,
                    void* session) {
    Of(session).OnHeader(*frame, {reinterpret_cast<const char*>(name), name_length},
                         {reinterpret_cast<const char*>(value), value_length});
    return 0;
  }
  static int Data(nghttp2_session* http2, uint8_t, int32_t stream, const uint8_t* bytes,
                  size_t length, void* session) {
    nghttp2_session_consume_connection(http2, length);
    Of(session).OnData(stream, {reinterpret_cast<const char*>(bytes), length});
    return 0;
  }
  static int Frame(nghttp2_session*, const nghttp2_frame* frame, void* session) {
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
      Of(session).pinged_ = SteadyTime::max();
    }
    Of(session).OnFrame(*frame);
    return 0;
  }
  static int Sent(nghttp2_session*, const nghttp2_frame* frame, void* session) {
    Of(session).OnFrameSent(*frame);
    return 0;
  }
  static int NotSent(nghttp2_session*, const nghttp2_frame* frame, int, void* session) {
    Of(session).OnFrameNotSent(*frame);
    return 0;
  }
  static int Invalid(nghttp2_session*, const nghttp2_frame*, int, void* session) {
    Of(session).OnInvalidFrame();
    return 0;
  }
  static int Closed(nghttp2_session*, int32_t stream, uint32_t error_code, void* session) {
    Of(session).OnStreamClosed(stream, error_code);
    return 0;
  }

  static nghttp2_session_callbacks* Make() {
    nghttp2_session_callbacks* made = nullptr;
    if (nghttp2_session_callbacks_new(&made) != 0) throw std::bad_alloc();
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, BeginHeaders);
    nghttp2_session_callbacks_set_on_header_callback(made, Header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, Data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, Frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(made, Sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(made, NotSent);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, Invalid);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, Closed);
    return made;
  }
};

Http2Session::Http2Session(EventLoop& loop, Socket socket, Side side)
    : socket_(std::move(socket)), loop_(loop), last_read_(std::chrono::steady_clock::now()) {
  static nghttp2_session_callbacks* const callbacks = Http2Callbacks::Make();
  nghttp2_option* option = nullptr;
  if (nghttp2_option_new(&option) != 0) throw std::bad_alloc();
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_send_header_block_length(option, kMostHeaderBytesSent);
  // Who cancels ten thousand watches at once does nothing wrong; see FloodGuard for who does.
  nghttp2_option_set_stream_reset_rate_limit(option, 1'000'000, 1'000'000);
  const int error = side == Side::kServer
                        ? nghttp2_session_server_new2(&http2_, callbacks, this, option)
                        : nghttp2_session_client_new2(&http2_, callbacks, this, option);
  nghttp2_option_del(option);
  if (error != 0) throw std::bad_alloc();
}

Http2Session::~Http2Session() { nghttp2_session_del(http2_); }

void Http2Session::Begin(const std::vector<nghttp2_settings_entry>& settings,
                         int32_t connection_window) {
  nghttp2_submit_settings(http2_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(http2_, NGHTTP2_FLAG_NONE, 0, connection_window);
  last_read_ = std::chrono::steady_clock::now();
  MarkDirty();
  Read();
}

void Http2Session::Read() {
  socket_.ReadSome(asio::buffer(in_), [self = shared_from_this()](error_code error, size_t count) {
    if (self->closed_) return;
    if (error) return self->Close(error.message());
    self->OnRead(count);
  });
}

void Http2Session::OnRead(size_t count) {
  last_read_ = std::chrono::steady_clock::now();
  if (!ended()) {
    const ssize_t taken = nghttp2_session_mem_recv(http2_, in_.data(), count);
    if (taken < 0) return Close(nghttp2_strerror(static_cast<int>(taken)));
    MarkDirty();
  }
  if (writing_) {
    read_waits_ = true;
  } else {
    Read();
  }
}

void Http2Session::MarkDirty() {
  if (dirty_ || closed_) return;
  dirty_ = true;
  // Behind all that is ready in this turn.
  loop_.Post([self = shared_from_this()] { self->Flush(); });
}

bool Http2Session::Fill() {
  while (out_.size() < kMostAtOnce) {
    const uint8_t* bytes = nullptr;
    const ssize_t count = nghttp2_session_mem_send(http2_, &bytes);
    if (count < 0) {
      Close(nghttp2_strerror(static_cast<int>(count)));
      return false;
    }
    if (count == 0) break;
    out_.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(count));
  }
  if (!out_.empty()) return true;
  if (nghttp2_session_want_read(http2_) == 0 && nghttp2_session_want_write(http2_) == 0) {
    // To close now could take back what was sent last.
    ended_ = std::chrono::steady_clock::now();
    socket_.EndWrites();
  }
  return false;
}

void Http2Session::Flush() {
  dirty_ = false;
  if (closed_ || writing_ || ended() || !Fill()) return;
  error_code error;
  const size_t written = socket_.TryWrite(asio::buffer(out_), error);
  if (error) return Close(error.message());
  if (written == out_.size()) {
    const bool more = written >= kMostAtOnce;
    out_.clear();
    // Others have their turn first.
    if (more || nghttp2_session_want_read(http2_) == 0) MarkDirty();
    return;
  }
  writing_ = true;
  writing_since_ = std::chrono::steady_clock::now();
  socket_.Write(asio::buffer(out_) + written,
                [self = shared_from_this()](error_code write_error, size_t) {
                  self->writing_ = false;
                  if (self->closed_) return;
                  if (write_error) return self->Close(write_error.message());
                  self->out_.clear();
                  self->MarkDirty();
                  if (std::exchange(self->read_waits_, false)) self->Read();
                });
}

void Http2Session::ResumeData(int32_t stream) {
  nghttp2_session_resume_data(http2_, stream);
  MarkDirty();
}

void Http2Session::ResetStream(int32_t stream, uint32_t error_code) {
  nghttp2_submit_rst_stream(http2_, NGHTTP2_FLAG_NONE, stream, error_code);
  MarkDirty();
}

void Http2Session::Consume(int32_t stream, size_t bytes) {
  if (bytes == 0) return;
  nghttp2_session_consume_stream(http2_, stream, bytes);
  MarkDirty();
}

void Http2Session::Close(std::string_view why) {
  if (closed_) return;
  closed_ = true;
  socket_.Close();
  loop_.Post([self = shared_from_this(), why = std::string(why)] { self->OnClosed(why); });
}

void Http2Session::Terminate(uint32_t error_code) {
  nghttp2_session_terminate_session(http2_, error_code);
  MarkDirty();
}

void Http2Session::CheckAlive(SteadyTime now, std::chrono::nanoseconds ping_after,
                              std::chrono::nanoseconds ping_timeout,
                              std::chrono::nanoseconds write_timeout) {
  if (closed_) return;
  if (writing_) {
    // PINGs would wait behind it.
    if (now - writing_since_ > write_timeout) Close("it takes nothing of what is written");
    return;
  }
  if (ended()) {
    if (now - ended_ > kLastWord) Close("the other side does not close");
    return;
  }
  if (pinged_ != SteadyTime::max()) {
    if (now - pinged_ > ping_timeout) Close("a PING was not answered");
    return;
  }
  if (now - last_read_ < ping_after) return;
  pinged_ = now;
  nghttp2_submit_ping(http2_, NGHTTP2_FLAG_NONE, nullptr);
  MarkDirty();
}

}  // namespace stackyard::gateway
