// What the tests of checks share.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace stackyard::stacks {

// The violations that an error tells, each as `field: description`.
inline std::vector<std::string> FaultsOf(const absl::Status& status) {
  google::rpc::BadRequest request;
  std::vector<std::string> faults;
  if (!ReadDetail(status, request)) return faults;
  for (const auto& fault : request.field_violations()) {
    faults.push_back(absl::StrCat(fault.field(), ": ", fault.description()));
  }
  return faults;
}

}  // namespace stackyard::stacks
