#include "services/runner/testing/runner_fixture.h"

#include <google/protobuf/util/json_util.h>
#include <sys/stat.h>

#include <algorithm>
#include <iostream>
#include <vector>

#include "common/id.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "services/runner/file.h"

namespace stackyard::runner {

using internal::v1::Assignment;

namespace {

// What this machine lacks to confine runs, looked at once.
const std::vector<std::string>& MissingHere() {
  static const auto* const kMissing = [] {
    const TempFolder folder;
    EXPECT_EQ(chmod(folder.path().c_str(), 0711), 0);
    ContainmentOptions options;
    options.scratch = folder.path();
    options.slot_uids = static_cast<uid_t>(ProgramOptions().slot_uids);
    const auto containment = Containment::Open(options, RandomId());
    auto* missing = new std::vector<std::string>();
    for (const auto& entry : containment->missing()) {
      std::cerr << "without " << entry.feature << ": " << entry.why << "\n";
      missing->push_back(entry.feature);
    }
    return missing;
  }();
  return *kMissing;
}

}  // namespace

bool RunnerFixture::Lacks(std::string_view feature) {
  const auto& missing = MissingHere();
  return std::find(missing.begin(), missing.end(), feature) != missing.end();
}

RunnerFixture::RunnerFixture() : queue_("unix:" + folder_.path() + "/queue.sock") {
  // The users of runs go through it, and leave their marks in the other.
  EXPECT_EQ(chmod(folder_.path().c_str(), 0711), 0);
  EXPECT_TRUE(MakeFolder(Path("gates")).ok());
  EXPECT_EQ(chmod(Path("gates").c_str(), 0777), 0);
  options_.sandbox_paths = {Path("gates") + ":rw"};
}

void RunnerFixture::StartRunner() {
  options_.stacks_target = queue_.target();
  options_.work_dir = Path("work");
  options_.inspect = STACKYARD_INSPECT_PATH;
  options_.provider_direct = false;
  options_.heartbeat_interval = absl::Milliseconds(100);
  options_.allow_without.insert(options_.allow_without.end(), MissingHere().begin(),
                                MissingHere().end());
  const absl::Status complete = Complete(options_);
  ASSERT_TRUE(complete.ok()) << complete;
  auto program = Program::Start(options_);
  ASSERT_TRUE(program.ok()) << program.status();
  program_ = *std::move(program);
}

Assignment RunnerFixture::Make(Assignment::Work work, const std::string& run,
                               const std::string& bundle, const std::string& parameters) {
  Assignment assignment;
  assignment.mutable_lease()->set_run(run);
  assignment.mutable_lease()->set_generation(1);
  assignment.set_work(work);
  assignment.set_bundle_digest(bundle);
  assignment.set_stack_uid("u1d");
  *assignment.mutable_timeout() = ToProto(absl::Minutes(5));
  assignment.mutable_policy()->add_provisioners("local-exec");
  EXPECT_TRUE(
      google::protobuf::util::JsonStringToMessage(parameters, assignment.mutable_parameters())
          .ok());
  return assignment;
}

internal::v1::CompleteRunRequest RunnerFixture::Do(const Assignment& assignment) {
  queue_.Push(assignment);
  return queue_.WaitCompleted(assignment.lease().run());
}

internal::v1::PlanSummary RunnerFixture::Plan(const std::string& run, const std::string& bundle,
                                              const std::string& parameters) {
  const auto completion = Do(Make(Assignment::PLAN, run, bundle, parameters));
  EXPECT_EQ(completion.status().code(), 0) << completion.status().message();
  return completion.plan();
}

Assignment RunnerFixture::ApplyOf(const internal::v1::PlanSummary& plan, const std::string& run,
                                  const std::string& bundle, const std::string& parameters) {
  Assignment assignment = Make(Assignment::APPLY, run, bundle, parameters);
  assignment.set_plan_digest(plan.plan().digest());
  return assignment;
}

std::string RunnerFixture::Gated(const std::string& name, const std::string& gate) const {
  return "resource \"terraform_data\" \"" + name +
         "\" {\n  provisioner \"local-exec\" {\n    command = \"(flock 9; echo $((6*7)) waits; "
         "while [ ! -e '" +
         GatePath(gate) + "' ]; do sleep 0.05; done) 9>'" + LockOf(gate) + "'\"\n  }\n}\n";
}

void RunnerFixture::Open(const std::string& gate) {
  ASSERT_TRUE(WriteFile(GatePath(gate), "").ok());
}

std::string ReasonName(const google::rpc::Status& status) {
  return v1::ErrorReason_Name(ReasonOf(FromProto(status)));
}

std::string MetadataOf(const google::rpc::Status& status, const std::string& key) {
  google::rpc::ErrorInfo info;
  if (!ReadDetail(FromProto(status), info)) return "";
  const auto found = info.metadata().find(key);
  return found == info.metadata().end() ? "" : found->second;
}

}  // namespace stackyard::runner
