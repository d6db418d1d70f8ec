#include "services/gateway/timeouts.h"

namespace stackyard::gateway {

Timeouts::Queue::iterator Timeouts::Add(SteadyTime when, Timeout* timeout) {
  const auto place = queue_.emplace(when, timeout);
  if (when < armed_) Arm();
  return place;
}

void Timeouts::Arm() {
  if (!timer_) return;
  armed_ = queue_.begin()->first;
  timer_->expires_at(armed_);
  timer_->async_wait([this](const boost::system::error_code& error) {
    if (!error) RunDue();
  });
}

void Timeouts::RunDue() {
  // Timers that are set meanwhile need not arm.
  armed_ = SteadyTime::min();
  const SteadyTime now = std::chrono::steady_clock::now();
  while (!queue_.empty() && queue_.begin()->first <= now) {
    Timeout* timeout = queue_.begin()->second;
    timeout->Clear();
    timeout->action_();
  }
  armed_ = SteadyTime::max();
  if (!queue_.empty()) Arm();
}

void Timeout::Set(SteadyTime when) {
  Clear();
  place_ = timeouts_.Add(when, this);
  is_set_ = true;
}

void Timeout::Clear() {
  if (!is_set_) return;
  is_set_ = false;
  timeouts_.queue_.erase(place_);
}

}  // namespace stackyard::gateway
