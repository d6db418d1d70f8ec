#include "services/runner/child_process.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <re2/re2.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

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

// A file in memory, to be read from its beginning.
absl::StatusOr<Fd> MakeMemoryFile(const std::string& content) {
  Fd fd(memfd_create("stackyard", MFD_CLOEXEC));
  if (!fd.ok()) return absl::InternalError(absl::StrCat("memfd_create: ", strerror(errno)));
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t put = write(fd.get(), content.data() + done, content.size() - done);
    if (put < 0) return absl::InternalError(absl::StrCat("memfd: ", strerror(errno)));
    done += static_cast<size_t>(put);
  }
  lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

// The same file with a position of its own.
Fd Reopen(const Fd& fd) {
  return Fd(open(absl::StrCat("/proc/self/fd/", fd.get()).c_str(), O_RDONLY | O_CLOEXEC));
}

// What a child fails at before it runs.
enum class Fault { kStart, kCgroup, kUser };

struct Failure {
  Fault fault;
  int error;
};

// What the child needs, made before the fork: after it only async-signal-safe calls are allowed.
struct ChildPlan {
  std::vector<char*> argv;
  std::vector<char*> environment;
  const char* directory;
  int input;
  int output;
  int errors;
  int failure;
  // Descriptors that the program inherits besides.
  std::vector<int> kept;
  std::vector<int> cgroups;
  uid_t uid = 0;
  rlim_t max_file_bytes = RLIM_INFINITY;
  rlim_t max_open_files = RLIM_INFINITY;
};

[[noreturn]] void Give(const ChildPlan& plan, Fault fault) {
  const Failure failure{fault, errno};
  [[maybe_unused]] const ssize_t written = write(plan.failure, &failure, sizeof(failure));
  _exit(127);
}

// Never raises what the runner itself is held to.
void Limit(int resource, rlim_t most) {
  rlimit limit;
  if (getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) return;
  if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < most) most = limit.rlim_max;
  const rlimit wanted{most, most};
  setrlimit(static_cast<__rlimit_resource>(resource), &wanted);
}

// System calls, not the library's functions: those tell other threads, of which there are none.
bool BecomeUser(uid_t uid) {
  return syscall(SYS_setgroups, 0, nullptr) == 0 && syscall(SYS_setresgid, uid, uid, uid) == 0 &&
         syscall(SYS_setresuid, uid, uid, uid) == 0;
}

[[noreturn]] void RunChild(const ChildPlan& plan, pid_t parent) {
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  // State, plans and parameters hold secrets.
  umask(0077);
  for (const int cgroup : plan.cgroups) {
    if (write(cgroup, "0", 1) != 1) Give(plan, Fault::kCgroup);
  }
  if (plan.max_file_bytes != RLIM_INFINITY) Limit(RLIMIT_FSIZE, plan.max_file_bytes);
  if (plan.max_open_files != RLIM_INFINITY) Limit(RLIMIT_NOFILE, plan.max_open_files);
  Limit(RLIMIT_CORE, 0);
  if (plan.uid != 0 && !BecomeUser(plan.uid)) Give(plan, Fault::kUser);
  if (plan.uid != 0) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  // Becoming another user clears it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have gone before the line above.
  if (getppid() != parent) _exit(127);
  if (chdir(plan.directory) == 0 && dup2(plan.input, 0) == 0 && dup2(plan.output, 1) == 1 &&
      dup2(plan.errors, 2) == 2) {
    syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
    for (const int fd : plan.kept) fcntl(fd, F_SETFD, 0);
    execve(plan.argv[0], plan.argv.data(), plan.environment.data());
  }
  Give(plan, Fault::kStart);
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

absl::Status Explain(const Failure& failure, const ChildPlan& plan) {
  const char* why = strerror(failure.error);
  switch (failure.fault) {
    case Fault::kCgroup:
      return absl::InternalError(
          absl::StrCat(plan.argv[0], " cannot join its control group: ", why));
    case Fault::kUser:
      return absl::InternalError(
          absl::StrCat(plan.argv[0], " cannot become the user ", plan.uid, ": ", why));
    default:
      return absl::InternalError(
          absl::StrCat(plan.argv[0], " cannot be started in ", plan.directory, ": ", why));
  }
}

// What bubblewrap reads and writes, as long as it is being started.
struct SandboxFiles {
  Fd arguments;
  Fd seccomp;
  Fd passwd;
  Fd group;
  Pipe status;
  std::vector<std::string> argv;
};

absl::StatusOr<SandboxFiles> MakeSandboxFiles(const Command& command) {
  const Sandbox& sandbox = *command.confinement->sandbox;
  const uid_t uid = command.confinement->uid != 0 ? command.confinement->uid : getuid();
  SandboxFiles files;
  ASSIGN_OR_RETURN(files.status, MakePipe());
  ASSIGN_OR_RETURN(files.passwd, MakeMemoryFile(SandboxPasswd(uid)));
  ASSIGN_OR_RETURN(files.group, MakeMemoryFile(SandboxGroup(uid)));
  if (sandbox.seccomp != nullptr) files.seccomp = Reopen(*sandbox.seccomp);
  // In a file, not on the command line, which everybody on the machine can read: the environment
  // holds secrets.
  ASSIGN_OR_RETURN(files.arguments, MakeMemoryFile(SandboxArguments(
                                        sandbox, {command.environment, command.directory, uid},
                                        files.status.write.get(), files.seccomp.get(),
                                        files.passwd.get(), files.group.get())));
  files.argv = {sandbox.bwrap, "--args", std::to_string(files.arguments.get()), "--"};
  files.argv.insert(files.argv.end(), command.argv.begin(), command.argv.end());
  return files;
}

}  // namespace

std::string Outcome::ToString() const {
  if (signal != 0) return absl::StrCat("was ended by signal ", signal);
  return absl::StrCat("ended with exit code ", exit_code);
}

absl::StatusOr<ChildProcess> ChildProcess::Start(const Command& command) {
  static const Confinement kNone;
  const Confinement& confinement = command.confinement ? *command.confinement : kNone;
  auto out = MakePipe();
  auto err = MakePipe();
  auto failure = MakePipe();
  const Fd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!out.ok() || !err.ok() || !failure.ok() || !null.ok()) {
    return absl::InternalError("cannot make the pipes of a process");
  }
  ChildPlan plan{.argv = {},
                 .environment = {},
                 .directory = command.directory.c_str(),
                 .input = null.get(),
                 .output = out->write.get(),
                 .errors = err->write.get(),
                 .failure = failure->write.get(),
                 .kept = {},
                 .cgroups = {},
                 .uid = confinement.uid};
  if (confinement.max_file_bytes > 0) {
    plan.max_file_bytes = static_cast<rlim_t>(confinement.max_file_bytes);
  }
  if (confinement.max_open_files > 0) {
    plan.max_open_files = static_cast<rlim_t>(confinement.max_open_files);
  }
  SandboxFiles files;
  // Bubblewrap itself gets nothing of it: what is in there must not steer it.
  static const std::vector<std::string> kNothing;
  if (confinement.sandbox != nullptr) {
    ASSIGN_OR_RETURN(files, MakeSandboxFiles(command));
    plan.argv = Pointers(files.argv);
    plan.environment = Pointers(kNothing);
    plan.directory = "/";
    plan.kept = {files.arguments.get(), files.passwd.get(), files.group.get(),
                 files.status.write.get()};
    if (files.seccomp.ok()) plan.kept.push_back(files.seccomp.get());
  } else {
    plan.argv = Pointers(command.argv);
    plan.environment = Pointers(command.environment);
  }
  std::vector<Fd> cgroups;
  for (const std::string& path : confinement.cgroups) {
    const Fd& opened = cgroups.emplace_back(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!opened.ok()) return Explain({Fault::kCgroup, errno}, plan);
    plan.cgroups.push_back(opened.get());
  }

  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) RunChild(plan, parent);
  if (pid < 0) return absl::InternalError(absl::StrCat("fork: ", strerror(errno)));
  // In both processes, so that the group exists whoever comes first.
  setpgid(pid, pid);
  ChildProcess child;
  child.pid_.value = pid;
  out->write.Close();
  err->write.Close();
  failure->write.Close();

  Failure told{Fault::kStart, 0};
  ssize_t got;
  do {
    got = read(failure->read.get(), &told, sizeof(told));
  } while (got < 0 && errno == EINTR);
  if (got != 0) return Explain(told, plan);
  child.pid_fd_ = Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!child.pid_fd_.ok()) {
    return absl::InternalError(absl::StrCat("pidfd_open: ", strerror(errno)));
  }
  child.out_ = std::move(out->read);
  child.err_ = std::move(err->read);
  fcntl(child.out_.get(), F_SETFL, O_NONBLOCK);
  fcntl(child.err_.get(), F_SETFL, O_NONBLOCK);
  if (confinement.sandbox != nullptr) {
    files.status.write.Close();
    child.status_ = std::move(files.status.read);
    child.ReadStatus();
  }
  return child;
}

ChildProcess::~ChildProcess() {
  if (pid_.value < 0) return;
  Kill();
  Wait();
}

void ChildProcess::ReadStatus() {
  static const RE2 kChild(R"("child-pid": *(\d+))");
  char buffer[512];
  while (!RE2::PartialMatch(status_text_, kChild, &init_)) {
    const ssize_t got = read(status_.get(), buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    // It ended without one: it says why on standard error.
    if (got <= 0) return;
    status_text_.append(buffer, static_cast<size_t>(got));
  }
  // It cannot have been reaped, and its number given to another, as long as we hold bubblewrap up:
  // at worst it is gone, and then there is nothing to kill.
  init_fd_ = Fd(static_cast<int>(syscall(SYS_pidfd_open, init_, 0)));
}

void ChildProcess::FindProgram() {
  const std::string path = absl::StrCat("/proc/", init_, "/task/", init_, "/children");
  const auto first_child = [&path] {
    const auto children = ReadFile(path, 1 << 20);
    return children.ok() ? atoi(children->c_str()) : 0;
  };
  // The oldest child of the first process; orphans are taken up behind it.
  const pid_t pid = first_child();
  if (pid <= 0) return;
  Fd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  // Else the number may belong to another process by now.
  if (fd.ok() && first_child() == pid) program_fd_ = std::move(fd);
}

bool ChildProcess::Interrupt() {
  if (!status_.ok()) {
    kill(pid_.value, SIGINT);
    return true;
  }
  if (!program_fd_.ok()) FindProgram();
  if (!program_fd_.ok()) return false;
  syscall(SYS_pidfd_send_signal, program_fd_.get(), SIGINT, nullptr, 0);
  return true;
}

void ChildProcess::Kill() {
  // The namespace goes with its first process, and bubblewrap ends when that is gone.
  if (init_fd_.ok() && syscall(SYS_pidfd_send_signal, init_fd_.get(), SIGKILL, nullptr, 0) == 0) {
    return;
  }
  kill(-pid_.value, SIGKILL);
}

Outcome ChildProcess::Wait() {
  siginfo_t info;
  while (waitid(P_PID, static_cast<id_t>(pid_.value), &info, WEXITED | WNOWAIT) < 0 &&
         errno == EINTR) {
  }
  // Before the program is reaped, while its number cannot belong to anything else.
  kill(-pid_.value, SIGKILL);
  if (init_fd_.ok()) {
    syscall(SYS_pidfd_send_signal, init_fd_.get(), SIGKILL, nullptr, 0);
    // It ends after all others of its namespace.
    pollfd gone{init_fd_.get(), POLLIN, 0};
    while (poll(&gone, 1, -1) < 0 && errno == EINTR) {
    }
  }
  int status = 0;
  while (waitpid(pid_.value, &status, 0) < 0 && errno == EINTR) {
  }
  pid_.value = -1;
  Outcome outcome;
  if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  if (!status_.ok()) return outcome;

  char buffer[512];
  ssize_t got;
  while ((got = read(status_.get(), buffer, sizeof(buffer))) > 0) {
    status_text_.append(buffer, static_cast<size_t>(got));
  }
  outcome.no_sandbox =
      outcome.exit_code > 0 && status_text_.find("\"exit-code\"") == std::string::npos;
  // Bubblewrap tells a signal as shells do.
  if (outcome.exit_code > 128 && outcome.exit_code <= 128 + SIGRTMAX) {
    outcome.signal = outcome.exit_code - 128;
    outcome.exit_code = -1;
  }
  return outcome;
}

}  // namespace stackyard::runner
