// Flags of a program: each is also an environment variable (`--quota-target` is
// STACKYARD_QUOTA_TARGET) and a line in the file that --flagfile names (`quota-target=...`).
// The command line wins over the environment, and that over the file.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace stackyard {

// A flag as it is in force.
struct FlagSetting {
  // Without dashes.
  std::string flag;
  // As it would be given. Passwords within it are `***`; empty for a secret.
  std::string value;
  // `default`, `file`, `environment` or `command line`.
  std::string source;
  bool secret = false;
  // It has a value.
  bool set = false;
};

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

  // Settings tells of this flag, already added, only whether it is set: its value is a secret.
  // (Flags had better name files with secrets in them.)
  void MarkSecret(std::string_view name);

  // Reads everything. Ends the process with 0 after --help and --version, and with 2 and one
  // clear line after a mistake.
  void ParseOrExit(int argc, char** argv);

  // Every flag in the order in which they were added, as ParseOrExit left it.
  const std::vector<FlagSetting>& Settings() const { return settings_; }

 private:
  // A flag that was added; `value` tells what its target holds.
  struct Known {
    std::string name;
    CLI::Option* option;
    std::function<std::string()> value;
    bool secret = false;
  };

  void Remember(std::string_view name, CLI::Option* option, std::function<std::string()> value);
  std::vector<std::string> WithEnvironment(int argc, char** argv);
  void ReadSettings();

  std::unique_ptr<CLI::App> app_;
  std::vector<Known> known_;
  // Flags by where their value came from; the rest of what was given is the file's.
  std::set<std::string> from_environment_;
  std::set<std::string> from_command_line_;
  std::vector<FlagSetting> settings_;
};

}  // namespace stackyard
