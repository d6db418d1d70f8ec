#include "cli/names.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::cli {
namespace {

using Parts = std::vector<std::string>;

bool Fits(const Parts& pattern, const Parts& name) {
  if (pattern.size() != name.size()) return false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (name[i].empty() || (pattern[i] != "*" && pattern[i] != name[i])) return false;
  }
  return true;
}

// `stack`, of `projects/*/stacks/*`.
std::string Noun(const Parts& pattern) {
  std::string noun = pattern[pattern.size() - 2];
  noun.pop_back();
  return noun;
}

}  // namespace

absl::StatusOr<std::string> FullName(const std::string& pattern, const std::string& project,
                                     const std::string& text) {
  const Parts wanted = absl::StrSplit(pattern, '/');
  const Parts given = absl::StrSplit(text, '/');
  if (Fits(wanted, given)) return text;

  const bool in_project = wanted[0] == "projects" && wanted.size() > 2;
  const Parts tail(wanted.begin() + (in_project ? 2 : 0), wanted.end());
  Parts name;
  if (Fits(tail, given)) {
    name = given;
  } else if (Fits(Parts(tail.size() / 2, "*"), given)) {
    for (size_t i = 0; i < given.size(); ++i) {
      name.push_back(tail[2 * i]);
      name.push_back(given[i]);
    }
  } else {
    return InvalidField(Noun(wanted), absl::StrCat("\"", text, "\" is no name of one: expected ",
                                                   absl::StrJoin(Parts(tail.size() / 2, "ID"), "/"),
                                                   " or ", pattern));
  }
  if (!in_project) return absl::StrJoin(name, "/");
  absl::StatusOr<std::string> parent = ProjectName(project);
  if (!parent.ok()) {
    return InvalidField("project",
                        absl::StrCat("give --project or STACKYARD_PROJECT, or the full ",
                                     "name projects/PROJECT/", absl::StrJoin(name, "/")));
  }
  return absl::StrCat(*parent, "/", absl::StrJoin(name, "/"));
}

absl::StatusOr<std::string> ProjectName(const std::string& project) {
  if (project.empty()) {
    return InvalidField("project", "give --project or set STACKYARD_PROJECT");
  }
  return InCollection("projects", project);
}

std::string ProjectOrAll(const std::string& project) {
  return project.empty() ? "projects/-" : InCollection("projects", project);
}

absl::StatusOr<std::string> VersionName(const std::string& text) {
  const Parts given = absl::StrSplit(text, '/');
  if (Fits({"templates", "*", "versions", "*"}, given)) return text;
  if (Fits({"templates", "*"}, given)) return absl::StrCat(text, "/versions/latest");
  const std::pair<std::string, std::string> halves = absl::StrSplit(text, absl::MaxSplits('@', 1));
  const bool has_version = absl::StrContains(text, '@');
  if (given.size() != 1 || halves.first.empty() || (has_version && halves.second.empty())) {
    return InvalidField("template", absl::StrCat("\"", text, "\" is no template version: expected ",
                                                 "NAME, NAME@VERSION or templates/*/versions/*"));
  }
  return absl::StrCat("templates/", halves.first, "/versions/",
                      has_version ? halves.second : "latest");
}

std::string InCollection(const std::string& collection, const std::string& text) {
  return absl::StartsWith(text, collection + "/") ? text : absl::StrCat(collection, "/", text);
}

std::string LastPart(const std::string& name) { return name.substr(name.rfind('/') + 1); }

std::string ProjectOf(const std::string& name) {
  const Parts parts = absl::StrSplit(name, '/');
  return parts.size() > 1 && parts[0] == "projects" ? parts[1] : "";
}

std::string FirstParts(const std::string& name, int count) {
  Parts parts = absl::StrSplit(name, '/');
  if (static_cast<int>(parts.size()) > count) parts.resize(count);
  return absl::StrJoin(parts, "/");
}

}  // namespace stackyard::cli
