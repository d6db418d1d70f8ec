// Values as Terraform stores them in plan and state files.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/status/statusor.h"

namespace stackyard::runner {

// Types are as Terraform writes them in JSON: `"string"`, `["list", "number"]`, `"dynamic"`.

// Reads a value of a plan file, msgpack. What is unknown is a binary value in the JSON, see
// IsUnknown. FAILED_PRECONDITION when the bytes are no value of that type.
absl::StatusOr<nlohmann::json> ReadStoredValue(std::string_view msgpack,
                                               const nlohmann::json& type);

// The same for a value of a state file, JSON: only what is dynamic stands in another form there.
absl::StatusOr<nlohmann::json> ReadStateValue(const nlohmann::json& stored,
                                              const nlohmann::json& type);

bool IsUnknown(const nlohmann::json& value);
bool HoldsUnknown(const nlohmann::json& value);

// The value as `terraform show -json` writes it: what is unknown is left out of objects and null in
// lists; null when all of it is.
nlohmann::json KnownPart(const nlohmann::json& value);

// Where it is unknown, as `after_unknown` has it: true, and false left out of objects.
nlohmann::json UnknownMarks(const nlohmann::json& value);

}  // namespace stackyard::runner
