// The tree of commands. The parser behind it is slow to compile, so only command.cc sees it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace stackyard::cli {

// What a command does.
using Action = std::function<absl::Status()>;

class CommandTree;

// One command, or a group of them. Targets must outlive the tree.
class Command {
 public:
  // A command below this one. Its last call must be Run, or Sub for a group.
  Command Sub(const std::string& name, const std::string& about);

  // A positional argument.
  Command& Argument(const std::string& name, std::string* target, const std::string& help,
                    bool required = true);
  // All positional arguments that are left.
  Command& Arguments(const std::string& name, std::vector<std::string>* target,
                     const std::string& help, bool required = true);
  // `flags` is like `-t,--template`; `kind` stands for the value in --help.
  Command& Option(const std::string& flags, std::string* target, const std::string& kind,
                  const std::string& help);
  Command& Option(const std::string& flags, int64_t* target, const std::string& kind,
                  const std::string& help);
  // May be given several times.
  Command& Option(const std::string& flags, std::vector<std::string>* target,
                  const std::string& kind, const std::string& help);
  Command& Flag(const std::string& flags, bool* target, const std::string& help);
  // Makes the option added last one that must be given.
  Command& Required();

  void Run(Action action);

 private:
  friend class CommandTree;
  Command(CommandTree* tree, CLI::App* app) : tree_(tree), app_(app) {}

  CommandTree* tree_;
  CLI::App* app_;
  CLI::Option* last_ = nullptr;
};

// What the command line asks for.
struct Parsed {
  // What to run; empty when `text` is all there is to do.
  Action action;
  // --help or --version.
  std::string text;
};

class CommandTree {
 public:
  CommandTree(const std::string& program, const std::string& about, const std::string& footer);
  ~CommandTree();

  // The program itself; its options may stand anywhere on the command line.
  Command root();

  // INVALID_ARGUMENT with one clear line when the arguments (without the program) fit no command.
  absl::StatusOr<Parsed> Parse(std::vector<std::string> arguments);

  // Commands or flags that can follow `words`, the last of which may be incomplete: `name` and
  // `about`, separated by a tab, one per line.
  std::string Complete(const std::vector<std::string>& words) const;

 private:
  friend class Command;
  std::unique_ptr<CLI::App> app_;
  Action chosen_;
};

}  // namespace stackyard::cli
