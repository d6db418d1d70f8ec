#include "cli/apply_step.h"

#include <google/protobuf/util/json_util.h>

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/names.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "stackyard/v1/documents.pb.h"
#include "stackyard/v1/identity.pb.h"
#include "stackyard/v1/projects.pb.h"
#include "stackyard/v1/quota.pb.h"

namespace stackyard::cli {
namespace {

// What there is; nothing when there is none.
template <typename Resource, typename Request>
absl::StatusOr<std::optional<Resource>> Fetch(Context& context, const std::string& method,
                                              const std::string& name) {
  Request request;
  request.set_name(name);
  Resource resource;
  const absl::Status status = context.client().Call(method, request, &resource);
  if (status.code() == absl::StatusCode::kNotFound) return std::nullopt;
  RETURN_IF_ERROR(status);
  return resource;
}

// A call that is over when it is answered.
template <typename Response, typename Request>
absl::StatusOr<std::string> Send(Context& context, const std::string& method, Request& request) {
  Response response;
  request.clear_request_id();
  RETURN_IF_ERROR(context.client().Call(method, request, &response));
  return std::string();
}

// The fields of a manifest that can be changed.
std::set<std::string> Among(const Manifest& manifest, const std::set<std::string>& fields) {
  std::set<std::string> given;
  for (const std::string& field : manifest.given) {
    if (fields.count(field) > 0) given.insert(field);
  }
  return given;
}

void SetVerb(bool there, ApplyStep& step) {
  step.verb = !there                     ? ApplyStep::kCreate
              : step.differences.empty() ? ApplyStep::kNothing
                                         : ApplyStep::kUpdate;
}

absl::StatusOr<ApplyStep> ProjectStep(Context& context, const Manifest& manifest) {
  v1::Project wanted = static_cast<const v1::Project&>(*manifest.resource);
  wanted.set_name(InCollection("projects", wanted.name()));
  ASSIGN_OR_RETURN(const auto current, (Fetch<v1::Project, v1::GetProjectRequest>(
                                           context, "ProjectService/GetProject", wanted.name())));
  ApplyStep step;
  step.name = wanted.name();
  step.can_validate = true;
  step.differences = Compare(current.value_or(v1::Project()), wanted,
                             Among(manifest, {"display_name", "description", "labels"}));
  SetVerb(current.has_value(), step);
  if (!current.has_value()) {
    const auto request = std::make_shared<v1::CreateProjectRequest>();
    request->set_project_id(LastPart(wanted.name()));
    *request->mutable_project() = wanted;
    step.send = [&context, request](bool validate_only) {
      request->set_validate_only(validate_only);
      return Send<v1::Project>(context, "ProjectService/CreateProject", *request);
    };
    return step;
  }
  const auto request = std::make_shared<v1::UpdateProjectRequest>();
  *request->mutable_project() = wanted;
  std::set<std::string> changed;
  for (const Difference& one : step.differences) changed.insert(one.field);
  for (const std::string& field : changed) request->mutable_update_mask()->add_paths(field);
  step.send = [&context, request](bool validate_only) {
    request->set_validate_only(validate_only);
    return Send<v1::Project>(context, "ProjectService/UpdateProject", *request);
  };
  return step;
}

absl::StatusOr<std::string> ProjectFor(const Context& context, const Manifest& manifest) {
  const auto name = ProjectName(manifest.project.empty() ? context.project() : manifest.project);
  if (!name.ok()) return InvalidField(manifest.place, std::string(name.status().message()));
  return name;
}

absl::StatusOr<ApplyStep> LimitStep(Context& context, const Manifest& manifest) {
  v1::QuotaLimit wanted = static_cast<const v1::QuotaLimit&>(*manifest.resource);
  if (!absl::StrContains(wanted.name(), '/')) {
    ASSIGN_OR_RETURN(const std::string project, ProjectFor(context, manifest));
    wanted.set_name(absl::StrCat(project, "/quota/limits/", wanted.name()));
  }
  if (!manifest.Gives("value")) return InvalidField(manifest.place, "a limit needs a value");
  ASSIGN_OR_RETURN(const auto current, (Fetch<v1::QuotaLimit, v1::GetQuotaLimitRequest>(
                                           context, "QuotaService/GetQuotaLimit", wanted.name())));
  ApplyStep step;
  step.name = wanted.name();
  step.differences = Compare(current.value_or(v1::QuotaLimit()), wanted, {"value"});
  SetVerb(current.has_value(), step);
  const auto request = std::make_shared<v1::SetQuotaLimitRequest>();
  *request->mutable_quota_limit() = wanted;
  step.send = [&context, request](bool) {
    return Send<v1::QuotaLimit>(context, "QuotaService/SetQuotaLimit", *request);
  };
  return step;
}

// The same role for the same member is the same binding, whatever it is called.
absl::StatusOr<ApplyStep> BindingStep(Context& context, const Manifest& manifest) {
  v1::Binding wanted = static_cast<const v1::Binding&>(*manifest.resource);
  wanted.set_role(InCollection("roles", wanted.role()));
  if (!absl::StartsWith(wanted.member(), "groups/")) {
    wanted.set_member(InCollection("users", wanted.member()));
  }
  if (LastPart(wanted.role()).empty() || LastPart(wanted.member()).empty()) {
    return InvalidField(manifest.place, "a binding needs role and member");
  }
  std::string parent;
  if (absl::StartsWith(wanted.name(), "projects/")) {
    parent = FirstParts(wanted.name(), 2);
  } else if (!manifest.global && !absl::StartsWith(wanted.name(), "bindings/")) {
    ASSIGN_OR_RETURN(parent, ProjectFor(context, manifest));
  }
  v1::ListBindingsRequest list;
  list.set_parent(parent);
  v1::ListBindingsResponse bindings;
  const absl::Status listed =
      context.client().List("IdentityService/ListBindings", list, &bindings);
  // In a project that is made before it there is none.
  if (!listed.ok() && listed.code() != absl::StatusCode::kNotFound) return listed;
  ApplyStep step;
  step.name = absl::StrCat(parent, parent.empty() ? "" : " ", wanted.member(), " ", wanted.role());
  for (const v1::Binding& one : bindings.bindings()) {
    if (one.role() == wanted.role() && one.member() == wanted.member()) {
      step.name = one.name();
      return step;
    }
  }
  step.verb = ApplyStep::kCreate;
  step.differences = Compare(v1::Binding(), wanted, {"role", "member"});
  const auto request = std::make_shared<v1::CreateBindingRequest>();
  request->set_parent(parent);
  request->mutable_binding()->set_role(wanted.role());
  request->mutable_binding()->set_member(wanted.member());
  step.send = [&context, request](bool) {
    return Send<v1::Binding>(context, "IdentityService/CreateBinding", *request);
  };
  return step;
}

absl::StatusOr<ApplyStep> DocumentStep(Context& context, const Manifest& manifest) {
  v1::Document wanted = static_cast<const v1::Document&>(*manifest.resource);
  wanted.set_name(InCollection("documents", wanted.name()));
  ASSIGN_OR_RETURN(const auto current, (Fetch<v1::Document, v1::GetDocumentRequest>(
                                           context, "DocumentService/GetDocument", wanted.name())));
  if (!current.has_value() && !manifest.Gives("content")) {
    return InvalidField(manifest.place, "a new document needs content");
  }
  ApplyStep step;
  step.name = wanted.name();
  step.can_validate = true;
  step.differences =
      Compare(current.value_or(v1::Document()), wanted, Among(manifest, {"content", "public"}));
  SetVerb(current.has_value(), step);
  // Of what was compared; what somebody wrote since is not lost.
  const std::string etag =
      wanted.etag().empty() && current.has_value() ? current->etag() : wanted.etag();
  const bool rewrites = !current.has_value() || (manifest.Gives("content") &&
                                                 !Compare(*current, wanted, {"content"}).empty());
  if (!rewrites) {
    // Its bytes are not ours to write again.
    const auto update = std::make_shared<v1::UpdateDocumentRequest>();
    update->mutable_document()->set_name(wanted.name());
    update->mutable_document()->set_etag(etag);
    update->mutable_document()->set_public_(wanted.public_());
    update->mutable_update_mask()->add_paths("public");
    step.send = [&context, update](bool validate_only) {
      update->set_validate_only(validate_only);
      return Send<v1::Document>(context, "DocumentService/UpdateDocument", *update);
    };
    return step;
  }
  const auto request = std::make_shared<v1::PutDocumentRequest>();
  request->set_name(wanted.name());
  request->set_etag(etag);
  if (manifest.Gives("public")) request->set_public_(wanted.public_());
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(wanted.content(), &text).ok()) {
    return InvalidField(manifest.place, "content cannot be written as JSON");
  }
  request->mutable_content()->set_content_type("application/json");
  request->mutable_content()->set_data(text);
  step.send = [&context, request](bool validate_only) {
    request->set_validate_only(validate_only);
    return Send<v1::Document>(context, "DocumentService/PutDocument", *request);
  };
  return step;
}

}  // namespace

absl::StatusOr<ApplyStep> StepOf(Context& context, const Manifest& manifest,
                                 const ApplyOptions& options) {
  absl::StatusOr<ApplyStep> step = manifest.kind == "Project"      ? ProjectStep(context, manifest)
                                   : manifest.kind == "QuotaLimit" ? LimitStep(context, manifest)
                                   : manifest.kind == "Binding"    ? BindingStep(context, manifest)
                                   : manifest.kind == "Document"
                                       ? DocumentStep(context, manifest)
                                       : StackStep(context, manifest, options);
  if (step.ok()) step->kind = manifest.kind;
  return step;
}

}  // namespace stackyard::cli
