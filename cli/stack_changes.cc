#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/names.h"
#include "cli/params.h"
#include "cli/plan_text.h"
#include "cli/stack_text.h"
#include "cli/text.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "stackyard/v1/catalog.pb.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::cli {
namespace {

constexpr char kStack[] = "projects/*/stacks/*";

// Flags of create, update, preview and import.
struct ChangeFlags {
  std::string name, version, display_name, lease, start, reason, publish;
  std::vector<std::string> labels, annotations;
  ParameterFlags parameters;
  bool validate_only = false;
  WaitFlags wait;
};

void AddValues(Command& command, ChangeFlags& flags) {
  command.Option("--set", &flags.parameters.sets, "KEY=VALUE", "A parameter, read as its type says")
      .Option("--set-json", &flags.parameters.set_jsons, "KEY=JSON", "A parameter as JSON")
      .Option("--params-file", &flags.parameters.file, "PATH", "Parameters as JSON or YAML")
      .Option("--label", &flags.labels, "KEY=VALUE", "A label")
      .Option("--annotation", &flags.annotations, "KEY=VALUE", "Free text")
      .Option("--publish", &flags.publish, "DOCUMENT",
              "Publish the outputs that are no secrets as this document")
      .Option("--title", &flags.display_name, "TEXT", "Name for people");
}

absl::Status FillValues(Context& context, const ChangeFlags& flags, v1::Stack& stack) {
  stack.set_display_name(flags.display_name);
  ASSIGN_OR_RETURN(const auto labels, ReadPairs("label", flags.labels));
  for (const auto& [key, value] : labels) (*stack.mutable_labels())[key] = value;
  ASSIGN_OR_RETURN(const auto annotations, ReadPairs("annotation", flags.annotations));
  for (const auto& [key, value] : annotations) (*stack.mutable_annotations())[key] = value;
  if (!flags.publish.empty()) {
    stack.set_publish_document(InCollection("documents", flags.publish));
  }
  if (flags.parameters.empty()) return absl::OkStatus();
  v1::TemplateVersion version;
  // Only --set needs the types.
  if (!flags.parameters.sets.empty()) {
    v1::GetTemplateVersionRequest request;
    request.set_name(stack.template_version());
    RETURN_IF_ERROR(context.client().Call("CatalogService/GetTemplateVersion", request, &version));
  }
  ASSIGN_OR_RETURN(*stack.mutable_parameters(),
                   ReadParameters(flags.parameters, version.parameters()));
  return absl::OkStatus();
}

absl::Status FillLease(const ChangeFlags& flags, v1::Stack& stack) {
  if (!flags.lease.empty()) {
    ASSIGN_OR_RETURN(const absl::Duration lease, ReadDuration("lease", flags.lease));
    *stack.mutable_lease()->mutable_duration() = ToProto(lease);
  }
  if (!flags.start.empty()) {
    ASSIGN_OR_RETURN(const absl::Time start, ReadTime("start", flags.start));
    *stack.mutable_lease()->mutable_start_time() = ToProto(start);
  }
  return absl::OkStatus();
}

// Starts an operation on a stack and ends the command.
template <typename Request>
absl::Status Start(Context& context, const std::string& method, Request& request,
                   const WaitFlags& wait) {
  Operation operation;
  RETURN_IF_ERROR(context.client().Call("StackService/" + method, request, &operation));
  v1::Stack stack;
  return Finish(context, operation, wait, &stack, [&] {
    context.output().out() << StackText(stack, context.Now(), context.output().color());
  });
}

absl::Status Create(Context& context, const ChangeFlags& flags) {
  v1::CreateStackRequest request;
  ASSIGN_OR_RETURN(const std::string name, FullName(kStack, context.project(), flags.name));
  request.set_parent(FirstParts(name, 2));
  request.set_stack_id(LastPart(name));
  request.set_reason(flags.reason);
  request.set_validate_only(flags.validate_only);
  v1::Stack& stack = *request.mutable_stack();
  ASSIGN_OR_RETURN(*stack.mutable_template_version(), VersionName(flags.version));
  RETURN_IF_ERROR(FillLease(flags, stack));
  RETURN_IF_ERROR(FillValues(context, flags, stack));
  return Start(context, "CreateStack", request, flags.wait);
}

absl::Status Update(Context& context, const ChangeFlags& flags) {
  v1::UpdateStackRequest request;
  request.set_reason(flags.reason);
  request.set_validate_only(flags.validate_only);
  v1::Stack& stack = *request.mutable_stack();
  ASSIGN_OR_RETURN(*stack.mutable_name(), FullName(kStack, context.project(), flags.name));
  auto& mask = *request.mutable_update_mask();
  if (!flags.version.empty()) {
    ASSIGN_OR_RETURN(*stack.mutable_template_version(), VersionName(flags.version));
    mask.add_paths("template_version");
  } else if (!flags.parameters.sets.empty()) {
    // The types are those of the version in use.
    v1::GetStackRequest get;
    get.set_name(stack.name());
    v1::Stack current;
    RETURN_IF_ERROR(context.client().Call("StackService/GetStack", get, &current));
    stack.set_template_version(current.template_version());
  }
  RETURN_IF_ERROR(FillValues(context, flags, stack));
  for (const auto& [key, value] : stack.parameters().fields()) {
    mask.add_paths("parameters." + key);
  }
  if (!flags.labels.empty()) mask.add_paths("labels");
  if (!flags.annotations.empty()) mask.add_paths("annotations");
  if (!flags.publish.empty()) mask.add_paths("publish_document");
  if (!flags.display_name.empty()) mask.add_paths("display_name");
  if (mask.paths().empty()) return InvalidField("update", "give something to change");
  return Start(context, "UpdateStack", request, flags.wait);
}

// The parameters of a stack as they would be: what it has, and what is said on top of it.
absl::Status FillUpdate(Context& context, const ChangeFlags& flags, v1::Stack& stack) {
  v1::GetStackRequest get;
  get.set_name(stack.name());
  v1::Stack current;
  RETURN_IF_ERROR(context.client().Call("StackService/GetStack", get, &current));
  if (stack.template_version().empty()) stack.set_template_version(current.template_version());
  RETURN_IF_ERROR(FillValues(context, flags, stack));
  for (const auto& [key, value] : stack.parameters().fields()) {
    (*current.mutable_parameters()->mutable_fields())[key] = value;
  }
  *stack.mutable_parameters() = current.parameters();
  return absl::OkStatus();
}

absl::Status Import(Context& context, const ChangeFlags& flags, const std::string& path) {
  v1::ImportStackRequest request;
  ASSIGN_OR_RETURN(const std::string name, FullName(kStack, context.project(), flags.name));
  request.set_parent(FirstParts(name, 2));
  request.set_stack_id(LastPart(name));
  request.set_reason(flags.reason);
  ASSIGN_OR_RETURN(*request.mutable_state(), ReadFile("state", path));
  v1::Stack& stack = *request.mutable_stack();
  ASSIGN_OR_RETURN(*stack.mutable_template_version(), VersionName(flags.version));
  RETURN_IF_ERROR(FillLease(flags, stack));
  RETURN_IF_ERROR(FillValues(context, flags, stack));
  return Start(context, "ImportStack", request, flags.wait);
}

absl::Status Preview(Context& context, const ChangeFlags& flags) {
  v1::PreviewStackRequest request;
  v1::Stack& stack = *request.mutable_stack();
  if (flags.name.empty()) {
    ASSIGN_OR_RETURN(*request.mutable_parent(), ProjectName(context.project()));
    if (flags.version.empty()) return InvalidField("template", "is missing: a new stack needs one");
  } else {
    ASSIGN_OR_RETURN(*stack.mutable_name(), FullName(kStack, context.project(), flags.name));
    request.set_parent(FirstParts(stack.name(), 2));
  }
  if (!flags.version.empty()) {
    ASSIGN_OR_RETURN(*stack.mutable_template_version(), VersionName(flags.version));
  }
  RETURN_IF_ERROR(FillLease(flags, stack));
  if (!flags.name.empty() && !flags.parameters.empty()) {
    RETURN_IF_ERROR(FillUpdate(context, flags, stack));
  } else {
    RETURN_IF_ERROR(FillValues(context, flags, stack));
  }
  Operation operation;
  RETURN_IF_ERROR(context.client().Call("StackService/PreviewStack", request, &operation));
  WaitFlags wait = flags.wait;
  wait.wait = true;
  v1::StackPreview preview;
  return Finish(context, operation, wait, &preview, [&] {
    std::ostream& out = context.output().out();
    out << PlanText(preview.plan(), context.output().color());
    out << (preview.fits() ? "Quota holds for it.\n" : "Quota does not hold for it:\n")
        << ShortfallsText(preview.shortfalls());
  });
}

struct DeleteFlags {
  std::string name, reason;
  bool abandon = false;
  WaitFlags wait;
};

absl::Status Delete(Context& context, const DeleteFlags& flags) {
  v1::DeleteStackRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kStack, context.project(), flags.name));
  request.set_abandon(flags.abandon);
  request.set_reason(flags.reason);
  return Start(context, "DeleteStack", request, flags.wait);
}

absl::Status Rollback(Context& context, const DeleteFlags& flags, int64_t revision) {
  v1::RollbackStackRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kStack, context.project(), flags.name));
  request.set_revision(revision);
  request.set_reason(flags.reason);
  return Start(context, "RollbackStack", request, flags.wait);
}

// Requests that hold a name only.
template <typename Request>
absl::Status ByName(Context& context, const std::string& method, const DeleteFlags& flags) {
  Request request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kStack, context.project(), flags.name));
  return Start(context, method, request, flags.wait);
}

absl::Status Extend(Context& context, const std::string& name, const std::string& time,
                    const std::string& reason) {
  v1::ExtendStackRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kStack, context.project(), name));
  ASSIGN_OR_RETURN(const absl::Duration duration, ReadDuration("by", time));
  *request.mutable_duration() = ToProto(duration);
  request.set_reason(reason);
  return context.Show<v1::Stack>("StackService/ExtendStack", request, [&](const v1::Stack& stack) {
    std::ostream& out = context.output().out();
    if (stack.lease().extended()) {
      out << "Its lease ends " << Until(stack.lease().end_time(), context.Now()) << ", "
          << TimeText(stack.lease().end_time()) << "\n";
    } else {
      out << "Asked for in " << stack.change_request() << "\n";
    }
  });
}

absl::Status Drift(Context& context, const DeleteFlags& flags) {
  v1::CheckDriftRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kStack, context.project(), flags.name));
  Operation operation;
  RETURN_IF_ERROR(context.client().Call("StackService/CheckDrift", request, &operation));
  v1::Stack stack;
  return Finish(context, operation, flags.wait, &stack, [&] {
    std::ostream& out = context.output().out();
    const bool color = context.output().color();
    out << StackText(stack, context.Now(), color);
    if (stack.drift().changes_size() > 0)
      out << "\n" << ChangesText(stack.drift().changes(), color);
  });
}

void AddLifeCommands(Command& stacks, Context& context) {
  const auto flags = std::make_shared<DeleteFlags>();
  Command destroy = stacks.Sub("delete", "Destroy a stack's resources and free its quota");
  destroy.Argument("STACK", &flags->name, "Stack")
      .Flag("--abandon", &flags->abandon, "Forget the resources, do not destroy them")
      .Option("--reason", &flags->reason, "TEXT", "Why");
  flags->wait.AddTo(destroy);
  destroy.Run([&context, flags] { return Delete(context, *flags); });

  Command retry = stacks.Sub("retry", "Plan the newest revision of a failed stack again");
  retry.Argument("STACK", &flags->name, "Stack");
  flags->wait.AddTo(retry);
  retry.Run(
      [&context, flags] { return ByName<v1::RetryStackRequest>(context, "RetryStack", *flags); });

  const auto revision = std::make_shared<int64_t>(0);
  Command rollback = stacks.Sub("rollback", "Make a new revision from an old one");
  rollback.Argument("STACK", &flags->name, "Stack")
      .Option("--to", revision.get(), "REVISION", "Number of the old revision")
      .Required()
      .Option("--reason", &flags->reason, "TEXT", "Why");
  flags->wait.AddTo(rollback);
  rollback.Run([&context, flags, revision] { return Rollback(context, *flags, *revision); });

  Command drift = stacks.Sub("drift", "Compare the real resources with the state now");
  drift.Argument("STACK", &flags->name, "Stack");
  flags->wait.AddTo(drift);
  drift.Run([&context, flags] { return Drift(context, *flags); });

  Command repair = stacks.Sub("repair", "Plan to bring drifted resources back");
  repair.Argument("STACK", &flags->name, "Stack");
  flags->wait.AddTo(repair);
  repair.Run(
      [&context, flags] { return ByName<v1::RepairDriftRequest>(context, "RepairDrift", *flags); });

  const auto by = std::make_shared<std::string>();
  stacks.Sub("extend", "Ask for a longer lease, once")
      .Argument("STACK", &flags->name, "Stack")
      .Option("--by", by.get(), "TIME", "How much longer, like 24h")
      .Required()
      .Option("--reason", &flags->reason, "TEXT", "Why; reviewers read it")
      .Required()
      .Run([&context, flags, by] { return Extend(context, flags->name, *by, flags->reason); });
}

}  // namespace

void AddStackChangeCommands(Command stacks, Context& context) {
  const auto flags = std::make_shared<ChangeFlags>();
  Command create = stacks.Sub("create", "Ask for a stack: planned, priced, reviewed, applied");
  create.Argument("NAME", &flags->name, "Stack")
      .Option("-t,--template", &flags->version, "TEMPLATE[@VERSION]", "What to make it from")
      .Required();
  AddValues(create, *flags);
  create.Option("--lease", &flags->lease, "TIME", "How long it lives, like 72h")
      .Option("--start", &flags->start, "TIME", "When it begins, like 2026-01-31T09:00:00Z [now]")
      .Option("--reason", &flags->reason, "TEXT", "Why; reviewers read it")
      .Flag("--validate-only", &flags->validate_only, "Check the request, make nothing");
  flags->wait.AddTo(create);
  create.Run([&context, flags] { return Create(context, *flags); });

  Command update = stacks.Sub("update", "Change parameters, template version, labels or title");
  update.Argument("STACK", &flags->name, "Stack")
      .Option("-t,--template", &flags->version, "TEMPLATE[@VERSION]", "Another template version");
  AddValues(update, *flags);
  update.Option("--reason", &flags->reason, "TEXT", "Why; reviewers read it")
      .Flag("--validate-only", &flags->validate_only, "Check the request, change nothing");
  flags->wait.AddTo(update);
  update.Run([&context, flags] { return Update(context, *flags); });

  Command preview = stacks.Sub("preview", "Plan a new stack, or a change of one; keep nothing");
  preview.Argument("STACK", &flags->name, "Stack to change; without it a new one", false)
      .Option("-t,--template", &flags->version, "TEMPLATE[@VERSION]", "What to make it from");
  AddValues(preview, *flags);
  preview.Option("--lease", &flags->lease, "TIME", "How long a new one would live, like 72h");
  preview.Option("--timeout", &flags->wait.timeout, "TIME", "Give up waiting after this time");
  preview.Run([&context, flags] { return Preview(context, *flags); });

  const auto state = std::make_shared<std::string>();
  Command import = stacks.Sub("import", "Make a stack out of a Terraform state made elsewhere");
  import.Argument("NAME", &flags->name, "Stack")
      .Option("-t,--template", &flags->version, "TEMPLATE[@VERSION]", "What it is to be made from")
      .Required()
      .Option("--state", state.get(), "PATH", "The state, as `terraform state pull` prints it")
      .Required();
  AddValues(import, *flags);
  import.Option("--lease", &flags->lease, "TIME", "How long it lives, like 72h")
      .Option("--reason", &flags->reason, "TEXT", "Why; reviewers read it");
  flags->wait.AddTo(import);
  import.Run([&context, flags, state] { return Import(context, *flags, *state);
});

AddLifeCommands(stacks, context);
}  // namespace stackyard::cli

}  // namespace stackyard::cli
