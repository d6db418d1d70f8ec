#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/bundle.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/names.h"
#include "cli/params.h"
#include "cli/template_text.h"
#include "cli/text.h"
#include "common/id.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "google/protobuf/empty.pb.h"
#include "stackyard/v1/catalog.pb.h"

namespace stackyard::cli {
namespace {

absl::Status List(Context& context, const std::string& filter) {
  v1::ListTemplatesRequest request;
  request.set_filter(filter);
  v1::ListTemplatesResponse response;
  RETURN_IF_ERROR(context.client().List("CatalogService/ListTemplates", request, &response));
  return context.output().Write(response, [&] {
    Table table({"NAME", "TITLE", "LATEST", "AGE", "NOTE"});
    for (const v1::Template& t : response.templates()) {
      table.Add({LastPart(t.name()), Cut(t.title(), 40), LastPart(t.latest_version()),
                 Age(t.create_time(), context.Now()),
                 t.deprecation().empty() ? "" : "deprecated: " + t.deprecation()});
    }
    context.output().Show(table);
  });
}

absl::Status Versions(Context& context, const std::string& name) {
  v1::ListTemplateVersionsRequest request;
  request.set_parent(InCollection("templates", name));
  v1::ListTemplateVersionsResponse response;
  RETURN_IF_ERROR(context.client().List("CatalogService/ListTemplateVersions", request, &response));
  return context.output().Write(response, [&] {
    Table table({"VERSION", "STATE", "PUBLISHER", "AGE"});
    for (const v1::TemplateVersion& version : response.template_versions()) {
      table.Add({LastPart(version.name()), v1::TemplateVersion::State_Name(version.state()),
                 LastPart(version.publisher()), Age(version.create_time(), context.Now())});
    }
    context.output().Show(table);
  });
}

absl::Status Get(Context& context, const std::string& name) {
  v1::GetTemplateRequest request;
  request.set_name(InCollection("templates", name));
  return context.Show<v1::Template>("CatalogService/GetTemplate", request,
                                    [&](const v1::Template& t) {
                                      Fields fields;
                                      fields.Add("Name", t.name());
                                      fields.Add("Title", t.title());
                                      fields.Add("Description", t.description());
                                      fields.Add("Latest", LastPart(t.latest_version()));
                                      fields.Add("Deprecated", t.deprecation());
                                      fields.Add("Created", TimeText(t.create_time()));
                                      context.output().Show(fields);
                                    });
}

struct TemplateFlags {
  std::string name, deprecation;
  std::vector<std::string> labels;
  bool restore = false;
};

absl::Status Update(Context& context, const TemplateFlags& flags) {
  v1::UpdateTemplateRequest request;
  v1::Template& wanted = *request.mutable_template_();
  wanted.set_name(InCollection("templates", flags.name));
  auto& mask = *request.mutable_update_mask();
  if (!flags.labels.empty()) {
    ASSIGN_OR_RETURN(const auto labels, ReadPairs("label", flags.labels));
    for (const auto& [key, value] : labels) (*wanted.mutable_labels())[key] = value;
    mask.add_paths("labels");
  }
  if (flags.restore && !flags.deprecation.empty()) {
    return InvalidField("restore", "give --deprecation or --restore, not both");
  }
  if (flags.restore || !flags.deprecation.empty()) {
    wanted.set_deprecation(flags.deprecation);
    mask.add_paths("deprecation");
  }
  if (mask.paths().empty()) return InvalidField("update", "give something to change");
  return context.Show<v1::Template>(
      "CatalogService/UpdateTemplate", request,
      [&](const v1::Template& t) { context.output().out() << t.name() << " updated\n"; });
}

absl::Status Delete(Context& context, const std::string& name) {
  v1::DeleteTemplateRequest request;
  request.set_name(InCollection("templates", name));
  google::protobuf::Empty response;
  RETURN_IF_ERROR(context.client().Call("CatalogService/DeleteTemplate", request, &response));
  context.Note(request.name() + " is deleted, with its versions");
  return absl::OkStatus();
}

absl::Status Describe(Context& context, const std::string& name) {
  v1::GetTemplateVersionRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), VersionName(name));
  return context.Show<v1::TemplateVersion>(
      "CatalogService/GetTemplateVersion", request, [&](const v1::TemplateVersion& version) {
        context.output().out() << TemplateVersionText(version, context.output().color());
      });
}

struct PublishFlags {
  std::string directory, version, name;
  bool validate_only = false;
  WaitFlags wait;
};

absl::Status Publish(Context& context, const PublishFlags& flags) {
  v1::PublishTemplateVersionRequest request;
  ASSIGN_OR_RETURN(*request.mutable_bundle(), PackBundle(flags.directory));
  std::string name = flags.name;
  if (name.empty()) {
    name = std::filesystem::weakly_canonical(flags.directory).filename().string();
  }
  request.set_parent(InCollection("templates", name));
  // The same files are the same version.
  request.set_version_id(flags.version.empty() ? Sha256Hex(request.bundle()).substr(0, 12)
                                               : flags.version);
  request.set_validate_only(flags.validate_only);
  Operation operation;
  RETURN_IF_ERROR(
      context.client().Call("CatalogService/PublishTemplateVersion", request, &operation));
  v1::TemplateVersion version;
  return Finish(context, operation, flags.wait, &version, [&] {
    context.output().out() << version.name() << " is "
                           << v1::TemplateVersion::State_Name(version.state()) << "\n";
  });
}

absl::Status Deprecate(Context& context, const std::string& name, const std::string& reason) {
  v1::DeprecateTemplateVersionRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), VersionName(name));
  request.set_reason(reason);
  return context.Show<v1::TemplateVersion>(
      "CatalogService/DeprecateTemplateVersion", request, [&](const v1::TemplateVersion& version) {
        context.output().out() << version.name() << " is not for new stacks any more\n";
      });
}

absl::Status Download(Context& context, const std::string& name, const std::string& file) {
  v1::DownloadTemplateVersionRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), VersionName(name));
  v1::DownloadTemplateVersionResponse response;
  RETURN_IF_ERROR(
      context.client().Call("CatalogService/DownloadTemplateVersion", request, &response));
  if (file == "-") {
    context.output().out() << response.bundle() << std::flush;
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(WriteFile("file", file, response.bundle()));
  context.Note(absl::StrCat("Wrote ", response.bundle().size(), " bytes to ", file));
  return absl::OkStatus();
}

}  // namespace

void AddTemplateCommands(Command root, Context& context) {
  Command templates = root.Sub("templates", "The catalogue of what can be asked for");
  const auto name = std::make_shared<std::string>();
  const auto text = std::make_shared<std::string>();

  templates.Sub("list", "List templates")
      .Option("--filter", text.get(), "EXPRESSION", "AIP-160 filter")
      .Run([&context, text] { return List(context, *text); });
  templates.Sub("get", "Show a template")
      .Argument("TEMPLATE", name.get(), "Template")
      .Run([&context, name] { return Get(context, *name); });
  templates.Sub("describe", "Show parameters, outputs, price and rules of a version")
      .Argument("TEMPLATE[@VERSION]", name.get(), "Template, or one version of it")
      .Run([&context, name] { return Describe(context, *name); });
  templates.Sub("versions", "List the versions of a template")
      .Argument("TEMPLATE", name.get(), "Template")
      .Run([&context, name] { return Versions(context, *name); });

  const auto publish = std::make_shared<PublishFlags>();
  Command command = templates.Sub("publish", "Publish a folder as a version of a template");
  command.Argument("DIR", &publish->directory, "Folder with a Terraform module and template.yaml")
      .Option("--version", &publish->version, "ID", "Version [from the content]")
      .Option("--name", &publish->name, "TEMPLATE", "Template [the folder's name]")
      .Flag("--validate-only", &publish->validate_only, "Check the files, publish nothing");
  publish->wait.AddTo(command);
  command.Run([&context, publish] { return Publish(context, *publish); });

  const auto flags = std::make_shared<TemplateFlags>();
  templates.Sub("update", "Change labels, or advise against a template")
      .Argument("TEMPLATE", &flags->name, "Template")
      .Option("--label", &flags->labels, "KEY=VALUE",
              "A label, in place of those there are; may be repeated")
      .Option("--deprecation", &flags->deprecation, "TEXT",
              "Not for new stacks; what to use instead")
      .Flag("--restore", &flags->restore, "For new stacks again")
      .Run([&context, flags] { return Update(context, *flags); });
  templates.Sub("delete", "Delete a template that no stack uses")
      .Argument("TEMPLATE", name.get(), "Template")
      .Run([&context, name] { return Delete(context, *name); });
  templates.Sub("deprecate", "Mark a version as not for new stacks")
      .Argument("TEMPLATE@VERSION", name.get(), "Version")
      .Option("--reason", text.get(), "TEXT", "What to use instead")
      .Run([&context, name, text] { return Deprecate(context, *name, *text); });
  templates.Sub("download", "Fetch the bundle of a version (tar.gz)")
      .Argument("TEMPLATE[@VERSION]", name.get(), "Template, or one version of it")
      .Option("-f,--file", text.get(), "PATH", "Where to write it; - is the standard output")
      .Required()
      .Run([&context, name, text] { return Download(context, *name, *text); });
}

}  // namespace stackyard::cli
