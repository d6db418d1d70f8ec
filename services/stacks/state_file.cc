#include "services/stacks/state_file.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "services/stacks/parameters.h"

namespace stackyard::stacks {
namespace {

using nlohmann::json;

constexpr int kFormatVersion = 4;
// Far more than Terraform's types nest; what is deeper would exhaust the stack.
constexpr int kMostNesting = 200;
// Shorter secrets turn up everywhere by chance.
constexpr size_t kMinSecret = 4;

absl::Status NoState(std::string_view what) {
  return InvalidField("state", absl::StrCat("is no Terraform state: ", std::string(what)));
}

absl::StatusOr<json> ParseJson(std::string_view text) {
  bool too_deep = false;
  const json state = json::parse(
      text,
      [&](int depth, json::parse_event_t, json&) {
        too_deep |= depth > kMostNesting;
        return !too_deep;
      },
      false);
  if (too_deep) return NoState("nested too deep");
  if (state.is_discarded() || !state.is_object()) return NoState("not a JSON object");
  if (state.value("version", json()) != kFormatVersion) return NoState("not of format version 4");
  const json serial = state.value("serial", json());
  if (!serial.is_number_integer() || serial.get<int64_t>() < 0) return NoState("no serial");
  if (!state.value("lineage", json()).is_string()) return NoState("no lineage");
  return state;
}

google::protobuf::Value ToValue(const json& value) {
  google::protobuf::Value proto;
  if (!google::protobuf::util::JsonStringToMessage(value.dump(), &proto).ok()) {
    proto.set_string_value(value.dump());
  }
  return proto;
}

std::string StringOr(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// `provider["registry.terraform.io/hashicorp/aws"]` to what stands in quotes.
std::string ProviderSource(const std::string& text) {
  const size_t begin = text.find('"');
  const size_t end = text.rfind('"');
  return begin == std::string::npos || end <= begin ? text
                                                    : text.substr(begin + 1, end - begin - 1);
}

// Index of an instance as it stands in an address: `[0]` or `["key"]`.
std::string IndexSuffix(const json& instance) {
  const auto found = instance.find("index_key");
  return found == instance.end() || found->is_null() ? "" : absl::StrCat("[", found->dump(), "]");
}

// Attributes of any type stand in the state as {"value": …, "type": …}; this is what they hold.
json* ValueIn(json* at) {
  const bool wrapped = at->is_object() && at->size() == 2 && at->contains("value") &&
                       at->contains("type") &&
                       ((*at)["type"].is_string() || (*at)["type"].is_array());
  return wrapped ? &(*at)["value"] : at;
}

// The element that a key or index leads to; nullptr: none.
json* Child(json* at, const json& step) {
  for (json* in : {ValueIn(at), at}) {
    if (step.is_string() && in->is_object()) {
      const auto found = in->find(step.get<std::string>());
      if (found != in->end()) return &*found;
    } else if (step.is_number_unsigned() && in->is_array() && step.get<size_t>() < in->size()) {
      return &(*in)[step.get<size_t>()];
    }
  }
  return nullptr;
}

void CollectTexts(const json& value, std::set<std::string>& texts) {
  if (value.is_string()) {
    if (value.get_ref<const std::string&>().size() >= kMinSecret) texts.insert(value);
  } else if (value.is_structured()) {
    for (const json& item : value) CollectTexts(item, texts);
  }
}

// Masks what `sensitive_attributes` points to: a list of paths, each a list of steps like
// {"type":"get_attr","value":"password"} or {"type":"index","value":{"value":0}}. A path that
// leads nowhere masks its whole attribute. The texts that were there are added to `secrets`.
void MaskSensitive(const json& paths, json& attributes, std::set<std::string>& secrets) {
  if (!paths.is_array() || !attributes.is_object()) return;
  for (const json& path : paths) {
    if (!path.is_array() || path.empty()) continue;
    json* at = &attributes;
    json* top = nullptr;
    for (const json& step : path) {
      json value = step.is_object() ? step.value("value", json()) : json();
      if (value.is_object()) value = value.value("value", json());
      json* next = Child(at, value);
      if (next == nullptr) {
        at = top;
        break;
      }
      at = next;
      if (top == nullptr) top = at;
    }
    if (at == nullptr) continue;
    CollectTexts(*at, secrets);
    *at = kMasked;
  }
}

// Providers copy secrets, as `terraform_data` does from `input` to `output`.
void MaskCopies(const std::set<std::string>& secrets, json& value) {
  if (value.is_string()) {
    if (secrets.count(value.get_ref<const std::string&>()) > 0) value = kMasked;
  } else if (value.is_structured()) {
    for (json& item : value) MaskCopies(secrets, item);
  }
}

v1::Resource ToResource(const json& resource, const json& instance, std::set<std::string> secrets) {
  v1::Resource proto;
  const std::string mode = StringOr(resource, "mode");
  const std::string module = StringOr(resource, "module");
  const std::string type = StringOr(resource, "type");
  proto.set_address(absl::StrCat(module, module.empty() ? "" : ".", mode == "data" ? "data." : "",
                                 type, ".", StringOr(resource, "name"), IndexSuffix(instance)));
  proto.set_name(proto.address());
  proto.set_type(type);
  proto.set_mode(mode);
  proto.set_provider(ProviderSource(StringOr(resource, "provider")));
  proto.set_tainted(StringOr(instance, "status") == "tainted");
  json attributes = instance.value("attributes", json::object());
  MaskSensitive(instance.value("sensitive_attributes", json()), attributes, secrets);
  MaskCopies(secrets, attributes);
  if (attributes.is_object()) proto.set_id(StringOr(attributes, "id"));
  proto.set_attributes_json(attributes.dump());
  return proto;
}

}  // namespace

absl::StatusOr<StateMark> ParseStateMark(std::string_view text) {
  ASSIGN_OR_RETURN(const json state, ParseJson(text));
  return StateMark{state["serial"].get<int64_t>(), state["lineage"].get<std::string>()};
}

absl::StatusOr<StateFile> ParseState(std::string_view text) {
  ASSIGN_OR_RETURN(const json state, ParseJson(text));
  StateFile file;
  file.serial = state["serial"].get<int64_t>();
  file.lineage = state["lineage"].get<std::string>();
  file.engine_version = StringOr(state, "terraform_version");
  const json outputs = state.value("outputs", json::object());
  if (!outputs.is_object()) return NoState("outputs is no object");
  std::set<std::string> secrets;
  for (const auto& [name, output] : outputs.items()) {
    if (!output.is_object()) return NoState(absl::StrCat("output ", name, " is no object"));
    v1::Output& proto = file.outputs[name];
    proto.set_sensitive(output.value("sensitive", json()) == true);
    const json value = output.value("value", json());
    *proto.mutable_value() = ToValue(value);
    if (proto.sensitive()) CollectTexts(value, secrets);
  }
  const json resources = state.value("resources", json::array());
  if (!resources.is_array()) return NoState("resources is no list");
  for (const json& resource : resources) {
    if (!resource.is_object()) return NoState("a resource is no object");
    const json instances = resource.value("instances", json::array());
    if (!instances.is_array()) return NoState("instances is no list");
    for (const json& instance : instances) {
      if (!instance.is_object()) return NoState("an instance is no object");
      // A deposed object is on its way out and has the address of its successor.
      if (instance.contains("deposed")) continue;
      file.resources.push_back(ToResource(resource, instance, secrets));
    }
  }
  std::sort(file.resources.begin(), file.resources.end(),
            [](const auto& a, const auto& b) { return a.address() < b.address(); });
  return file;
}

absl::StatusOr<std::string> WithSerial(std::string_view text, int64_t serial) {
  RETURN_IF_ERROR(ParseStateMark(text).status());
  int depth = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '{' || text[at] == '[') ++depth;
    if (text[at] == '}' || text[at] == ']') --depth;
    if (text[at] != '"') continue;
    const size_t begin = at++;
    while (text[at] != '"') at += text[at] == '\\' ? 2 : 1;
    const bool key = depth == 1 && text.substr(begin, at + 1 - begin) == "\"serial\"";
    const size_t colon = text.find_first_not_of(" \t\r\n", at + 1);
    if (!key || text[colon] != ':') continue;
    const size_t number = text.find_first_not_of(" \t\r\n", colon + 1);
    const size_t end = text.find_first_not_of("0123456789", number);
    std::string result =
        absl::StrCat(std::string(text.substr(0, number)), serial, std::string(text.substr(end)));
    // A key that stands there twice, say.
    ASSIGN_OR_RETURN(const StateMark mark, ParseStateMark(result));
    if (mark.serial != serial) return NoState("no plain serial");
    return result;
  }
  return NoState("no serial");
}

std::vector<MeteredResource> MeteredResources(
    const StateFile& state,
    const google::protobuf::Map<std::string, internal::v1::AttributePaths>& attributes) {
  std::vector<MeteredResource> metered;
  for (const v1::Resource& resource : state.resources) {
    if (resource.mode() != "managed") continue;
    MeteredResource& result = metered.emplace_back();
    result.set_address(resource.address());
    result.set_type(resource.type());
    const auto wanted = attributes.find(resource.type());
    if (wanted == attributes.end() || wanted->second.paths().empty()) continue;
    json values = json::parse(resource.attributes_json(), nullptr, false);
    for (const std::string& path : wanted->second.paths()) {
      json* at = &values;
      for (const auto& step : absl::StrSplit(path, '.')) {
        size_t index = 0;
        json* next = Child(at, std::string(step));
        if (next == nullptr && absl::SimpleAtoi(step, &index)) next = Child(at, index);
        at = next;
        if (at == nullptr) break;
      }
      if (at == nullptr || ValueIn(at)->is_null()) continue;
      (*result.mutable_attributes())[path] = ToValue(*ValueIn(at));
    }
  }
  return metered;
}

}  // namespace stackyard::stacks
