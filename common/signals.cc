#include <signal.h>

#include <algorithm>
#include <cerrno>

#include "absl/time/clock.h"
#include "common/server.h"

namespace stackyard {
namespace {

sigset_t EndSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

void BlockSignals() {
  const sigset_t set = EndSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

void WaitForSignal() {
  const sigset_t set = EndSignals();
  int number = 0;
  sigwait(&set, &number);
}

bool WaitForSignal(absl::Duration limit) {
  const sigset_t set = EndSignals();
  const absl::Time end = absl::Now() + limit;
  while (true) {
    const absl::Duration left = std::max(end - absl::Now(), absl::ZeroDuration());
    const timespec wait = absl::ToTimespec(left);
    if (sigtimedwait(&set, nullptr, &wait) > 0) return true;
    if (errno != EINTR) return false;
  }
}

}  // namespace stackyard
