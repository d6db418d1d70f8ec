// Files of the AWS SDK that stand in place of environment variables.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace stackyard::runner {

// What AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE are to hold.
struct AwsFiles {
  std::string config;
  std::string credentials;
};

// Whether a variable changes what the AWS provider does and no file can tell it: proxies and
// certificates, and those of AWS's own that have no place in its files.
bool ConcernsAwsProcess(std::string_view name);

// Whether a variable is told by a file.
bool IsToldByAwsFile(std::string_view name);

// The variables as files with one profile, `default`. Variables that concern no AWS provider are
// left out; those of ConcernsAwsProcess are the caller's. Nothing when a value cannot be written
// into such a file.
std::optional<AwsFiles> ToAwsFiles(const std::map<std::string, std::string>& environment);

}  // namespace stackyard::runner
