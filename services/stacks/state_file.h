// Reads Terraform's state, format version 4.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/stacks/meters.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::stacks {

struct StateFile {
  int64_t serial = 0;
  std::string lineage;
  std::string engine_version;
  // By output name; sensitive values are present here.
  std::map<std::string, v1::Output> outputs;
  // Every instance, by address; attributes_json has `(sensitive)` in place of secrets. `name` is
  // the address alone.
  std::vector<v1::Resource> resources;
};

// INVALID_FIELD on `state` when the text is no state that we understand.
absl::StatusOr<StateFile> ParseState(std::string_view text);

// Serial and lineage only, without building the rest.
struct StateMark {
  int64_t serial = 0;
  std::string lineage;
};
absl::StatusOr<StateMark> ParseStateMark(std::string_view text);

// The same state with another serial; every other byte stays, since numbers must not be rounded.
// INVALID_FIELD as for ParseState.
absl::StatusOr<std::string> WithSerial(std::string_view text, int64_t serial);

// The managed resources with the attributes that meters read.
std::vector<MeteredResource> MeteredResources(
    const StateFile& state,
    const google::protobuf::Map<std::string, internal::v1::AttributePaths>& attributes);

}  // namespace stackyard::stacks
