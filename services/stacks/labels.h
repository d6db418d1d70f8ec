// Checks and edits that several resources share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/map.h"

namespace stackyard::stacks {

using StringMap = google::protobuf::Map<std::string, std::string>;

// At most 64 labels; keys 1 to 63 of a-z, 0-9, `.`, `/`, `-` and `_`, starting with a letter or
// digit; values at most 63 characters.
void CheckLabels(std::string_view field, const StringMap& labels, Violations& violations);

// At most 16 KiB of keys and values.
void CheckAnnotations(std::string_view field, const StringMap& annotations, Violations& violations);

// Copies the masked fields of `from` to `to`; an empty mask means those that are set. Only the
// paths in `allowed` can be changed: others are INVALID_FIELD on `update_mask`.
absl::Status ApplyMask(const google::protobuf::Message& from,
                       const google::protobuf::FieldMask& mask,
                       const std::vector<std::string>& allowed, google::protobuf::Message& to);

}  // namespace stackyard::stacks
