// A runner with a fake queue and the real terraform.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "services/runner/program.h"
#include "services/runner/testing/fake_queue.h"
#include "services/runner/testing/files.h"

namespace stackyard::runner {

class RunnerFixture : public testing::Test {
 protected:
  RunnerFixture();

  // Whether this machine lacks a feature of containment.
  static bool Lacks(std::string_view feature);
  // Starts a runner on the fixture's work-dir. It goes on without what this machine lacks.
  void StartRunner();
  void StopRunner() { program_.reset(); }

  // An assignment of the bundle, with parameters as JSON.
  internal::v1::Assignment Make(internal::v1::Assignment::Work work, const std::string& run,
                                const std::string& bundle, const std::string& parameters = "{}");
  // Pushes and waits for the end.
  internal::v1::CompleteRunRequest Do(const internal::v1::Assignment& assignment);
  // Plans; fails the test unless it succeeds.
  internal::v1::PlanSummary Plan(const std::string& run, const std::string& bundle,
                                 const std::string& parameters = "{}");
  // The APPLY of what Plan answered.
  internal::v1::Assignment ApplyOf(const internal::v1::PlanSummary& plan, const std::string& run,
                                   const std::string& bundle, const std::string& parameters = "{}");

  // A path below the fixture's folder.
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  // HCL of a resource that says `42 waits` and waits until the gate is open.
  std::string Gated(const std::string& name, const std::string& gate) const;
  void Open(const std::string& gate);
  // A folder that runs see and may write to, and the file that who waits at a gate keeps locked.
  std::string GatePath(const std::string& gate) const { return Path("gates/" + gate); }
  std::string LockOf(const std::string& gate) const { return GatePath(gate) + ".lock"; }

  TempFolder folder_;
  FakeQueue queue_;
  ProgramOptions options_;
  std::unique_ptr<Program> program_;
};

// Reason, and metadata by key, of a status on the wire.
std::string ReasonName(const google::rpc::Status& status);
std::string MetadataOf(const google::rpc::Status& status, const std::string& key);

}  // namespace stackyard::runner
