#include "services/stacks/previews.h"

#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/proto_time.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/catalog_store.h"
#include "services/stacks/lifecycle.h"
#include "services/stacks/meters.h"
#include "services/stacks/operations.h"
#include "services/stacks/parameters.h"
#include "services/stacks/proposals.h"
#include "services/stacks/queue_store.h"
#include "services/stacks/row_secrets.h"
#include "services/stacks/task_store.h"

namespace stackyard::stacks {
namespace {

using google::longrunning::Operation;
using internal::v1::Preview;
using v1::Run;
using v1::Stack;

std::string UserId(const std::string& user) { return user.substr(user.find('/') + 1); }

void TakeRevision(const RevisionRecord& revision, RunRecord& run) {
  Preview& preview = *run.mutable_preview();
  *preview.mutable_parameters() = revision.parameters();
  *preview.mutable_sensitive_parameters() = revision.sensitive_parameters();
  run.set_template_version(revision.revision().template_version());
}

// A stack that is not there.
absl::StatusOr<RunRecord> PreviewNew(Change& change, const Principal& caller, const Stack& wanted) {
  Violations faults;
  const auto version = CheckNewStack(change.sql, wanted, change.now, faults);
  RETURN_IF_ERROR(faults.ToStatus());
  RunRecord run;
  TakeRevision(MakeRevision(*version, wanted.parameters(), "", caller.user()), run);
  const auto& lease = wanted.lease().has_duration() ? wanted.lease().duration()
                                                    : version->lease().default_duration();
  Preview& preview = *run.mutable_preview();
  preview.set_stack_uid(RandomId());
  preview.set_user(UserId(caller.user()));
  const bool ahead = wanted.lease().has_start_time();
  if (ahead) *preview.mutable_start_time() = wanted.lease().start_time();
  const absl::Time start = ahead ? FromProto(preview.start_time()) : change.now;
  *preview.mutable_end_time() = ToProto(start + FromProto(lease));
  return run;
}

// A change of one that is.
absl::StatusOr<RunRecord> PreviewUpdate(Change& change, const Principal& caller,
                                        const StackName& name, const Stack& wanted) {
  ASSIGN_OR_RETURN(const StackRecord record, FindStack(change.sql, name));
  const Stack& stack = record.stack();
  if (!HoldsName(stack.state())) return NotFound(stack.name());
  if (stack.state() == Stack::DESTROYING) {
    return Error(v1::WRONG_STATE, absl::StrCat(stack.name(), " is DESTROYING"),
                 {{"resource", stack.name()}});
  }
  // From what UpdateStack would start from.
  const bool ready = stack.state() == Stack::READY;
  ASSIGN_OR_RETURN(
      RevisionRecord latest,
      FindRevision(change.sql, name, ready ? stack.applied_revision() : stack.latest_revision()));
  RETURN_IF_ERROR(OpenSecrets(change.sealer, latest));
  v1::UpdateStackRequest update;
  *update.mutable_stack() = wanted;
  const auto parameters = MergeParameters(latest.parameters(), update);
  Violations faults;
  const auto version =
      FindUsable(change.sql,
                 wanted.template_version().empty() ? latest.revision().template_version()
                                                   : wanted.template_version(),
                 faults);
  if (version) {
    CheckParameters("stack.parameters", version->parameters(), parameters, faults);
    CheckSuccessor(stack.lease(), latest, *version, wanted.parameters(), faults);
  }
  RETURN_IF_ERROR(faults.ToStatus());
  RunRecord run;
  TakeRevision(MakeRevision(*version, parameters, "", caller.user()), run);
  run.set_stack_uid(stack.uid());
  Preview& preview = *run.mutable_preview();
  preview.set_stack_uid(stack.uid());
  preview.set_state_digest(record.state_digest());
  preview.set_state_serial(record.state_serial());
  preview.set_user(UserId(stack.creator()));
  *preview.mutable_end_time() = stack.lease().end_time();
  return run;
}

}  // namespace

absl::StatusOr<Operation> Previews::Start(const Principal& caller,
                                          const v1::PreviewStackRequest& request) {
  ASSIGN_OR_RETURN(const auto parent, ParseName("parent", request.parent(), "projects/*"));
  const std::string& project = parent[0];
  StackName name{project, kPreviewStack};
  const bool exists = !request.stack().name().empty();
  if (exists) {
    ASSIGN_OR_RETURN(name, StackName::Parse("stack.name", request.stack().name()));
    if (name.project != project) {
      return InvalidField("stack.name", absl::StrCat("must be in ", request.parent()));
    }
  }
  return store_.WriteValue<Operation>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<Operation> {
        Operation shown;
        RETURN_IF_ERROR(Once(
            change, request.request_id(), "PreviewStack", request, shown, [&]() -> absl::Status {
              RETURN_IF_ERROR(FindProject(change.sql, project).status());
              ASSIGN_OR_RETURN(RunRecord run,
                               exists ? PreviewUpdate(change, caller, name, request.stack())
                                      : PreviewNew(change, caller, request.stack()));
              ASSIGN_OR_RETURN(
                  OperationRecord operation,
                  CreateOperation(change, project, exists ? name.ToString() : "", "preview",
                                  OperationMetadata::QUEUED, "waits for a runner to plan"));
              const std::string id = operation.operation().name();
              run.set_operation(id);
              run.mutable_run()->set_type(Run::PREVIEW);
              run.mutable_run()->set_state(Run::QUEUED);
              RETURN_IF_ERROR(InsertRun(change, name, run));
              // Busy with itself alone.
              const std::string& run_name = run.run().name();
              RETURN_IF_ERROR(
                  Enqueue(change, run_name, run_name, internal::v1::Assignment::PREVIEW));
              RETURN_IF_ERROR(AdvanceOperation(
                  change, id, [&](OperationMetadata& metadata) { metadata.set_run(run_name); }));
              ASSIGN_OR_RETURN(operation, FindOperation(change.sql, id));
              shown = Show(operation);
              return absl::OkStatus();
            }));
        return shown;
      });
}

absl::Status OnPreviewed(Change& change, RunRecord& run, const internal::v1::PlanSummary& summary) {
  ASSIGN_OR_RETURN(const StoredVersion stored,
                   FindVersionByName(change.sql, "template_version", run.template_version()));
  const auto price = PriceOfStack(stored.version.meters(),
                                  {summary.resources().begin(), summary.resources().end()});
  if (!price.ok()) return EndPreview(change, run, price.status(), nullptr);
  Preview& preview = *run.mutable_preview();
  preview.clear_parameters();
  v1::Plan& plan = *preview.mutable_plan();
  plan = summary.plan();
  plan.mutable_amounts()->Assign(price->amounts.begin(), price->amounts.end());
  plan.set_estimated_micros_per_hour(price->micros_per_hour);
  plan.set_currency(price->currency);
  plan.set_price_date(price->price_date);
  plan.set_state_serial(preview.state_serial());
  *plan.mutable_create_time() = ToProto(change.now);
  RETURN_IF_ERROR(SaveRun(change, run));
  TaskRecord task;
  task.set_kind(TaskRecord::CHECK_FIT);
  task.set_run(run.run().name());
  AddTask(change, absl::StrCat("fit/", run.run().name()), task, change.now);
  return AdvanceOperation(change, run.operation(), [](OperationMetadata& metadata) {
    metadata.set_stage(OperationMetadata::RESERVING);
    metadata.set_message("asks quota whether it would fit; nothing is reserved");
  });
}

absl::StatusOr<v1::CheckFitRequest> FitQuestion(soci::session& sql, const RunRecord& run) {
  ASSIGN_OR_RETURN(const RunName name, RunName::Parse("run", run.run().name()));
  const Preview& preview = run.preview();
  v1::CheckFitRequest request;
  request.set_parent(absl::StrCat("projects/", name.stack.project));
  *request.mutable_amounts() = preview.plan().amounts();
  request.set_user(preview.user());
  if (preview.has_start_time()) *request.mutable_start_time() = preview.start_time();
  *request.mutable_end_time() = preview.end_time();
  if (run.stack_uid().empty()) return request;
  const auto record = FindStack(sql, name.stack);
  if (!record.ok() || record->stack().uid() != run.stack_uid()) return request;
  // Quota takes the place of what is committed only.
  if (HasTask(sql, absl::StrCat("commit/", record->reservation()))) {
    return Error(v1::DEPENDENCY_UNAVAILABLE, "the stack's reservation is being committed");
  }
  request.set_supersedes(record->reservation());
  return request;
}

absl::Status EndPreview(Change& change, RunRecord& run, const absl::Status& why,
                        const v1::CheckFitResponse* fit) {
  v1::StackPreview answer;
  if (fit != nullptr) {
    *answer.mutable_plan() = run.preview().plan();
    answer.set_fits(fit->fits());
    *answer.mutable_shortfalls() = fit->shortfalls();
  }
  run.clear_preview();
  RETURN_IF_ERROR(SaveRun(change, run));
  return FinishOperation(change, run.operation(), why, fit == nullptr ? nullptr : &answer);
}

}  // namespace stackyard::stacks
