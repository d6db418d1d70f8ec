// Names as people type them, and the full resource names that they stand for.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace stackyard::cli {

// The full name of a resource. `pattern` is like `projects/*/stacks/*`. `text` is the full name, or
// its ids alone: with `project` (an id or `projects/{id}`) `web` stands for a stack of it, and
// `web/3` for a run. INVALID_FIELD when it fits neither way or there is no project.
absl::StatusOr<std::string> FullName(const std::string& pattern, const std::string& project,
                                     const std::string& text);

// `projects/{id}` of an id or a name; INVALID_FIELD when empty.
absl::StatusOr<std::string> ProjectName(const std::string& project);

// Parent of a list: every project that the caller may see when none is given.
std::string ProjectOrAll(const std::string& project);

// `templates/hello/versions/1` of `hello@1`; without a version the latest. A full name stays.
absl::StatusOr<std::string> VersionName(const std::string& text);

// `collection/text`, or the text when it starts with the collection already.
std::string InCollection(const std::string& collection, const std::string& text);

// The last part of a name.
std::string LastPart(const std::string& name);

// The id behind `projects/` in a name; empty when there is none.
std::string ProjectOf(const std::string& name);

// The first `count` parts of a name.
std::string FirstParts(const std::string& name, int count);

}  // namespace stackyard::cli
