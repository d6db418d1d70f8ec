#include <algorithm>
#include <map>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/apply_step.h"
#include "cli/follow.h"
#include "cli/names.h"
#include "cli/plan_text.h"
#include "cli/text.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "stackyard/v1/catalog.pb.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::cli {
namespace {

// What sensitive values read as.
constexpr char kMasked[] = "(sensitive)";

// Fields that an update can change.
const std::set<std::string>& Changeable() {
  static const std::set<std::string> kFields = {"display_name", "template_version",
                                                "parameters",   "labels",
                                                "annotations",  "publish_document"};
  return kFields;
}

bool IsGone(const v1::Stack& stack) {
  return stack.state() == v1::Stack::DESTROYED || stack.state() == v1::Stack::REJECTED;
}

// The stack that there is; nothing when there is none.
absl::StatusOr<std::optional<v1::Stack>> Fetch(Context& context, const std::string& name) {
  v1::GetStackRequest request;
  request.set_name(name);
  v1::Stack stack;
  const absl::Status status = context.client().Call("StackService/GetStack", request, &stack);
  if (status.code() == absl::StatusCode::kNotFound) return std::nullopt;
  RETURN_IF_ERROR(status);
  if (IsGone(stack)) return std::nullopt;
  return stack;
}

absl::StatusOr<v1::TemplateVersion> FetchVersion(Context& context, const std::string& name) {
  v1::GetTemplateVersionRequest request;
  request.set_name(name);
  v1::TemplateVersion version;
  RETURN_IF_ERROR(context.client().Call("CatalogService/GetTemplateVersion", request, &version));
  return version;
}

std::set<std::string> SecretsOf(const v1::TemplateVersion& version) {
  std::set<std::string> names;
  for (const v1::Parameter& parameter : version.parameters()) {
    if (parameter.sensitive()) names.insert(parameter.name());
  }
  return names;
}

// The same stack as people may see it.
v1::Stack Masked(v1::Stack stack, const std::set<std::string>& secrets) {
  for (auto& [name, value] : *stack.mutable_parameters()->mutable_fields()) {
    if (secrets.count(name) > 0) value.set_string_value(kMasked);
  }
  return stack;
}

std::string ReasonOf(const Manifest& manifest, const ApplyOptions& options) {
  return options.reason.empty() ? manifest.reason : options.reason;
}

absl::StatusOr<std::string> Send(Context& context, const std::string& method,
                                 google::protobuf::Message& request) {
  Operation operation;
  RETURN_IF_ERROR(context.client().Call("StackService/" + method, request, &operation));
  if (operation.done()) RETURN_IF_ERROR(OutcomeOf(operation));
  return operation.done() ? std::string() : operation.name();
}

// What a plan of it would do.
std::function<absl::StatusOr<std::string>()> Preview(Context& context, v1::Stack stack,
                                                     const std::string& parent, bool is_new) {
  if (is_new) stack.clear_name();
  return [&context, stack, parent]() -> absl::StatusOr<std::string> {
    v1::PreviewStackRequest request;
    request.set_parent(parent);
    *request.mutable_stack() = stack;
    Operation operation;
    RETURN_IF_ERROR(context.client().Call("StackService/PreviewStack", request, &operation));
    ASSIGN_OR_RETURN(operation, Follow(context, operation.name(), absl::Hours(1), std::nullopt));
    RETURN_IF_ERROR(OutcomeOf(operation));
    v1::StackPreview preview;
    operation.response().UnpackTo(&preview);
    return absl::StrCat(PlanText(preview.plan(), context.output().color()),
                        preview.fits() ? "Quota holds for it.\n" : "Quota does not hold for it:\n",
                        ShortfallsText(preview.shortfalls()));
  };
}

absl::StatusOr<ApplyStep> CreateStep(Context& context, const Manifest& manifest,
                                     const ApplyOptions& options, const v1::Stack& wanted,
                                     const std::set<std::string>& secrets) {
  for (const auto& [name, value] : wanted.parameters().fields()) {
    if (secrets.count(name) > 0 && value.string_value() == kMasked) {
      return InvalidField(manifest.place, absl::StrCat("parameters.", name,
                                                       " is masked: a new stack needs its value"));
    }
  }
  ApplyStep step;
  step.verb = ApplyStep::kCreate;
  std::set<std::string> shown = Changeable();
  shown.insert("lease");
  step.differences = Compare(v1::Stack(), Masked(wanted, secrets), shown);
  const auto request = std::make_shared<v1::CreateStackRequest>();
  request->set_parent(FirstParts(wanted.name(), 2));
  request->set_stack_id(LastPart(wanted.name()));
  request->set_reason(ReasonOf(manifest, options));
  *request->mutable_stack() = wanted;
  request->mutable_stack()->clear_etag();
  step.send = [&context, request](bool validate_only) {
    request->set_validate_only(validate_only);
    request->clear_request_id();
    return Send(context, "CreateStack", *request);
  };
  step.preview = Preview(context, request->stack(), request->parent(), true);
  return step;
}

// A lease is set at the beginning; afterwards it is asked for.
void NoteLease(const v1::Stack& current, const v1::Stack& wanted, ApplyStep& step) {
  if (!wanted.lease().has_duration() || current.lease().extended()) return;
  const absl::Duration has = FromProto(current.lease().duration());
  const absl::Duration asked = FromProto(wanted.lease().duration());
  if (has == asked) return;
  step.notes.push_back(absl::StrCat("its lease stays ", absl::FormatDuration(has),
                                    "; for more: stackyard stacks extend ", step.name));
}

absl::StatusOr<ApplyStep> UpdateStep(Context& context, const Manifest& manifest,
                                     const ApplyOptions& options, const v1::Stack& current,
                                     v1::Stack wanted, const std::set<std::string>& secrets) {
  ApplyStep step;
  step.name = wanted.name();
  std::set<std::string> fields;
  for (const std::string& field : manifest.given) {
    if (Changeable().count(field) > 0) fields.insert(field);
  }
  // Whether a secret differs nobody can see: it stays, unless it is to be sent.
  for (auto& [name, value] : *wanted.mutable_parameters()->mutable_fields()) {
    const bool there = current.parameters().fields().count(name) > 0;
    if (secrets.count(name) == 0 || !there || value.string_value() == kMasked) continue;
    if (options.send_secrets) {
      step.differences.push_back(
          {"parameters." + name, kMasked, "(sensitive), as the file says", "parameters"});
    } else {
      value.set_string_value(kMasked);
      step.notes.push_back(absl::StrCat("parameters.", name, " is sensitive and stays as it is; ",
                                        "--send-secrets sends it"));
    }
  }
  std::vector<Difference> others =
      Compare(Masked(current, secrets), Masked(wanted, secrets), fields);
  step.differences.insert(step.differences.end(), others.begin(), others.end());
  NoteLease(current, wanted, step);
  if (step.differences.empty()) {
    if (current.state() == v1::Stack::FAILED) {
      step.notes.push_back("it is FAILED; to try again: stackyard stacks retry " + step.name);
    }
    return step;
  }
  step.verb = ApplyStep::kUpdate;
  const auto request = std::make_shared<v1::UpdateStackRequest>();
  *request->mutable_stack() = wanted;
  request->mutable_stack()->clear_lease();
  request->set_reason(ReasonOf(manifest, options));
  std::set<std::string> changed;
  for (const Difference& one : step.differences) changed.insert(one.field);
  for (const std::string& field : changed) request->mutable_update_mask()->add_paths(field);
  step.send = [&context, request](bool validate_only) {
    request->set_validate_only(validate_only);
    request->clear_request_id();
    return Send(context, "UpdateStack", *request);
  };
  v1::Stack preview = wanted;
  if (!manifest.Gives("parameters")) *preview.mutable_parameters() = current.parameters();
  preview.clear_etag();
  step.preview = Preview(context, preview, FirstParts(wanted.name(), 2), false);
  return step;
}

}  // namespace

absl::StatusOr<ApplyStep> StackStep(Context& context, const Manifest& manifest,
                                    const ApplyOptions& options) {
  v1::Stack wanted = static_cast<const v1::Stack&>(*manifest.resource);
  const std::string& project = manifest.project.empty() ? context.project() : manifest.project;
  const auto name = FullName("projects/*/stacks/*", project, wanted.name());
  if (!name.ok()) return InvalidField(manifest.place, std::string(name.status().message()));
  wanted.set_name(*name);
  if (!wanted.publish_document().empty()) {
    wanted.set_publish_document(InCollection("documents", wanted.publish_document()));
  }
  ASSIGN_OR_RETURN(const std::optional<v1::Stack> current, Fetch(context, *name));
  if (wanted.template_version().empty()) {
    if (!current.has_value())
      return InvalidField(manifest.place, "a new stack needs templateVersion");
    wanted.set_template_version(current->template_version());
  }
  const auto version_name = VersionName(wanted.template_version());
  if (!version_name.ok()) {
    return InvalidField(manifest.place, std::string(version_name.status().message()));
  }
  const absl::StatusOr<v1::TemplateVersion> version = FetchVersion(context, *version_name);
  if (!version.ok()) {
    if (version.status().code() != absl::StatusCode::kNotFound) return version.status();
    return InvalidField(manifest.place, absl::StrCat("there is no ", *version_name));
  }
  // `latest` is a version of its own each day.
  wanted.set_template_version(version->name().empty() ? *version_name : version->name());
  const std::set<std::string> secrets = SecretsOf(*version);
  ASSIGN_OR_RETURN(ApplyStep step,
                   current.has_value()
                       ? UpdateStep(context, manifest, options, *current, wanted, secrets)
                       : CreateStep(context, manifest, options, wanted, secrets));
  step.name = *name;
  step.can_validate = true;
  return step;
}

}  // namespace stackyard::cli
