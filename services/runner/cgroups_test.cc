#include "services/runner/cgroups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "services/runner/process.h"
#include "services/runner/testing/files.h"

namespace stackyard::runner {
namespace {

using testing::HasSubstr;

// The kernel's own groups. Only where the runner may make some; the preflight of a runner tells
// whether it may.
class KernelTest : public testing::Test {
 protected:
  void SetUp() override {
    cgroups_ = Cgroups::Open(absl::StrCat("test-", getpid()));
    for (const char* controller : {"memory", "cpu", "pids"}) {
      const absl::Status missing = cgroups_->Missing(controller);
      if (!missing.ok()) GTEST_SKIP() << "no groups here: " << missing;
    }
  }
  // Runs a script in a group.
  Outcome Run(const Cgroup& group, const std::string& script) {
    Confinement confinement;
    confinement.cgroups = group.procs();
    const auto append = [this](std::string_view bytes) { output_ += bytes; };
    const auto outcome = RunProcess({{"/bin/bash", "-c", script},
                                     {"PATH=/usr/bin:/bin"},
                                     "/",
                                     std::make_shared<Confinement>(confinement)},
                                    RunControl(), {}, append, append);
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    return outcome.value_or(Outcome());
  }
  std::unique_ptr<Cgroup> Make(const Limits& limits) {
    auto group = cgroups_->Make("run", limits);
    EXPECT_TRUE(group.ok()) << group.status();
    return *std::move(group);
  }

  std::unique_ptr<Cgroups> cgroups_;
  std::string output_;
};

TEST_F(KernelTest, MemoryIsBounded) {
  const auto group = Make({.memory_bytes = 64 << 20});
  EXPECT_TRUE(Run(*group, "head -c 1000 /dev/zero | tail").ok());
  EXPECT_EQ(group->OutOfMemoryKills(), 0);
  // `tail` keeps all of a line.
  EXPECT_FALSE(Run(*group, "set -o pipefail; head -c 200M /dev/zero | tail").ok());
  EXPECT_GE(group->OutOfMemoryKills(), 1);
  EXPECT_GT(group->PeakMemory(), 32 << 20);
  EXPECT_LE(group->PeakMemory(), 64 << 20);
  ASSERT_TRUE(group->SetLimits({}).ok());
  EXPECT_TRUE(Run(*group, "set -o pipefail; head -c 100M /dev/zero | tail >/dev/null").ok());
}

TEST_F(KernelTest, ProcessesAreBounded) {
  const auto group = Make({.processes = 20});
  Run(*group, "exec /bin/sh -c 'i=0; while [ $i -lt 100 ]; do sleep 100 & i=$((i+1)); done'");
  EXPECT_THAT(output_, HasSubstr("Cannot fork"));
  EXPECT_GE(group->RefusedProcesses(), 1);
}

TEST_F(KernelTest, ProcessorsAreBounded) {
  const auto group = Make({.cpu_millis = 100});
  Run(*group, "for ((i = 0; i < 20000; i++)); do :; done");
  std::string stat;
  for (const std::string& file : group->procs()) {
    stat += ReadFile(std::filesystem::path(file).parent_path().string() + "/cpu.stat").value_or("");
  }
  EXPECT_THAT(stat, HasSubstr("nr_throttled "));
  EXPECT_THAT(stat, testing::Not(HasSubstr("nr_throttled 0\n")));
}

TEST_F(KernelTest, AGroupTakesItsProcessesWithIt) {
  auto group = Make({});
  const auto procs = group->procs();
  Confinement confinement;
  confinement.cgroups = procs;
  auto child = ChildProcess::Start(
      {{"/bin/sleep", "1000"}, {}, "/", std::make_shared<Confinement>(confinement)});
  ASSERT_TRUE(child.ok()) << child.status();
  group.reset();
  EXPECT_EQ(child->Wait().signal, SIGKILL);
  for (const std::string& file : procs) EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(KernelTest, WhatDeadRunnersLeftIsRemoved) {
  const auto mine = Make({});
  const std::string home =
      std::filesystem::path(mine->procs().front()).parent_path().parent_path().string();
  const std::string dead = home + "-dead";
  ASSERT_EQ(mkdir(dead.c_str(), 0755), 0);
  ASSERT_EQ(mkdir((dead + "/run").c_str(), 0755), 0);
  const auto other = Cgroups::Open(absl::StrCat("test-other-", getpid()));
  EXPECT_FALSE(std::filesystem::exists(dead));
  EXPECT_TRUE(std::filesystem::exists(mine->procs().front())) << "this one lives";
}

// A hierarchy of folders and files that look like the kernel's.
class FolderTest : public testing::Test {
 protected:
  void File(const std::string& path, const std::string& content = "") {
    const std::string full = folder_.path() + "/" + path;
    std::filesystem::create_directories(std::filesystem::path(full).parent_path());
    ASSERT_TRUE(WriteFile(full, content).ok());
  }
  std::string Content(const std::string& path) {
    return ReadFile(folder_.path() + "/" + path).value_or("is not there");
  }
  std::unique_ptr<Cgroups> Open(const std::string& mounts, const std::string& groups) {
    File("mountinfo", mounts);
    File("groups", groups);
    return Cgroups::Open("r", {folder_.path() + "/mountinfo", folder_.path() + "/groups"});
  }
  std::string V2(const std::string& root = "/") {
    return absl::StrCat("30 20 0:26 ", root, " ", folder_.path(),
                        "/v2 rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
  }

  TempFolder folder_;
};

TEST_F(FolderTest, TheSecondVersionHandsItsControllersOn) {
  File("v2/unit/cgroup.controllers", "cpuset cpu io memory pids\n");
  File("v2/unit/cgroup.type", "domain\n");
  File("v2/unit/cgroup.subtree_control");
  File("v2/unit/stackyard-r/cgroup.subtree_control");
  File("v2/unit/stackyard-r/runner/cgroup.procs");
  for (const char* name : {"memory.max", "memory.swap.max", "cpu.max", "pids.max"}) {
    File(absl::StrCat("v2/unit/stackyard-r/run/", name));
  }
  File("v2/unit/stackyard-r/run/memory.events", "low 0\noom 3\noom_kill 2\n");
  File("v2/unit/stackyard-r/run/memory.peak", "4096\n");
  const auto cgroups = Open(V2(), "0::/unit\n");
  for (const char* controller : {"memory", "cpu", "pids"}) {
    EXPECT_TRUE(cgroups->Missing(controller).ok()) << cgroups->Missing(controller);
  }
  EXPECT_EQ(Content("v2/unit/stackyard-r/runner/cgroup.procs"), "0");
  EXPECT_EQ(Content("v2/unit/cgroup.subtree_control"), "+cpu +memory +pids");
  EXPECT_EQ(Content("v2/unit/stackyard-r/cgroup.subtree_control"), "+cpu +memory +pids");
  const auto group = cgroups->Make("run", {.memory_bytes = 1 << 20, .cpu_millis = 1500});
  ASSERT_TRUE(group.ok()) << group.status();
  EXPECT_EQ(Content("v2/unit/stackyard-r/run/memory.max"), "1048576");
  EXPECT_EQ(Content("v2/unit/stackyard-r/run/memory.swap.max"), "0");
  EXPECT_EQ(Content("v2/unit/stackyard-r/run/cpu.max"), "150000 100000");
  EXPECT_EQ(Content("v2/unit/stackyard-r/run/pids.max"), "max");
  EXPECT_EQ((*group)->OutOfMemoryKills(), 2);
  EXPECT_EQ((*group)->PeakMemory(), 4096);
  EXPECT_THAT((*group)->procs(),
              testing::ElementsAre(folder_.path() + "/v2/unit/stackyard-r/run/cgroup.procs"));
}

TEST_F(FolderTest, TellsWhichControllerIsNotDelegated) {
  File("v2/pod/cgroup.controllers", "cpu memory\n");
  File("v2/pod/cgroup.subtree_control");
  File("v2/pod/stackyard-r/cgroup.subtree_control");
  // The mount shows a part of the hierarchy, as in a container.
  const auto cgroups = Open(V2("/kubepods"), "0::/kubepods/pod\n");
  EXPECT_TRUE(cgroups->Missing("memory").ok());
  EXPECT_THAT(std::string(cgroups->Missing("pids").message()),
              HasSubstr("not delegated to " + folder_.path() + "/v2/pod"));
}

TEST_F(FolderTest, TellsThatItMayNotWrite) {
  File("v2/cgroup.controllers", "cpu memory pids\n");
  const auto cgroups = Open(V2(), "0::/\n");
  EXPECT_THAT(std::string(cgroups->Missing("memory").message()), HasSubstr("subtree_control"));
  EXPECT_FALSE(Open("", "")->Missing("cpu").ok()) << "nothing is mounted";
}

}  // namespace
}  // namespace stackyard::runner
