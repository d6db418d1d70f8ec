#include "services/runner/provider_schema.h"

#include <nlohmann/json.hpp>

#include "common/status_macros.h"
#include "services/runner/wire_fields.h"

namespace stackyard::runner {
namespace {

// Fields of GetProviderSchema.Response.
constexpr int kResourceSchemas = 2;
constexpr int kDataSourceSchemas = 3;
constexpr int kServerCapabilities = 6;
constexpr int kEphemeralSchemas = 8;
// Of `terraform query` alone, by the names of managed types.
constexpr int kListSchemas = 9;
// Of ServerCapabilities.
constexpr int kSchemaOptional = 2;
// Of GetResourceIdentitySchemas.Response.
constexpr int kIdentitySchemas = 1;
// Of an entry of a map.
constexpr int kMapKey = 1;
// Of Diagnostic, and its value ERROR.
constexpr int kSeverity = 1;
constexpr uint64_t kErrorSeverity = 1;

using Names = std::set<std::string, std::less<>>;

absl::StatusOr<bool> KeyIsIn(const WireField& entry, const Names& names) {
  if (!entry.is_bytes) return absl::DataLossError("an entry of a map that is no message");
  std::string_view key;
  RETURN_IF_ERROR(ForEachField(entry.bytes, [&key](const WireField& field) {
    if (field.number == kMapKey) key = field.bytes;
    return absl::OkStatus();
  }));
  return names.find(key) != names.end();
}

// Copies a message without the entries of its maps whose keys are not wanted; `wanted` answers
// nullptr for fields that stay.
template <typename Wanted>
absl::StatusOr<std::string> Prune(std::string_view message, const Wanted& wanted) {
  std::string pruned;
  RETURN_IF_ERROR(ForEachField(message, [&](const WireField& field) -> absl::Status {
    if (const Names* names = wanted(field.number); names != nullptr) {
      ASSIGN_OR_RETURN(const bool keep, KeyIsIn(field, *names));
      if (!keep) return absl::OkStatus();
    }
    pruned.append(field.raw);
    return absl::OkStatus();
  }));
  return pruned;
}

}  // namespace

void ProviderTypes::Add(const ProviderTypes& other) {
  managed.insert(other.managed.begin(), other.managed.end());
  data.insert(other.data.begin(), other.data.end());
  ephemeral.insert(other.ephemeral.begin(), other.ephemeral.end());
}

absl::StatusOr<std::string> PruneSchemas(std::string_view schemas, const ProviderTypes& types) {
  return Prune(schemas, [&types](int field) -> const Names* {
    switch (field) {
      case kResourceSchemas:
      case kListSchemas:
        return &types.managed;
      case kDataSourceSchemas:
        return &types.data;
      case kEphemeralSchemas:
        return &types.ephemeral;
      default:
        return nullptr;
    }
  });
}

absl::StatusOr<std::string> PruneIdentities(std::string_view identities,
                                            const ProviderTypes& types) {
  return Prune(identities, [&types](int field) -> const Names* {
    return field == kIdentitySchemas ? &types.managed : nullptr;
  });
}

absl::StatusOr<bool> MustAskSchemas(std::string_view schemas) {
  bool optional = false;
  RETURN_IF_ERROR(ForEachField(schemas, [&optional](const WireField& field) {
    if (field.number != kServerCapabilities) return absl::OkStatus();
    return ForEachField(field.bytes, [&optional](const WireField& capability) {
      if (capability.number == kSchemaOptional) optional = capability.value != 0;
      return absl::OkStatus();
    });
  }));
  return !optional;
}

absl::StatusOr<bool> HasErrorDiagnostic(std::string_view response, int diagnostics_field) {
  bool found = false;
  RETURN_IF_ERROR(ForEachField(response, [&](const WireField& field) {
    if (field.number != diagnostics_field) return absl::OkStatus();
    return ForEachField(field.bytes, [&found](const WireField& part) {
      found |= part.number == kSeverity && part.value == kErrorSeverity;
      return absl::OkStatus();
    });
  }));
  return found;
}

absl::StatusOr<ProviderTypes> TypesInState(std::string_view state) {
  ProviderTypes types;
  if (state.empty()) return types;
  const auto json = nlohmann::json::parse(state, nullptr, /*allow_exceptions=*/false);
  const auto none = absl::DataLossError("the state is none");
  if (!json.is_object()) return none;
  const auto resources = json.find("resources");
  if (resources == json.end() || resources->is_null()) return types;
  if (!resources->is_array()) return none;
  for (const auto& resource : *resources) {
    if (!resource.is_object()) return none;
    const auto mode = resource.find("mode");
    const auto type = resource.find("type");
    if (mode == resource.end() || type == resource.end() || !mode->is_string() ||
        !type->is_string()) {
      return none;
    }
    (*mode == "data" ? types.data : types.managed).insert(type->get<std::string>());
  }
  return types;
}

}  // namespace stackyard::runner
