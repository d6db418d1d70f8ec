#include "services/runner/process.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status_macros.h"

namespace stackyard::runner {
namespace {

// How much of a sandbox's complaint is quoted.
constexpr size_t kQuoted = 300;
// When a program that has not begun yet is interrupted again.
constexpr absl::Duration kRetry = absl::Milliseconds(2);

// Hands on what is there now. False at the end of the stream.
bool Drain(int fd, const Sink& sink) {
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got > 0) {
      if (sink) sink(std::string_view(buffer.data(), static_cast<size_t>(got)));
    } else if (got == 0) {
      return false;
    } else if (errno != EINTR) {
      return errno == EAGAIN;
    }
  }
}

// Milliseconds until `when`, for poll(2).
int PollTimeout(absl::Time when) {
  if (when == absl::InfiniteFuture()) return -1;
  const absl::Duration left = std::max(when - absl::Now(), absl::ZeroDuration());
  return static_cast<int>(std::min<int64_t>(absl::ToInt64Milliseconds(left) + 1,
                                            absl::ToInt64Milliseconds(absl::Hours(1))));
}

}  // namespace

absl::StatusOr<Outcome> RunProcess(const Command& command, const RunControl& control,
                                   const ProcessLimits& limits, const Sink& out, const Sink& err) {
  ASSIGN_OR_RETURN(ChildProcess child, ChildProcess::Start(command));

  // The end of what it complained about: bubblewrap speaks on the same stream.
  std::string complaint;
  const Sink hear = [&](std::string_view bytes) {
    if (command.confinement != nullptr && complaint.size() < kQuoted) complaint += bytes;
    if (err) err(bytes);
  };
  bool timed_out = false;
  bool interrupt = false;
  bool interrupted = false;
  bool killed = false;
  bool ended = false;
  absl::Time next = limits.deadline;
  while (!ended) {
    // A negative descriptor is skipped by poll.
    pollfd fds[] = {{child.pid_fd(), POLLIN, 0},
                    {child.out_fd(), POLLIN, 0},
                    {child.err_fd(), POLLIN, 0},
                    {interrupt ? -1 : control.interrupt_fd(), POLLIN, 0},
                    {killed ? -1 : control.kill_fd(), POLLIN, 0}};
    const absl::Time wake = interrupt && !interrupted ? absl::Now() + kRetry : next;
    if (poll(fds, std::size(fds), PollTimeout(std::min(wake, next))) < 0 && errno != EINTR) {
      return absl::InternalError(absl::StrCat("poll: ", strerror(errno)));
    }
    if (fds[1].revents != 0 && !Drain(child.out_fd(), out)) child.CloseOut();
    if (fds[2].revents != 0 && !Drain(child.err_fd(), hear)) child.CloseErr();
    if (fds[0].revents != 0) ended = true;
    interrupt |= fds[3].revents != 0;
    bool end_all = fds[4].revents != 0;
    if (!ended && absl::Now() >= next) {
      end_all |= timed_out;
      interrupt = true;
      next = timed_out ? absl::InfiniteFuture() : absl::Now() + limits.grace;
      timed_out = true;
    }
    if (end_all && !killed && !ended) {
      child.Kill();
      killed = interrupt = interrupted = true;
    } else if (interrupt && !interrupted && !ended) {
      // One only: at the second Terraform gives up without saving.
      interrupted = child.Interrupt();
    }
  }
  Outcome outcome = child.Wait();
  outcome.timed_out = timed_out;
  if (child.out_fd() >= 0) Drain(child.out_fd(), out);
  if (child.err_fd() >= 0) Drain(child.err_fd(), hear);
  // One that was stopped while it was being made is stopped, and no fault.
  if (outcome.no_sandbox && !interrupt) {
    return absl::InternalError(absl::StrCat(
        "no sandbox could be made: ", absl::StripAsciiWhitespace(complaint.substr(0, kQuoted))));
  }
  return outcome;
}

}  // namespace stackyard::runner
