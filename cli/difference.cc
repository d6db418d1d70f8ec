#include "cli/difference.h"

#include <google/protobuf/util/json_util.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "cli/output.h"
#include "cli/text.h"

namespace stackyard::cli {
namespace {

using Json = nlohmann::json;

// A long value says little on one line.
constexpr size_t kLongest = 200;

// The fields that are set; names as in JSON.
Json JsonOf(const google::protobuf::Message& message) {
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text).ok()) return Json::object();
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? json : Json::object();
}

void CompareJson(const std::string& path, const std::string& field, const Json* before,
                 const Json* after, std::vector<Difference>& differences) {
  const auto is_object = [](const Json* json) { return json != nullptr && json->is_object(); };
  // A map that is not there is an empty one.
  const bool objects = (is_object(before) && is_object(after)) ||
                       (before == nullptr && is_object(after)) ||
                       (after == nullptr && is_object(before));
  if (objects) {
    std::set<std::string> keys;
    if (before != nullptr) {
      for (const auto& [key, value] : before->items()) keys.insert(key);
    }
    if (after != nullptr) {
      for (const auto& [key, value] : after->items()) keys.insert(key);
    }
    for (const std::string& key : keys) {
      const auto inner = [&](const Json* of) -> const Json* {
        if (of == nullptr) return nullptr;
        const auto found = of->find(key);
        return found == of->end() ? nullptr : &*found;
      };
      CompareJson(absl::StrCat(path, ".", key), field, inner(before), inner(after), differences);
    }
    return;
  }
  if (before != nullptr && after != nullptr && *before == *after) return;
  if (before == nullptr && after == nullptr) return;
  Difference difference;
  difference.path = path;
  difference.field = field;
  if (before != nullptr) difference.before = before->dump();
  if (after != nullptr) difference.after = after->dump();
  differences.push_back(std::move(difference));
}

}  // namespace

std::vector<Difference> Compare(const google::protobuf::Message& before,
                                const google::protobuf::Message& after,
                                const std::set<std::string>& fields) {
  std::vector<Difference> differences;
  const Json old_json = JsonOf(before);
  const Json new_json = JsonOf(after);
  const auto* type = before.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    if (fields.count(field->name()) == 0) continue;
    const auto was = old_json.find(field->json_name());
    const auto is = new_json.find(field->json_name());
    CompareJson(field->json_name(), field->name(), was == old_json.end() ? nullptr : &*was,
                is == new_json.end() ? nullptr : &*is, differences);
  }
  return differences;
}

std::string DifferencesText(const std::vector<Difference>& differences, bool color) {
  std::string text;
  for (const Difference& one : differences) {
    std::string line;
    Color paint = Color::kYellow;
    if (!one.before.has_value()) {
      paint = Color::kGreen;
      line = absl::StrCat("+ ", one.path, ": ", Cut(*one.after, kLongest));
    } else if (!one.after.has_value()) {
      paint = Color::kRed;
      line = absl::StrCat("- ", one.path, ": ", Cut(*one.before, kLongest));
    } else {
      line = absl::StrCat("~ ", one.path, ": ", Cut(*one.before, kLongest), " -> ",
                          Cut(*one.after, kLongest));
    }
    absl::StrAppend(&text, "    ", Paint(line, paint, color), "\n");
  }
  return text;
}

}  // namespace stackyard::cli
