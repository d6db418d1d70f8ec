#include "cli/config.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/atomic_file.h"
#include "cli/context.h"
#include "cli/nearest.h"
#include "cli/yaml_text.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::cli {
namespace {

std::string ConfigPath(const Environment& environment) {
  return ConfigFolder(environment) + "/config.yaml";
}

// Reads the known keys of a map. INVALID_FIELD that names the line.
class KeyReader {
 public:
  KeyReader(const std::string& path, const YAML::Node& node) : path_(path), node_(node) {}

  absl::Status Fault(const YAML::Node& at, const std::string& what) const {
    return InvalidField("config", absl::StrCat(path_, ":", at.Mark().line + 1, ": ", what));
  }
  absl::Status Read(
      const std::map<std::string, std::function<absl::Status(const YAML::Node&)>>& known,
      const std::string& what) const {
    if (!node_.IsMap()) return Fault(node_, what + " must be a map");
    std::vector<std::string> names;
    for (const auto& [name, read] : known) names.push_back(name);
    for (const auto& pair : node_) {
      const std::string key = pair.first.IsScalar() ? pair.first.Scalar() : "";
      const auto found = known.find(key);
      if (found == known.end()) {
        return Fault(pair.first, absl::StrCat("unknown key \"", key, "\"", DidYouMean(key, names)));
      }
      RETURN_IF_ERROR(found->second(pair.second));
    }
    return absl::OkStatus();
  }
  // Reads a scalar into `target`.
  std::function<absl::Status(const YAML::Node&)> Text(std::string* target) const {
    return [this, target](const YAML::Node& value) -> absl::Status {
      if (!value.IsScalar()) return Fault(value, "must be a text");
      *target = value.Scalar();
      return absl::OkStatus();
    };
  }
  std::function<absl::Status(const YAML::Node&)> Bool(bool* target) const {
    return [this, target](const YAML::Node& value) -> absl::Status {
      const std::string text = value.IsScalar() ? value.Scalar() : "";
      if (text != "true" && text != "false") return Fault(value, "must be true or false");
      *target = text == "true";
      return absl::OkStatus();
    };
  }

 private:
  const std::string& path_;
  const YAML::Node node_;
};

absl::StatusOr<ServerContext> ReadContext(const std::string& path, const YAML::Node& node) {
  ServerContext context;
  const KeyReader reader(path, node);
  RETURN_IF_ERROR(reader.Read({{"name", reader.Text(&context.name)},
                               {"endpoint", reader.Text(&context.endpoint)},
                               {"ca-file", reader.Text(&context.ca_file)},
                               {"plaintext", reader.Bool(&context.plaintext)},
                               {"project", reader.Text(&context.project)}},
                              "a context"));
  if (context.name.empty()) return reader.Fault(node, "a context needs a name");
  return context;
}

}  // namespace

const ServerContext* Config::Find(const std::string& name) const {
  for (const ServerContext& context : contexts) {
    if (context.name == name) return &context;
  }
  return nullptr;
}

ServerContext* Config::Find(const std::string& name) {
  return const_cast<ServerContext*>(std::as_const(*this).Find(name));
}

absl::StatusOr<Config> ParseConfig(const std::string& path, const std::string& text) {
  Config config;
  ASSIGN_OR_RETURN(const YAML::Node node, ParseYaml("config", path, text));
  if (node.IsNull()) return config;
  const KeyReader reader(path, node);
  RETURN_IF_ERROR(reader.Read(
      {{"current-context", reader.Text(&config.current)},
       {"contexts",
        [&](const YAML::Node& list) -> absl::Status {
          if (!list.IsSequence()) return reader.Fault(list, "contexts must be a list");
          for (const auto& one : list) {
            ASSIGN_OR_RETURN(ServerContext context, ReadContext(path, one));
            if (config.Find(context.name) != nullptr) {
              return reader.Fault(one, absl::StrCat("there are two contexts ", context.name));
            }
            config.contexts.push_back(std::move(context));
          }
          return absl::OkStatus();
        }}},
      "the file"));
  return config;
}

std::string ConfigText(const Config& config) {
  YAML::Node node;
  node["current-context"] = config.current;
  node["contexts"] = YAML::Node(YAML::NodeType::Sequence);
  for (const ServerContext& context : config.contexts) {
    YAML::Node one;
    one["name"] = context.name;
    one["endpoint"] = context.endpoint;
    if (!context.ca_file.empty()) one["ca-file"] = context.ca_file;
    if (context.plaintext) one["plaintext"] = "true";
    if (!context.project.empty()) one["project"] = context.project;
    node["contexts"].push_back(one);
  }
  return YamlText(node);
}

absl::Status CheckContextName(const std::string& name) {
  const bool good = !name.empty() && name.size() <= 63 && name[0] != '.' && name[0] != '-' &&
                    std::all_of(name.begin(), name.end(), [](unsigned char c) {
                      return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
                    });
  if (good) return absl::OkStatus();
  return InvalidField(
      "context",
      absl::StrCat("a name has 1 to 63 letters, digits, `.`, `_` and `-`, ", "not \"", name, "\""));
}

absl::Status NoSuchContext(const Config& config, const std::string& name) {
  std::vector<std::string> names;
  for (const ServerContext& context : config.contexts) names.push_back(context.name);
  return absl::NotFoundError(absl::StrCat(
      "there is no context \"", name, "\"",
      names.empty() ? "; make one with: stackyard login --server URL" : DidYouMean(name, names),
      names.empty() ? "" : absl::StrCat(" (there are: ", absl::StrJoin(names, ", "), ")")));
}

std::string ConfigFolder(const Environment& environment) {
  const std::string config = environment.Variable("XDG_CONFIG_HOME");
  if (!config.empty()) return config + "/stackyard";
  const std::string home = environment.Variable("HOME");
  return home.empty() ? "" : home + "/.config/stackyard";
}

absl::StatusOr<Config> LoadConfig(const Environment& environment) {
  if (ConfigFolder(environment).empty()) return Config();
  const std::string path = ConfigPath(environment);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return Config();
  ASSIGN_OR_RETURN(const std::string text, ReadFile("config", path));
  return ParseConfig(path, text);
}

absl::Status EditConfig(const Environment& environment,
                        const std::function<absl::Status(Config&)>& edit) {
  const std::string folder = ConfigFolder(environment);
  if (folder.empty()) {
    return InvalidField("config",
                        "there is no place for it: neither HOME nor XDG_CONFIG_HOME is set");
  }
  RETURN_IF_ERROR(MakePrivateFolder("config", folder));
  ASSIGN_OR_RETURN(const FileLock lock, FileLock::Take("config", folder + "/.lock"));
  ASSIGN_OR_RETURN(Config config, LoadConfig(environment));
  RETURN_IF_ERROR(edit(config));
  return ReplaceFile("config", ConfigPath(environment), ConfigText(config), 0600);
}

}  // namespace stackyard::cli
