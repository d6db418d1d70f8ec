// The catalogue and the projects: what is published, and for whom.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/blob_store.h"
#include "google/longrunning/operations.pb.h"
#include "services/stacks/change.h"
#include "stackyard/internal/v1/run_queue.pb.h"
#include "stackyard/v1/catalog.pb.h"
#include "stackyard/v1/projects.pb.h"

namespace stackyard::stacks {

class Catalog {
 public:
  Catalog(Store& store, BlobStore& blobs) : store_(store), blobs_(blobs) {}

  absl::StatusOr<v1::Project> CreateProject(const Principal& caller,
                                            const v1::CreateProjectRequest& request);
  absl::StatusOr<v1::Project> GetProject(const v1::GetProjectRequest& request);
  absl::StatusOr<v1::ListProjectsResponse> ListProjects(const Principal& caller,
                                                        const v1::ListProjectsRequest& request);
  absl::StatusOr<v1::Project> UpdateProject(const Principal& caller,
                                            const v1::UpdateProjectRequest& request);
  absl::Status DeleteProject(const Principal& caller, const v1::DeleteProjectRequest& request);

  absl::StatusOr<google::longrunning::Operation> Publish(
      const Principal& caller, const v1::PublishTemplateVersionRequest& request);
  absl::StatusOr<v1::Template> GetTemplate(const v1::GetTemplateRequest& request);
  absl::StatusOr<v1::ListTemplatesResponse> ListTemplates(const v1::ListTemplatesRequest& request);
  absl::StatusOr<v1::Template> UpdateTemplate(const Principal& caller,
                                              const v1::UpdateTemplateRequest& request);
  absl::Status DeleteTemplate(const Principal& caller, const v1::DeleteTemplateRequest& request);
  absl::StatusOr<v1::TemplateVersion> GetVersion(const v1::GetTemplateVersionRequest& request);
  absl::StatusOr<v1::ListTemplateVersionsResponse> ListVersions(
      const v1::ListTemplateVersionsRequest& request);
  absl::StatusOr<v1::TemplateVersion> Deprecate(const Principal& caller,
                                                const v1::DeprecateTemplateVersionRequest& request);
  absl::StatusOr<v1::DownloadTemplateVersionResponse> Download(
      const v1::DownloadTemplateVersionRequest& request);

 private:
  Store& store_;
  BlobStore& blobs_;
};

// A runner read the module of a version, or found it wrong: the version becomes ACTIVE or FAILED
// and its operation ends.
absl::Status OnInspected(Change& change, const std::string& version_name,
                         const internal::v1::CompleteRunRequest& result);

}  // namespace stackyard::stacks
