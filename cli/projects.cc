#include <memory>

#include "cli/commands.h"
#include "cli/names.h"
#include "cli/params.h"
#include "cli/text.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "google/protobuf/empty.pb.h"
#include "stackyard/v1/projects.pb.h"

namespace stackyard::cli {
namespace {

struct CreateFlags {
  std::string id, title, description;
  std::vector<std::string> labels;
};

absl::Status List(Context& context, const std::string& filter) {
  v1::ListProjectsRequest request;
  request.set_filter(filter);
  v1::ListProjectsResponse response;
  RETURN_IF_ERROR(context.client().List("ProjectService/ListProjects", request, &response));
  return context.output().Write(response, [&] {
    Table table({"NAME", "TITLE", "DESCRIPTION", "AGE"});
    for (const v1::Project& project : response.projects()) {
      table.Add({LastPart(project.name()), project.display_name(), Cut(project.description(), 60),
                 Age(project.create_time(), context.Now())});
    }
    context.output().Show(table);
  });
}

absl::Status Get(Context& context, const std::string& name) {
  v1::GetProjectRequest request;
  request.set_name(InCollection("projects", name));
  return context.Show<v1::Project>("ProjectService/GetProject", request,
                                   [&](const v1::Project& project) {
                                     Fields fields;
                                     fields.Add("Name", project.name());
                                     fields.Add("Title", project.display_name());
                                     fields.Add("Description", project.description());
                                     fields.Add("Created", TimeText(project.create_time()));
                                     for (const auto& [key, value] : project.labels())
                                       fields.Add("Label " + key, value);
                                     context.output().Show(fields);
                                   });
}

absl::Status Create(Context& context, const CreateFlags& flags) {
  v1::CreateProjectRequest request;
  request.set_project_id(flags.id);
  request.mutable_project()->set_display_name(flags.title);
  request.mutable_project()->set_description(flags.description);
  ASSIGN_OR_RETURN(const auto labels, ReadPairs("label", flags.labels));
  for (const auto& [key, value] : labels) {
    (*request.mutable_project()->mutable_labels())[key] = value;
  }
  return context.Show<v1::Project>("ProjectService/CreateProject", request,
                                   [&](const v1::Project& project) {
                                     context.output().out() << project.name() << " created\n";
                                   });
}

absl::Status Update(Context& context, const CreateFlags& flags) {
  v1::UpdateProjectRequest request;
  v1::Project& project = *request.mutable_project();
  project.set_name(InCollection("projects", flags.id));
  auto& mask = *request.mutable_update_mask();
  if (!flags.title.empty()) {
    project.set_display_name(flags.title);
    mask.add_paths("display_name");
  }
  if (!flags.description.empty()) {
    project.set_description(flags.description);
    mask.add_paths("description");
  }
  if (!flags.labels.empty()) {
    ASSIGN_OR_RETURN(const auto labels, ReadPairs("label", flags.labels));
    for (const auto& [key, value] : labels) (*project.mutable_labels())[key] = value;
    mask.add_paths("labels");
  }
  if (mask.paths().empty()) return InvalidField("update", "give something to change");
  return context.Show<v1::Project>("ProjectService/UpdateProject", request,
                                   [&](const v1::Project& changed) {
                                     context.output().out() << changed.name() << " updated\n";
                                   });
}

absl::Status Delete(Context& context, const std::string& name) {
  v1::DeleteProjectRequest request;
  request.set_name(InCollection("projects", name));
  google::protobuf::Empty response;
  RETURN_IF_ERROR(context.client().Call("ProjectService/DeleteProject", request, &response));
  context.Note(request.name() + " is deleted");
  return absl::OkStatus();
}

}  // namespace

void AddProjectCommands(Command root, Context& context) {
  Command projects = root.Sub("projects", "Tenants: what owns stacks, quota and bindings");
  const auto name = std::make_shared<std::string>();
  const auto filter = std::make_shared<std::string>();
  const auto create = std::make_shared<CreateFlags>();
  projects.Sub("create", "Create a project")
      .Argument("NAME", &create->id, "Its id")
      .Option("--title", &create->title, "TEXT", "Name for people")
      .Option("--description", &create->description, "TEXT", "What it is for")
      .Option("--label", &create->labels, "KEY=VALUE", "A label")
      .Run([&context, create] { return Create(context, *create); });
  projects.Sub("list", "List the projects that you may see")
      .Option("--filter", filter.get(), "EXPRESSION", "AIP-160 filter")
      .Run([&context, filter] { return List(context, *filter); });
  projects.Sub("get", "Show a project")
      .Argument("PROJECT", name.get(), "Project")
      .Run([&context, name] { return Get(context, *name); });
  projects.Sub("update", "Change title, description or labels")
      .Argument("PROJECT", &create->id, "Project")
      .Option("--title", &create->title, "TEXT", "Name for people")
      .Option("--description", &create->description, "TEXT", "What it is for")
      .Option("--label", &create->labels, "KEY=VALUE",
              "A label, in place of those there are; may be repeated")
      .Run([&context, create] { return Update(context, *create); });
  projects.Sub("delete", "Delete a project that has no stacks")
      .Argument("PROJECT", name.get(), "Project")
      .Run([&context, name] { return Delete(context, *name); });
}

}  // namespace stackyard::cli
