#include "services/runner/resource_schemas.h"

#include <utility>

#include "common/status_macros.h"
#include "services/runner/wire_fields.h"

namespace stackyard::runner {
namespace {

constexpr char kBuiltin[] = "terraform.io/builtin/terraform";

}  // namespace

ResourceSchemas::ResourceSchemas() {
  schemas_.emplace(Key{kBuiltin, ResourceMode::kManaged, "terraform_data"},
                   ResourceSchema::Plain({{"id", "string"},
                                          {"input", "dynamic"},
                                          {"output", "dynamic"},
                                          {"triggers_replace", "dynamic"}}));
}

absl::Status ResourceSchemas::AddProvider(std::string_view source, std::string_view response) {
  std::map<Key, ResourceSchema> found;
  RETURN_IF_ERROR(ForEachField(response, [&](const WireField& field) -> absl::Status {
    // Response.resource_schemas and .data_source_schemas: maps from the type.
    if ((field.number != 2 && field.number != 3) || !field.is_bytes) return absl::OkStatus();
    std::string type;
    std::string_view bytes;
    RETURN_IF_ERROR(ForEachField(field.bytes, [&](const WireField& part) {
      if (part.number == 1) type = std::string(part.bytes);
      if (part.number == 2) bytes = part.bytes;
      return absl::OkStatus();
    }));
    ASSIGN_OR_RETURN(ResourceSchema schema, ResourceSchema::Parse(bytes));
    const ResourceMode mode = field.number == 2 ? ResourceMode::kManaged : ResourceMode::kData;
    found.insert_or_assign(Key{std::string(source), mode, std::move(type)}, std::move(schema));
    return absl::OkStatus();
  }));
  for (auto& [key, schema] : found) schemas_.insert_or_assign(key, std::move(schema));
  return absl::OkStatus();
}

const ResourceSchema* ResourceSchemas::Find(std::string_view source, ResourceMode mode,
                                            std::string_view type) const {
  const auto found = schemas_.find(Key{std::string(source), mode, std::string(type)});
  return found == schemas_.end() ? nullptr : &found->second;
}

}  // namespace stackyard::runner
