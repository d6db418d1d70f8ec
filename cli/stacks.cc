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
    Table table({"PROJECT", "NAME", "STATE", "TEMPLATE", "QUOTA", "LEASE ENDS", "CREATOR", "AGE"});
    for (const v1::Stack& stack : response.stacks()) {
      table.Add({ProjectOf(stack.name()), LastPart(stack.name()),
                 v1::Stack::State_Name(stack.state()),
                 absl::StrCat(LastPart(FirstParts(stack.template_version(), 2)), "@",
                              LastPart(stack.template_version())),
                 AmountsText(stack.amounts()), Until(stack.lease().end_time(), context.Now()),
                 LastPart(stack.creator()), Age(stack.create_time(), context.Now())});
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

absl::Status Watch(Context& context, const std::string& name) {
  v1::WatchStackRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kStack, context.project(), name));
  v1::WatchStackResponse message;
  absl::Status written;
  const absl::Status status = context.client().Stream(
      "StackService/WatchStack", request, &message,
      [&] {
        const v1::Stack& stack = message.stack();
        written = context.output().Write(stack, [&] {
          const std::string state = v1::Stack::State_Name(stack.state());
          context.output().out() << absl::FormatTime("%H:%M:%S", context.Now(), absl::UTCTimeZone())
                                 << "  "
                                 << Paint(state, StateColor(state), context.output().color())
                                 << "  " << stack.state_detail().message() << std::endl;
        });
        return written.ok();
      },
      [] { return true; }, absl::InfiniteFuture());
  if (!written.ok()) return written;
  return status;
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
  stacks.Sub("get", "Show a stack").Argument("NAME", name.get(), "Stack").Run([&context, name] {
    return Get(context, *name);
  });
  stacks.Sub("wait", "Wait until what goes on with a stack is done; its outcome is the exit code")
      .Argument("NAME", name.get(), "Stack")
      .Option("--timeout", timeout.get(), "TIME", "Longest wait [1h]")
      .Run([&context, name, timeout] { return Wait(context, *name, *timeout); });
  AddStackChangeCommands(stacks, context);
  stacks.Sub("resources", "List what is in the stack's state")
      .Argument("NAME", name.get(), "Stack")
      .Run([&context, name] { return Resources(context, *name); });
  stacks.Sub("outputs", "Show what the stack tells")
      .Argument("NAME", name.get(), "Stack")
      .Argument("OUTPUT", only.get(), "Only the value of this one", false)
      .Flag("--reveal", reveal.get(), "Secrets in clear; this is recorded")
      .Run([&context, name, only, reveal] { return Outputs(context, *name, *only, *reveal); });
  stacks.Sub("revisions", "List what was asked of the stack so far")
      .Argument("NAME", name.get(), "Stack")
      .Run([&context, name] { return Revisions(context, *name); });
  stacks.Sub("watch", "Show every change of the stack as it happens")
      .Argument("NAME", name.get(), "Stack")
      .Run([&context, name] { return Watch(context, *name); });
}

}  // namespace stackyard::cli
