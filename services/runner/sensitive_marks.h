// Trees that mark what is sensitive in a value.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

namespace stackyard::runner {

// Adds to `marks` (true, false, objects and arrays of them) what the paths, arrays of names and
// indices, lead to in the value. A path that leads nowhere marks nothing.
nlohmann::json SensitiveMarks(const nlohmann::json& value, const std::vector<nlohmann::json>& paths,
                              nlohmann::json marks);

}  // namespace stackyard::runner
