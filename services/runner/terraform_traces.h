// Terraform's own spans.
#pragma once

#include "services/runner/terraform.h"

namespace stackyard::runner {

// Whether the operator has Terraform export spans of what it does. Then it is told which trace it
// is at work on, which one that was started ahead could not know.
inline bool ExportsTraces(const Terraform& terraform) {
  return terraform.passed_environment().count("OTEL_TRACES_EXPORTER") > 0;
}

}  // namespace stackyard::runner
