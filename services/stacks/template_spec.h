// template.yaml: what a template says beyond its Terraform module.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "stackyard/v1/catalog.pb.h"

namespace stackyard::stacks {

struct TemplateSpec {
  // title, description, meters, approval, lease, drift, files, network and limits are set.
  // `parameters` has what template.yaml adds, by name, and nothing of the module.
  v1::TemplateVersion version;
  // Line of each parameter in template.yaml, in the order of `version.parameters()`.
  std::vector<int> parameter_lines;
};

// INVALID_FIELD with every fault, each as `template.yaml:LINE` with the key at fault. Defaults:
// review by one devops within 7 days, a lease of 7 days and at most 90 days, warnings 48 h, 2 h
// and 30 min before its end.
absl::StatusOr<TemplateSpec> ParseTemplateSpec(std::string_view yaml);

// Joins what the module declares with what template.yaml adds, into `version`. INVALID_FIELD with
// every fault: a parameter or output that the module does not have, rules that do not fit the
// type, defaults that break the rules.
absl::Status JoinModule(const TemplateSpec& spec,
                        const google::protobuf::RepeatedPtrField<v1::Parameter>& variables,
                        const google::protobuf::RepeatedPtrField<v1::OutputSpec>& outputs,
                        v1::TemplateVersion& version);

}  // namespace stackyard::stacks
