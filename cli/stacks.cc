#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/follow.h"
#include "cli/names.h"
#include "cli/plan_text.h"
#include "cli/stack_text.h"
#include "cli/text.h"
#include "common/status_macros.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::cli {
namespace {

constexpr char kStack[] = "projects/*/stacks/*";

struct ListFlags {
  std::string filter, order_by;
  bool all = false;
};

absl::Status List(Context& context, const ListFlags& flags) {
  v1::ListStacksRequest request;
  request.set_parent(ProjectOrAll(context.project()));
  request.set_filter(flags.filter);
  request.set_order_by(flags.order_by);
  request.set_show_deleted(flags.all);
  v1::ListStacksResponse response;
  RETURN_IF_ERROR(context.client().List("StackService/ListStacks", request, &response));
  return context.output().Write(response, [&] {
    Table table({"PROJECT", "NAME", "STATE", "TEMPLATE", "QUOTA", "LEASE ENDS", "CREATOR", "AGE",
                 "+TITLE", "+REVISION", "+UID", "+DETAIL"});
    for (const v1::Stack& stack : response.stacks()) {
      table.Add({ProjectOf(stack.name()), LastPart(stack.name()),
                 v1::Stack::State_Name(stack.state()),
                 absl::StrCat(LastPart(FirstParts(stack.template_version(), 2)), "@",
                              LastPart(stack.template_version())),
                 AmountsText(stack.amounts()), Until(stack.lease().end_time(), context.Now()),
                 LastPart(stack.creator()), Age(stack.create_time(), context.Now()),
                 stack.display_name(), absl::StrCat(stack.latest_revision()), stack.uid(),
                 Cut(stack.state_detail().message(), 80)});
    }
    context.output().Show(table);
  });
}

absl::Status Get(Context& context, const std::string& name) {
  v1::GetStackRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kStack, context.project(), name));
  return context.Show<v1::Stack>("StackService/GetStack", request, [&](const v1::Stack& stack) {
    context.output().out() << StackText(stack, context.Now(), context.output().color());
  });
}

// Follows the operation that goes on, and ends with what became of it.
absl::Status Wait(Context& context, const std::string& name, const std::string& timeout) {
  ASSIGN_OR_RETURN(const absl::Duration limit, ReadDuration("timeout", timeout));
  v1::GetStackRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kStack, context.project(), name));
  v1::Stack stack;
  RETURN_IF_ERROR(context.client().Call("StackService/GetStack", request, &stack));
  if (!stack.operation().empty()) {
    ASSIGN_OR_RETURN(const Operation operation,
                     Follow(context, stack.operation(), limit, std::nullopt));
    RETURN_IF_ERROR(OutcomeOf(operation));
  }
  return Get(context, name);
}

absl::Status Resources(Context& context, const std::string& name) {
  v1::ListResourcesRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), FullName(kStack, context.project(), name));
  v1::ListResourcesResponse response;
  RETURN_IF_ERROR(context.client().List("StackService/ListResources", request, &response));
  return context.output().Write(response, [&] {
    Table table({"ADDRESS", "TYPE", "ID", "NOTE"});
    for (const v1::Resource& resource : response.resources()) {
      table.Add({resource.address(), resource.type(), resource.id(),
                 resource.tainted()          ? "to be replaced"
                 : resource.mode() == "data" ? "data"
                                             : ""});
    }
    context.output().Show(table);
  });
}

absl::Status Outputs(Context& context, const std::string& stack, const std::string& only,
                     bool reveal) {
  v1::RevealOutputsResponse outputs;
  ASSIGN_OR_RETURN(const std::string name, FullName(kStack, context.project(), stack));
  if (reveal) {
    v1::RevealOutputsRequest request;
    request.set_name(name);
    RETURN_IF_ERROR(context.client().Call("StackService/RevealOutputs", request, &outputs));
  } else {
    v1::GetStackRequest request;
    request.set_name(name);
    v1::Stack answer;
    RETURN_IF_ERROR(context.client().Call("StackService/GetStack", request, &answer));
    *outputs.mutable_outputs() = answer.outputs();
  }
  if (only.empty()) {
    return context.output().Write(outputs, [&] {
      context.output().out() << OutputsText(outputs.outputs(), context.output().color());
    });
  }
  const auto found = outputs.outputs().find(only);
  if (found == outputs.outputs().end()) {
    return absl::NotFoundError(absl::StrCat(name, " has no output ", only));
  }
  // For scripts: the bare value.
  return context.output().Write(
      found->second, [&] { context.output().out() << ValueText(found->second.value()) << "\n"; });
}

absl::Status Revisions(Context& context, const std::string& name) {
  v1::ListRevisionsRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), FullName(kStack, context.project(), name));
  v1::ListRevisionsResponse response;
  RETURN_IF_ERROR(context.client().List("StackService/ListRevisions", request, &response));
  return context.output().Write(response, [&] {
    Table table({"REVISION", "STATE", "TEMPLATE", "PLAN", "CREATOR", "AGE", "REASON"});
    for (const v1::Revision& revision : response.revisions()) {
      const v1::Plan& plan = revision.plan();
      table.Add({absl::StrCat(revision.number()), v1::Revision::State_Name(revision.state()),
                 absl::StrCat(LastPart(FirstParts(revision.template_version(), 2)), "@",
                              LastPart(revision.template_version())),
                 revision.has_plan()
                     ? absl::StrCat("+", plan.to_create(), " ~", plan.to_update(), " -/+",
                                    plan.to_replace(), " -", plan.to_destroy())
                     : "",
                 LastPart(revision.creator()), Age(revision.create_time(), context.Now()),
                 Cut(revision.reason(), 60)});
    }
    context.output().Show(table);
  });
}

absl::Status Revision(Context& context, const std::string& text) {
  v1::GetRevisionRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(),
                   FullName("projects/*/stacks/*/revisions/*", context.project(), text));
  return context.Show<v1::Revision>(
      "StackService/GetRevision", request, [&](const v1::Revision& revision) {
        Fields fields;
        fields.Add("Name", revision.name());
        fields.Add("State", v1::Revision::State_Name(revision.state()));
        fields.Add("Template", revision.template_version());
        fields.Add("Rolls back to",
                   revision.rollback_of() == 0 ? "" : absl::StrCat(revision.rollback_of()));
        fields.Add("Creator", LastPart(revision.creator()));
        fields.Add("Created", TimeText(revision.create_time()));
        fields.Add("Reason", revision.reason());
        context.output().Show(fields);
        Table parameters({"PARAMETER", "VALUE"});
        const auto& values = revision.parameters().fields();
        for (const auto& [name, value] : std::map(values.begin(), values.end())) {
          parameters.Add({name, Cut(ValueText(value), 100)});
        }
        std::ostream& out = context.output().out();
        if (!parameters.empty()) {
          out << "\n";
          context.output().Show(parameters);
        }
        if (revision.has_plan()) out << "\n" << PlanText(revision.plan(), context.output().color());
      });
}

absl::Status GetResource(Context& context, const std::string& stack, const std::string& address) {
  v1::GetResourceRequest request;
  ASSIGN_OR_RETURN(const std::string name, FullName(kStack, context.project(), stack));
  request.set_name(absl::StrCat(name, "/resources/", address));
  return context.Show<v1::Resource>(
      "StackService/GetResource", request, [&](const v1::Resource& resource) {
        Fields fields;
        fields.Add("Address", resource.address());
        fields.Add("Type", resource.type());
        fields.Add("Id", resource.id());
        fields.Add("Provider", resource.provider());
        fields.Add("Mode", resource.mode());
        fields.Add("Note", resource.tainted() ? "to be replaced" : "");
        context.output().Show(fields);
        if (!resource.attributes_json().empty()) {
          context.output().out() << "\n" << resource.attributes_json() << "\n";
        }
      });
}

}  // namespace

void AddStackCommands(Command root, Context& context) {
  Command stacks = root.Sub("stacks", "Terraform deployments made from templates");
  const auto name = std::make_shared<std::string>();
  const auto list = std::make_shared<ListFlags>();
  const auto only = std::make_shared<std::string>();
  const auto reveal = std::make_shared<bool>(false);
  const auto timeout = std::make_shared<std::string>("1h");

  stacks.Sub("list", "List stacks, of one project or of all that you may see")
      .Option("--filter", &list->filter, "EXPRESSION", "AIP-160 filter, like 'state = READY'")
      .Option("--order-by", &list->order_by, "FIELDS", "Fields, each may end in ' desc'")
      .Flag("-a,--all", &list->all, "Destroyed and rejected ones too")
      .Run([&context, list] { return List(context, *list); });
  stacks.Sub("get", "Show a stack").Argument("STACK", name.get(), "Stack").Run([&context, name] {
    return Get(context, *name);
  });
  stacks.Sub("wait", "Wait until what goes on with a stack is done; its outcome is the exit code")
      .Argument("STACK", name.get(), "Stack")
      .Option("--timeout", timeout.get(), "TIME", "Longest wait [1h]")
      .Run([&context, name, timeout] { return Wait(context, *name, *timeout); });
  AddStackChangeCommands(stacks, context);
  stacks.Sub("resources", "List what is in the stack's state")
      .Argument("STACK", name.get(), "Stack")
      .Run([&context, name] { return Resources(context, *name); });
  stacks.Sub("outputs", "Show what the stack tells")
      .Argument("STACK", name.get(), "Stack")
      .Argument("OUTPUT", only.get(), "Only the value of this one", false)
      .Flag("--reveal", reveal.get(), "Secrets in clear; this is recorded")
      .Run([&context, name, only, reveal] { return Outputs(context, *name, *only, *reveal); });
  stacks.Sub("revisions", "List what was asked of the stack so far")
      .Argument("STACK", name.get(), "Stack")
      .Run([&context, name] { return Revisions(context, *name); });
  stacks.Sub("revision", "Show what was asked of the stack once, and its plan")
      .Argument("REVISION", name.get(), "STACK/NUMBER")
      .Run([&context, name] { return Revision(context, *name); });
  stacks.Sub("resource", "Show one resource of the stack's state, without its secrets")
      .Argument("STACK", name.get(), "Stack")
      .Argument("ADDRESS", only.get(), "Terraform's address of it")
      .Run([&context, name, only] { return GetResource(context, *name, *only); });
  AddStackFileCommands(stacks, context);
  AddStackWatchCommand(stacks, context);
}

}  // namespace stackyard::cli
