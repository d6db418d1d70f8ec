// One call on its way through the gateway.
//
//   headers -> who calls? -> first message -> what on? -> allowed? -> backend
//
// A call without a valid token is refused on its headers, before its body comes in. Messages whose
// resource must be read go on as wholes; all other bytes pass as they come. What the other side has
// not taken stays within the windows of the two streams, so that a slow reader slows the writer
// down and nothing piles up here.
#pragma once

#include <grpcpp/support/status.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/gateway/backend_connection.h"
#include "services/gateway/call_headers.h"
#include "services/gateway/call_share.h"
#include "services/gateway/call_status.h"
#include "services/gateway/call_trace.h"
#include "services/gateway/front_worker.h"
#include "services/gateway/grpc_frames.h"
#include "services/gateway/guard.h"
#include "services/gateway/http2_session.h"

namespace stackyard::gateway {

// Lives as long as the client's stream, on its loop.
class ProxyCall : public std::enable_shared_from_this<ProxyCall> {
 public:
  ProxyCall(FrontWorker& worker, Http2Session& client, int32_t stream, const std::string& peer);
  // The client's stream is gone: what still goes on is cancelled.
  ~ProxyCall();

  // From the client.
  CallHeaders& headers() { return headers_; }
  void OnHeaders();
  void OnData(std::string_view bytes);
  void OnEnd();
  // The next bytes of the answer, as nghttp2_data_source_read_callback answers them.
  ssize_t ReadAnswer(uint8_t* to, size_t most, uint32_t* flags);

  // From the backend. `connection` is null while it is away.
  void OnBackend(BackendConnection* connection);
  void OnAnswerHeader(std::string_view name, std::string_view value);
  void OnAnswerHeaders(bool end);
  void OnAnswerData(std::string_view bytes);
  // The backend's stream is gone. `error_code` is HTTP/2's, or kLostConnection.
  void OnBackendStreamClosed(uint32_t error_code);
  // As ReadAnswer, of the request.
  ssize_t ReadRequest(uint8_t* to, size_t most, uint32_t* flags);

  // Ends streams with UNAVAILABLE; single answers may come.
  void Drain();
  // To be called about each second: ends what stalls.
  void CheckStall(SteadyTime now);
  // To be called about each second: a stream ends soon after its caller may no longer have it.
  void CheckCaller(SteadyTime now);

  SteadyTime start() const { return start_; }

 private:
  // Refuses or goes on to authenticate.
  absl::Status Admit();
  void OnCaller(absl::StatusOr<CallerPtr> caller);
  absl::Status Authorize(std::string_view resource);
  // Looks at what came in and lets it go on.
  void Advance();
  absl::Status TakeMessages();
  absl::Status TakeMessage();
  absl::Status CheckEnd();
  // Gives the client the window that is free.
  void GiveWindow();
  void OpenBackend();
  void Send(BackendConnection& connection);
  void CancelBackend();

  // The first headers of an answer that goes on.
  void SendAnswerHead();
  // What clients are told of the backend's end.
  CallStatus Translate();
  // Ends the call as soon as the client has the rest of the message that it is in.
  void Abort(grpc::Status why);
  void Abort(const absl::Status& why);
  void TryCut();
  // All of the answer is here. Once.
  void Finish(CallStatus status);
  void Count(grpc::StatusCode code);

  FrontWorker& worker_;
  FrontShared& shared_;
  Http2Session& client_;
  const int32_t stream_;
  CallShare share_;
  const SteadyTime start_;
  Timeout deadline_;
  std::optional<SteadyTime> expires_;

  CallHeaders headers_;
  CallInfo info_;
  // Null for an unknown method.
  const Route* route_ = nullptr;
  CallTrace trace_;
  // Begun in the metrics and not ended there.
  bool metered_ = false;
  CallerPtr caller_;
  // When it was last known that the caller may do this.
  SteadyTime checked_;
  Principal principal_;
  // As the first message named it.
  std::string resource_;
  bool admitted_ = false;

  std::optional<RequestBuffer> request_;
  // Of the stream's window, what was not given back.
  size_t unconsumed_ = 0;
  bool got_message_ = false;
  // The client sends no more.
  bool client_ended_ = false;
  // All of the request is in the buffer, or gone on.
  bool request_over_ = false;
  bool request_sent_ = false;
  SteadyTime progress_;

  BackendConnection* backend_ = nullptr;
  int32_t backend_stream_ = 0;
  bool sent_again_ = false;

  CallStatus status_;
  std::string http_status_;
  bool answer_began_ = false;
  bool head_sent_ = false;
  // Of the backend's first headers, what clients may see.
  std::vector<std::pair<std::string_view, std::string>> answer_head_;
  ByteQueue answer_;
  MessageEdges edges_;
  // Why we end the call ourselves.
  std::optional<grpc::Status> cut_;
  bool done_ = false;
  // The end of the answer was given to nghttp2.
  bool answered_ = false;
};

}  // namespace stackyard::gateway
