// Flags of a program: each is also an environment variable (`--quota-target` is
// STACKYARD_QUOTA_TARGET) and a line in the file that --flagfile names (`quota-target=...`).
// The command line wins over the environment, and that over the file.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace CLI {
class App;
}

namespace stackyard {

class Flags {
 public:
  // `program` is the binary's name, `about` one line for --help.
  Flags(std::string_view program, std::string_view about);
  ~Flags();

  // The current value of the target is the default, shown by --help.
  void Add(std::string_view name, std::string* target, std::string_view help);
  void Add(std::string_view name, int* target, std::string_view help);
  void Add(std::string_view name, bool* target, std::string_view help);
  // `250ms`, `30s`, `5m`, `2h`, as absl::ParseDuration reads it.
  void Add(std::string_view name, absl::Duration* target, std::string_view help);
  // May be given several times.
  void Add(std::string_view name, std::vector<std::string>* target, std::string_view help);

  // Reads everything. Ends the process with 0 after --help and --version, and with 2 and one
  // clear line after a mistake.
  void ParseOrExit(int argc, char** argv);

 private:
  std::vector<std::string> WithEnvironment(int argc, char** argv) const;

  std::unique_ptr<CLI::App> app_;
};

}  // namespace stackyard
