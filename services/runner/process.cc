#include "services/runner/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/runner/file.h"

namespace stackyard::runner {
namespace {

struct Pipe {
  Fd read;
  Fd write;
};

absl::StatusOr<Pipe> MakePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return absl::InternalError("no more pipes");
  return Pipe{Fd(fds[0]), Fd(fds[1])};
}

// What the child needs, made before the fork: after it only async-signal-safe calls are allowed.
struct ChildPlan {
  std::vector<char*> argv;
  std::vector<char*> environment;
  const char* directory;
  int input;
  int output;
  int errors;
  int failure;
};

[[noreturn]] void RunChild(const ChildPlan& plan, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have gone before the line above.
  if (getppid() != parent) _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  // State, plans and parameters hold secrets.
  umask(0077);
  if (chdir(plan.directory) == 0 && dup2(plan.input, 0) == 0 && dup2(plan.output, 1) == 1 &&
      dup2(plan.errors, 2) == 2) {
    syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
    execve(plan.argv[0], plan.argv.data(), plan.environment.data());
  }
  const int error = errno;
  [[maybe_unused]] const ssize_t written = write(plan.failure, &error, sizeof(error));
  _exit(127);
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

struct Child {
  pid_t pid = -1;
  Fd pid_fd;
  Fd out;
  Fd err;
};

absl::StatusOr<Child> Spawn(const Command& command) {
  auto out = MakePipe();
  auto err = MakePipe();
  auto failure = MakePipe();
  const Fd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!out.ok() || !err.ok() || !failure.ok() || !null.ok()) {
    return absl::InternalError("cannot make the pipes of a process");
  }
  ChildPlan plan{Pointers(command.argv),    Pointers(command.environment),
                 command.directory.c_str(), null.get(),
                 out->write.get(),          err->write.get(),
                 failure->write.get()};
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) RunChild(plan, parent);
  if (pid < 0) return absl::InternalError(absl::StrCat("fork: ", strerror(errno)));
  // In both processes, so that the group exists whoever comes first.
  setpgid(pid, pid);
  out->write.Close();
  err->write.Close();
  failure->write.Close();

  int error = 0;
  ssize_t got;
  do {
    got = read(failure->read.get(), &error, sizeof(error));
  } while (got < 0 && errno == EINTR);
  if (got != 0) {
    waitpid(pid, nullptr, 0);
    return absl::InternalError(absl::StrCat(command.argv[0], " cannot be started in ",
                                            command.directory, ": ",
                                            got == sizeof(error) ? strerror(error) : "unknown"));
  }
  Child child{pid, Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))), std::move(out->read),
              std::move(err->read)};
  if (!child.pid_fd.ok()) {
    kill(-pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return absl::InternalError(absl::StrCat("pidfd_open: ", strerror(errno)));
  }
  fcntl(child.out.get(), F_SETFL, O_NONBLOCK);
  fcntl(child.err.get(), F_SETFL, O_NONBLOCK);
  return child;
}

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

std::string Outcome::ToString() const {
  if (signal != 0) return absl::StrCat("was ended by signal ", signal);
  return absl::StrCat("ended with exit code ", exit_code);
}

absl::StatusOr<Outcome> RunProcess(const Command& command, const RunControl& control,
                                   const ProcessLimits& limits, const Sink& out, const Sink& err) {
  absl::StatusOr<Child> spawned = Spawn(command);
  if (!spawned.ok()) return spawned.status();
  Child& child = *spawned;

  Outcome outcome;
  bool interrupted = false;
  bool killed = false;
  bool ended = false;
  absl::Time next = limits.deadline;
  while (!ended) {
    // A negative descriptor is skipped by poll.
    pollfd fds[] = {{child.pid_fd.get(), POLLIN, 0},
                    {child.out.get(), POLLIN, 0},
                    {child.err.get(), POLLIN, 0},
                    {interrupted ? -1 : control.interrupt_fd(), POLLIN, 0},
                    {killed ? -1 : control.kill_fd(), POLLIN, 0}};
    if (poll(fds, std::size(fds), PollTimeout(next)) < 0 && errno != EINTR) {
      kill(-child.pid, SIGKILL);
      waitpid(child.pid, nullptr, 0);
      return absl::InternalError(absl::StrCat("poll: ", strerror(errno)));
    }
    if (fds[1].revents != 0 && !Drain(child.out.get(), out)) child.out.Close();
    if (fds[2].revents != 0 && !Drain(child.err.get(), err)) child.err.Close();
    if (fds[0].revents != 0) ended = true;
    bool interrupt = fds[3].revents != 0;
    bool end_all = fds[4].revents != 0;
    if (!ended && absl::Now() >= next) {
      end_all |= outcome.timed_out;
      interrupt = true;
      next = outcome.timed_out ? absl::InfiniteFuture() : absl::Now() + limits.grace;
      outcome.timed_out = true;
    }
    if (end_all && !killed && !ended) {
      kill(-child.pid, SIGKILL);
      killed = interrupted = true;
    } else if (interrupt && !interrupted && !ended) {
      // One only: at the second Terraform gives up without saving.
      kill(child.pid, SIGINT);
      interrupted = true;
    }
  }
  // Before the program is reaped, while its number cannot belong to anything else.
  kill(-child.pid, SIGKILL);
  int status = 0;
  while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (child.out.ok()) Drain(child.out.get(), out);
  if (child.err.ok()) Drain(child.err.get(), err);
  if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  return outcome;
}

}  // namespace stackyard::runner
