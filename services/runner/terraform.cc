#include "services/runner/terraform.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace stackyard::runner {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> Folders(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
    if (entry.is_directory(error)) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// A string of HCL.
std::string Quoted(std::string_view text) {
  std::string result = "\"";
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' || c == '\\') result += '\\';
    result += c;
    // `${` and `%{` begin templates.
    if ((c == '$' || c == '%') && i + 1 < text.size() && text[i + 1] == '{') result += c;
  }
  return result + "\"";
}

std::string List(const std::vector<std::string>& items) {
  return absl::StrCat("[",
                      absl::StrJoin(items, ", ",
                                    [](std::string* out, const std::string& item) {
                                      absl::StrAppend(out, Quoted(item));
                                    }),
                      "]");
}

}  // namespace

std::vector<std::string> MirroredProviders(const std::string& mirror) {
  std::vector<std::string> sources;
  if (mirror.empty()) return sources;
  for (const std::string& host : Folders(mirror)) {
    for (const std::string& space : Folders(absl::StrCat(mirror, "/", host))) {
      for (const std::string& type : Folders(absl::StrCat(mirror, "/", host, "/", space))) {
        sources.push_back(absl::StrCat(host, "/", space, "/", type));
      }
    }
  }
  return sources;
}

std::string CliConfig(const std::string& mirror, bool direct) {
  const std::vector<std::string> mirrored = MirroredProviders(mirror);
  std::string config = "disable_checkpoint = true\n\nprovider_installation {\n";
  if (!mirrored.empty() || !direct) {
    absl::StrAppend(&config, "  filesystem_mirror {\n    path = ", Quoted(mirror), "\n");
    if (!mirrored.empty()) absl::StrAppend(&config, "    include = ", List(mirrored), "\n");
    absl::StrAppend(&config, "  }\n");
  }
  if (direct) {
    absl::StrAppend(&config, "  direct {\n");
    if (!mirrored.empty()) absl::StrAppend(&config, "    exclude = ", List(mirrored), "\n");
    absl::StrAppend(&config, "  }\n");
  }
  return config + "}\n";
}

Command Terraform::Make(const TerraformSite& site, std::vector<std::string> arguments) const {
  // What comes later wins.
  std::map<std::string, std::string> environment = site.environment;
  environment["PATH"] = kProgramPath;
  environment["HOME"] = site.home;
  environment["TMPDIR"] = site.tmp;
  environment["TF_IN_AUTOMATION"] = "1";
  environment["TF_INPUT"] = "0";
  environment["CHECKPOINT_DISABLE"] = "1";
  environment["TF_CLI_CONFIG_FILE"] = options_.cli_config;
  // Collecting garbage is half of the cost of a short run. With large providers beside it there is
  // no memory for that.
  environment["GOGC"] = site.starts_providers ? "100" : "off";
  environment["GOMEMLIMIT"] = site.memory_limit.empty() ? options_.memory_limit : site.memory_limit;

  Command command;
  command.argv = {options_.engine.path};
  command.argv.insert(command.argv.end(), std::make_move_iterator(arguments.begin()),
                      std::make_move_iterator(arguments.end()));
  for (const auto& [name, value] : environment) {
    command.environment.push_back(absl::StrCat(name, "=", value));
  }
  command.directory = site.folder;
  return command;
}

Command Terraform::Init(const TerraformSite& site) const {
  std::vector<std::string> arguments = {"init", "-input=false", "-no-color", "-backend=false"};
  if (engine().InitSpeaksJson()) arguments.push_back("-json");
  Command command = Make(site, std::move(arguments));
  // For providers and modules that are not here yet.
  command.network = NetworkUse::kAlways;
  return command;
}

Command Terraform::Validate(const TerraformSite& site) const {
  return Make(site, {"validate", "-json"});
}

Command Terraform::Plan(const TerraformSite& site, PlanKind kind) const {
  // Nobody else knows of the folder, so there is nothing to lock. The parameters are named here,
  // though Terraform finds the file by itself, so that they win over values in the bundle.
  std::vector<std::string> arguments = {"plan",
                                        "-json",
                                        "-input=false",
                                        "-lock=false",
                                        absl::StrCat("-out=", std::string(kPlanFile)),
                                        absl::StrCat("-var-file=", std::string(kParametersFile))};
  if (kind == PlanKind::kDestroy) arguments.push_back("-destroy");
  Command command = Make(site, std::move(arguments));
  command.network = NetworkUse::kIfAllowed;
  return command;
}

Command Terraform::Show(const TerraformSite& site, const std::string& plan) const {
  return Make(site, {"show", "-json", plan});
}

Command Terraform::Apply(const TerraformSite& site) const {
  Command command = Make(
      site, {"apply", "-json", "-input=false", "-lock=false", "-backup=-", std::string(kPlanFile)});
  command.network = NetworkUse::kIfAllowed;
  return command;
}

}  // namespace stackyard::runner
