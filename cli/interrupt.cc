#include "cli/interrupt.h"

#include <csignal>

namespace stackyard::cli {
namespace {

// A signal handler can reach nothing else.
volatile std::sig_atomic_t g_interrupted = 0;

extern "C" void Remember(int) { g_interrupted = 1; }

}  // namespace

void CatchInterrupt() {
  struct sigaction action = {};
  action.sa_handler = Remember;
  // Without SA_RESTART: who waits for an answer at a prompt hears of it at once.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
}

bool WasInterrupted() { return g_interrupted != 0; }

}  // namespace stackyard::cli
