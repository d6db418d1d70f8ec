// Whether what a service needs answers.
#pragma once

#include <grpcpp/channel.h>

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/work.h"
#include "stackyard/v1/system.pb.h"

namespace stackyard {

class BlobStore;
class Database;

// Named probes that run at the same time, each on a thread of its own and once at a time, and only
// when somebody asks. Answers are remembered for a second, so that nobody can hammer what is probed
// through here. Thread-safe.
class Probes {
 public:
  // What a probe found.
  struct Finding {
    // Of what answered, where it tells.
    std::string version;
    std::string instance;
    // What it needs in turn.
    std::vector<v1::Dependency> dependencies;
  };
  using Probe = std::function<absl::StatusOr<Finding>()>;

  // Until a probe began this long ago its answer is waited for.
  explicit Probes(absl::Duration patience = absl::Seconds(1.5)) : patience_(patience) {}
  // Waits for probes that run.
  ~Probes();

  // Before the first Ask. A probe ends by itself, if late.
  void Add(std::string name, Probe probe);
  // The same for one that has nothing to tell.
  void AddCheck(std::string name, std::function<absl::Status()> check);

  // Every dependency, in the order of Add, followed each by what it needs in turn, as
  // `stacks/quota`. Their errors are words of ours, without addresses; the log has the rest. While
  // a probe runs that somebody else began, an answer of the last five seconds is told instead.
  std::vector<v1::Dependency> Ask();

 private:
  struct Slot {
    std::string name;
    Probe probe;
    bool running = false;
    absl::Time began = absl::InfinitePast();
    absl::Time answered = absl::InfinitePast();
    v1::Dependency answer;
    std::vector<v1::Dependency> further;
    // Last: stops before what it uses goes.
    std::unique_ptr<Loop> loop;
  };

  absl::Duration Run(Slot& slot);
  // Whether the answer of a slot that others are after is good enough.
  static bool Fresh(const Slot& slot, absl::Time now);

  const absl::Duration patience_;
  absl::Mutex mutex_;
  std::list<Slot> slots_;
};

// Probes for the usual dependencies.
std::function<absl::Status()> DatabaseCheck(Database& database);
std::function<absl::Status()> BlobStoreCheck(BlobStore& blobs);
// Another service, by the standard health service, within a second.
std::function<absl::Status()> HealthCheck(const std::shared_ptr<grpc::Channel>& channel);

}  // namespace stackyard
