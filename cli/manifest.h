// Files that say how resources should be, for `stackyard apply`.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/environment.h"
#include "google/protobuf/message.h"

namespace stackyard::cli {

inline constexpr char kApiVersion[] = "stackyard.dev/v1";

// The kind of a resource that can be applied, like `Stack`; empty for all else.
std::string KindOf(const google::protobuf::Descriptor& type);

// One document of a file.
struct Manifest {
  // `Project`, `QuotaLimit`, `Binding`, `Document` or `Stack`.
  std::string kind;
  // `stacks/web.yaml:12`, where it begins.
  std::string place;
  // Resource of that kind, with the name as it is written. What the service alone says is left out.
  std::shared_ptr<google::protobuf::Message> resource;
  // Fields of the resource that the document names, as in the proto.
  std::set<std::string> given;
  // What is said besides the resource. Project of a short name; empty: the one in use.
  std::string project;
  // For a Binding: everywhere, not in one project.
  bool global = false;
  // For a Stack: why; reviewers read it.
  std::string reason;

  bool Gives(const std::string& field) const { return given.count(field) > 0; }
};

// Reads every document of a file. INVALID_FIELD that names every fault by file and line: unknown
// kinds and fields with the nearest right name, wrong types, fields given twice.
absl::StatusOr<std::vector<Manifest>> ParseManifests(const std::string& path,
                                                     const std::string& text);

// Reads files, all `*.yaml`, `*.yml` and `*.json` of folders, and `-`, the standard input. In the
// order in which they can be made: projects first, stacks last. INVALID_FIELD also when there is no
// document.
absl::StatusOr<std::vector<Manifest>> ReadManifests(const Environment& environment,
                                                    const std::vector<std::string>& paths);

}  // namespace stackyard::cli
