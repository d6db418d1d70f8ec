// Holds many WatchStack streams open.
//
//   watch_load ADDRESS NAME COUNT
//
// Prints `open` when each of the streams has got its first message, and ends with its standard
// input. It calls as the gateway does: the service behind the gateway takes the caller from the
// metadata.

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "stackyard/internal/v1/principal.pb.h"
#include "stackyard/v1/stacks.grpc.pb.h"

namespace {

using stackyard::v1::StackService;
using stackyard::v1::WatchStackRequest;
using stackyard::v1::WatchStackResponse;

// As many streams as a busy gateway has on one connection.
constexpr int kStreamsPerChannel = 1000;

// Counts down what is awaited.
class Latch {
 public:
  explicit Latch(int count) : count_(count) {}
  void CountDown(const std::string& error) {
    const std::lock_guard<std::mutex> lock(mutex_);
    --count_;
    if (!error.empty()) error_ = error;
    changed_.notify_all();
  }
  // The error of any; empty: none.
  std::string Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return count_ <= 0 || !error_.empty(); });
    return error_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_;
  std::string error_;
};

class Stream final : public grpc::ClientReadReactor<WatchStackResponse> {
 public:
  Stream(StackService::Stub& stub, const WatchStackRequest& request, const std::string& principal,
         Latch& opened, Latch& closed)
      : opened_(opened), closed_(closed) {
    // The server may be on its way up.
    context_.set_wait_for_ready(true);
    context_.AddMetadata("x-stackyard-principal-bin", principal);
    stub.async()->WatchStack(&context_, &request, this);
    StartRead(&response_);
    StartCall();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (!open_) opened_.CountDown("");
    open_ = true;
    StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override {
    if (!open_) opened_.CountDown("a stream ended: " + status.error_message());
    closed_.CountDown("");
  }
  void Cancel() { context_.TryCancel(); }

 private:
  Latch& opened_;
  Latch& closed_;
  grpc::ClientContext context_;
  WatchStackResponse response_;
  bool open_ = false;
};

int Hold(const std::string& address, const std::string& name, int count) {
  stackyard::internal::v1::Principal caller;
  caller.set_user("users/bench");
  caller.set_everywhere(true);
  const std::string principal = caller.SerializeAsString();
  WatchStackRequest request;
  request.set_name(name);
  Latch opened(count), closed(count);
  std::vector<std::unique_ptr<StackService::Stub>> stubs;
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < count; ++i) {
    if (i % kStreamsPerChannel == 0) {
      grpc::ChannelArguments arguments;
      // A connection of its own.
      arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
      stubs.push_back(StackService::NewStub(
          grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments)));
    }
    streams.push_back(std::make_unique<Stream>(*stubs.back(), request, principal, opened, closed));
  }
  const std::string error = opened.Wait();
  if (error.empty()) std::cout << "open" << std::endl;
  if (error.empty()) std::cin.get();
  for (const auto& stream : streams) stream->Cancel();
  closed.Wait();
  if (!error.empty()) std::cerr << "error: " << error << "\n";
  return error.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4) return Hold(argv[1], argv[2], std::stoi(argv[3]));
  std::cerr << "error: usage: see the head of watch_load.cc\n";
  return 1;
}
