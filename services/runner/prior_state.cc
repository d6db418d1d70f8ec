#include "services/runner/prior_state.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "services/runner/resource_address.h"
#include "services/runner/sensitive_marks.h"
#include "services/runner/stored_value.h"

namespace stackyard::runner {
namespace {

using nlohmann::json;

constexpr int kStateVersion = 4;

absl::Status Unexpected(std::string_view what) {
  return absl::FailedPreconditionError(std::string(what));
}

const json& Member(const json& object, const char* name) {
  static const json kNone;
  if (!object.is_object()) return kNone;
  const auto found = object.find(name);
  return found == object.end() ? kNone : *found;
}

std::string Text(const json& object, const char* name) {
  const json& member = Member(object, name);
  return member.is_string() ? member.get<std::string>() : std::string();
}

// `[[{"type": "get_attr", "value": "input"}, {"type": "index", "value": {"value": 0, …}}]]`
absl::StatusOr<std::vector<json>> ReadPaths(const json& stored) {
  std::vector<json> paths;
  for (const json& steps : stored) {
    json& path = paths.emplace_back(json::array());
    for (const json& step : steps) {
      const json& value = Member(step, "value");
      path.push_back(Text(step, "type") == "get_attr" ? value : Member(value, "value"));
      if (!path.back().is_string() && !path.back().is_number()) {
        return Unexpected("a path through a set");
      }
    }
  }
  return paths;
}

absl::StatusOr<std::string> AddressOf(const json& resource, const json& instance) {
  std::string address = Text(resource, "module");
  if (!address.empty()) address += ".";
  ResourceAddress::Key key;
  const json& index = Member(instance, "index_key");
  if (index.is_string()) key = index.get<std::string>();
  if (index.is_number_integer()) key = index.get<int64_t>();
  if (index.is_null() == (key.index() != 0)) return Unexpected("an odd key of an instance");
  ASSIGN_OR_RETURN(const std::string text, KeyText(key));
  return absl::StrCat(address, Text(resource, "type"), ".", Text(resource, "name"), text);
}

absl::StatusOr<json> ReadInstance(const json& resource, const json& instance,
                                  const ResourceSchema& schema) {
  const json& attributes = Member(instance, "attributes");
  if (!attributes.is_object()) return Unexpected("a state of an old format");
  json result;
  ASSIGN_OR_RETURN(result["address"], AddressOf(resource, instance));
  result["mode"] = "managed";
  result["type"] = Text(resource, "type");
  ASSIGN_OR_RETURN(json values, ReadStateValue(attributes, schema.type()));
  ASSIGN_OR_RETURN(const std::vector<json> paths,
                   ReadPaths(Member(instance, "sensitive_attributes")));
  result["sensitive_values"] = SensitiveMarks(values, paths, schema.SensitiveMarks(values));
  result["values"] = std::move(values);
  return result;
}

}  // namespace

absl::StatusOr<std::string> ProviderSource(std::string_view provider) {
  constexpr std::string_view kBefore = "provider[\"";
  const size_t start = provider.rfind(kBefore);
  if (start == std::string_view::npos) return Unexpected("an odd provider");
  provider.remove_prefix(start + kBefore.size());
  const size_t end = provider.find("\"]");
  if (end == std::string_view::npos) return Unexpected("an odd provider");
  return std::string(provider.substr(0, end));
}

absl::StatusOr<json> PriorResources(std::string_view state, const ResourceSchemas& schemas) {
  json resources = json::array();
  if (state.empty()) return resources;
  const json parsed = json::parse(state, nullptr, /*allow_exceptions=*/false);
  if (Member(parsed, "version") != kStateVersion) return Unexpected("a state of another format");
  for (const json& resource : Member(parsed, "resources")) {
    if (Text(resource, "mode") != "managed") continue;
    ASSIGN_OR_RETURN(const std::string source, ProviderSource(Text(resource, "provider")));
    const std::string type = Text(resource, "type");
    const ResourceSchema* schema = schemas.Find(source, ResourceMode::kManaged, type);
    if (schema == nullptr) return Unexpected(absl::StrCat("the schema of ", type));
    for (const json& instance : Member(resource, "instances")) {
      ASSIGN_OR_RETURN(json read, ReadInstance(resource, instance, *schema));
      resources.push_back(std::move(read));
    }
  }
  return resources;
}

}  // namespace stackyard::runner
