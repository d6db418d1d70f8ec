#include "cli/client.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "cli/errors.h"
#include "common/grpc_status.h"
#include "common/id.h"
#include "common/principal.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "google/api/annotations.pb.h"

namespace stackyard::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageLite;

constexpr std::chrono::milliseconds kTick(200);

const FieldDescriptor* StringField(const Message& message, const char* name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  return field != nullptr && field->cpp_type() == FieldDescriptor::CPPTYPE_STRING ? field : nullptr;
}

int RowsIn(const Message& response) {
  int rows = 0;
  for (int i = 0; i < response.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = response.GetDescriptor()->field(i);
    if (field->is_repeated()) rows += response.GetReflection()->FieldSize(response, field);
  }
  return rows;
}

std::string Path(const std::string& method) { return absl::StrCat("/stackyard.v1.", method); }

// Whether a call changes nothing: its HTTP rule is a GET.
bool IsRead(const std::string& method) {
  std::string name = absl::StrCat("stackyard.v1.", method);
  std::replace(name.begin(), name.end(), '/', '.');
  const auto* found = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
  return found != nullptr && found->options().GetExtension(google::api::http).has_get();
}

// How long to wait until a call that was refused may be tried again; for ever when it must not.
absl::Duration TimeToWait(const std::string& method, const absl::Status& status) {
  const auto reason = ReasonOf(status);
  google::rpc::RetryInfo retry;
  if ((reason != v1::RATE_LIMITED && reason != v1::OVERLOADED) || !IsRead(method) ||
      !ReadDetail(status, retry)) {
    return absl::InfiniteDuration();
  }
  // Whatever the server says, it is not pressed.
  return std::max(FromProto(retry.retry_delay()), absl::Milliseconds(100));
}

}  // namespace

struct Client::Parts {
  Options options;
  std::shared_ptr<grpc::Channel> channel;
  grpc::TemplatedGenericStub<MessageLite, MessageLite> stub;

  explicit Parts(Options o)
      : options(std::move(o)), channel(Dial(options.endpoint, options.ca_pem)), stub(channel) {}

  absl::Status Prepare(grpc::ClientContext& context, absl::Time deadline) const {
    if (deadline != absl::InfiniteFuture()) context.set_deadline(absl::ToChronoTime(deadline));
    ASSIGN_OR_RETURN(const std::string token, options.token());
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    context.AddMetadata(kRequestIdKey, RandomId());
    return absl::OkStatus();
  }

  // Waits for what was started last; false when it did not succeed or was given up.
  bool Await(grpc::CompletionQueue& queue, grpc::ClientContext& context,
             const std::function<bool()>& on_tick) {
    void* tag = nullptr;
    bool ok = false;
    bool given_up = false;
    while (queue.AsyncNext(&tag, &ok, std::chrono::system_clock::now() + kTick) ==
           grpc::CompletionQueue::TIMEOUT) {
      // The queue still has to hand out what was started.
      if (!given_up && (options.interrupted() || !on_tick())) {
        given_up = true;
        context.TryCancel();
      }
    }
    return ok && !given_up;
  }

  absl::Status Explain(const grpc::Status& status) const {
    if (status.ok()) return absl::OkStatus();
    if (options.interrupted()) return Interrupted("Interrupted.");
    absl::Status error = FromGrpc(status);
    if (error.code() == absl::StatusCode::kUnavailable && status.error_details().empty()) {
      absl::Status plain = absl::UnavailableError(
          absl::StrCat("no answer from ", options.endpoint.target, ": ", status.error_message()));
      return plain;
    }
    return error;
  }
};

Client::Client(Options options) : parts_(std::make_unique<Parts>(std::move(options))) {}
Client::~Client() = default;

absl::Status Client::Call(const std::string& method, Message& request, Message* response,
                          absl::Duration timeout) {
  const FieldDescriptor* id = StringField(request, "request_id");
  if (id != nullptr && request.GetReflection()->GetString(request, id).empty()) {
    request.GetReflection()->SetString(&request, id, RandomId(20));
  }
  const absl::Time deadline = absl::Now() + timeout;
  while (true) {
    absl::Status status = CallOnce(method, request, response, deadline);
    const absl::Duration wait = TimeToWait(method, status);
    if (wait == absl::InfiniteDuration() || absl::Now() + wait >= deadline) return status;
    parts_->options.pause(wait);
    if (parts_->options.interrupted()) return Interrupted("Interrupted.");
  }
}

absl::Status Client::CallOnce(const std::string& method, const Message& request, Message* response,
                              absl::Time deadline) {
  grpc::ClientContext context;
  RETURN_IF_ERROR(parts_->Prepare(context, deadline));
  grpc::CompletionQueue queue;
  auto call = parts_->stub.PrepareUnaryCall(&context, Path(method), request, &queue);
  call->StartCall();
  grpc::Status status;
  call->Finish(response, &status, nullptr);
  parts_->Await(queue, context, [] { return true; });
  queue.Shutdown();
  return parts_->Explain(status);
}

absl::Status Client::List(const std::string& method, Message& request, Message* response,
                          int limit) {
  const FieldDescriptor* token = StringField(request, "page_token");
  const FieldDescriptor* size = request.GetDescriptor()->FindFieldByName("page_size");
  request.GetReflection()->SetInt32(&request, size, limit > 0 && limit < 1000 ? limit : 1000);
  std::unique_ptr<Message> page(response->New());
  while (true) {
    page->Clear();
    RETURN_IF_ERROR(Call(method, request, page.get()));
    response->MergeFrom(*page);
    const FieldDescriptor* next = StringField(*page, "next_page_token");
    const std::string next_token = page->GetReflection()->GetString(*page, next);
    if (next_token.empty() || (limit > 0 && RowsIn(*response) >= limit)) {
      // Merging keeps the token of an earlier page where the last one has none.
      response->GetReflection()->SetString(response, next, next_token);
      return absl::OkStatus();
    }
    request.GetReflection()->SetString(&request, token, next_token);
  }
}

absl::Status Client::Stream(const std::string& method, Message& request, Message* message,
                            const std::function<bool()>& on_message,
                            const std::function<bool()>& on_tick, absl::Time deadline) {
  grpc::ClientContext context;
  RETURN_IF_ERROR(parts_->Prepare(context, deadline));
  grpc::CompletionQueue queue;
  auto call = parts_->stub.PrepareCall(&context, Path(method), &queue);
  bool wanted = true;
  const auto tick = [&] { return wanted = wanted && on_tick(); };
  call->StartCall(nullptr);
  bool ok = parts_->Await(queue, context, tick);
  if (ok) {
    call->WriteLast(request, grpc::WriteOptions(), nullptr);
    ok = parts_->Await(queue, context, tick);
  }
  while (ok) {
    call->Read(message, nullptr);
    ok = parts_->Await(queue, context, tick);
    if (ok && !on_message()) {
      wanted = ok = false;
      context.TryCancel();
    }
  }
  grpc::Status status;
  call->Finish(&status, nullptr);
  parts_->Await(queue, context, [] { return true; });
  queue.Shutdown();
  if (!wanted && !parts_->options.interrupted()) return absl::OkStatus();
  return parts_->Explain(status);
}

}  // namespace stackyard::cli
