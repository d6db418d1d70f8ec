#include "services/runner/queue_client.h"

#include <grpcpp/client_context.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/channel.h"
#include "common/grpc_status.h"
#include "common/id.h"
#include "common/log.h"
#include "common/proto_time.h"

namespace stackyard::runner {
namespace {

using namespace internal::v1;  // NOLINT: the contract's messages are all that is spoken here.

constexpr absl::Duration kCallTimeout = absl::Seconds(20);
constexpr absl::Duration kBlobTimeout = absl::Minutes(2);
constexpr absl::Duration kFirstPause = absl::Milliseconds(50);
constexpr absl::Duration kLongestPause = absl::Seconds(2);
constexpr size_t kChunk = 1 << 20;
// How often a call is tried that the service answers with a fault of its own.
constexpr int kMaxFaults = 20;

enum class Verdict { kFinal, kFault, kAway };

Verdict Judge(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
      return Verdict::kAway;
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kResourceExhausted:
      return Verdict::kFault;
    case absl::StatusCode::kAborted:
      return ReasonOf(status) == v1::ERROR_REASON_UNSPECIFIED ? Verdict::kFault : Verdict::kFinal;
    default:
      return Verdict::kFinal;
  }
}

}  // namespace

QueueClient::QueueClient(const std::shared_ptr<grpc::Channel>& channel, std::string runner_id)
    : stub_(RunQueueService::NewStub(channel)), runner_id_(std::move(runner_id)) {}

absl::StatusOr<std::vector<Assignment>> QueueClient::Acquire(
    int free_slots, absl::Duration wait, const std::vector<std::string>& prepared_bundles,
    const std::string& engine) {
  AcquireRunsRequest request;
  request.set_runner(runner_id_);
  request.set_free_slots(free_slots);
  *request.mutable_timeout() = ToProto(wait);
  for (const std::string& digest : prepared_bundles) request.add_prepared_bundles(digest);
  request.set_engine(engine);

  grpc::ClientContext context;
  Prepare(context, wait + absl::Seconds(10));
  {
    absl::MutexLock lock(&mutex_);
    if (stopped_) return absl::CancelledError("no more work is taken");
    polling_ = &context;
  }
  AcquireRunsResponse response;
  const grpc::Status status = stub_->AcquireRuns(&context, request, &response);
  {
    absl::MutexLock lock(&mutex_);
    polling_ = nullptr;
  }
  if (!status.ok()) return FromGrpc(status);
  return std::vector<Assignment>(std::make_move_iterator(response.mutable_assignments()->begin()),
                                 std::make_move_iterator(response.mutable_assignments()->end()));
}

void QueueClient::StopAcquiring() {
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
  if (polling_ != nullptr) polling_->TryCancel();
}

absl::StatusOr<HeartbeatResponse> QueueClient::Heartbeat(const std::vector<Lease>& leases,
                                                         absl::Duration timeout) {
  HeartbeatRequest request;
  request.set_runner(runner_id_);
  for (const Lease& lease : leases) *request.add_leases() = lease;
  grpc::ClientContext context;
  Prepare(context, timeout);
  HeartbeatResponse response;
  const grpc::Status status = stub_->Heartbeat(&context, request, &response);
  if (!status.ok()) return FromGrpc(status);
  return response;
}

absl::Status QueueClient::Retry(std::string_view what, absl::Duration timeout,
                                const RunControl& control, const Attempt& attempt) {
  absl::Duration pause = kFirstPause;
  int faults = 0;
  while (!control.abandoned()) {
    grpc::ClientContext context;
    Prepare(context, timeout);
    const RunControl::OnAbandon cancel(control, [&context] { context.TryCancel(); });
    const absl::Status status = attempt(context);
    const Verdict verdict = status.ok() ? Verdict::kFinal : Judge(status);
    if (verdict == Verdict::kFinal) return status;
    if (verdict == Verdict::kFault && ++faults == kMaxFaults) return status;
    LogWarning("call is tried again", {{"call", what}, {"error", std::string(status.message())}});
    control.WaitAbandoned(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
  return absl::AbortedError("the run was abandoned");
}

absl::StatusOr<ReportRunResponse> QueueClient::Report(const ReportRunRequest& request,
                                                      const RunControl& control) {
  ReportRunResponse response;
  const absl::Status status =
      Retry("ReportRun", kCallTimeout, control, [&](grpc::ClientContext& context) {
        return FromGrpc(stub_->ReportRun(&context, request, &response));
      });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<int64_t> QueueClient::SaveState(const Lease& lease, std::string state,
                                               const RunControl& control) {
  SaveStateRequest request;
  *request.mutable_lease() = lease;
  request.set_state(std::move(state));
  SaveStateResponse response;
  const absl::Status status =
      Retry("SaveState", kCallTimeout, control, [&](grpc::ClientContext& context) {
        return FromGrpc(stub_->SaveState(&context, request, &response));
      });
  if (!status.ok()) return status;
  return response.serial();
}

absl::StatusOr<SalvageStateResponse> QueueClient::Salvage(const Lease& lease,
                                                          const std::string& state,
                                                          const RunControl& control) {
  SalvageStateRequest request;
  *request.mutable_lease() = lease;
  request.set_state(state);
  SalvageStateResponse response;
  const absl::Status status =
      Retry("SalvageState", kCallTimeout, control, [&](grpc::ClientContext& context) {
        return FromGrpc(stub_->SalvageState(&context, request, &response));
      });
  if (!status.ok()) return status;
  return response;
}

absl::Status QueueClient::Complete(const CompleteRunRequest& request, const RunControl& control) {
  return Retry("CompleteRun", kCallTimeout, control, [&](grpc::ClientContext& context) {
    CompleteRunResponse response;
    return FromGrpc(stub_->CompleteRun(&context, request, &response));
  });
}

absl::StatusOr<std::string> QueueClient::ReadBlob(const std::string& digest, size_t max_bytes,
                                                  const RunControl& control) {
  std::string content;
  const absl::Status status =
      Retry("ReadBlob", kBlobTimeout, control, [&](grpc::ClientContext& context) {
        content.clear();
        ReadBlobRequest request;
        request.set_digest(digest);
        const auto reader = stub_->ReadBlob(&context, request);
        ReadBlobResponse response;
        while (reader->Read(&response)) {
          content += response.chunk();
          if (content.size() > max_bytes) {
            context.TryCancel();
            reader->Finish();
            return absl::OutOfRangeError(
                absl::StrCat("the blob ", digest, " is longer than ", max_bytes, " bytes"));
          }
        }
        return FromGrpc(reader->Finish());
      });
  if (!status.ok()) return status;
  if (Sha256Hex(content) != digest) {
    return absl::DataLossError(absl::StrCat("the blob ", digest, " came with another content"));
  }
  return content;
}

absl::StatusOr<std::string> QueueClient::WriteBlob(std::string_view content,
                                                   const RunControl& control) {
  WriteBlobResponse response;
  const absl::Status status =
      Retry("WriteBlob", kBlobTimeout, control, [&](grpc::ClientContext& context) {
        const auto writer = stub_->WriteBlob(&context, &response);
        for (std::string_view rest = content; !rest.empty();) {
          WriteBlobRequest request;
          request.set_chunk(std::string(rest.substr(0, kChunk)));
          rest.remove_prefix(std::min(kChunk, rest.size()));
          if (!writer->Write(request)) break;
        }
        writer->WritesDone();
        return FromGrpc(writer->Finish());
      });
  if (!status.ok()) return status;
  return response.digest();
}

}  // namespace stackyard::runner
