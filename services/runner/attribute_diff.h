// What changes in one resource, attribute by attribute.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "services/runner/scrubber.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::runner {

// Adds the attributes that differ to `resource`, from the member `change` of Terraform's JSON
// (before, after, after_unknown, before_sensitive, after_sensitive, replace_paths). At most
// kMaxAttributes of them, long values cut.
inline constexpr int kMaxAttributes = 1000;
void AddAttributeChanges(const nlohmann::json& change, const Scrubber& scrubber,
                         v1::ResourceChange& resource);

// The value at a dotted path; nullptr when there is none.
const nlohmann::json* Find(const nlohmann::json& value, std::string_view path);

// Whether a tree of marks (true, false, objects and arrays of them) marks the path, something
// above it or something below it.
bool IsMarked(const nlohmann::json& marks, std::string_view path);

}  // namespace stackyard::runner
