// Timers of one event loop. Setting and clearing one costs no system call.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <utility>

namespace stackyard::gateway {

using SteadyTime = std::chrono::steady_clock::time_point;

class Timeout;

// To be used on the loop's thread alone; outlives its timeouts.
class Timeouts {
 public:
  void Attach(boost::asio::io_context& context) { timer_.emplace(context); }
  // Nothing fires any more. Timeouts that are set may still be cleared.
  void Detach() { timer_.reset(); }

 private:
  friend class Timeout;
  using Queue = std::multimap<SteadyTime, Timeout*>;

  Queue::iterator Add(SteadyTime when, Timeout* timeout);
  void Arm();
  void RunDue();

  Queue queue_;
  std::optional<boost::asio::steady_timer> timer_;
  // What the timer waits for. It is not moved on when that is taken away.
  SteadyTime armed_ = SteadyTime::max();
};

// Something that is done at a time unless it is cleared, set anew or destroyed before.
class Timeout {
 public:
  Timeout(Timeouts& timeouts, std::function<void()> action)
      : timeouts_(timeouts), action_(std::move(action)) {}
  ~Timeout() { Clear(); }
  Timeout(const Timeout&) = delete;
  Timeout& operator=(const Timeout&) = delete;

  void Set(SteadyTime when);
  void SetAfter(std::chrono::nanoseconds wait) { Set(std::chrono::steady_clock::now() + wait); }
  void Clear();
  bool is_set() const { return is_set_; }

 private:
  friend class Timeouts;

  Timeouts& timeouts_;
  const std::function<void()> action_;
  Timeouts::Queue::iterator place_;
  bool is_set_ = false;
};

}  // namespace stackyard::gateway
