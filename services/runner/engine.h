// The terraform or tofu program.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stackyard::runner {

struct Engine {
  // Path of the program.
  std::string path;
  // `terraform` or `tofu`.
  std::string name;
  // `1.11.4`.
  std::string version;
  int major = 0;
  int minor = 0;

  // `terraform 1.11.4`.
  std::string Label() const { return name + " " + version; }
  // `init -json` came with Terraform 1.9 and OpenTofu 1.8.
  bool InitSpeaksJson() const;
};

// The program that `wanted` names, by path or by a name on PATH; when empty, `terraform`, else
// `tofu`. NOT_FOUND with what to do when there is none.
absl::StatusOr<std::string> FindEngine(std::string_view wanted);

// Runs `version` of a program. FAILED_PRECONDITION when it does not answer as one of the two.
absl::StatusOr<Engine> ReadEngine(const std::string& path);

// Reads what `version` prints.
absl::StatusOr<Engine> ParseEngine(const std::string& path, std::string_view output);

// A program by path, or by name on PATH; empty when there is none.
std::string FindProgram(std::string_view name);

}  // namespace stackyard::runner
