// Puts a runner together.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/introspection.h"
#include "common/metrics.h"
#include "common/peer_identity.h"
#include "common/server.h"
#include "services/runner/options.h"
#include "services/runner/provider_pool.h"
#include "services/runner/runner.h"

namespace stackyard::runner {

// Everything that a runner process holds, in the order in which it is taken down, last first.
class Program {
 public:
  // Options that went through Complete. INVALID_ARGUMENT, UNAVAILABLE or FAILED_PRECONDITION with
  // one line that says what to change.
  static absl::StatusOr<std::unique_ptr<Program>> Start(const ProgramOptions& options);

  // Prints which features this machine lacks to confine runs, one a line, and why on standard
  // error. The exit code: 0 when it lacks none, else 3.
  static absl::StatusOr<int> Preflight(const ProgramOptions& options);

  // Works until SIGTERM or SIGINT, then drains, until another one.
  void RunUntilSignal();
  // Takes no new work, and lets the runs that go on come to their end. Those that have not for the
  // larger part of the drain's time are interrupted, which takes the rest of it, and handed over.
  // `told_again` waits for so long and answers whether they are to be interrupted now.
  using ToldAgain = std::function<bool(absl::Duration)>;
  void Drain(const ToldAgain& told_again);
  // Interrupts the runs that go on.
  void Stop();
  // What health tells.
  const Health& health() const { return *health_; }

 private:
  Program() = default;
  absl::Status OpenServer(const ProgramOptions& options,
                          const std::shared_ptr<grpc::Channel>& stacks);
  void OpenStandby(int sites, const Limits& limits);
  void OpenProviders(const ProgramOptions& options);
  // Makes the folders, and finds out how runs can be confined.
  static absl::StatusOr<std::unique_ptr<Program>> Prepare(const ProgramOptions& options,
                                                          const std::string& id);

  absl::Duration drain_;
  SystemClock clock_;
  std::unique_ptr<Health> health_;
  std::unique_ptr<PeerIdentity> identity_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<Tracing> tracing_;
  std::unique_ptr<RunMetrics> run_metrics_;
  std::unique_ptr<Workspace> workspace_;
  std::unique_ptr<Containment> containment_;
  std::unique_ptr<PreparedModules> modules_;
  std::unique_ptr<PlanStore> plans_;
  std::unique_ptr<Terraform> terraform_;
  std::unique_ptr<StandbyPool> standby_;
  std::unique_ptr<ProviderMetrics> provider_metrics_;
  std::unique_ptr<ProviderSchemaCache> provider_schemas_;
  std::unique_ptr<ProviderPool> providers_;
  std::unique_ptr<Policy> policy_;
  std::unique_ptr<QueueClient> queue_;
  std::unique_ptr<Salvager> salvager_;
  std::unique_ptr<RunnerParts> parts_;
  Probes probes_;
  std::unique_ptr<Introspection> introspection_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Runner> runner_;
};

}  // namespace stackyard::runner
