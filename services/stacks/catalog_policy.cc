#include "services/stacks/catalog_policy.h"

#include <re2/re2.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/status.h"
#include "common/yaml_reader.h"

namespace stackyard::stacks {
namespace {

using internal::v1::CatalogPolicy;

class PolicyReader {
 public:
  PolicyReader(const std::string& file, Violations& violations)
      : file_(file), yaml_(file, violations) {}

  CatalogPolicy Read(const YAML::Node& root) {
    CatalogPolicy policy = DefaultCatalogPolicy();
    static const RE2 kProvider(R"([a-z0-9.:*_-]+/[a-z0-9*_-]+/[a-z0-9*_-]+)");
    static const RE2 kSource(R"(\S+)");
    static const RE2 kType(R"([a-z0-9_-]+)");
    yaml_.ReadMap(root, file_,
                  {{"providers",
                    [&](const YAML::Node& n) {
                      ReadList(n, "providers", kProvider,
                               "a source HOST/NAMESPACE/TYPE, in lower case",
                               *policy.mutable_providers());
                    }},
                   {"module_sources",
                    [&](const YAML::Node& n) {
                      ReadList(n, "module_sources", kSource, "a source without blanks",
                               *policy.mutable_module_sources());
                    }},
                   {"provisioners",
                    [&](const YAML::Node& n) {
                      ReadList(n, "provisioners", kType, "a type like local-exec",
                               *policy.mutable_provisioners());
                    }},
                   {"denied_data_sources", [&](const YAML::Node& n) {
                      ReadList(n, "denied_data_sources", kType, "a type like external",
                               *policy.mutable_denied_data_sources());
                    }}});
    return policy;
  }

 private:
  using Texts = google::protobuf::RepeatedPtrField<std::string>;

  void ReadList(const YAML::Node& node, const std::string& where, const RE2& pattern,
                std::string_view what, Texts& texts) {
    texts.Clear();
    yaml_.ReadList(node, where, [&](const YAML::Node& item, const std::string& at) {
      const std::string text = yaml_.ReadString(item, at, 500);
      if (!RE2::FullMatch(text, pattern)) {
        yaml_.Fault(item, absl::StrCat(at, " must be ", std::string(what)));
      }
      *texts.Add() = text;
    });
  }

  const std::string file_;
  YamlReader yaml_;
};

}  // namespace

CatalogPolicy DefaultCatalogPolicy() {
  CatalogPolicy policy;
  policy.add_denied_data_sources("external");
  return policy;
}

absl::StatusOr<CatalogPolicy> ParseCatalogPolicy(const std::string& file, std::string_view yaml) {
  Violations violations;
  CatalogPolicy policy;
  try {
    const std::string text(yaml);
    RefuseAliases(file, text, violations);
    if (!violations.empty()) return violations.ToStatus();
    const YAML::Node root = YAML::Load(text);
    // An empty file says nothing: the default.
    policy = root.IsNull() ? DefaultCatalogPolicy() : PolicyReader(file, violations).Read(root);
  } catch (const YAML::Exception& error) {
    violations.Add(absl::StrCat(file, ":", error.mark.line + 1),
                   absl::StrCat("is no YAML: ", error.msg));
  }
  if (!violations.empty()) return violations.ToStatus();
  return policy;
}

absl::StatusOr<CatalogPolicy> LoadCatalogPolicy(const std::string& path) {
  if (path.empty()) return DefaultCatalogPolicy();
  std::ifstream stream(path);
  std::stringstream text;
  text << stream.rdbuf();
  if (!stream || std::filesystem::is_directory(path)) {
    return absl::InvalidArgumentError(absl::StrCat("--catalog-policy=", path, " cannot be read"));
  }
  auto policy = ParseCatalogPolicy(std::filesystem::path(path).filename().string(), text.str());
  if (policy.ok()) return policy;
  return absl::InvalidArgumentError(absl::StrCat(
      "--catalog-policy: ", absl::StrReplaceAll(policy.status().message(), {{"\n", "; "}})));
}

}  // namespace stackyard::stacks
