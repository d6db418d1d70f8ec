// Provider processes that were started ahead of the runs that will use them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/work.h"
#include "services/runner/available_memory.h"
#include "services/runner/plugin_memory.h"
#include "services/runner/provider_demand.h"
#include "services/runner/provider_metrics.h"
#include "services/runner/provider_schema_cache.h"
#include "services/runner/provider_slot.h"
#include "services/runner/workspace.h"

namespace stackyard::runner {

struct ProviderPoolOptions {
  // Blank processes of each provider that was used in the last hour.
  int min = 1;
  // Processes of all providers together, whether they are used or wait; 0: runs start their
  // providers the plain way.
  int max = 0;
  // How long a process waits for another run of the same key; 0: it is ended.
  absl::Duration keep = absl::Minutes(1);
  // What is left to the machine: below it nothing is started ahead, below half of it what waits is
  // ended.
  int64_t spare_memory = int64_t{1} << 30;
  std::function<int64_t()> available_memory = [] { return AvailableMemory(); };
  // What every run gets of the runner's environment (--pass-env).
  Environment passed;
  // What every process gets, as it would from Terraform: PATH, and what steers Go's heap.
  Environment base;
  // See SlotParts.
  Containment* containment = nullptr;
  Limits limits;
  // How often it looks after the processes.
  absl::Duration interval = absl::Seconds(1);
};

// How a run came by a process.
enum class LeaseWay { kKept, kWarm, kOrdered };
// `kept`, `warm`, `ordered`.
std::string_view Name(LeaseWay way);

// Each process is with one run at a time. A process that a run has used is ended afterwards, or
// kept for a later run of exactly the same key. All end with the pool. Thread-safe.
class ProviderPool {
 public:
  struct Request {
    // What else a process may be used for: program, project, template version, credentials,
    // network.
    std::string key;
    // Whether a blank process would do.
    bool blank_fits = false;
    // How one is started for this run alone. When `folder` is set, no other will do.
    SlotStart start;
    // Its environment, for the folder where its copies of tokens will lie.
    std::function<absl::StatusOr<Environment>(const std::string& tokens)> environment;
  };
  struct Lease {
    std::unique_ptr<ProviderSlot> slot;
    LeaseWay way = LeaseWay::kOrdered;
  };

  // All must outlive it.
  ProviderPool(ProviderPoolOptions options, Workspace& workspace, ProviderSchemaCache& schemas,
               ProviderMetrics& metrics, const Clock& clock);
  ~ProviderPool();

  // A process for a run: kept, else blank, else started now. RESOURCE_EXHAUSTED when there are as
  // many as there may be, UNAVAILABLE when it is closed; errors of the start else.
  absl::StatusOr<Lease> Take(const Request& request);
  // Gives it back. It is ended unless `keep`.
  void Return(std::unique_ptr<ProviderSlot> slot, bool keep);
  // A run of this provider will come soon.
  void Expect(const ProviderBinary& binary);
  // Ends what waits, and what is returned from now on.
  void Close();

  // What blank processes of a provider are started with.
  Environment BlankEnvironment(const ProviderBinary& binary) const;
  const ProviderPoolOptions& options() const { return options_; }
  // Answers of its providers.
  PluginMemory& memory() { return memory_; }

 private:
  using Slots = std::vector<std::unique_ptr<ProviderSlot>>;
  struct Program {
    ProviderBinary binary;
    ProviderDemand demand;
    int leased = 0;
    // After a failure to start.
    absl::Time not_before = absl::InfinitePast();
  };

  Program& ProgramOf(const ProviderBinary& binary) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The first that waits with this key, for this program; nullptr: none.
  std::unique_ptr<ProviderSlot> Pick(const std::string& key, const ProviderBinary& binary)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Kept for the request's key, else blank and good enough.
  std::optional<Lease> TakeWaiting(const Request& request, Slots& ended)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int CountBlank(const ProviderBinary& binary) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  int CountAll() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  void ShowCounts() ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  // Makes room for one more at the cost of one that waits. False: all are in use.
  bool MakeRoom(Slots& ended) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropUnwanted(Slots& ended) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The provider that should have one more blank process; nullptr: none.
  Program* Wanting() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<std::unique_ptr<ProviderSlot>> Open(const Request& request);
  void StartBlank(const ProviderBinary& binary);
  absl::Duration Tend();

  const ProviderPoolOptions options_;
  Workspace& workspace_;
  ProviderSchemaCache& schemas_;
  ProviderMetrics& metrics_;
  const Clock& clock_;
  PluginMemory memory_;

  absl::Mutex mutex_;
  // By the identity of the program.
  std::map<std::string, Program> programs_ ABSL_GUARDED_BY(mutex_);
  // Those that nobody uses, the oldest first.
  Slots waiting_ ABSL_GUARDED_BY(mutex_);
  int leased_ ABSL_GUARDED_BY(mutex_) = 0;
  int starting_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time last_lease_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  // Last: its thread uses the rest.
  std::unique_ptr<Loop> loop_;
};

}  // namespace stackyard::runner
