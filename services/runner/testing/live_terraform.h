// The real terraform in a folder of its own: the one that STACKYARD_TERRAFORM names, else that of
// the PATH.
#pragma once

#include <string>

#include "services/runner/testing/files.h"

namespace stackyard::runner {

class LiveTerraform {
 public:
  // With a CLI configuration; empty: Terraform's defaults and nothing of this machine's.
  explicit LiveTerraform(const std::string& cli_config = "");

  // A file below the folder.
  void Write(const std::string& name, const std::string& content);
  std::string Read(const std::string& name) const;
  // Runs `terraform ARGUMENTS` by a shell; answers its standard output. The test fails when it
  // does.
  std::string Run(const std::string& arguments) const;

 private:
  TempFolder folder_;
  TempFolder configuration_;
};

}  // namespace stackyard::runner
