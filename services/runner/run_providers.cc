#include "services/runner/run_providers.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/id.h"
#include "common/log.h"
#include "common/status_macros.h"

namespace stackyard::runner {
namespace {

// What a run says of its provider, besides its name.
absl::Status Plain(std::string_view why) { return absl::FailedPreconditionError(std::string(why)); }

std::string ProjectOf(const internal::v1::Assignment& assignment) {
  // projects/{project}/stacks/…
  const std::vector<std::string> parts = absl::StrSplit(assignment.lease().run(), '/');
  return parts.size() > 1 ? absl::StrCat(parts[0], "/", parts[1]) : assignment.lease().run();
}

std::string KeyOf(const ProviderBinary& binary, const internal::v1::Assignment& assignment,
                  const RunCredentials& credentials) {
  const std::vector<std::string> parts = {binary.identity, ProjectOf(assignment),
                                          assignment.bundle_digest(), credentials.fingerprint,
                                          assignment.network_disabled() ? "alone" : "network"};
  return Sha256Hex(absl::StrJoin(parts, "\n"));
}

absl::StatusOr<RunCredentials> CredentialsFor(const RunContext& context, const std::string& source,
                                              const std::string& tokens) {
  CredentialSite site;
  site.identity = context.parts.identity;
  site.passed = context.parts.terraform.passed_environment();
  site.tokens = tokens;
  return MakeRunCredentials(context.assignment, source, site);
}

// Whether Terraform's complaint may be about what the proxies answer, not about the module.
bool BlamesSchemas(const RunContext& context, int first) {
  for (int i = first; i < context.result.diagnostics_size(); ++i) {
    const v1::Diagnostic& diagnostic = context.result.diagnostics(i);
    if (diagnostic.severity() != v1::Diagnostic::ERROR) continue;
    for (const char* summary : {"Invalid resource type", "Invalid data source",
                                "Invalid ephemeral resource", "Failed to load plugin schemas"}) {
      if (absl::StartsWith(diagnostic.summary(), summary)) return true;
    }
  }
  return false;
}

}  // namespace

std::unique_ptr<RunProviders> RunProviders::Lease(RunContext& context,
                                                  const std::string& prepared) {
  const auto binaries = ProvidersOf(prepared);
  if (binaries.ok() && binaries->empty()) return nullptr;
  ProviderPool* pool = context.parts.providers;
  context.starts_providers = true;
  if (pool == nullptr || pool->options().max == 0) return nullptr;
  const auto tell = [&context](std::string_view which, const absl::Status& why) {
    context.reporter.Notice(
        absl::StrCat(std::string(which), " is started the plain way: ", why.message(), "."));
    context.parts.provider_metrics->CountLease("plain");
  };
  const auto needs = NeedsOfPrepared(prepared);
  auto types = TypesInState(context.assignment.state());
  for (const absl::Status& status : {binaries.status(), needs.status(), types.status()}) {
    if (status.ok()) continue;
    tell("Every provider", Plain("what the run needs of it cannot be told"));
    LogWarning("providers go the plain way",
               {{"run", context.assignment.lease().run()},
                {"error", context.scrubber.Scrub(std::string(status.message()))}});
    return nullptr;
  }
  if (needs->calls_others) {
    tell("Every provider", Plain("the module calls others from outside the bundle"));
    return nullptr;
  }
  types->Add(needs->types);

  std::unique_ptr<RunProviders> providers(new RunProviders(context));
  // Providers share files with the module, and with each other, by relative names.
  const bool own_folder = binaries->size() == 1 && !needs->names_absolute_paths;
  for (const ProviderBinary& binary : *binaries) {
    const absl::Status added = providers->Add(binary, *needs, *types, own_folder);
    if (!added.ok()) tell(binary.source, added);
  }
  context.starts_providers = providers->leased_.size() < binaries->size();
  if (providers->leased_.empty()) return nullptr;
  return providers;
}

RunProviders::~RunProviders() {
  context_.box.ShareUser(nullptr);
  for (Leased& leased : leased_) {
    leased.proxy.reset();
    leased.tokens.reset();
    if (leased.slot != nullptr) {
      context_.parts.providers->Return(std::move(leased.slot), /*keep=*/false);
    }
  }
}

absl::Status RunProviders::Add(const ProviderBinary& binary, const ModuleNeeds& needs,
                               const ProviderTypes& types, bool own_folder) {
  for (const std::string& source : needs.configured_in_many_ways) {
    if (IsSameProvider(source, binary.source)) {
      return Plain("the module configures it in more than one way");
    }
  }
  ProviderPool& pool = *context_.parts.providers;
  ASSIGN_OR_RETURN(const RunCredentials credentials, CredentialsFor(context_, binary.source, ""));
  if (credentials.environment.count("AWS_CA_BUNDLE") > 0) {
    return Plain("with AWS_CA_BUNDLE set it can be configured only once");
  }
  ProviderPool::Request request;
  request.key = KeyOf(binary, context_.assignment, credentials);
  request.start.binary = binary;
  request.start.network = !context_.assignment.network_disabled();
  if (!own_folder) {
    request.start.folder = context_.folder.module();
    request.start.box = &context_.box;
    request.start.binds = FoldersOf(context_);
  }
  request.blank_fits =
      request.start.network &&
      (TakesAwsFiles(binary) ? credentials.aws_files.has_value()
                             : credentials.environment == pool.BlankEnvironment(binary));
  request.environment = [this, &binary](const std::string& tokens) -> absl::StatusOr<Environment> {
    ASSIGN_OR_RETURN(const RunCredentials own, CredentialsFor(context_, binary.source, tokens));
    return own.environment;
  };

  auto lease = pool.Take(request);
  if (!lease.ok()) {
    LogWarning("no process of a provider",
               {{"provider", binary.source},
                {"error", context_.scrubber.Scrub(std::string(lease.status().message()))}});
    return Plain(absl::IsResourceExhausted(lease.status())
                     ? "all processes that there may be are in use"
                     : "it cannot be started ahead of Terraform");
  }
  Leased leased;
  leased.slot = std::move(lease->slot);
  leased.socket = absl::StrCat(context_.folder.tmp(), "/p", leased_.size());
  const absl::Status prepared = Prepare(leased, request, types, lease->way);
  if (!prepared.ok()) {
    LogWarning("a process of a provider cannot be used",
               {{"provider", binary.source},
                {"error", context_.scrubber.Scrub(std::string(prepared.message()))}});
    pool.Return(std::move(leased.slot), /*keep=*/false);
    return Plain("its process cannot be used");
  }
  leased_.push_back(std::move(leased));
  return absl::OkStatus();
}

absl::Status RunProviders::Prepare(Leased& leased, const ProviderPool::Request& request,
                                   const ProviderTypes& types, LeaseWay way) {
  ProviderSlot& slot = *leased.slot;
  const ProviderBinary& binary = slot.start().binary;
  ASSIGN_OR_RETURN(const RunCredentials credentials,
                   CredentialsFor(context_, binary.source, slot.tokens()));
  if (!credentials.tokens.empty()) {
    ASSIGN_OR_RETURN(leased.tokens, TokenCopies::Start(credentials.tokens));
  }
  if (slot.start().aws_files) RETURN_IF_ERROR(slot.WriteAwsFiles(*credentials.aws_files));

  PluginProxyOptions options;
  options.socket = leased.socket;
  ASSIGN_OR_RETURN(options.schema.schemas, PruneSchemas(slot.schema().schemas, types));
  if (slot.schema().identities) {
    ASSIGN_OR_RETURN(options.schema.identities, PruneIdentities(*slot.schema().identities, types));
  }
  RETURN_IF_ERROR(context_.schemas.AddProvider(binary.source, options.schema.schemas));
  options.memory = &context_.parts.providers->memory();
  // What it was started with is a part of the credentials.
  options.memory_scope = absl::StrCat(binary.identity, "\n", credentials.fingerprint, "\n",
                                      slot.start().aws_files ? "files" : "environment");
  ASSIGN_OR_RETURN(leased.proxy, PluginProxy::Start(slot.process().channel(), options));
  if (slot.start().folder.empty()) RETURN_IF_ERROR(slot.LendFolder(context_.folder.module()));
  if (slot.box() != nullptr) {
    RETURN_IF_ERROR(slot.box()->SetLimits(context_.allowance.limits));
    // They share the files of the module.
    context_.box.ShareUser(slot.box());
  }
  LogInfo("a provider is leased", {{"run", context_.assignment.lease().run()},
                                   {"provider", binary.source},
                                   {"way", std::string(Name(way))}});
  return absl::OkStatus();
}

std::string RunProviders::Reattach() const {
  nlohmann::json reattach;
  for (const Leased& leased : leased_) {
    // Terraform watches the process of this number, and leaves it alone because of `Test`. It must
    // be one that Terraform sees, and may send signals to.
    reattach[leased.slot->start().binary.source] = {
        {"Protocol", "grpc"},
        {"ProtocolVersion", leased.slot->process().protocol()},
        {"Pid", context_.box.sandboxed() ? 1 : leased.slot->process().pid()},
        {"Test", true},
        {"Addr", {{"Network", "unix"}, {"String", leased.socket}}}};
  }
  return reattach.dump();
}

void RunProviders::BeginCommand() {
  for (Leased& leased : leased_) leased.proxy->BeginCommand();
}

absl::Status RunProviders::fault() const {
  absl::Status fault;
  for (const Leased& leased : leased_) {
    fault.Update(leased.proxy->fault());
    if (!leased.slot->process().alive()) {
      fault.Update(absl::UnavailableError("the provider ended"));
    }
  }
  return fault;
}

std::string RunProviders::LimitReached() const {
  for (const Leased& leased : leased_) {
    if (leased.slot->box() == nullptr) continue;
    const std::string reached = leased.slot->box()->LimitReached();
    if (!reached.empty()) return absl::StrCat("by its provider ", reached);
  }
  return "";
}

std::string RunProviders::LastWords() const {
  std::string words;
  for (const Leased& leased : leased_) {
    if (!leased.proxy->fault().ok() || !leased.slot->process().alive()) {
      absl::StrAppend(&words, leased.slot->process().last_words());
    }
  }
  return words;
}

void RunProviders::GiveBack() {
  context_.box.ShareUser(nullptr);
  const bool keep = fault().ok();
  for (Leased& leased : leased_) {
    leased.proxy.reset();
    leased.tokens.reset();
    context_.parts.providers->Return(std::move(leased.slot), keep);
  }
  leased_.clear();
}

void ExpectProviders(RunContext& context, const std::string& prepared) {
  if (context.parts.providers == nullptr) return;
  const auto binaries = ProvidersOf(prepared);
  if (!binaries.ok()) return;
  for (const ProviderBinary& binary : *binaries) context.parts.providers->Expect(binary);
}

void LogLastWords(RunContext& context) {
  if (context.providers == nullptr) return;
  const std::string words = context.providers->LastWords();
  if (!words.empty()) context.reporter.Log(words);
}

absl::Status PlanWithProviders(RunContext& context, const std::function<absl::Status()>& plan) {
  const int kept_before = context.result.diagnostics_size();
  absl::Status status = plan();
  if (status.ok() || context.providers == nullptr || context.control.interrupted()) return status;
  const absl::Status fault = context.providers->fault();
  if (fault.ok() && !BlamesSchemas(context, kept_before)) return status;
  context.reporter.Notice(absl::StrCat(
      "The plan is made again, with providers started the plain way: ",
      fault.ok() ? "a type was missing from what they were asked for" : fault.message(), "."));
  LogLastWords(context);
  context.providers.reset();
  context.starts_providers = true;
  context.result.mutable_diagnostics()->DeleteSubrange(
      kept_before, context.result.diagnostics_size() - kept_before);
  return plan();
}

}  // namespace stackyard::runner
