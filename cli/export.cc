#include <yaml-cpp/yaml.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/manifest.h"
#include "cli/names.h"
#include "cli/yaml_text.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "stackyard/v1/projects.pb.h"
#include "stackyard/v1/quota.pb.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::cli {
namespace {

constexpr char kStack[] = "projects/*/stacks/*";

// One document; `resource` holds only what people decide.
absl::Status Write(Context& context, const google::protobuf::Message& resource) {
  ASSIGN_OR_RETURN(const std::string yaml, ToManifest(resource));
  context.output().out() << "---\n" << yaml;
  return absl::OkStatus();
}

absl::Status WriteStack(Context& context, const v1::Stack& stack) {
  v1::Stack kept;
  kept.set_name(stack.name());
  kept.set_display_name(stack.display_name());
  kept.set_template_version(stack.template_version());
  *kept.mutable_parameters() = stack.parameters();
  *kept.mutable_labels() = stack.labels();
  *kept.mutable_annotations() = stack.annotations();
  kept.set_publish_document(stack.publish_document());
  if (stack.lease().has_duration()) {
    *kept.mutable_lease()->mutable_duration() = stack.lease().duration();
  }
  return Write(context, kept);
}

absl::Status WriteProject(Context& context) {
  v1::GetProjectRequest get;
  ASSIGN_OR_RETURN(*get.mutable_name(), ProjectName(context.project()));
  v1::Project project;
  RETURN_IF_ERROR(context.client().Call("ProjectService/GetProject", get, &project));
  v1::Project kept;
  kept.set_name(project.name());
  kept.set_display_name(project.display_name());
  kept.set_description(project.description());
  *kept.mutable_labels() = project.labels();
  RETURN_IF_ERROR(Write(context, kept));

  v1::ListQuotaLimitsRequest request;
  request.set_parent(project.name());
  v1::ListQuotaLimitsResponse limits;
  RETURN_IF_ERROR(context.client().List("QuotaService/ListQuotaLimits", request, &limits));
  for (const v1::QuotaLimit& limit : limits.quota_limits()) {
    v1::QuotaLimit one;
    one.set_name(limit.name());
    one.set_value(limit.value());
    RETURN_IF_ERROR(Write(context, one));
  }
  return absl::OkStatus();
}

absl::Status Export(Context& context, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    v1::GetStackRequest request;
    ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kStack, context.project(), name));
    v1::Stack stack;
    RETURN_IF_ERROR(context.client().Call("StackService/GetStack", request, &stack));
    RETURN_IF_ERROR(WriteStack(context, stack));
  }
  if (names.empty()) {
    RETURN_IF_ERROR(WriteProject(context));
    v1::ListStacksRequest request;
    ASSIGN_OR_RETURN(*request.mutable_parent(), ProjectName(context.project()));
    v1::ListStacksResponse stacks;
    RETURN_IF_ERROR(context.client().List("StackService/ListStacks", request, &stacks));
    for (const v1::Stack& stack : stacks.stacks()) RETURN_IF_ERROR(WriteStack(context, stack));
  }
  context.output().out().flush();
  return absl::OkStatus();
}

}  // namespace

void AddExportCommand(Command root, Context& context) {
  const auto names = std::make_shared<std::vector<std::string>>();
  root.Sub("export", "Write files for `apply`: of stacks, or of the project and all that is in it")
      .Arguments("STACK", names.get(), "Stacks [the project, its limits and all its stacks]", false)
      .Run([&context, names] { return Export(context, *names); });
}

}  // namespace stackyard::cli
