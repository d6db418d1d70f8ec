// A load generator for unary gRPC calls, and the yardstick to hold against it.
//
//   grpc_load serve ADDRESS FILE             answers StackService.GetStack with the Stack in FILE,
//                                            and WatchStack with it, once, on a stream that stays
//                                            open
//   grpc_load call ADDRESS NAME CALLS ACTIVE calls GetStack of NAME, ACTIVE calls at any time,
//   after
//                                            a tenth as many that are not counted
//   grpc_load save ADDRESS NAME FILE         writes the answer of one call to FILE
//   grpc_load list ADDRESS PARENT CALLS PAGE FILTER ORDER
//                                            calls ListStacks one at a time and reads page PAGE (1
//                                            is the first), of 50 stacks
//
// The bearer token is in STACKYARD_TOKEN. Without one the calls are those of the gateway to a
// service, for somebody who may see everything.
//
// `call` and `list` print JSON: calls a second, and the 50th and 99th percentile of a call in
// milliseconds; `list` also how many stacks came.

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

#include "stackyard/internal/v1/principal.pb.h"
#include "stackyard/v1/stacks.grpc.pb.h"

namespace {

using Clock = std::chrono::steady_clock;
using stackyard::v1::GetStackRequest;
using stackyard::v1::ListStacksRequest;
using stackyard::v1::ListStacksResponse;
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
  if (token != nullptr) {
    context.AddMetadata("authorization", std::string("Bearer ") + token);
    return;
  }
  static const std::string kPrincipal = [] {
    stackyard::internal::v1::Principal caller;
    caller.set_user("users/bench");
    caller.set_everywhere(true);
    caller.set_request_id("bench");
    return caller.SerializeAsString();
  }();
  context.AddMetadata("x-stackyard-principal-bin", kPrincipal);
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

void Print(std::vector<double>& millis, double seconds, const std::string& more = "") {
  std::sort(millis.begin(), millis.end());
  std::printf("{\"rate\": %.1f, \"p50\": %.3f, \"p99\": %.3f%s}\n",
              static_cast<double>(millis.size()) / seconds, millis[millis.size() / 2],
              millis[millis.size() * 99 / 100], more.c_str());
}

double MillisSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

int Load(StackService::Stub& stub, const std::string& name, int calls, int active, bool counted) {
  GetStackRequest request;
  request.set_name(name);
  grpc::CompletionQueue queue;
  int begun = 0;
  const auto begin = [&](Call& call) {
    ++begun;
    call.context = std::make_unique<grpc::ClientContext>();
    Authorize(*call.context);
    call.start = Clock::now();
    call.reader = stub.AsyncGetStack(call.context.get(), request, &queue);
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
    millis.push_back(MillisSince(call.start));
    if (begun < calls) begin(call);
  }
  if (counted) Print(millis, MillisSince(start) / 1000);
  return 0;
}

int Call(const std::string& address, const std::string& name, int calls, int active) {
  const auto stub = StackService::NewStub(Open(address));
  const int warm = Load(*stub, name, std::max(1, calls / 10), active, false);
  return warm != 0 ? warm : Load(*stub, name, calls, active, true);
}

int List(const std::vector<std::string>& args) {
  const auto stub = StackService::NewStub(Open(args[1]));
  const int calls = std::stoi(args[3]);
  ListStacksRequest request;
  request.set_parent(args[2]);
  request.set_page_size(50);
  request.set_filter(args[5]);
  request.set_order_by(args[6]);
  ListStacksResponse response;
  const auto read = [&] {
    grpc::ClientContext context;
    Authorize(context);
    return stub->ListStacks(&context, request, &response);
  };
  for (int page = 1; page < std::stoi(args[4]); ++page) {
    const grpc::Status status = read();
    if (!status.ok()) return Fail(status.error_message());
    if (response.next_page_token().empty()) return Fail("there is no such page");
    request.set_page_token(response.next_page_token());
  }
  std::vector<double> millis;
  const Clock::time_point begin = Clock::now();
  for (int call = 0; call < calls; ++call) {
    const Clock::time_point start = Clock::now();
    const grpc::Status status = read();
    if (!status.ok()) return Fail(status.error_message());
    millis.push_back(MillisSince(start));
  }
  Print(millis, MillisSince(begin) / 1000,
        ", \"stacks\": " + std::to_string(response.stacks_size()) +
            ", \"more\": " + (response.next_page_token().empty() ? "false" : "true"));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (args.size() == 3 && args[0] == "serve") return Serve(args[1], args[2]);
  if (args.size() == 4 && args[0] == "save") return Save(args[1], args[2], args[3]);
  if (args.size() == 5 && args[0] == "call") {
    return Call(args[1], args[2], std::stoi(args[3]), std::stoi(args[4]));
  }
  if (args.size() == 7 && args[0] == "list") return List(args);
  return Fail("usage: see the head of grpc_load.cc");
}
