// One connection to a backend, and the calls on it.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "services/gateway/header_list.h"
#include "services/gateway/http2_session.h"

namespace stackyard::gateway {

class ProxyCall;

class BackendConnection final : public Http2Session {
 public:
  // Told on the loop, outside of nghttp2 but for OnLeaving.
  class Owner {
   public:
    virtual ~Owner() = default;
    // Calls can be sent.
    virtual void OnReady(BackendConnection& connection) = 0;
    // The backend takes no more calls on it; those that go on may end.
    virtual void OnLeaving(BackendConnection& connection) = 0;
    // It is gone, also when it never was ready.
    virtual void OnGone(BackendConnection& connection, std::string_view why) = 0;
  };

  // `tls` is null for a connection without; else the backend must prove to be `service`.
  BackendConnection(EventLoop& loop, const std::string& service, TlsFiles::Context tls,
                    Owner& owner);

  void Connect(const boost::asio::generic::stream_protocol::endpoint& endpoint);
  // Goes on from a socket that is connected.
  void Adopt(int socket);

  // Begins a call; its body is read from it. Answers the stream, negative when there is none left.
  int32_t Send(const HeaderList& headers, ProxyCall& call);
  // Ends a call, which is told nothing more.
  void Cancel(int32_t stream);
  // Takes no more calls, and goes when the last has ended.
  void Leave();
  // The owner is told nothing more.
  void Forget() { owner_ = nullptr; }
  // To be called about each second.
  void Tick(SteadyTime now);

 private:
  struct Stream {
    ProxyCall* call = nullptr;
    // Its headers went out.
    bool sent = false;
  };

  void OnConnected();
  void Start();
  ProxyCall* Find(int32_t stream);
  // Takes a call out and tells it.
  void EndStream(int32_t stream, uint32_t error_code);

  void OnHeader(const nghttp2_frame& frame, std::string_view name, std::string_view value) override;
  void OnData(int32_t stream, std::string_view bytes) override;
  void OnFrame(const nghttp2_frame& frame) override;
  void OnFrameSent(const nghttp2_frame& frame) override;
  void OnFrameNotSent(const nghttp2_frame& frame) override;
  void OnStreamClosed(int32_t stream, uint32_t error_code) override;
  void OnClosed(std::string_view why) override;

  const std::string service_;
  const TlsFiles::Context tls_;
  Owner* owner_;
  // Until it is ready.
  Timeout too_late_;
  bool ready_ = false;
  bool leaving_ = false;
  absl::flat_hash_map<int32_t, Stream> streams_;
};

}  // namespace stackyard::gateway
