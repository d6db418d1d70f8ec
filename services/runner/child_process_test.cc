// Programs in real sandboxes. Where the machine cannot make one, these tests fail: a runner refuses
// to start there too, unless it is told otherwise.
#include "services/runner/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/runner/engine.h"
#include "services/runner/file.h"
#include "services/runner/process.h"
#include "services/runner/seccomp_filter.h"
#include "services/runner/testing/files.h"

namespace stackyard::runner {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr uid_t kUid = 700123;

class SandboxTest : public testing::Test {
 protected:
  SandboxTest() {
    sandbox_.bwrap = FindProgram("bwrap");
    sandbox_.binds = {{folder_.path(), /*writable=*/true}};
    // A runner that is root gives the program a user that is not.
    if (getuid() == 0) {
      confinement_.uid = kUid;
      EXPECT_EQ(chmod(folder_.path().c_str(), 0711), 0);
      EXPECT_EQ(chown(folder_.path().c_str(), kUid, kUid), 0);
    }
  }

  Command Shell(const std::string& script) {
    Command command{
        {"/bin/sh", "-c", script}, {"PATH=/usr/bin:/bin", "ONLY=this"}, folder_.path(), nullptr};
    Confinement confinement = confinement_;
    confinement.sandbox = std::make_shared<Sandbox>(sandbox_);
    command.confinement = std::make_shared<Confinement>(confinement);
    return command;
  }
  // Runs a script to its end.
  absl::StatusOr<Outcome> Run(const std::string& script, const Sink& on_output = nullptr) {
    out_.clear();
    err_.clear();
    return RunProcess(
        Shell(script), control_, {},
        [&](std::string_view bytes) {
          out_ += bytes;
          if (on_output) on_output(bytes);
        },
        [this](std::string_view bytes) { err_ += bytes; });
  }
  std::vector<std::string> Lines() const { return absl::StrSplit(out_, '\n', absl::SkipEmpty()); }

  // Whether whoever holds the lock on a file of the folder lets go of it: the lock goes with the
  // last process that has it.
  bool IsFreed(const std::string& name) {
    const Fd fd(open(absl::StrCat(folder_.path(), "/", name).c_str(), O_RDWR | O_CLOEXEC));
    return fd.ok() && flock(fd.get(), LOCK_EX | LOCK_NB) == 0;
  }

  TempFolder folder_;
  Sandbox sandbox_;
  Confinement confinement_;
  RunControl control_;
  std::string out_;
  std::string err_;
};

TEST_F(SandboxTest, AnswersOutputExitCodeAndSignal) {
  auto outcome = Run("echo one; echo two >&2; exit 5");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->exit_code, 5);
  EXPECT_EQ(out_, "one\n");
  EXPECT_EQ(err_, "two\n");
  outcome = Run("kill -KILL $$");
  EXPECT_EQ(outcome->signal, SIGKILL);
}

TEST_F(SandboxTest, InheritsNothingAndMayDoNothing) {
  setenv("STACKYARD_SECRET", "x", 1);
  const Fd leaked(open("/dev/null", O_RDONLY));
  ASSERT_TRUE(Run("env | sort; umask; cat; ls /proc/self/fd").ok());
  unsetenv("STACKYARD_SECRET");
  EXPECT_THAT(Lines(), ElementsAre("ONLY=this", "PATH=/usr/bin:/bin", HasSubstr("PWD="), "0077",
                                   "0", "1", "2", "3"))
      << err_;
  ASSERT_TRUE(Run("grep -E '^(CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs):' /proc/self/status").ok());
  EXPECT_EQ(out_,
            "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n"
            "CapAmb:\t0000000000000000\nNoNewPrivs:\t1\n");
}

TEST_F(SandboxTest, SeesTheSystemAndItsOwnFolderAlone) {
  TempFolder other;
  ASSERT_TRUE(WriteFile(other.path() + "/secret", "of another run", 0644).ok());
  ASSERT_EQ(chmod(other.path().c_str(), 0755), 0);
  ASSERT_TRUE(
      Run(absl::StrCat("cat ", other.path(), "/secret; ls /root /home /var /work; touch /x ",
                       "/usr/x; ls /; touch mine && ls; cat /proc/1/environ; ls /tmp"))
          .ok());
  EXPECT_THAT(out_, Not(HasSubstr("of another run")));
  EXPECT_THAT(out_, HasSubstr("mine"));
  for (const char* folder : {"/root", "/home", "/var"}) {
    EXPECT_THAT(err_, HasSubstr(absl::StrCat("'", folder, "': No such file")));
  }
  EXPECT_THAT(err_, HasSubstr("'/x': Read-only file system"));
  EXPECT_THAT(err_, HasSubstr("'/usr/x': Read-only file system"));
  EXPECT_FALSE(std::filesystem::exists("/usr/x"));
}

TEST_F(SandboxTest, RefusedSystemCallsFail) {
  const auto filter = SeccompFilter();
  ASSERT_TRUE(filter.ok()) << filter.status();
  // Whoever makes a user namespace is root in there, and may mount: the calls say first whether
  // they are refused.
  const std::string script =
      "unshare -m true; python3 -c 'import ctypes; c = ctypes.CDLL(None, use_errno=True); "
      "print(c.ptrace(0, 0, 0, 0), ctypes.get_errno())'; echo still";
  ASSERT_TRUE(Run(script).ok());
  EXPECT_THAT(out_, HasSubstr("0 0")) << "the sandbox alone allows to be traced" << err_;
  sandbox_.seccomp = *filter;
  ASSERT_TRUE(Run(script).ok());
  EXPECT_THAT(Lines(), ElementsAre("-1 1", "still")) << err_;
  EXPECT_THAT(err_, HasSubstr("unshare failed: Operation not permitted"));
  // A second launch reads the filter from its beginning again.
  ASSERT_TRUE(Run(script).ok());
  EXPECT_THAT(Lines(), ElementsAre("-1 1", "still")) << err_;
}

TEST_F(SandboxTest, SeesNoOtherProcess) {
  ASSERT_TRUE(Run("ls -d /proc/[0-9]* | wc -l; kill -0 " + std::to_string(getpid())).ok());
  // Bubblewrap's first process, the shell, ls and wc.
  EXPECT_THAT(Lines().front(), testing::AnyOf("3", "4"));
  EXPECT_THAT(err_, HasSubstr("No such process"));
}

TEST_F(SandboxTest, IsTheUserThatItWasGiven) {
  ASSERT_TRUE(Run("id -u; id -G; id -un; touch made").ok());
  const std::string uid = std::to_string(getuid() == 0 ? kUid : getuid());
  EXPECT_THAT(Lines(), ElementsAre(uid, testing::_, "run")) << err_;
  struct stat info;
  ASSERT_EQ(stat((folder_.path() + "/made").c_str(), &info), 0);
  EXPECT_EQ(std::to_string(info.st_uid), uid);
}

TEST_F(SandboxTest, ReachesTheNetworkWhenAllowedOnly) {
  const Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener.get(), 4), 0);
  ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string connect =
      absl::StrCat("exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/", ntohs(address.sin_port), "'");
  sandbox_.network = true;
  EXPECT_TRUE(Run(connect)->ok()) << err_;
  sandbox_.network = false;
  EXPECT_FALSE(Run(connect)->ok());
  pollfd came{listener.get(), POLLIN, 0};
  // The first one alone.
  ASSERT_EQ(poll(&came, 1, 1000), 1);
  EXPECT_GE(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC), 0);
  EXPECT_EQ(poll(&came, 1, 0), 0);
}

TEST_F(SandboxTest, TheEnvironmentIsOnNoCommandLine) {
  Command command = Shell("echo up; read line");
  command.environment.push_back("PASSWORD=hunter2");
  auto child = ChildProcess::Start(command);
  ASSERT_TRUE(child.ok()) << child.status();
  pollfd out{child->out_fd(), POLLIN, 0};
  ASSERT_EQ(poll(&out, 1, 20'000), 1);
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto line = ReadFile(entry.path().string() + "/cmdline");
    EXPECT_THAT(line.value_or(""), Not(HasSubstr("hunter2"))) << entry.path();
  }
}

TEST_F(SandboxTest, InterruptReachesTheProgramAloneAndOnce) {
  const auto outcome =
      Run("trap 'echo got it; exit 7' INT; (trap 'echo child too' INT; while true; do sleep 0.02; "
          "done) "
          "& echo ready; while true; do wait; done",
          [this](std::string_view bytes) {
            if (bytes == "ready\n") control_.Interrupt(StopReason::kCancelled);
          });
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->exit_code, 7);
  EXPECT_THAT(Lines(), ElementsAre("ready", "got it"));
}

TEST_F(SandboxTest, StoppedBeforeItBeganIsInterruptedAtOnce) {
  control_.Interrupt(StopReason::kCancelled);
  const auto outcome = Run("while true; do sleep 0.02; done");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->signal, SIGINT);
}

TEST_F(SandboxTest, NothingOutlivesKill) {
  const auto outcome =
      Run("trap '' INT TERM; setsid sh -c 'exec 9>lock; flock 9; echo held; sleep 1000' & wait",
          [this](std::string_view bytes) {
            if (bytes == "held\n") control_.Kill(StopReason::kCancelled);
          });
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->signal, SIGKILL);
  EXPECT_TRUE(IsFreed("lock"));
}

TEST_F(SandboxTest, NothingOutlivesTheProgram) {
  // A daemon: a session of its own, and its parent gone.
  const auto outcome =
      Run("(setsid sh -c 'exec 9>lock; flock 9; touch held; sleep 1000' >/dev/null 2>&1 &) ; "
          "while [ ! -e held ]; do sleep 0.01; done; exit 0");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(outcome->ok());
  EXPECT_TRUE(IsFreed("lock"));
}

TEST_F(SandboxTest, NothingOutlivesTheObject) {
  {
    auto child = ChildProcess::Start(Shell("exec 9>lock; flock 9; echo held; sleep 1000"));
    ASSERT_TRUE(child.ok()) << child.status();
    pollfd out{child->out_fd(), POLLIN, 0};
    ASSERT_EQ(poll(&out, 1, 20'000), 1);
    EXPECT_FALSE(IsFreed("lock"));
  }
  EXPECT_TRUE(IsFreed("lock"));
}

TEST_F(SandboxTest, NothingOutlivesTheRunner) {
  const pid_t runner = fork();
  if (runner == 0) {
    const auto child = ChildProcess::Start(
        Shell("setsid sh -c 'exec 9>lock; flock 9; touch held; sleep 1000' & wait"));
    while (child.ok()) pause();
    _exit(1);
  }
  ASSERT_GT(runner, 0);
  // Fails by the test's own time limit when it never comes.
  while (!std::filesystem::exists(folder_.path() + "/held")) poll(nullptr, 0, 5);
  EXPECT_FALSE(IsFreed("lock"));
  kill(runner, SIGKILL);
  waitpid(runner, nullptr, 0);
  for (int i = 0; i < 4000 && !IsFreed("lock"); ++i) poll(nullptr, 0, 5);
  EXPECT_TRUE(IsFreed("lock"));
}

TEST_F(SandboxTest, WritesNoFileLargerThanItsLimit) {
  confinement_.max_file_bytes = 100'000;
  confinement_.max_open_files = 64;
  const auto outcome = Run("ulimit -n; ulimit -c; head -c 200000 /dev/zero >big; wc -c <big");
  ASSERT_TRUE(outcome.ok());
  EXPECT_THAT(Lines(), ElementsAre("64", "0", "100000"));
}

TEST_F(SandboxTest, ASandboxThatCannotBeMadeIsNoFaultOfTheProgram) {
  sandbox_.binds.push_back({"/nonexistent/folder"});
  const auto outcome = Run("echo began");
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(outcome.status().message()), HasSubstr("/nonexistent/folder"));
  EXPECT_EQ(out_, "");

  sandbox_.bwrap = "/nonexistent/bwrap";
  EXPECT_THAT(std::string(Run("echo").status().message()), HasSubstr("/nonexistent/bwrap"));
}

TEST_F(SandboxTest, ProgramsThatCannotJoinTheirGroupDoNotBegin) {
  confinement_.cgroups = {"/nonexistent/cgroup.procs"};
  const auto outcome = Run("echo began");
  EXPECT_THAT(std::string(outcome.status().message()), HasSubstr("control group"));
  EXPECT_EQ(out_, "");
}

}  // namespace
}  // namespace stackyard::runner
