#include "services/runner/plugin_call.h"

#include <utility>
#include <vector>

namespace stackyard::runner {
namespace {

// Diagnostics in the answers to a check, of both versions of the protocol.
constexpr int kCheckDiagnostics = 2;

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

grpc::ByteBuffer ToBuffer(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace

PluginAnswer::PluginAnswer(std::string_view response) : response_(ToBuffer(response)) {
  StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
}

PluginExchange::PluginExchange(PluginProxy& proxy, grpc::GenericCallbackServerContext* context,
                               Kind kind)
    : proxy_(proxy), method_(context->method()), kind_(kind) {
  upstream_context_.set_deadline(context->deadline());
  StartRead(&request_);
}

void PluginExchange::OnReadDone(bool ok) {
  // A call that was cancelled can come with a buffer that is none.
  if (!ok || !request_.Valid()) {
    return Finish({grpc::StatusCode::CANCELLED, "no request was sent"});
  }
  asked_ = ToString(request_);
  if (kind_ == Kind::kCheck && proxy_.options_.memory != nullptr) {
    const auto known = proxy_.options_.memory->Find(proxy_.options_.memory_scope, method_, asked_);
    if (known) return Answer(*known);
  }
  if (kind_ == Kind::kConfigure && !proxy_.Admit(asked_)) {
    return Finish({grpc::StatusCode::FAILED_PRECONDITION,
                   "the provider is configured in two ways, which one process of it would mix"});
  }
  Ask();
}

void PluginExchange::Ask() {
  references_.fetch_add(1);
  proxy_.stub_.UnaryCall(&upstream_context_, method_, grpc::StubOptions(), &request_, &response_,
                         [this](const grpc::Status& status) { OnAnswered(status); });
}

void PluginExchange::OnAnswered(const grpc::Status& status) {
  proxy_.Judge(method_, status);
  if (!status.ok()) {
    Finish(status);
    return Unref();
  }
  const std::string response = ToString(response_);
  if (kind_ == Kind::kCheck && proxy_.options_.memory != nullptr) {
    // What was refused is asked again: it may have been for a reason that passes.
    const auto refused = HasErrorDiagnostic(response, kCheckDiagnostics);
    if (refused.ok() && !*refused) {
      proxy_.options_.memory->Keep(proxy_.options_.memory_scope, method_, asked_, response);
    }
  }
  Answer(response);
  Unref();
}

void PluginExchange::Answer(std::string_view response) {
  response_ = ToBuffer(response);
  StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
}

void PluginExchange::Unref() {
  if (references_.fetch_sub(1) == 1) delete this;
}

PluginStream::PluginStream(PluginProxy& proxy, grpc::GenericCallbackServerContext* context)
    : proxy_(proxy), method_(context->method()), upstream_(*this) {
  upstream_context_.set_deadline(context->deadline());
  proxy_.stub_.PrepareBidiStreamingCall(&upstream_context_, method_, grpc::StubOptions(),
                                        &upstream_);
  // One for the writes that the client's messages start, one for the reads that its reading starts.
  upstream_.AddMultipleHolds(2);
  upstream_.StartCall();
  StartRead(&request_);
}

void PluginStream::OnReadDone(bool ok) {
  ok = ok && request_.Valid();
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

void PluginStream::OnUpstreamWritten(bool ok) {
  {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    if (!ok || upstream_ended_) return DropWriteHold();
  }
  StartRead(&request_);
}

void PluginStream::OnUpstreamRead(bool ok) {
  if (ok) return StartWrite(&response_);
  {
    absl::MutexLock lock(&mutex_);
    upstream_ended_ = true;
    // A write that goes on drops it when it is done.
    if (!writing_) DropWriteHold();
  }
  upstream_.RemoveHold();
}

void PluginStream::OnWriteDone(bool ok) {
  // Without the client there is nobody to read for; the provider's end is told by the read below.
  if (!ok) upstream_context_.TryCancel();
  upstream_.StartRead(&response_);
}

void PluginStream::OnUpstreamDone(const grpc::Status& status) {
  proxy_.Judge(method_, status);
  Finish(status);
  Unref();
}

void PluginStream::DropWriteHold() {
  if (std::exchange(write_hold_, false)) upstream_.RemoveHold();
}

void PluginStream::Unref() {
  if (references_.fetch_sub(1) == 1) delete this;
}

}  // namespace stackyard::runner
