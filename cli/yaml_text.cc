#include "cli/yaml_text.h"

#include <yaml-cpp/yaml.h>

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace stackyard::cli {
namespace {

void Emit(const YAML::Node& node, YAML::Emitter& yaml) {
  switch (node.Type()) {
    case YAML::NodeType::Map:
      if (node.size() == 0) yaml << YAML::Flow;
      yaml << YAML::BeginMap;
      for (const auto& pair : node) {
        yaml << YAML::Key;
        Emit(pair.first, yaml);
        yaml << YAML::Value;
        Emit(pair.second, yaml);
      }
      yaml << YAML::EndMap;
      break;
    case YAML::NodeType::Sequence:
      if (node.size() == 0) yaml << YAML::Flow;
      yaml << YAML::BeginSeq;
      for (const auto& inner : node) Emit(inner, yaml);
      yaml << YAML::EndSeq;
      break;
    case YAML::NodeType::Scalar:
      // The reader marks what was quoted with the tag `!`.
      if (node.Tag() == "!") {
        yaml << YAML::DoubleQuoted << node.Scalar();
      } else if (node.Tag() != "?" && !node.Tag().empty()) {
        yaml << YAML::VerbatimTag(node.Tag()) << node.Scalar();
      } else {
        yaml << node.Scalar();
      }
      break;
    default:
      yaml << YAML::Null;
  }
}

}  // namespace

std::string YamlText(const YAML::Node& node) {
  YAML::Emitter yaml;
  Emit(node, yaml);
  return absl::StrCat(yaml.c_str(), "\n");
}

absl::StatusOr<YAML::Node> ParseYaml(const std::string& field, const std::string& path,
                                     const std::string& text) {
  try {
    return YAML::Load(text);
  } catch (const YAML::Exception& error) {
    return InvalidField(field, absl::StrCat(path, ":", error.mark.line + 1, ": ", error.msg));
  }
}

}  // namespace stackyard::cli
