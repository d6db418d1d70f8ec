#include "services/gateway/event_loop.h"

namespace stackyard::gateway {

// One thread runs it, and only that one starts operations of sockets.
EventLoop::EventLoop()
    : context_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO),
      work_(boost::asio::make_work_guard(context_)) {
  timeouts_.Attach(context_);
}

EventLoop::~EventLoop() {
  Stop();
  timeouts_.Detach();
}

void EventLoop::Start(const std::string& name) {
  thread_ = std::make_unique<Task>(name, [this] { context_.run(); });
}

void EventLoop::Stop() {
  context_.stop();
  thread_.reset();
}

}  // namespace stackyard::gateway
