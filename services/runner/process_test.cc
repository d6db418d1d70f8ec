#include "services/runner/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/work.h"
#include "services/runner/file.h"
#include "services/runner/lines.h"
#include "services/runner/testing/files.h"

namespace stackyard::runner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ProcessTest : public testing::Test {
 protected:
  // Runs a shell script; `on_line` gets the lines of its output.
  absl::StatusOr<Outcome> Shell(const std::string& script,
                                const LineSplitter::Handler& on_line = nullptr,
                                ProcessLimits limits = {}) {
    LineSplitter lines([&](std::string_view line) {
      out_.emplace_back(line);
      if (on_line) on_line(line);
    });
    auto outcome = RunProcess(
        {{"/bin/sh", "-c", script}, {"PATH=/usr/bin:/bin", "ONLY=this"}, folder_.path()}, control_,
        limits, [&lines](std::string_view bytes) { lines.Feed(bytes); },
        [this](std::string_view bytes) { err_ += bytes; });
    lines.Finish();
    return outcome;
  }

  TempFolder folder_;
  RunControl control_;
  std::vector<std::string> out_;
  std::string err_;
};

// Whether a process that is no child of ours ends soon.
bool Ends(pid_t pid) {
  const Fd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  pollfd entry{fd.get(), POLLIN, 0};
  return !fd.ok() || poll(&entry, 1, 20'000) > 0;
}

TEST_F(ProcessTest, AnswersOutputAndExitCode) {
  const auto outcome = Shell("echo one; echo two >&2; printf three; exit 5");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->exit_code, 5);
  EXPECT_EQ(outcome->ToString(), "ended with exit code 5");
  EXPECT_THAT(out_, ElementsAre("one", "three"));
  EXPECT_EQ(err_, "two\n");
}

TEST_F(ProcessTest, InheritsNothing) {
  setenv("STACKYARD_SECRET", "x", 1);
  // Without CLOEXEC, as a careless library opens it.
  const Fd leaked(open("/dev/null", O_RDONLY));
  ASSERT_TRUE(leaked.ok());
  ASSERT_TRUE(Shell("env | sort; umask; pwd; cat; ls /proc/self/fd").ok());
  unsetenv("STACKYARD_SECRET");
  // `ls` itself opens the folder as 3.
  EXPECT_THAT(out_,
              ElementsAre("ONLY=this", "PATH=/usr/bin:/bin", HasSubstr("PWD="), "0077",
                          std::filesystem::canonical(folder_.path()).string(), "0", "1", "2", "3"));
}

TEST_F(ProcessTest, TakesMuchOutput) {
  ASSERT_TRUE(Shell("head -c 3000000 /dev/zero | tr '\\0' 'x'; echo").ok());
  ASSERT_EQ(out_.size(), 1U);
  EXPECT_EQ(out_[0].size(), 3'000'000U);
}

TEST_F(ProcessTest, InterruptReachesTheProgramAloneAndOnce) {
  const auto outcome = Shell(
      "trap 'echo got it; exit 7' INT; echo ready; (trap 'echo child too' INT; "
      "while [ ! -e stop ]; do sleep 0.02; done) & while true; do wait; done",
      [this](std::string_view line) {
        if (line == "ready") control_.Interrupt(StopReason::kCancelled);
      });
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->exit_code, 7);
  EXPECT_THAT(out_, ElementsAre("ready", "got it"));
}

TEST_F(ProcessTest, KillEndsTheGroup) {
  pid_t child = 0;
  const auto outcome =
      Shell("trap '' INT TERM; sleep 1000 & echo $!; wait", [&](std::string_view line) {
        child = std::stoi(std::string(line));
        control_.Kill(StopReason::kCancelled);
      });
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->signal, SIGKILL);
  EXPECT_TRUE(Ends(child));
}

TEST_F(ProcessTest, WhatIsLeftOfTheGroupIsKilled) {
  pid_t child = 0;
  const auto outcome = Shell("sleep 1000 & echo $!; exit 0",
                             [&](std::string_view line) { child = std::stoi(std::string(line)); });
  // The child holds the pipe open: the end of the program counts.
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(outcome->ok());
  EXPECT_TRUE(Ends(child));
}

TEST_F(ProcessTest, InterruptsAtTheDeadlineAndKillsAfterTheGrace) {
  ProcessLimits limits;
  // Time for the shell to set its traps.
  limits.deadline = absl::Now() + absl::Seconds(1);
  auto outcome = Shell("trap 'exit 9' INT; while true; do sleep 0.02; done", nullptr, limits);
  ASSERT_TRUE(outcome.ok());
  EXPECT_TRUE(outcome->timed_out);
  EXPECT_EQ(outcome->exit_code, 9);

  limits.deadline = absl::Now() + absl::Seconds(1);
  limits.grace = absl::Milliseconds(100);
  outcome = Shell("trap '' INT; while true; do sleep 0.02; done", nullptr, limits);
  ASSERT_TRUE(outcome.ok());
  EXPECT_TRUE(outcome->timed_out);
  EXPECT_EQ(outcome->signal, SIGKILL);
}

TEST_F(ProcessTest, StoppedBeforeItBeganIsInterruptedAtOnce) {
  control_.Interrupt(StopReason::kCancelled);
  const auto outcome = Shell("while true; do sleep 0.02; done");
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->signal, SIGINT);
}

TEST_F(ProcessTest, ProgramsThatCannotBeStarted) {
  const auto missing = RunProcess({{"/nonexistent/x"}, {}, "/"}, control_, {}, nullptr, nullptr);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("No such file"));
  const auto no_folder =
      RunProcess({{"/bin/true"}, {}, "/nonexistent"}, control_, {}, nullptr, nullptr);
  EXPECT_FALSE(no_folder.ok());
}

TEST(LineSplitterTest, CutsAcrossPieces) {
  std::vector<std::string> lines;
  LineSplitter splitter([&](std::string_view line) { lines.emplace_back(line); });
  for (const char* piece : {"a", "b\r\n", "\nc\nd", "", "e"}) splitter.Feed(piece);
  EXPECT_THAT(lines, ElementsAre("ab", "", "c"));
  splitter.Finish();
  EXPECT_EQ(lines.back(), "de");
}

TEST(LineSplitterTest, LongLinesComeInPieces) {
  size_t longest = 0;
  size_t total = 0;
  LineSplitter splitter([&](std::string_view line) {
    longest = std::max(longest, line.size());
    total += line.size();
  });
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 9; ++i) splitter.Feed(piece);
  splitter.Finish();
  EXPECT_EQ(total, 9U << 20);
  EXPECT_LE(longest, LineSplitter::kMaxLine);
}

}  // namespace
}  // namespace stackyard::runner
