// One HTTP/2 connection, of either side: bytes of a socket to and from nghttp2.
//
// What is submitted to nghttp2 during one turn of the loop goes out in one write at its end, frames
// of many calls together. Windows are given back by hand: that of the connection as bytes come in,
// that of a stream when whoever they are for has taken them. So a stream that nobody reads holds at
// most its window, and does not stop the others.
#pragma once

#include <nghttp2/nghttp2.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "services/gateway/event_loop.h"
#include "services/gateway/socket.h"

namespace stackyard::gateway {

// Bytes of one stream that may wait here.
inline constexpr int32_t kStreamWindow = 128 << 10;

class Http2Session : public std::enable_shared_from_this<Http2Session> {
 public:
  enum class Side { kServer, kClient };

  virtual ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  nghttp2_session* http2() { return http2_; }
  EventLoop& loop() { return loop_; }

  // Something was submitted: it goes out at the end of this turn.
  void MarkDirty();
  void ResumeData(int32_t stream);
  void ResetStream(int32_t stream, uint32_t error_code);
  // Gives window of a stream back.
  void Consume(int32_t stream, size_t bytes);

  // At once. OnClosed follows, outside of all callbacks.
  void Close(std::string_view why);
  // After what is submitted already, and GOAWAY with `error_code`.
  void Terminate(uint32_t error_code);
  bool closed() const { return closed_; }

 protected:
  Http2Session(EventLoop& loop, Socket socket, Side side);

  // Sends SETTINGS and begins to read.
  void Begin(const std::vector<nghttp2_settings_entry>& settings, int32_t connection_window);
  // To be called about each second. Answers PINGs that nobody answers with an end, and so who has
  // taken nothing of what was written for `write_timeout`.
  void CheckAlive(SteadyTime now, std::chrono::nanoseconds ping_after,
                  std::chrono::nanoseconds ping_timeout, std::chrono::nanoseconds write_timeout);

  // Within nghttp2: these may submit, and must not close.
  virtual void OnBeginHeaders(const nghttp2_frame& frame) {}
  virtual void OnHeader(const nghttp2_frame& frame, std::string_view name,
                        std::string_view value) = 0;
  virtual void OnData(int32_t stream, std::string_view bytes) = 0;
  virtual void OnFrame(const nghttp2_frame& frame) = 0;
  virtual void OnFrameSent(const nghttp2_frame& frame) {}
  virtual void OnFrameNotSent(const nghttp2_frame& frame) {}
  virtual void OnInvalidFrame() {}
  virtual void OnStreamClosed(int32_t stream, uint32_t error_code) = 0;
  // Once.
  virtual void OnClosed(std::string_view why) = 0;

  Socket socket_;

 private:
  friend struct Http2Callbacks;

  void Read();
  void OnRead(size_t count);
  void Flush();
  bool ended() const { return ended_ != SteadyTime::max(); }
  // False when there is nothing to send.
  bool Fill();

  EventLoop& loop_;
  nghttp2_session* http2_ = nullptr;
  std::array<uint8_t, 16 << 10> in_;
  std::string out_;
  bool dirty_ = false;
  // A write goes on; nothing is read meanwhile, so that who does not read is not answered.
  bool writing_ = false;
  SteadyTime writing_since_;
  bool read_waits_ = false;
  bool closed_ = false;
  // Since when nothing more goes out, and the other side is to close; max(): not yet.
  SteadyTime ended_ = SteadyTime::max();
  SteadyTime last_read_;
  // max(): none is under way.
  SteadyTime pinged_ = SteadyTime::max();
};

}  // namespace stackyard::gateway
