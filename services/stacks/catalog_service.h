// The catalogue and the projects over gRPC.
#pragma once

#include "services/stacks/catalog.h"
#include "stackyard/v1/catalog.grpc.pb.h"
#include "stackyard/v1/projects.grpc.pb.h"

namespace stackyard::stacks {

class ProjectRpc final : public v1::ProjectService::Service {
 public:
  explicit ProjectRpc(Catalog& catalog) : catalog_(catalog) {}

  grpc::Status CreateProject(grpc::ServerContext* context, const v1::CreateProjectRequest* request,
                             v1::Project* response) override;
  grpc::Status GetProject(grpc::ServerContext* context, const v1::GetProjectRequest* request,
                          v1::Project* response) override;
  grpc::Status ListProjects(grpc::ServerContext* context, const v1::ListProjectsRequest* request,
                            v1::ListProjectsResponse* response) override;
  grpc::Status UpdateProject(grpc::ServerContext* context, const v1::UpdateProjectRequest* request,
                             v1::Project* response) override;
  grpc::Status DeleteProject(grpc::ServerContext* context, const v1::DeleteProjectRequest* request,
                             google::protobuf::Empty* response) override;

 private:
  Catalog& catalog_;
};

class CatalogRpc final : public v1::CatalogService::Service {
 public:
  explicit CatalogRpc(Catalog& catalog) : catalog_(catalog) {}

  grpc::Status GetTemplate(grpc::ServerContext* context, const v1::GetTemplateRequest* request,
                           v1::Template* response) override;
  grpc::Status ListTemplates(grpc::ServerContext* context, const v1::ListTemplatesRequest* request,
                             v1::ListTemplatesResponse* response) override;
  grpc::Status UpdateTemplate(grpc::ServerContext* context,
                              const v1::UpdateTemplateRequest* request,
                              v1::Template* response) override;
  grpc::Status DeleteTemplate(grpc::ServerContext* context,
                              const v1::DeleteTemplateRequest* request,
                              google::protobuf::Empty* response) override;
  grpc::Status PublishTemplateVersion(grpc::ServerContext* context,
                                      const v1::PublishTemplateVersionRequest* request,
                                      google::longrunning::Operation* response) override;
  grpc::Status GetTemplateVersion(grpc::ServerContext* context,
                                  const v1::GetTemplateVersionRequest* request,
                                  v1::TemplateVersion* response) override;
  grpc::Status ListTemplateVersions(grpc::ServerContext* context,
                                    const v1::ListTemplateVersionsRequest* request,
                                    v1::ListTemplateVersionsResponse* response) override;
  grpc::Status DeprecateTemplateVersion(grpc::ServerContext* context,
                                        const v1::DeprecateTemplateVersionRequest* request,
                                        v1::TemplateVersion* response) override;
  grpc::Status DownloadTemplateVersion(grpc::ServerContext* context,
                                       const v1::DownloadTemplateVersionRequest* request,
                                       v1::DownloadTemplateVersionResponse* response) override;

 private:
  Catalog& catalog_;
};

}  // namespace stackyard::stacks
