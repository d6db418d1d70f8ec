#include "services/runner/containment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "services/runner/process.h"
#include "services/runner/testing/files.h"

namespace stackyard::runner {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr uid_t kUids = 710000;

class ContainmentTest : public testing::Test {
 protected:
  ContainmentTest() {
    // A runner's folders let its users through.
    EXPECT_EQ(chmod(folder_.path().c_str(), 0711), 0);
    options_.scratch = folder_.path();
    if (getuid() == 0) options_.slot_uids = kUids;
  }
  std::unique_ptr<Containment> Open() {
    return Containment::Open(options_, absl::StrCat("test-", getpid()));
  }
  std::string WhyMissing(const Containment& containment, std::string_view feature) {
    for (const auto& missing : containment.missing()) {
      if (missing.feature == feature) return missing.why;
    }
    return "";
  }

  TempFolder folder_;
  ContainmentOptions options_;
};

TEST_F(ContainmentTest, ConfinesForReal) {
  const auto containment = Open();
  EXPECT_EQ(WhyMissing(*containment, kSandboxFeature), "");
  EXPECT_EQ(WhyMissing(*containment, kSlotUidsFeature), "");
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path())) << "nothing is left of the try";
  auto box = containment->MakeBox({});
  ASSERT_TRUE(box.ok()) << box.status();
  auto other = containment->MakeBox({});
  const std::string run = folder_.path() + "/run";
  ASSERT_TRUE(MakeFolder(run + "/below").ok());
  ASSERT_TRUE(WriteFile(run + "/below/state", "mine").ok());
  ASSERT_EQ(symlink("/etc/hostname", (run + "/link").c_str()), 0);
  struct stat before;
  ASSERT_EQ(stat("/etc/hostname", &before), 0);
  ASSERT_TRUE((*box)->Own(run).ok());
  struct stat after;
  ASSERT_EQ(stat("/etc/hostname", &after), 0);
  EXPECT_EQ(after.st_uid, before.st_uid) << "links are not followed";

  std::string output;
  const auto append = [&output](std::string_view bytes) { output += bytes; };
  const Command script{
      {"/bin/sh", "-c", "cat below/state; echo -n ' and yours' >below/state; id -u"},
      {"PATH=/usr/bin:/bin"},
      run};
  const auto outcome =
      RunProcess((*box)->Confine(script, {{run, true}}, false), RunControl(), {}, append, append);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(output, HasSubstr("mine"));
  EXPECT_EQ(*ReadFile(run + "/below/state"), " and yours");
  if (getuid() == 0) {
    EXPECT_TRUE(containment->has_users());
    EXPECT_THAT(output, HasSubstr(std::to_string(kUids)));
    EXPECT_NE((*box)->uid(), (*other)->uid());
    // Another box's user cannot read it even outside of the sandbox.
    Confinement user;
    user.uid = (*other)->uid();
    output.clear();
    const auto peek = RunProcess(
        {{"/bin/cat", run + "/below/state"}, {}, "/", std::make_shared<Confinement>(user)},
        RunControl(), {}, append, append);
    EXPECT_THAT(output, HasSubstr("Permission denied"));
  }
}

TEST_F(ContainmentTest, NamesWhatIsMissingOnOneLine) {
  options_.bwrap = "/nonexistent/bwrap";
  options_.slot_uids = 0;
  options_.cgroup_paths = {"/nonexistent/mountinfo", "/nonexistent/cgroup"};
  const auto containment = Open();
  const absl::Status refused = containment->Check({});
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  const std::string message(refused.message());
  for (const char* part :
       {"no sandbox: bubblewrap is not there: /nonexistent/bwrap", "no memory-limit: ",
        "no cpu-limit: ", "no process-limit: ", "controller pids", "--allow-without="}) {
    EXPECT_THAT(message, HasSubstr(part));
  }
  EXPECT_EQ(message.find('\n'), std::string::npos);
  // Exactly what is named.
  const std::string rest(containment->Check({"sandbox"}).message());
  EXPECT_THAT(rest, Not(HasSubstr("no sandbox")));
  EXPECT_THAT(rest, HasSubstr("no memory-limit"));
  const auto& all = ContainmentFeatures();
  EXPECT_TRUE(containment->Check({all.begin(), all.end()}).ok());
  // And runs go on without.
  auto box = containment->MakeBox({});
  ASSERT_TRUE(box.ok());
  const Command command = (*box)->Confine({{"/bin/true"}, {}, "/"}, {}, false);
  EXPECT_EQ(command.confinement->sandbox, nullptr);
  EXPECT_TRUE(RunProcess(command, RunControl(), {}, nullptr, nullptr)->ok());
}

TEST_F(ContainmentTest, ASandboxThatDoesNotConfineIsMissing) {
  for (const char* impostor : {"/bin/false", "/bin/true"}) {
    options_.bwrap = impostor;
    EXPECT_THAT(WhyMissing(*Open(), kSandboxFeature), Not("")) << impostor;
  }
  options_.bwrap = "bwrap";
  options_.paths = {{"/nonexistent/mirror"}};
  EXPECT_THAT(WhyMissing(*Open(), kSandboxFeature), HasSubstr("/nonexistent/mirror"));
}

TEST_F(ContainmentTest, UsersThatCannotReachTheirFoldersAreMissing) {
  if (getuid() != 0) GTEST_SKIP() << "only root gives runs users of their own";
  ASSERT_EQ(chmod(folder_.path().c_str(), 0700), 0);
  const std::string why = WhyMissing(*Open(), kSlotUidsFeature);
  EXPECT_THAT(why, HasSubstr(folder_.path()));
  EXPECT_THAT(why, HasSubstr("Permission denied"));
}

TEST_F(ContainmentTest, LimitsReachedAreTold) {
  const auto containment = Open();
  if (!WhyMissing(*containment, kMemoryFeature).empty()) GTEST_SKIP() << "no groups here";
  auto box = containment->MakeBox({.memory_bytes = 64 << 20, .processes = 64});
  ASSERT_TRUE(box.ok()) << box.status();
  EXPECT_EQ((*box)->LimitReached(), "");
  const Command glutton =
      (*box)->Confine({{"/bin/bash", "-c", "set -o pipefail; head -c 200M /dev/zero | tail"},
                       {"PATH=/usr/bin:/bin"},
                       "/"},
                      {}, false);
  const auto outcome = RunProcess(glutton, RunControl(), {}, nullptr, nullptr);
  EXPECT_FALSE(outcome->ok());
  EXPECT_EQ((*box)->LimitReached(), "went over its 64 MiB of memory");
  EXPECT_EQ((*box)->LimitReached(), "") << "told once";
}

}  // namespace
}  // namespace stackyard::runner
