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

  // A positional argument. Completion offers names by its label: those of stacks for `STACK`.
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
  // Works without a server: on this machine alone.
  Command& Local();
  // Left out of --help, completion and man pages.
  Command& Hidden();

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
  // It needs no server.
  bool local = false;
};

// An argument or a flag, as --help tells of it.
struct FlagHelp {
  // `STACK`, or `-t,--template`.
  std::string name;
  // Stands for the value; empty for a switch, and for arguments.
  std::string kind;
  std::string help;
  bool required = false;
  bool repeated = false;
};

// A command, as --help tells of it.
struct CommandHelp {
  // Without the program; empty for the program itself.
  std::vector<std::string> path;
  std::string about;
  bool group = false;
  std::vector<FlagHelp> arguments;
  std::vector<FlagHelp> flags;
  // Command lines without the program.
  std::vector<std::string> examples;

  // `stacks create`.
  std::string Name() const;
};

// What can follow an incomplete command line.
struct Completion {
  struct Offer {
    std::string word;
    std::string about;
  };
  std::vector<Offer> offers;
  // Label of the value that is being typed, like `STACK`; empty: none.
  std::string label;
  // What has been typed of it.
  std::string typed;
  // Values of the program's own flags, like `--project`, so far.
  std::map<std::string, std::string> globals;
};

class CommandTree {
 public:
  CommandTree(const std::string& program, const std::string& about, const std::string& footer);
  ~CommandTree();

  // The program itself; its options may stand anywhere on the command line.
  Command root();

  // Examples by the name of the command; for --help and man pages. Called when the tree is
  // complete.
  void SetExamples(std::map<std::string, std::vector<std::string>> examples);

  // INVALID_ARGUMENT with one clear line when the arguments (without the program) fit no command.
  absl::StatusOr<Parsed> Parse(std::vector<std::string> arguments);

  // What can follow `words`, the last of which may be incomplete.
  Completion Complete(const std::vector<std::string>& words) const;

  // Every command that is not hidden, groups before what is in them; the program is the first.
  std::vector<CommandHelp> Commands() const;

  // The --help of a command; empty when there is none of that path.
  std::string HelpOf(const std::vector<std::string>& path) const;

 private:
  friend class Command;
  void Describe(const CLI::App* app, std::vector<std::string> path,
                std::vector<CommandHelp>& commands) const;
  // What is wrong where a word is no command or flag; empty when all are.
  std::string Mistyped(const std::vector<std::string>& words) const;

  std::unique_ptr<CLI::App> app_;
  std::map<std::string, std::vector<std::string>> examples_;
  std::vector<const CLI::App*> local_;
  Action chosen_;
};

}  // namespace stackyard::cli
