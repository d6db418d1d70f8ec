#include "services/runner/run_context.h"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/log.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "services/runner/lines.h"
#include "services/runner/run_confinement.h"
#include "services/runner/run_providers.h"
#include "services/runner/terraform_traces.h"

namespace stackyard::runner {
namespace {

// How much of what a program complained about an error quotes.
constexpr size_t kQuotedLines = 10;
constexpr int kMaxDiagnostics = 1000;

absl::Status Failed(const RunContext& context, std::string_view message,
                    std::string_view address = "") {
  const std::string text = ValidUtf8(context.scrubber.Scrub(message));
  if (address.empty()) return Error(v1::RUN_FAILED, text, {{"step", context.step}});
  return Error(v1::RUN_FAILED, text, {{"step", context.step}, {"address", address}});
}

// In the run's box, with what it may see and reach.
Command Confined(const RunContext& context, const Command& command) {
  return ConfineToRun(context.box, context.folder, context.parts.modules.root(),
                      !context.assignment.network_disabled(), command);
}

struct Finished {
  Outcome outcome;
  // The last lines of standard error.
  std::deque<std::string> complaints;
  // What it may use and wanted more of; empty: nothing.
  std::string limit_reached;
};

// The Terraform that waits for this command, where there is one.
absl::StatusOr<ChildProcess> StartOrRelease(RunContext& context, const Command& command) {
  if (context.standby == nullptr || !context.standby->Is(command)) {
    return ChildProcess::Start(command);
  }
  absl::StatusOr<ChildProcess> released = context.standby->Release();
  context.standby.reset();
  if (released.ok()) return released;
  LogWarning("a Terraform that waited did not go on",
             {{"error", std::string(released.status().message())}});
  return ChildProcess::Start(command);
}

absl::StatusOr<Finished> RunToEnd(RunContext& context, const Command& command, const Sink& out) {
  if (context.providers != nullptr) context.providers->BeginCommand();
  Finished finished;
  LineSplitter errors([&](std::string_view line) {
    context.reporter.Log(line);
    finished.complaints.emplace_back(line);
    if (finished.complaints.size() > kQuotedLines) finished.complaints.pop_front();
  });
  // Whoever runs in the box reads and writes what the runner has put there.
  RETURN_IF_ERROR(context.box.Own(context.folder.path()));
  RETURN_IF_ERROR(context.box.Own(context.folder.tmp()));
  ProcessLimits limits = context.limits;
  limits.deadline = std::min(limits.deadline, context.step_deadline);
  ASSIGN_OR_RETURN(ChildProcess child, StartOrRelease(context, Confined(context, command)));
  ASSIGN_OR_RETURN(finished.outcome,
                   RunProcess(std::move(child), context.control, limits, out,
                              [&errors](std::string_view bytes) { errors.Feed(bytes); }));
  errors.Finish();
  finished.limit_reached = context.box.LimitReached();
  if (finished.limit_reached.empty() && context.providers != nullptr) {
    finished.limit_reached = context.providers->LimitReached();
  }
  return finished;
}

absl::Status TimedOut(const RunContext& context) {
  if (context.step_deadline < context.limits.deadline) {
    return Failed(context,
                  absl::StrCat("the step ", context.step, " took longer than the ",
                               absl::ToInt64Seconds(context.allowance.TimeoutOf(context.step)),
                               " s that it may take, and was interrupted"));
  }
  return Failed(
      context, absl::StrCat("the run took longer than the ", context.assignment.timeout().seconds(),
                            " s that it may take, and was interrupted"));
}

// Why a command failed, as far as it did not say it better itself.
absl::Status ToStatus(const RunContext& context, const Command& command, const Finished& finished) {
  if (finished.outcome.ok()) return absl::OkStatus();
  if (finished.outcome.timed_out) return TimedOut(context);
  if (!finished.limit_reached.empty()) {
    return Failed(context, absl::StrCat("the run ", finished.limit_reached, ": the step ",
                                        context.step, " failed"));
  }
  return Failed(context,
                absl::StrCat(command.argv.size() > 1 ? command.argv[1] : command.argv[0], " ",
                             finished.outcome.ToString(), finished.complaints.empty() ? "" : ": ",
                             absl::StrJoin(finished.complaints, "\n")));
}

}  // namespace

absl::Status RunCommand(RunContext& context, const Command& command, const Sink& out) {
  ASSIGN_OR_RETURN(const Finished finished, RunToEnd(context, command, out));
  return ToStatus(context, command, finished);
}

absl::Status RunTerraform(RunContext& context, const Command& command, JsonEvents::Mode mode) {
  const int kept_before = context.result.diagnostics_size();
  JsonEvents reader(mode);
  LineSplitter lines([&](std::string_view line) {
    if (line.empty()) return;
    TerraformLine read = reader.Read(line);
    if (!read.log.empty()) context.reporter.Log(read.log);
    for (v1::RunEvent& event : read.events) context.reporter.Event(std::move(event));
    if (read.diagnostic) KeepDiagnostic(context, *std::move(read.diagnostic));
  });
  ASSIGN_OR_RETURN(
      const Finished finished,
      RunToEnd(context, command, [&lines](std::string_view bytes) { lines.Feed(bytes); }));
  lines.Finish();
  // What comes of a limit is told as such, not as what it looks like to Terraform.
  if (!finished.outcome.ok() && !finished.outcome.timed_out && finished.limit_reached.empty()) {
    for (int i = kept_before; i < context.result.diagnostics_size(); ++i) {
      const v1::Diagnostic& diagnostic = context.result.diagnostics(i);
      if (diagnostic.severity() != v1::Diagnostic::ERROR) continue;
      return Failed(context, ToOneLine(diagnostic), diagnostic.address());
    }
  }
  return ToStatus(context, command, finished);
}

void KeepDiagnostic(RunContext& context, v1::Diagnostic diagnostic) {
  if (context.result.diagnostics_size() >= kMaxDiagnostics) return;
  diagnostic.set_address(context.scrubber.Scrub(diagnostic.address()));
  diagnostic.set_summary(ValidUtf8(context.scrubber.Scrub(diagnostic.summary())));
  diagnostic.set_detail(ValidUtf8(context.scrubber.Scrub(diagnostic.detail())));
  *context.result.add_diagnostics() = std::move(diagnostic);
}

std::vector<Bind> FoldersOf(const RunContext& context) {
  return FoldersOfRun(context.folder, context.parts.modules.root());
}

TerraformSite SiteOf(const RunContext& context, const std::string& folder) {
  TerraformSite site;
  site.folder = folder;
  site.home = context.folder.path();
  site.tmp = context.folder.tmp();
  site.memory_limit =
      GoMemoryLimit(context.allowance.limits, context.parts.terraform.memory_limit());
  site.starts_providers = context.starts_providers;
  site.environment = context.credentials
                         ? context.credentials->environment
                         : BareEnvironment(context.parts.terraform.passed_environment());
  if (ExportsTraces(context.parts.terraform) && !RequestScope::Traceparent().empty()) {
    site.environment["TRACEPARENT"] = RequestScope::Traceparent();
  }
  if (context.providers != nullptr) {
    site.environment["TF_REATTACH_PROVIDERS"] = context.providers->Reattach();
  }
  return site;
}

}  // namespace stackyard::runner
