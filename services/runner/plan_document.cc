#include "services/runner/plan_document.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "services/runner/prior_state.h"
#include "services/runner/resource_address.h"
#include "services/runner/root_variables.h"
#include "services/runner/sensitive_marks.h"
#include "services/runner/stored_value.h"

namespace stackyard::runner {
namespace {

using nlohmann::json;

absl::Status Unexpected(std::string_view what) {
  return absl::FailedPreconditionError(std::string(what));
}

absl::StatusOr<json> Decode(const StoredChange& change, const std::string& msgpack,
                            const json& type) {
  if (msgpack.empty()) return json();
  auto value = ReadStoredValue(msgpack, type);
  if (value.ok()) return value;
  return Unexpected(absl::StrCat(change.address, ": ", value.status().message()));
}

json ActionNames(StoredAction action) {
  switch (action) {
    case StoredAction::kNoOp:
      return {"no-op"};
    case StoredAction::kCreate:
      return {"create"};
    case StoredAction::kRead:
      return {"read"};
    case StoredAction::kUpdate:
      return {"update"};
    case StoredAction::kDelete:
      return {"delete"};
    case StoredAction::kForget:
      return {"forget"};
    case StoredAction::kDeleteThenCreate:
      return {"delete", "create"};
    case StoredAction::kCreateThenDelete:
      return {"create", "delete"};
  }
  return json::array();
}

// A resource's change with its address read.
struct Located {
  const StoredChange* stored;
  ResourceAddress address;
  const ResourceSchema* schema;
};

absl::StatusOr<std::vector<Located>> Locate(const std::vector<StoredChange>& changes,
                                            const ResourceSchemas& schemas) {
  std::vector<Located> located;
  located.reserve(changes.size());
  for (const StoredChange& change : changes) {
    ASSIGN_OR_RETURN(ResourceAddress address, ResourceAddress::Parse(change.address));
    ASSIGN_OR_RETURN(const std::string source, ProviderSource(change.provider));
    const ResourceMode mode = address.is_data ? ResourceMode::kData : ResourceMode::kManaged;
    const ResourceSchema* schema = schemas.Find(source, mode, address.type);
    if (schema == nullptr) return Unexpected(absl::StrCat("the schema of ", address.type));
    located.push_back({&change, std::move(address), schema});
  }
  std::sort(located.begin(), located.end(), [](const Located& a, const Located& b) {
    if (a.address < b.address) return true;
    return !(b.address < a.address) && a.stored->deposed < b.stored->deposed;
  });
  return located;
}

// The member `change`.
absl::StatusOr<json> ChangeOf(const Located& located) {
  const StoredChange& stored = *located.stored;
  const ResourceSchema& schema = *located.schema;
  ASSIGN_OR_RETURN(json before, Decode(stored, stored.before, schema.type()));
  ASSIGN_OR_RETURN(json after, Decode(stored, stored.after, schema.type()));
  json change;
  change["actions"] = ActionNames(stored.action);
  change["before_sensitive"] =
      SensitiveMarks(before, stored.before_sensitive, schema.SensitiveMarks(before));
  change["after_sensitive"] =
      SensitiveMarks(after, stored.after_sensitive, schema.SensitiveMarks(after));
  change["after_unknown"] = HoldsUnknown(after) ? UnknownMarks(after) : json::object();
  if (!stored.required_replace.empty()) change["replace_paths"] = stored.required_replace;
  change["before"] = std::move(before);
  change["after"] = KnownPart(after);
  return change;
}

absl::StatusOr<json> ResourceChanges(const std::vector<Located>& all) {
  json changes = json::array();
  for (const Located& located : all) {
    const StoredChange& stored = *located.stored;
    // How Terraform tidies its state; it does not tell of them either.
    if (located.address.is_data && stored.action == StoredAction::kDelete) continue;
    json result;
    result["address"] = stored.address;
    result["mode"] = located.address.is_data ? "data" : "managed";
    result["type"] = located.address.type;
    if (!stored.deposed.empty()) result["deposed"] = stored.deposed;
    if (!stored.reason.empty()) result["action_reason"] = stored.reason;
    ASSIGN_OR_RETURN(result["change"], ChangeOf(located));
    changes.push_back(std::move(result));
  }
  return changes;
}

// What will be there, all modules in one.
json PlannedValues(const std::vector<Located>& all, const json& changes) {
  json resources = json::array();
  size_t index = 0;
  for (const Located& located : all) {
    const StoredChange& stored = *located.stored;
    const bool deleted = stored.action == StoredAction::kDelete;
    if (located.address.is_data && deleted) continue;
    const json& change = changes[index++];
    if (deleted || located.address.is_data || !stored.deposed.empty()) continue;
    json resource;
    resource["address"] = stored.address;
    resource["mode"] = "managed";
    resource["type"] = located.address.type;
    resource["values"] = change["change"]["after"];
    resource["sensitive_values"] = change["change"]["after_sensitive"];
    resources.push_back(std::move(resource));
  }
  return {{"root_module", {{"resources", std::move(resources)}}}};
}

absl::StatusOr<json> OutputChanges(const std::vector<StoredChange>& outputs) {
  json changes = json::object();
  for (const StoredChange& stored : outputs) {
    ASSIGN_OR_RETURN(json before, Decode(stored, stored.before, "dynamic"));
    ASSIGN_OR_RETURN(const json after, Decode(stored, stored.after, "dynamic"));
    json& change = changes[stored.address];
    change["actions"] = ActionNames(stored.action);
    change["before"] = std::move(before);
    change["after"] = KnownPart(after);
    change["before_sensitive"] = stored.sensitive;
    change["after_sensitive"] = stored.sensitive;
  }
  return changes;
}

// The variables that are secret, with their values.
absl::Status AddVariables(const PlanFile& plan, json& document) {
  json& declared = document["configuration"]["root_module"]["variables"];
  std::set<std::string> seen;
  if (plan.root_files.empty()) return Unexpected("a plan without its module");
  for (const auto& [name, text] : plan.root_files) {
    if (!absl::EndsWith(name, ".tf")) return Unexpected(absl::StrCat("a module with ", name));
    // Most modules have no secrets.
    if (!absl::StrContains(text, "sensitive")) continue;
    // It may change what another file says.
    if (absl::EndsWith(name, "override.tf")) return Unexpected("a module with overrides");
    ASSIGN_OR_RETURN(const std::vector<SecretVariable> secrets, ReadSecretVariables(text));
    for (const SecretVariable& secret : secrets) {
      if (!seen.insert(secret.name).second) return Unexpected("a variable that is there twice");
      declared[secret.name]["sensitive"] = true;
      json& value = document["variables"][secret.name]["value"];
      const auto set = plan.variables.find(secret.name);
      if (set != plan.variables.end()) {
        ASSIGN_OR_RETURN(value, ReadStoredValue(set->second, "dynamic"));
      } else if (secret.default_value) {
        value = *secret.default_value;
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<json> DriftOf(const PlanFile& plan, const ResourceSchemas& schemas) {
  std::vector<StoredChange> told;
  for (const StoredChange& change : plan.drift) {
    // Moved, and not otherwise changed: told among the changes.
    if (plan.refresh_only || change.action != StoredAction::kNoOp) told.push_back(change);
  }
  ASSIGN_OR_RETURN(const std::vector<Located> located, Locate(told, schemas));
  return ResourceChanges(located);
}

}  // namespace

absl::StatusOr<json> PlanDocument(const PlanFile& plan, const ResourceSchemas& schemas) {
  json document;
  document["format_version"] = "1.2";
  ASSIGN_OR_RETURN(const std::vector<Located> located, Locate(plan.changes, schemas));
  ASSIGN_OR_RETURN(document["resource_changes"], ResourceChanges(located));
  ASSIGN_OR_RETURN(document["resource_drift"], DriftOf(plan, schemas));
  ASSIGN_OR_RETURN(document["output_changes"], OutputChanges(plan.outputs));
  document["planned_values"] = PlannedValues(located, document["resource_changes"]);
  ASSIGN_OR_RETURN(document["prior_state"]["values"]["root_module"]["resources"],
                   PriorResources(plan.state, schemas));
  RETURN_IF_ERROR(AddVariables(plan, document));
  return document;
}

}  // namespace stackyard::runner
