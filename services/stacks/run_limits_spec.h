// The `limits` of template.yaml.
#pragma once

#include "common/yaml_reader.h"
#include "stackyard/v1/catalog.pb.h"

namespace stackyard::stacks {

// Reads a map like `{plan_timeout: 10m, apply_timeout: 2h, memory: 1GiB, cpus: 1.5, processes:
// 256}` in which each may be left out.
void ReadRunLimits(YamlReader& yaml, const YAML::Node& node, v1::RunLimits& limits);

}  // namespace stackyard::stacks
