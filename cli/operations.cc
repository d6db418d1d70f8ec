#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/follow.h"
#include "cli/names.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "common/proto_time.h"
#include "common/status_macros.h"
#include "stackyard/v1/operations.pb.h"

namespace stackyard::cli {
namespace {

std::string StateOf(const Operation& operation) {
  if (!operation.done()) return v1::OperationMetadata::Stage_Name(MetadataOf(operation).stage());
  return operation.has_error() ? "FAILED" : "DONE";
}

absl::Status List(Context& context, const std::string& filter, int64_t limit) {
  v1::ListOperationsRequest request;
  request.set_filter(filter);
  v1::ListOperationsResponse response;
  RETURN_IF_ERROR(context.client().List("OperationService/ListOperations", request, &response,
                                        static_cast<int>(limit)));
  return context.output().Write(response, [&] {
    Table table({"OPERATION", "VERB", "TARGET", "STATE", "CREATOR", "AGE"});
    for (const Operation& operation : response.operations()) {
      const v1::OperationMetadata metadata = MetadataOf(operation);
      table.Add({LastPart(operation.name()), metadata.verb(), metadata.target(), StateOf(operation),
                 LastPart(metadata.creator()), Age(metadata.create_time(), context.Now())});
    }
    context.output().Show(table);
  });
}

void ShowOperation(Context& context, const Operation& operation) {
  const v1::OperationMetadata metadata = MetadataOf(operation);
  Fields fields;
  fields.Add("Name", operation.name());
  fields.Add("State", StateOf(operation));
  fields.Add("Target", metadata.target());
  fields.Add("Verb", metadata.verb());
  fields.Add("Message", metadata.message());
  fields.Add("Error", operation.error().message());
  fields.Add("Progress", operation.done() ? "" : ProgressText(metadata));
  fields.Add("Request", metadata.change_request());
  fields.Add("Run", metadata.run());
  fields.Add("Creator", LastPart(metadata.creator()));
  fields.Add("Created", TimeText(metadata.create_time()));
  fields.Add("Ended", metadata.has_end_time() ? TimeText(metadata.end_time()) : "");
  context.output().Show(fields);
}

absl::Status Get(Context& context, const std::string& name) {
  v1::GetOperationRequest request;
  request.set_name(InCollection("operations", name));
  return context.Show<Operation>(
      "OperationService/GetOperation", request,
      [&](const Operation& operation) { ShowOperation(context, operation); });
}

// Follows it and ends with what became of it.
absl::Status Watch(Context& context, const std::string& name, const std::string& timeout,
                   const std::string& until) {
  std::optional<Stage> stage;
  if (!until.empty()) {
    ASSIGN_OR_RETURN(stage, ReadStage(until));
  }
  ASSIGN_OR_RETURN(const absl::Duration limit, ReadDuration("timeout", timeout));
  ASSIGN_OR_RETURN(const Operation operation,
                   Follow(context, InCollection("operations", name), limit, stage));
  const absl::Status outcome = OutcomeOf(operation);
  if (!outcome.ok()) return outcome;
  return context.output().Write(operation, [&] { ShowOperation(context, operation); });
}

// Says nothing until it is over; for scripts.
absl::Status Wait(Context& context, const std::string& name, const std::string& timeout) {
  ASSIGN_OR_RETURN(const absl::Duration limit, ReadDuration("timeout", timeout));
  const absl::Time deadline = absl::Now() + limit;
  v1::WaitOperationRequest request;
  request.set_name(InCollection("operations", name));
  Operation operation;
  while (!operation.done()) {
    // A part of the time for each call: a server that is restarted holds up no longer than that.
    const absl::Duration part = std::min(deadline - absl::Now(), absl::Duration(absl::Minutes(1)));
    if (part <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(
          absl::StrCat("not done after ", ShortDuration(limit), "; ", request.name(), " goes on"));
    }
    *request.mutable_timeout() = ToProto(part);
    const absl::Status status = context.client().Call("OperationService/WaitOperation", request,
                                                      &operation, part + absl::Seconds(10));
    if (status.ok()) continue;
    const bool passing = status.code() == absl::StatusCode::kUnavailable ||
                         status.code() == absl::StatusCode::kDeadlineExceeded;
    // Where nothing was ever heard the endpoint may be wrong.
    if (!passing || operation.name().empty()) return status;
    context.environment().pause(absl::Seconds(1));
  }
  RETURN_IF_ERROR(OutcomeOf(operation));
  return context.output().Write(operation, [&] { ShowOperation(context, operation); });
}

absl::Status Cancel(Context& context, const std::string& name) {
  v1::CancelOperationRequest request;
  request.set_name(InCollection("operations", name));
  return context.Show<Operation>(
      "OperationService/CancelOperation", request,
      [&](const Operation& operation) { ShowOperation(context, operation); });
}

}  // namespace

void AddOperationCommands(Command root, Context& context) {
  Command operations = root.Sub("operations", "Long work, and how far it is");
  const auto name = std::make_shared<std::string>();
  const auto filter = std::make_shared<std::string>();
  const auto limit = std::make_shared<int64_t>(50);
  const auto timeout = std::make_shared<std::string>("1h");
  const auto until = std::make_shared<std::string>();

  operations.Sub("list", "List operations, newest first")
      .Option("--filter", filter.get(), "EXPRESSION", "AIP-160 filter, like 'done = false'")
      .Option("--limit", limit.get(), "COUNT", "How many; 0 for all [50]")
      .Run([&context, filter, limit] { return List(context, *filter, *limit); });
  operations.Sub("get", "Show an operation")
      .Argument("OPERATION", name.get(), "Operation")
      .Run([&context, name] { return Get(context, *name); });
  operations
      .Sub("watch", "Show how an operation goes until it is done; its outcome is the exit code")
      .Argument("OPERATION", name.get(), "Operation")
      .Option("--timeout", timeout.get(), "TIME", "Longest wait [1h]")
      .Option("--until", until.get(), "STAGE", "Wait for a stage only, like awaiting-approval")
      .Run([&context, name, timeout, until] { return Watch(context, *name, *timeout, *until); });
  operations.Sub("wait", "Wait in silence until it is done; its outcome is the exit code")
      .Argument("OPERATION", name.get(), "Operation")
      .Option("--timeout", timeout.get(), "TIME", "Longest wait [1h]")
      .Option("--until", until.get(), "STAGE", "Wait for a stage only, like awaiting-approval")
      .Run([&context, name, timeout, until] {
        // A stage passes: only a stream sees it for sure.
        if (!until->empty()) return Watch(context, *name, *timeout, *until);
        return Wait(context, *name, *timeout);
      });
  operations.Sub("cancel", "Withdraw its request, or cancel its run")
      .Argument("OPERATION", name.get(), "Operation")
      .Run([&context, name] { return Cancel(context, *name); });
}

}  // namespace stackyard::cli
