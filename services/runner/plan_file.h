// Terraform's and OpenTofu's plan file, as far as people are shown what is in it.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace stackyard::runner {

// The numbers of the file.
enum class StoredAction {
  kNoOp = 0,
  kCreate = 1,
  kRead = 2,
  kUpdate = 3,
  kDelete = 5,
  kDeleteThenCreate = 6,
  kCreateThenDelete = 7,
  kForget = 8,
};

// A change of a resource or an output.
struct StoredChange {
  StoredAction action = StoredAction::kNoOp;
  // Values before and after, msgpack; empty: null.
  std::string before;
  std::string after;
  // Paths, each an array of names and indices: what is sensitive before and after, and what forces
  // a replacement.
  std::vector<nlohmann::json> before_sensitive;
  std::vector<nlohmann::json> after_sensitive;
  std::vector<nlohmann::json> required_replace;
  // Of an output its name.
  std::string address;
  // Of resources: `provider["registry.terraform.io/hashicorp/aws"]`, with a module before it
  // and an alias behind it where there is one.
  std::string provider;
  // Key of an object that was replaced and could not be destroyed yet.
  std::string deposed;
  // `replace_because_tainted`; empty: none.
  std::string reason;
  // Of an output: as a whole.
  bool sensitive = false;
};

struct PlanFile {
  bool refresh_only = false;
  // Values of root variables, msgpack.
  std::map<std::string, std::string> variables;
  std::vector<StoredChange> changes;
  std::vector<StoredChange> drift;
  std::vector<StoredChange> outputs;
  // What was there when it was planned, JSON of the state's format.
  std::string state;
  // Files of the root module by name.
  std::map<std::string, std::string> root_files;

  // FAILED_PRECONDITION, with what is in the way, for anything that was not seen before: another
  // version of the format, an encrypted plan, a field that is not known.
  static absl::StatusOr<PlanFile> Read(std::string_view bytes);
};

}  // namespace stackyard::runner
