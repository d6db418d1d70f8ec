// The provider processes that one run has leased.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/runner/module_needs.h"
#include "services/runner/plugin_proxy.h"
#include "services/runner/provider_pool.h"
#include "services/runner/run_context.h"
#include "services/runner/token_copies.h"

namespace stackyard::runner {

// Terraform reaches them through proxies of this run alone, for as long as the object lives. A
// provider that cannot take part is started by Terraform, the plain way, which is slower and else
// the same. Not thread-safe.
class RunProviders {
 public:
  // Leases what the prepared module needs; the run's folder `module` must be empty, and is the one
  // that the providers run in when it returns. What goes the plain way is told by notices of the
  // run. nullptr when nothing was leased.
  static std::unique_ptr<RunProviders> Lease(RunContext& context, const std::string& prepared);
  // Ends the processes that were not given back.
  ~RunProviders();

  // The value of TF_REATTACH_PROVIDERS.
  std::string Reattach() const;
  // Terraform is about to be started.
  void BeginCommand();
  // Why the processes are of no use any more.
  absl::Status fault() const;
  // What the processes wanted more of than they may use, as Box tells it; empty: nothing.
  std::string LimitReached() const;
  // The last that processes with a fault wrote to their standard error.
  std::string LastWords() const;
  // Gives the processes back, to be used again where that is allowed, after a run that went well.
  void GiveBack();

 private:
  struct Leased {
    std::unique_ptr<ProviderSlot> slot;
    std::unique_ptr<TokenCopies> tokens;
    std::unique_ptr<PluginProxy> proxy;
    std::string socket;
  };

  explicit RunProviders(RunContext& context) : context_(context) {}

  // Leases one; the error says why it goes the plain way.
  absl::Status Add(const ProviderBinary& binary, const ModuleNeeds& needs,
                   const ProviderTypes& types, bool own_folder);
  absl::Status Prepare(Leased& leased, const ProviderPool::Request& request,
                       const ProviderTypes& types, LeaseWay way);

  RunContext& context_;
  std::vector<Leased> leased_;
};

// A run of this prepared module will come soon.
void ExpectProviders(RunContext& context, const std::string& prepared);

// What processes with a fault wrote last goes to the run's log.
void LogLastWords(RunContext& context);

// Plans again without the leased processes, once, when the first attempt failed for their sake:
// `plan` is called once or twice. Nothing else may be repeated so.
absl::Status PlanWithProviders(RunContext& context, const std::function<absl::Status()>& plan);

}  // namespace stackyard::runner
