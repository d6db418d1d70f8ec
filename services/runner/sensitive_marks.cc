#include "services/runner/sensitive_marks.h"

#include <string>
#include <utility>

namespace stackyard::runner {
namespace {

using nlohmann::json;

// One step down in a value; nullptr where there is nothing.
const json* Below(const json& value, const json& step) {
  if (step.is_string() && value.is_object()) {
    const auto found = value.find(step.get_ref<const std::string&>());
    return found == value.end() ? nullptr : &*found;
  }
  if (step.is_number_integer() && value.is_array() && step >= 0 && step < value.size()) {
    return &value[step.get<size_t>()];
  }
  return nullptr;
}

void Mark(const json& value, const json& path, size_t at, json& marks) {
  if (marks == true) return;
  if (at == path.size()) {
    marks = true;
    return;
  }
  const json& step = path[at];
  const json* below = Below(value, step);
  if (below == nullptr) return;
  if (step.is_string()) {
    if (!marks.is_object()) marks = json::object();
    Mark(*below, path, at + 1, marks[step.get_ref<const std::string&>()]);
    return;
  }
  if (!marks.is_array()) marks = json::array();
  const size_t index = step.get<size_t>();
  while (marks.size() <= index) marks.push_back(false);
  Mark(*below, path, at + 1, marks[index]);
}

}  // namespace

json SensitiveMarks(const json& value, const std::vector<json>& paths, json marks) {
  for (const json& path : paths) Mark(value, path, 0, marks);
  return marks;
}

}  // namespace stackyard::runner
