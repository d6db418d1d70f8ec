#include "services/stacks/catalog_service.h"

#include "common/handler.h"

namespace stackyard::stacks {

using grpc::ServerContext;

grpc::Status ProjectRpc::CreateProject(ServerContext* context,
                                       const v1::CreateProjectRequest* request,
                                       v1::Project* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return catalog_.CreateProject(caller, *request); });
}

grpc::Status ProjectRpc::GetProject(ServerContext* context, const v1::GetProjectRequest* request,
                                    v1::Project* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return catalog_.GetProject(*request); });
}

grpc::Status ProjectRpc::ListProjects(ServerContext* context,
                                      const v1::ListProjectsRequest* request,
                                      v1::ListProjectsResponse* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return catalog_.ListProjects(caller, *request); });
}

grpc::Status ProjectRpc::UpdateProject(ServerContext* context,
                                       const v1::UpdateProjectRequest* request,
                                       v1::Project* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return catalog_.UpdateProject(caller, *request); });
}

grpc::Status ProjectRpc::DeleteProject(ServerContext* context,
                                       const v1::DeleteProjectRequest* request,
                                       google::protobuf::Empty* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return catalog_.DeleteProject(caller, *request); });
}

grpc::Status CatalogRpc::GetTemplate(ServerContext* context, const v1::GetTemplateRequest* request,
                                     v1::Template* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return catalog_.GetTemplate(*request); });
}

grpc::Status CatalogRpc::ListTemplates(ServerContext* context,
                                       const v1::ListTemplatesRequest* request,
                                       v1::ListTemplatesResponse* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return catalog_.ListTemplates(*request); });
}

grpc::Status CatalogRpc::UpdateTemplate(ServerContext* context,
                                        const v1::UpdateTemplateRequest* request,
                                        v1::Template* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return catalog_.UpdateTemplate(caller, *request); });
}

grpc::Status CatalogRpc::DeleteTemplate(ServerContext* context,
                                        const v1::DeleteTemplateRequest* request,
                                        google::protobuf::Empty* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return catalog_.DeleteTemplate(caller, *request); });
}

grpc::Status CatalogRpc::PublishTemplateVersion(ServerContext* context,
                                                const v1::PublishTemplateVersionRequest* request,
                                                google::longrunning::Operation* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return catalog_.Publish(caller, *request); });
}

grpc::Status CatalogRpc::GetTemplateVersion(ServerContext* context,
                                            const v1::GetTemplateVersionRequest* request,
                                            v1::TemplateVersion* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return catalog_.GetVersion(*request); });
}

grpc::Status CatalogRpc::ListTemplateVersions(ServerContext* context,
                                              const v1::ListTemplateVersionsRequest* request,
                                              v1::ListTemplateVersionsResponse* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return catalog_.ListVersions(*request); });
}

grpc::Status CatalogRpc::DeprecateTemplateVersion(
    ServerContext* context, const v1::DeprecateTemplateVersionRequest* request,
    v1::TemplateVersion* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return catalog_.Deprecate(caller, *request); });
}

grpc::Status CatalogRpc::DownloadTemplateVersion(ServerContext* context,
                                                 const v1::DownloadTemplateVersionRequest* request,
                                                 v1::DownloadTemplateVersionResponse* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return catalog_.Download(*request); });
}

}  // namespace stackyard::stacks
