// A load generator for unary gRPC calls, and the yardstick to hold against it.
//
//   grpc_load serve ADDRESS FILE             answers StackService.GetStack with the Stack in FILE,
//                                            and WatchStack with it, once, on a stream that stays
//                                            open
//   grpc_load call ADDRESS NAME CALLS ACTIVE calls GetStack of NAME, ACTIVE calls at any time;
//                                            the bearer token is in STACKYARD_TOKEN
//   grpc_load save ADDRESS NAME FILE         writes the answer of one call to FILE
//
// `call` prints JSON: calls a second, and the 50th and 99th percentile of a call in milliseconds.

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "stackyard/v1/stacks.grpc.pb.h"

namespace {

using Clock = std::chrono::steady_clock;
using stackyard::v1::GetStackRequest;
using stackyard::v1::Stack;
using stackyard::v1::StackService;
using stackyard::v1::WatchStackRequest;
using stackyard::v1::WatchStackResponse;

class Echo final : public StackService::CallbackService {
 public:
  explicit Echo(Stack stack) : stack_(std::move(stack)) {}

  grpc::ServerUnaryReactor* GetStack(grpc::CallbackServerContext* context, const GetStackRequest*,
                                     Stack* response) override {
    *response = stack_;
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerWriteReactor<WatchStackResponse>* WatchStack(grpc::CallbackServerContext*,
                                                           const WatchStackRequest*) override {
    return new Stream(stack_);
  }

 private:
  class Stream final : public grpc::ServerWriteReactor<WatchStackResponse> {
   public:
    explicit Stream(const Stack& stack) : response_(std::make_unique<WatchStackResponse>()) {
      *response_->mutable_stack() = stack;
      StartWrite(response_.get());
    }
    void OnWriteDone(bool) override { response_.reset(); }
    void OnCancel() override { Finish(grpc::Status::CANCELLED); }
    void OnDone() override { delete this; }

   private:
    std::unique_ptr<WatchStackResponse> response_;
  };

  const Stack stack_;
};

std::shared_ptr<grpc::Channel> Open(const std::string& address) {
  return grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
}

void Authorize(grpc::ClientContext& context) {
  const char* token = std::getenv("STACKYARD_TOKEN");
  if (token != nullptr) context.AddMetadata("authorization", std::string("Bearer ") + token);
}

int Fail(const std::string& what) {
  std::cerr << "error: " << what << "\n";
  return 1;
}

int Serve(const std::string& address, const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  Stack stack;
  if (!stack.ParseFromIstream(&in)) return Fail(file + " holds no Stack");
  Echo echo(std::move(stack));
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&echo);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) return Fail("cannot listen on " + address);
  server->Wait();
  return 0;
}

int Save(const std::string& address, const std::string& name, const std::string& file) {
  const auto stub = StackService::NewStub(Open(address));
  grpc::ClientContext context;
  Authorize(context);
  GetStackRequest request;
  request.set_name(name);
  Stack stack;
  const grpc::Status status = stub->GetStack(&context, request, &stack);
  if (!status.ok()) return Fail(status.error_message());
  std::ofstream out(file, std::ios::binary);
  return stack.SerializeToOstream(&out) ? 0 : Fail("cannot write " + file);
}

struct Call {
  Clock::time_point start;
  std::unique_ptr<grpc::ClientContext> context;
  std::unique_ptr<grpc::ClientAsyncResponseReader<Stack>> reader;
  Stack stack;
  grpc::Status status;
};

int Load(const std::string& address, const std::string& name, int calls, int active) {
  const auto stub = StackService::NewStub(Open(address));
  GetStackRequest request;
  request.set_name(name);
  grpc::CompletionQueue queue;
  int begun = 0;
  const auto begin = [&](Call& call) {
    ++begun;
    call.context = std::make_unique<grpc::ClientContext>();
    Authorize(*call.context);
    call.start = Clock::now();
    call.reader = stub->AsyncGetStack(call.context.get(), request, &queue);
    call.reader->Finish(&call.stack, &call.status, &call);
  };

  std::vector<Call> slots(static_cast<size_t>(std::min(active, calls)));
  std::vector<double> millis;
  millis.reserve(static_cast<size_t>(calls));
  const Clock::time_point start = Clock::now();
  for (Call& call : slots) begin(call);
  while (millis.size() < static_cast<size_t>(calls)) {
    void* tag = nullptr;
    bool ok = false;
    if (!queue.Next(&tag, &ok)) return Fail("the queue was shut down");
    Call& call = *static_cast<Call*>(tag);
    if (!call.status.ok()) return Fail(call.status.error_message());
    if (call.stack.name() != name) return Fail("answered " + call.stack.name());
    millis.push_back(std::chrono::duration<double, std::milli>(Clock::now() - call.start).count());
    if (begun < calls) begin(call);
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  std::sort(millis.begin(), millis.end());
  std::printf("{\"rate\": %.1f, \"p50\": %.3f, \"p99\": %.3f}\n", calls / seconds,
              millis[millis.size() / 2], millis[millis.size() * 99 / 100]);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (args.size() == 3 && args[0] == "serve") return Serve(args[1], args[2]);
  if (args.size() == 4 && args[0] == "save") return Save(args[1], args[2], args[3]);
  if (args.size() == 5 && args[0] == "call") {
    return Load(args[1], args[2], std::stoi(args[3]), std::stoi(args[4]));
  }
  return Fail("usage: see the head of grpc_load.cc");
}
