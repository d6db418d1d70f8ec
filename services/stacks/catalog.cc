#include "services/stacks/catalog.h"

#include <re2/re2.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/proto_time.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/bundle.h"
#include "services/stacks/catalog_store.h"
#include "services/stacks/events.h"
#include "services/stacks/labels.h"
#include "services/stacks/listing.h"
#include "services/stacks/operations.h"
#include "services/stacks/queue_store.h"
#include "services/stacks/stack_store.h"
#include "services/stacks/template_spec.h"

namespace stackyard::stacks {
namespace {

using google::longrunning::Operation;
using v1::Project;
using v1::Template;
using v1::TemplateVersion;

absl::Status Record(Change& change, const std::string& project, const std::string& type,
                    const std::string& resource, const std::string& message) {
  v1::Event event;
  event.set_type(type);
  event.set_resource(resource);
  event.set_message(message);
  return AppendEvent(change, project, event);
}

void CheckProject(const Project& project, Violations& violations) {
  if (project.display_name().size() > 100) {
    violations.Add("project.display_name", "must have at most 100 characters");
  }
  if (project.description().size() > 1000) {
    violations.Add("project.description", "must have at most 1000 characters");
  }
  CheckLabels("project.labels", project.labels(), violations);
}

bool IsVersionId(const std::string& id) {
  static const RE2 kPattern("[a-z0-9][a-z0-9._-]{0,39}");
  return id != "latest" && RE2::FullMatch(id, kPattern);
}

}  // namespace

absl::StatusOr<Project> Catalog::CreateProject(const Principal& caller,
                                               const v1::CreateProjectRequest& request) {
  Violations violations;
  if (!IsResourceId(request.project_id())) violations.Add("project_id", kResourceIdRule);
  CheckProject(request.project(), violations);
  RETURN_IF_ERROR(violations.ToStatus());
  Project project = request.project();
  project.set_name(absl::StrCat("projects/", request.project_id()));
  if (request.validate_only()) {
    RETURN_IF_ERROR(store_.Read([&](soci::session& sql) {
      return FindProject(sql, request.project_id()).ok() ? Exists(project.name())
                                                         : absl::OkStatus();
    }));
    return project;
  }
  return store_.WriteValue<Project>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<Project> {
        Project created = project;
        RETURN_IF_ERROR(Once(
            change, request.request_id(), "CreateProject", request, created, [&]() -> absl::Status {
              RETURN_IF_ERROR(InsertProject(change, request.project_id(), created));
              return Record(change, request.project_id(), "project.created", created.name(),
                            "the project was created");
            }));
        return created;
      });
}

absl::StatusOr<Project> Catalog::GetProject(const v1::GetProjectRequest& request) {
  ASSIGN_OR_RETURN(const auto parts, ParseName("name", request.name(), "projects/*"));
  return store_.ReadValue<Project>([&](soci::session& sql) { return FindProject(sql, parts[0]); });
}

absl::StatusOr<v1::ListProjectsResponse> Catalog::ListProjects(
    const Principal& caller, const v1::ListProjectsRequest& request) {
  ASSIGN_OR_RETURN(const Listing listing,
                   ReadListing<Project>(request, caller.user(), request.order_by()));
  return store_.ReadValue<v1::ListProjectsResponse>(
      [&](soci::session& sql) -> absl::StatusOr<v1::ListProjectsResponse> {
        ASSIGN_OR_RETURN(
            auto rows, stacks::ListProjects(sql, listing.page, [&](const Project& project) {
              return MaySee(caller, project.name().substr(9)) && listing.filter.Matches(project);
            }));
        v1::ListProjectsResponse response;
        response.mutable_projects()->Assign(rows.items.begin(), rows.items.end());
        response.set_next_page_token(listing.Token(rows.next));
        return response;
      });
}

absl::StatusOr<Project> Catalog::UpdateProject(const Principal& caller,
                                               const v1::UpdateProjectRequest& request) {
  ASSIGN_OR_RETURN(const auto parts,
                   ParseName("project.name", request.project().name(), "projects/*"));
  Violations violations;
  CheckProject(request.project(), violations);
  RETURN_IF_ERROR(violations.ToStatus());
  return store_.WriteValue<Project>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<Project> {
        Project project;
        RETURN_IF_ERROR(Once(
            change, request.request_id(), "UpdateProject", request, project, [&]() -> absl::Status {
              ASSIGN_OR_RETURN(project, FindProject(change.sql, parts[0]));
              RETURN_IF_ERROR(CheckEtag(request.project().etag(), project.etag(), project.name()));
              RETURN_IF_ERROR(ApplyMask(request.project(), request.update_mask(),
                                        {"display_name", "description", "labels"}, project));
              if (request.validate_only()) return absl::OkStatus();
              RETURN_IF_ERROR(SaveProject(change, parts[0], project));
              return Record(change, parts[0], "project.updated", project.name(),
                            "the project was changed");
            }));
        return project;
      });
}

absl::Status Catalog::DeleteProject(const Principal& caller,
                                    const v1::DeleteProjectRequest& request) {
  ASSIGN_OR_RETURN(const auto parts, ParseName("name", request.name(), "projects/*"));
  return store_.Write(ActorOf(caller), [&](Change& change) -> absl::Status {
    ASSIGN_OR_RETURN(const Project project, FindProject(change.sql, parts[0]));
    RETURN_IF_ERROR(CheckEtag(request.etag(), project.etag(), project.name()));
    if (CountLiveStacks(change.sql, parts[0], "") > 0) {
      return Error(v1::WRONG_STATE, absl::StrCat(project.name(), " still has stacks"),
                   {{"resource", project.name()}});
    }
    if (request.validate_only()) return absl::OkStatus();
    stacks::DeleteProject(change, parts[0]);
    return Record(change, parts[0], "project.deleted", project.name(), "the project was deleted");
  });
}

absl::StatusOr<Operation> Catalog::Publish(const Principal& caller,
                                           const v1::PublishTemplateVersionRequest& request) {
  Violations violations;
  const auto parent = ParseName("parent", request.parent(), "templates/*");
  const std::string template_id = parent.ok() ? (*parent)[0] : "";
  if (!IsResourceId(template_id)) {
    violations.Add("parent", absl::StrCat("must be templates/{template}; the last part ",
                                          std::string(kResourceIdRule)));
  }
  if (!IsVersionId(request.version_id())) {
    violations.Add("version_id",
                   "must be 1 to 40 of a-z, 0-9, `.`, `-` and `_`, start with a letter or digit "
                   "and not be `latest`");
  }
  RETURN_IF_ERROR(violations.ToStatus());
  ASSIGN_OR_RETURN(const BundleContent content, ReadBundle(request.bundle()));
  ASSIGN_OR_RETURN(const TemplateSpec spec, ParseTemplateSpec(content.template_yaml));

  TemplateVersion version = spec.version;
  version.clear_parameters();
  version.set_name(absl::StrCat("templates/", template_id, "/versions/", request.version_id()));
  version.set_state(TemplateVersion::PREPARING);
  version.mutable_state_detail()->set_message("a runner reads the module");
  version.set_readme(content.readme);
  version.set_publisher(caller.user());
  // A version can be published again only when it came to nothing.
  const auto check_name = [&](soci::session& sql) -> absl::Status {
    const auto existing = FindVersion(sql, template_id, request.version_id());
    const bool taken = existing.ok() && existing->version.state() != TemplateVersion::FAILED;
    return taken ? Exists(version.name()) : absl::OkStatus();
  };
  if (request.validate_only()) {
    RETURN_IF_ERROR(store_.Read(check_name));
    Operation operation;
    operation.set_done(true);
    operation.mutable_response()->PackFrom(version);
    return operation;
  }
  ASSIGN_OR_RETURN(*version.mutable_bundle_digest(), blobs_.Put(request.bundle()));
  return store_.WriteValue<Operation>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<Operation> {
        Operation operation;
        RETURN_IF_ERROR(Once(
            change, request.request_id(), "Publish", request, operation, [&]() -> absl::Status {
              RETURN_IF_ERROR(check_name(change.sql));
              TemplateVersion stored = version;
              *stored.mutable_create_time() = ToProto(change.now);
              if (!FindTemplate(change.sql, template_id).ok()) {
                Template made;
                made.set_name(request.parent());
                made.set_title(version.title());
                made.set_description(version.description());
                RETURN_IF_ERROR(SaveTemplate(change, template_id, made));
              }
              ASSIGN_OR_RETURN(const OperationRecord record,
                               CreateOperation(change, "", version.name(), "publish",
                                               OperationMetadata::PREPARING,
                                               "a runner reads and validates the module"));
              // The operation is found again by the spec's row.
              RETURN_IF_ERROR(SaveVersion(
                  change, template_id, request.version_id(), stored,
                  absl::StrCat(record.operation().name(), "\n", content.template_yaml)));
              RETURN_IF_ERROR(Enqueue(change, version.name(), version.name(),
                                      internal::v1::Assignment::INSPECT));
              RETURN_IF_ERROR(Record(change, kCatalogue, "template.published", version.name(),
                                     "the version is being prepared"));
              operation = Show(record);
              return absl::OkStatus();
            }));
        return operation;
      });
}

absl::Status OnInspected(Change& change, const std::string& version_name,
                         const internal::v1::CompleteRunRequest& result) {
  ASSIGN_OR_RETURN(const auto parts, ParseName("name", version_name, "templates/*/versions/*"));
  ASSIGN_OR_RETURN(StoredVersion stored, FindVersion(change.sql, parts[0], parts[1]));
  // The operation's name is kept in the line before the text.
  const std::pair<std::string, std::string> parts_of_spec =
      absl::StrSplit(stored.spec, absl::MaxSplits('\n', 1));
  const auto& [operation, yaml] = parts_of_spec;
  TemplateVersion& version = stored.version;

  absl::Status status = FromProto(result.status());
  if (status.ok()) {
    ASSIGN_OR_RETURN(const TemplateSpec spec, ParseTemplateSpec(yaml));
    status = JoinModule(spec, result.module().parameters(), result.module().outputs(), version);
  }
  for (const auto& provider : result.module().providers()) version.add_providers(provider);
  *version.mutable_diagnostics() = result.diagnostics();
  version.set_state(status.ok() ? TemplateVersion::ACTIVE : TemplateVersion::FAILED);
  auto& detail = *version.mutable_state_detail();
  detail.set_message(status.ok() ? "ready for stacks" : std::string(status.message()));
  *detail.mutable_since() = ToProto(change.now);
  if (!status.ok()) *detail.mutable_error() = ToProto(status);
  RETURN_IF_ERROR(SaveVersion(change, parts[0], parts[1], version, stored.spec));

  if (status.ok()) {
    ASSIGN_OR_RETURN(Template value, FindTemplate(change.sql, parts[0]));
    value.set_title(version.title());
    value.set_description(version.description());
    value.set_latest_version(version.name());
    RETURN_IF_ERROR(SaveTemplate(change, parts[0], value));
  }
  RETURN_IF_ERROR(Record(change, kCatalogue, status.ok() ? "template.active" : "template.failed",
                         version.name(), detail.message()));
  return FinishOperation(change, operation, status, &version);
}

absl::StatusOr<Template> Catalog::GetTemplate(const v1::GetTemplateRequest& request) {
  ASSIGN_OR_RETURN(const auto parts, ParseName("name", request.name(), "templates/*"));
  return store_.ReadValue<Template>(
      [&](soci::session& sql) { return FindTemplate(sql, parts[0]); });
}

absl::StatusOr<v1::ListTemplatesResponse> Catalog::ListTemplates(
    const v1::ListTemplatesRequest& request) {
  ASSIGN_OR_RETURN(const Listing listing, ReadListing<Template>(request, "", request.order_by()));
  return store_.ReadValue<v1::ListTemplatesResponse>(
      [&](soci::session& sql) -> absl::StatusOr<v1::ListTemplatesResponse> {
        ASSIGN_OR_RETURN(auto rows,
                         stacks::ListTemplates(sql, listing.page, [&](const Template& value) {
                           return listing.filter.Matches(value);
                         }));
        v1::ListTemplatesResponse response;
        response.mutable_templates()->Assign(rows.items.begin(), rows.items.end());
        response.set_next_page_token(listing.Token(rows.next));
        return response;
      });
}

absl::StatusOr<Template> Catalog::UpdateTemplate(const Principal& caller,
                                                 const v1::UpdateTemplateRequest& request) {
  ASSIGN_OR_RETURN(const auto parts,
                   ParseName("template.name", request.template_().name(), "templates/*"));
  Violations violations;
  CheckLabels("template.labels", request.template_().labels(), violations);
  RETURN_IF_ERROR(violations.ToStatus());
  return store_.WriteValue<Template>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<Template> {
        Template value;
        RETURN_IF_ERROR(Once(
            change, request.request_id(), "UpdateTemplate", request, value, [&]() -> absl::Status {
              ASSIGN_OR_RETURN(value, FindTemplate(change.sql, parts[0]));
              RETURN_IF_ERROR(CheckEtag(request.template_().etag(), value.etag(), value.name()));
              RETURN_IF_ERROR(ApplyMask(request.template_(), request.update_mask(),
                                        {"labels", "deprecation"}, value));
              if (request.validate_only()) return absl::OkStatus();
              RETURN_IF_ERROR(SaveTemplate(change, parts[0], value));
              return Record(change, kCatalogue, "template.updated", value.name(),
                            "the template was changed");
            }));
        return value;
      });
}

absl::Status Catalog::DeleteTemplate(const Principal& caller,
                                     const v1::DeleteTemplateRequest& request) {
  ASSIGN_OR_RETURN(const auto parts, ParseName("name", request.name(), "templates/*"));
  return store_.Write(ActorOf(caller), [&](Change& change) -> absl::Status {
    ASSIGN_OR_RETURN(const Template value, FindTemplate(change.sql, parts[0]));
    RETURN_IF_ERROR(CheckEtag(request.etag(), value.etag(), value.name()));
    if (CountLiveStacks(change.sql, "", parts[0]) > 0) {
      return Error(v1::WRONG_STATE, absl::StrCat(value.name(), " is still used by stacks"),
                   {{"resource", value.name()}});
    }
    if (HasVersionInPreparation(change.sql, parts[0])) {
      return Error(v1::WRONG_STATE,
                   absl::StrCat("a version of ", value.name(), " is still being prepared"),
                   {{"resource", value.name()}});
    }
    if (request.validate_only()) return absl::OkStatus();
    stacks::DeleteTemplate(change, parts[0]);
    return Record(change, kCatalogue, "template.deleted", value.name(), "the template was deleted");
  });
}

absl::StatusOr<TemplateVersion> Catalog::GetVersion(const v1::GetTemplateVersionRequest& request) {
  return store_.ReadValue<TemplateVersion>(
      [&](soci::session& sql) -> absl::StatusOr<TemplateVersion> {
        ASSIGN_OR_RETURN(const StoredVersion stored,
                         FindVersionByName(sql, "name", request.name()));
        return stored.version;
      });
}

absl::StatusOr<v1::ListTemplateVersionsResponse> Catalog::ListVersions(
    const v1::ListTemplateVersionsRequest& request) {
  ASSIGN_OR_RETURN(const auto parts, ParseName("parent", request.parent(), "templates/*"));
  ASSIGN_OR_RETURN(const Listing listing,
                   ReadListing<TemplateVersion>(request, request.parent(), request.order_by(),
                                                "create_time desc"));
  return store_.ReadValue<v1::ListTemplateVersionsResponse>(
      [&](soci::session& sql) -> absl::StatusOr<v1::ListTemplateVersionsResponse> {
        RETURN_IF_ERROR(FindTemplate(sql, parts[0]).status());
        ASSIGN_OR_RETURN(auto rows, stacks::ListVersions(sql, parts[0], listing.page,
                                                         [&](const TemplateVersion& version) {
                                                           return listing.filter.Matches(version);
                                                         }));
        v1::ListTemplateVersionsResponse response;
        response.mutable_template_versions()->Assign(rows.items.begin(), rows.items.end());
        response.set_next_page_token(listing.Token(rows.next));
        return response;
      });
}

absl::StatusOr<TemplateVersion> Catalog::Deprecate(
    const Principal& caller, const v1::DeprecateTemplateVersionRequest& request) {
  ASSIGN_OR_RETURN(const auto parts, ParseName("name", request.name(), "templates/*/versions/*"));
  return store_.WriteValue<TemplateVersion>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<TemplateVersion> {
        TemplateVersion version;
        RETURN_IF_ERROR(Once(
            change, request.request_id(), "Deprecate", request, version, [&]() -> absl::Status {
              ASSIGN_OR_RETURN(StoredVersion stored, FindVersion(change.sql, parts[0], parts[1]));
              version = stored.version;
              if (version.state() != TemplateVersion::ACTIVE) {
                return Error(v1::WRONG_STATE,
                             absl::StrCat(version.name(), " is not ACTIVE but ",
                                          TemplateVersion::State_Name(version.state())),
                             {{"resource", version.name()}});
              }
              version.set_state(TemplateVersion::DEPRECATED);
              version.mutable_state_detail()->set_message(request.reason());
              *version.mutable_state_detail()->mutable_since() = ToProto(change.now);
              RETURN_IF_ERROR(SaveVersion(change, parts[0], parts[1], version, stored.spec));
              RETURN_IF_ERROR(Record(change, kCatalogue, "template.deprecated", version.name(),
                                     request.reason()));
              return PointToNewest(change, parts[0]);
            }));
        return version;
      });
}

absl::StatusOr<v1::DownloadTemplateVersionResponse> Catalog::Download(
    const v1::DownloadTemplateVersionRequest& request) {
  ASSIGN_OR_RETURN(
      const TemplateVersion version,
      store_.ReadValue<TemplateVersion>([&](soci::session& sql) -> absl::StatusOr<TemplateVersion> {
        ASSIGN_OR_RETURN(const StoredVersion stored,
                         FindVersionByName(sql, "name", request.name()));
        return stored.version;
      }));
  v1::DownloadTemplateVersionResponse response;
  ASSIGN_OR_RETURN(*response.mutable_bundle(), blobs_.Get(version.bundle_digest()));
  return response;
}

}  // namespace stackyard::stacks
