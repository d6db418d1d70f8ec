// A thread with its sockets and timers. What belongs to a loop is touched on its thread alone, so
// that nothing of it needs a lock.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <string>
#include <utility>

#include "common/work.h"
#include "services/gateway/timeouts.h"

namespace stackyard::gateway {

class EventLoop {
 public:
  EventLoop();
  ~EventLoop();

  // Starts the thread.
  void Start(const std::string& name);
  // Waits for the handler that runs; the others never run. From another thread.
  void Stop();

  // From any thread: runs `work` on the loop's, later.
  template <typename Work>
  void Post(Work work) {
    boost::asio::post(context_, std::move(work));
  }
  bool IsCurrent() { return context_.get_executor().running_in_this_thread(); }

  boost::asio::io_context& context() { return context_; }
  Timeouts& timeouts() { return timeouts_; }

 private:
  // Before the context, whose last handlers clear timeouts when they go.
  Timeouts timeouts_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::unique_ptr<Task> thread_;
};

}  // namespace stackyard::gateway
