#include "services/gateway/call_share.h"

#include <utility>

namespace stackyard::gateway {
namespace {

// Most calls are smaller, and count nothing.
constexpr size_t kStep = 16 << 10;

}  // namespace

CallShare::~CallShare() {
  Close();
  limits_.LetGo(held_);
}

bool CallShare::Open(bool local) {
  if (!(local ? limits_.TryOpenLocal() : limits_.TryOpenCall())) return false;
  place_ = local ? Place::kLocal : Place::kCall;
  return true;
}

bool CallShare::OpenFor(const std::string& user) {
  if (!limits_.TryOpenCallOf(user)) return false;
  user_ = user;
  return true;
}

void CallShare::Close() {
  if (!user_.empty()) limits_.CloseCallOf(std::exchange(user_, std::string()));
  switch (std::exchange(place_, Place::kNone)) {
    case Place::kNone:
      return;
    case Place::kCall:
      return limits_.CloseCall();
    case Place::kLocal:
      return limits_.CloseLocal();
  }
}

bool CallShare::Hold(size_t bytes) {
  const size_t held = bytes / kStep * kStep;
  if (held > held_) {
    if (!limits_.TryHold(held - held_)) return false;
  } else if (held < held_) {
    limits_.LetGo(held_ - held);
  }
  held_ = held;
  return true;
}

}  // namespace stackyard::gateway
