// Rows of projects, templates and template versions.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "services/stacks/change.h"
#include "services/stacks/rows.h"
#include "stackyard/v1/catalog.pb.h"
#include "stackyard/v1/projects.pb.h"

namespace stackyard::stacks {

absl::StatusOr<v1::Project> FindProject(soci::session& sql, const std::string& id);
// RESOURCE_EXISTS when the id is taken.
absl::Status InsertProject(Change& change, const std::string& id, v1::Project& project);
absl::Status SaveProject(Change& change, const std::string& id, v1::Project& project);
void DeleteProject(Change& change, const std::string& id);
absl::StatusOr<Rows<v1::Project>> ListProjects(
    soci::session& sql, const Page& page, const std::function<bool(const v1::Project&)>& accept);

absl::StatusOr<v1::Template> FindTemplate(soci::session& sql, const std::string& id);
// Makes or changes a template.
absl::Status SaveTemplate(Change& change, const std::string& id, v1::Template& value);
// Deletes a template with its versions.
void DeleteTemplate(Change& change, const std::string& id);
absl::StatusOr<Rows<v1::Template>> ListTemplates(
    soci::session& sql, const Page& page, const std::function<bool(const v1::Template&)>& accept);

// A version with the text of its template.yaml.
struct StoredVersion {
  v1::TemplateVersion version;
  std::string spec;
};
// `version` may be `latest`.
absl::StatusOr<StoredVersion> FindVersion(soci::session& sql, const std::string& template_id,
                                          const std::string& version);
// `templates/{t}/versions/{v}`; INVALID_FIELD on `field`.
absl::StatusOr<StoredVersion> FindVersionByName(soci::session& sql, std::string_view field,
                                                const std::string& name);
absl::Status SaveVersion(Change& change, const std::string& template_id,
                         const std::string& version_id, const v1::TemplateVersion& version,
                         const std::string& spec);
// Newest first.
absl::StatusOr<Rows<v1::TemplateVersion>> ListVersions(
    soci::session& sql, const std::string& template_id, const Page& page,
    const std::function<bool(const v1::TemplateVersion&)>& accept);

// Whether a runner is yet to read a version of a template.
bool HasVersionInPreparation(soci::session& sql, const std::string& template_id);

// Points a template to its newest ACTIVE version, after one went out of use.
absl::Status PointToNewest(Change& change, const std::string& template_id);

}  // namespace stackyard::stacks
