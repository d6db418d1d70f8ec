#include "services/stacks/assignments.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "services/stacks/catalog.h"
#include "services/stacks/catalog_store.h"
#include "services/stacks/flow.h"
#include "services/stacks/operations.h"
#include "services/stacks/previews.h"
#include "services/stacks/row_secrets.h"
#include "services/stacks/run_store.h"
#include "services/stacks/run_trace.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Preview;
using v1::Run;

OperationMetadata::Stage StageOf(Assignment::Work work) {
  switch (work) {
    case Assignment::APPLY:
      return OperationMetadata::APPLYING;
    case Assignment::DESTROY:
      return OperationMetadata::DESTROYING;
    default:
      return OperationMetadata::PLANNING;
  }
}

// Writes down that a runner took a run.
absl::Status Started(Change& change, const QueueEntry& entry, const std::string& engine,
                     RunRecord& run) {
  Run& shown = *run.mutable_run();
  shown.set_state(Run::RUNNING);
  shown.set_runner(entry.runner);
  shown.set_generation(entry.generation);
  shown.set_engine(engine);
  shown.clear_steps();
  // What an earlier generation has done stays done; the rest begins anew.
  shown.mutable_progress()->clear_active();
  shown.mutable_progress()->clear_failed();
  if (!shown.has_start_time()) *shown.mutable_start_time() = ToProto(change.now);
  RETURN_IF_ERROR(SaveRun(change, run));
  return AdvanceOperation(change, run.operation(), [&](OperationMetadata& metadata) {
    metadata.set_stage(StageOf(entry.work));
    metadata.set_run(shown.name());
    *metadata.mutable_progress() = shown.progress();
    metadata.set_message(absl::StrCat("Terraform runs on ", entry.runner));
  });
}

absl::StatusOr<PreparedAssignment> PrepareInspection(Change& change, const QueueEntry& entry) {
  PreparedAssignment prepared;
  ASSIGN_OR_RETURN(const StoredVersion stored,
                   FindVersionByName(change.sql, "lease.run", entry.target));
  prepared.assignment.set_bundle_digest(stored.version.bundle_digest());
  prepared.assignment.set_network_disabled(false);
  return prepared;
}

// What a runner is told of a template version.
void TakeVersion(const v1::TemplateVersion& version, Assignment& assignment) {
  assignment.set_bundle_digest(version.bundle_digest());
  assignment.set_template_version(version.name());
  assignment.set_inject_stack_uid(
      std::any_of(version.parameters().begin(), version.parameters().end(),
                  [](const auto& parameter) { return parameter.injected(); }));
  assignment.set_network_disabled(version.network().disabled());
  *assignment.mutable_limits() = version.limits();
  *assignment.mutable_metered_attributes() = MeteredAttributes(version.meters());
}

absl::StatusOr<PreparedAssignment> PrepareRun(Change& change, const QueueEntry& entry,
                                              const std::string& engine) {
  PreparedAssignment prepared;
  ASSIGN_OR_RETURN(RunAndStack both, LoadRun(change, entry.target));
  auto& [run, stack] = both;
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", stack.stack().name()));
  // Destroying, and looking for drift, use what the state was made with.
  const bool applied = (entry.work == Assignment::DESTROY || entry.work == Assignment::REFRESH) &&
                       stack.stack().applied_revision() > 0;
  ASSIGN_OR_RETURN(
      RevisionRecord revision,
      FindRevision(change.sql, name,
                   applied ? stack.stack().applied_revision() : stack.stack().latest_revision()));
  ASSIGN_OR_RETURN(
      const StoredVersion stored,
      FindVersionByName(change.sql, "template_version", revision.revision().template_version()));
  Assignment& assignment = prepared.assignment;
  TakeVersion(stored.version, assignment);
  RETURN_IF_ERROR(OpenSecrets(change.sealer, revision));
  *assignment.mutable_parameters() = revision.parameters();
  *assignment.mutable_sensitive_parameters() = revision.sensitive_parameters();
  assignment.set_stack_uid(stack.stack().uid());
  assignment.set_plan_digest(run.plan_digest());
  assignment.set_stack(stack.stack().name());
  prepared.state_digest = stack.state_digest();
  if (entry.work == Assignment::PLAN) {
    RETURN_IF_ERROR(Move(change, stack, PlanStarted{},
                         absl::StrCat(run.run().name(), " is planned by ", entry.runner)));
    RETURN_IF_ERROR(SaveStack(change, stack));
  }
  prepared.request = TraceOfOperation(change.sql, run.operation());
  RETURN_IF_ERROR(Started(change, entry, engine, run));
  return prepared;
}

absl::StatusOr<PreparedAssignment> PreparePreview(Change& change, const QueueEntry& entry,
                                                  const std::string& engine) {
  PreparedAssignment prepared;
  ASSIGN_OR_RETURN(const RunName name, RunName::Parse("lease.run", entry.target));
  ASSIGN_OR_RETURN(RunRecord run, FindRun(change.sql, name));
  ASSIGN_OR_RETURN(const StoredVersion stored,
                   FindVersionByName(change.sql, "template_version", run.template_version()));
  Assignment& assignment = prepared.assignment;
  TakeVersion(stored.version, assignment);
  Preview opened = run.preview();
  RETURN_IF_ERROR(OpenSecrets(change.sealer, opened));
  *assignment.mutable_parameters() = opened.parameters();
  *assignment.mutable_sensitive_parameters() = run.preview().sensitive_parameters();
  assignment.set_stack_uid(run.preview().stack_uid());
  assignment.set_stack(name.stack.ToString());
  prepared.state_digest = run.preview().state_digest();
  prepared.request = TraceOfOperation(change.sql, run.operation());
  RETURN_IF_ERROR(Started(change, entry, engine, run));
  return prepared;
}

}  // namespace

absl::StatusOr<PreparedAssignment> PrepareAssignment(Change& change, const QueueEntry& entry,
                                                     const std::string& engine) {
  switch (entry.work) {
    case Assignment::INSPECT:
      return PrepareInspection(change, entry);
    case Assignment::PREVIEW:
      return PreparePreview(change, entry, engine);
    default:
      return PrepareRun(change, entry, engine);
  }
}

}  // namespace stackyard::stacks
