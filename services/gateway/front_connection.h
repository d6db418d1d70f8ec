// One client's connection, and its calls.
#pragma once

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "services/gateway/front_limits.h"
#include "services/gateway/front_worker.h"
#include "services/gateway/http2_session.h"

namespace stackyard::gateway {

class ProxyCall;

class FrontConnection final : public Http2Session {
 public:
  // `address` and `peer` are the client's, without and with its port. The place that `address` took
  // in the limits is given back at the end.
  FrontConnection(FrontWorker& worker, Socket socket, std::string address, std::string peer);
  ~FrontConnection() override;

  // `tls` is null for a connection without.
  void Open(TlsFiles::Context tls);
  // Takes no more calls, ends streams, and goes when the last call has ended.
  void Drain();
  // To be called about each second.
  void Tick(SteadyTime now);

  // From the user data of nghttp2.
  static FrontConnection& Of(void* session) {
    return static_cast<FrontConnection&>(*static_cast<Http2Session*>(session));
  }
  // See nghttp2_data_source_read_callback.
  ssize_t ReadAnswer(int32_t stream, uint8_t* to, size_t most, uint32_t* flags);

 private:
  void Start();
  ProxyCall* Find(int32_t stream);
  // Asks the client to send its next calls elsewhere.
  void Leave(SteadyTime now);
  // Tells which of its calls are the last.
  void SayLast();
  // Counts a frame that carries no call. Too many end the connection.
  void CountControl();

  void OnBeginHeaders(const nghttp2_frame& frame) override;
  void OnHeader(const nghttp2_frame& frame, std::string_view name, std::string_view value) override;
  void OnData(int32_t stream, std::string_view bytes) override;
  void OnFrame(const nghttp2_frame& frame) override;
  void OnFrameSent(const nghttp2_frame& frame) override;
  void OnFrameNotSent(const nghttp2_frame& frame) override;
  void OnInvalidFrame() override;
  void OnStreamClosed(int32_t stream, uint32_t error_code) override;
  void OnClosed(std::string_view why) override;

  FrontWorker& worker_;
  FrontShared& shared_;
  const std::string address_;
  const std::string peer_;
  const SteadyTime opened_;
  // Until it speaks HTTP/2.
  Timeout too_late_;
  FloodGuard flood_;
  bool flooded_ = false;
  // When the last call ended.
  SteadyTime idle_since_;
  // Since when the client is asked to go; max(): not yet.
  SteadyTime leaving_ = SteadyTime::max();
  bool left_ = false;
  absl::flat_hash_map<int32_t, std::shared_ptr<ProxyCall>> calls_;
};

}  // namespace stackyard::gateway
