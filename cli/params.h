// Parameters of a stack, from files and flags.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/repeated_field.h"
#include "google/protobuf/struct.pb.h"
#include "stackyard/v1/catalog.pb.h"

namespace stackyard::cli {

// As given on the command line; what stands further down wins.
struct ParameterFlags {
  // A JSON or YAML file that holds an object.
  std::string file;
  // `key=value`: read as the parameter's type says, so that `01234` stays a string where one is
  // asked for.
  std::vector<std::string> sets;
  // `key=json`.
  std::vector<std::string> set_jsons;

  bool empty() const { return file.empty() && sets.empty() && set_jsons.empty(); }
};

// The values by name. `known` are the template's parameters; the service judges names that are not
// among them. INVALID_FIELD that names every fault.
absl::StatusOr<google::protobuf::Struct> ReadParameters(
    const ParameterFlags& flags, const google::protobuf::RepeatedPtrField<v1::Parameter>& known);

// `key=value` pairs, for labels. INVALID_FIELD on `field` that names every fault.
absl::StatusOr<std::map<std::string, std::string>> ReadPairs(const std::string& field,
                                                             const std::vector<std::string>& pairs);

}  // namespace stackyard::cli
