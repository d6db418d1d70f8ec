#include "cli/command.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/nearest.h"
#include "common/status.h"
#include "common/version.h"

namespace stackyard::cli {
namespace {

// The first words of `about`, for one line.
std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

const CLI::App* Child(const CLI::App* app, const std::string& name) {
  for (const CLI::App* sub : app->get_subcommands([](const CLI::App*) { return true; })) {
    if (sub->get_name() == name) return sub;
  }
  return nullptr;
}

// The option that a word like `--output` names, on the command or on one above it.
const CLI::Option* Named(const CLI::App* app, const std::string& word) {
  for (; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      if (option->nonpositional() && option->check_name(word)) return option;
    }
  }
  return nullptr;
}

bool TakesValue(const CLI::Option* option) {
  return option != nullptr && option->get_items_expected_max() > 0;
}

// Ending in a line break.
std::string WithBreak(std::string text) {
  if (!absl::EndsWith(text, "\n")) text.push_back('\n');
  return text;
}

bool IsHidden(const CLI::App* app) { return app->get_group().empty(); }

// Every command below, in the order in which they were added.
std::vector<const CLI::App*> Children(const CLI::App* app) {
  return app->get_subcommands([](const CLI::App*) { return true; });
}

// The argument that the `index`th positional word is for; the last one may take several.
const CLI::Option* Positional(const CLI::App* app, size_t index) {
  const CLI::Option* last = nullptr;
  for (const CLI::Option* option : app->get_options()) {
    if (!option->get_positional()) continue;
    last = option;
    if (index == 0) return option;
    --index;
  }
  return last != nullptr && last->get_items_expected_max() > 1 ? last : nullptr;
}

// `stackyard stacks create`.
std::string FullName(const CLI::App* app) {
  std::string name = app->get_name();
  for (app = app->get_parent(); app != nullptr; app = app->get_parent()) {
    name = absl::StrCat(app->get_name(), " ", name);
  }
  return name;
}

FlagHelp HelpFor(const CLI::Option* option) {
  FlagHelp help;
  help.name = option->get_positional() ? option->get_name(true) : option->get_name(false, true);
  help.kind = TakesValue(option) && !option->get_positional() ? option->get_type_name() : "";
  help.help = option->get_description();
  help.required = option->get_required();
  help.repeated = option->get_items_expected_max() > 1;
  return help;
}

}  // namespace

Command Command::Sub(const std::string& name, const std::string& about) {
  CLI::App* sub = app_->add_subcommand(name, about);
  sub->fallthrough();
  sub->footer("\nFlags that every command takes, and exit codes: stackyard --help");
  // Until it gets something to do it is a group.
  sub->require_subcommand(1);
  return Command(tree_, sub);
}

Command& Command::Argument(const std::string& name, std::string* target, const std::string& help,
                           bool required) {
  last_ = app_->add_option(name, *target, help)->required(required)->type_name("");
  return *this;
}

Command& Command::Arguments(const std::string& name, std::vector<std::string>* target,
                            const std::string& help, bool required) {
  last_ = app_->add_option(name, *target, help)->required(required)->type_name("");
  return *this;
}

Command& Command::Option(const std::string& flags, std::string* target, const std::string& kind,
                         const std::string& help) {
  last_ = app_->add_option(flags, *target, help)->type_name(kind);
  return *this;
}

Command& Command::Option(const std::string& flags, int64_t* target, const std::string& kind,
                         const std::string& help) {
  last_ = app_->add_option(flags, *target, help)->type_name(kind);
  return *this;
}

Command& Command::Option(const std::string& flags, std::vector<std::string>* target,
                         const std::string& kind, const std::string& help) {
  last_ = app_->add_option(flags, *target, help)->type_name(kind)->allow_extra_args(false);
  return *this;
}

Command& Command::Flag(const std::string& flags, bool* target, const std::string& help) {
  last_ = app_->add_flag(flags, *target, help);
  return *this;
}

Command& Command::Required() {
  last_->required();
  return *this;
}

Command& Command::Local() {
  tree_->local_.push_back(app_);
  return *this;
}

Command& Command::Hidden() {
  app_->group("");
  return *this;
}

void Command::Run(Action action) {
  app_->require_subcommand(0);
  app_->callback([tree = tree_, action = std::move(action)] { tree->chosen_ = action; });
}

CommandTree::CommandTree(const std::string& program, const std::string& about,
                         const std::string& footer)
    : app_(std::make_unique<CLI::App>(about, program)) {
  app_->set_version_flag("--version", program + " " + std::string(kVersion),
                         "Print the version and exit");
  app_->footer("\n" + footer);
  app_->require_subcommand(1);
  app_->get_formatter()->column_width(34);
}

CommandTree::~CommandTree() = default;

Command CommandTree::root() { return Command(this, app_.get()); }

std::string CommandHelp::Name() const { return absl::StrJoin(path, " "); }

void CommandTree::SetExamples(std::map<std::string, std::vector<std::string>> examples) {
  examples_ = std::move(examples);
  for (const auto& [name, lines] : examples_) {
    CLI::App* app = app_.get();
    for (const auto word : absl::StrSplit(name, ' ')) {
      app = const_cast<CLI::App*>(Child(app, std::string(word)));
      if (app == nullptr) break;
    }
    if (app == nullptr) continue;
    std::string text = lines.size() == 1 ? "Example:" : "Examples:";
    for (const std::string& line : lines) {
      absl::StrAppend(&text, "\n  ", app_->get_name(), " ", line);
    }
    app->footer(absl::StrCat(text, "\n", app->get_footer()));
  }
}

absl::StatusOr<Parsed> CommandTree::Parse(std::vector<std::string> arguments) {
  chosen_ = nullptr;
  const std::vector<std::string> words = arguments;
  // CLI11 takes the last argument first.
  std::reverse(arguments.begin(), arguments.end());
  try {
    app_->parse(arguments);
  } catch (const CLI::CallForHelp&) {
    return Parsed{nullptr, WithBreak(app_->help()), true};
  } catch (const CLI::CallForVersion& version) {
    return Parsed{nullptr, absl::StrCat(version.what(), "\n"), true};
  } catch (const CLI::ParseError& error) {
    const CLI::App* at = app_.get();
    while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
    const std::string mistyped = Mistyped(words);
    return absl::InvalidArgumentError(absl::StrCat(
        mistyped.empty() ? FirstLine(error.what()) : mistyped, " (see ", FullName(at), " --help)"));
  }
  const CLI::App* at = app_.get();
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  const bool local = std::find(local_.begin(), local_.end(), at) != local_.end();
  return Parsed{chosen_, "", local};
}

std::string CommandTree::Mistyped(const std::vector<std::string>& words) const {
  const CLI::App* at = app_.get();
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") return "";
    if (absl::StartsWith(word, "--")) {
      const std::string flag = word.substr(0, word.find('='));
      const CLI::Option* option = Named(at, flag);
      if (option == nullptr) {
        std::vector<std::string> known;
        for (const CLI::App* above = at; above != nullptr; above = above->get_parent()) {
          for (const CLI::Option* one : above->get_options()) {
            for (const std::string& name : one->get_lnames()) known.push_back("--" + name);
          }
        }
        return absl::StrCat("there is no flag ", flag, DidYouMean(flag, known));
      }
      if (TakesValue(option) && flag.size() == word.size()) ++i;
      continue;
    }
    if (absl::StartsWith(word, "-") && word.size() > 1) {
      if (word.size() == 2 && TakesValue(Named(at, word))) ++i;
      continue;
    }
    const std::vector<const CLI::App*> children = Children(at);
    if (children.empty()) continue;
    const CLI::App* child = Child(at, word);
    if (child == nullptr) {
      std::vector<std::string> known;
      for (const CLI::App* one : children) {
        if (!IsHidden(one)) known.push_back(one->get_name());
      }
      return absl::StrCat("there is no command \"", FullName(at), " ", word, "\"",
                          DidYouMean(word, known));
    }
    at = child;
  }
  return "";
}

Completion CommandTree::Complete(const std::vector<std::string>& words) const {
  Completion completion;
  const CLI::App* at = app_.get();
  const std::string last = words.empty() ? "" : words.back();
  completion.typed = last;
  size_t positional = 0;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (absl::StartsWith(words[i], "-")) {
      const size_t equals = words[i].find('=');
      const CLI::Option* option = Named(at, words[i].substr(0, equals));
      if (!TakesValue(option)) continue;
      const bool apart = equals == std::string::npos;
      if (apart && i + 2 >= words.size()) {
        completion.label = option->get_type_name();
        return completion;
      }
      if (Named(app_.get(), words[i].substr(0, equals)) == option) {
        completion.globals["--" + option->get_lnames().front()] =
            apart ? words[i + 1] : words[i].substr(equals + 1);
      }
      if (apart) ++i;
      continue;
    }
    if (const CLI::App* child = Child(at, words[i])) {
      at = child;
    } else {
      ++positional;
    }
  }
  const auto offer = [&](const std::string& word, const std::string& about) {
    if (absl::StartsWith(word, last)) completion.offers.push_back({word, FirstLine(about)});
  };
  if (!absl::StartsWith(last, "-")) {
    for (const CLI::App* sub : Children(at)) {
      if (!IsHidden(sub)) offer(sub->get_name(), sub->get_description());
    }
    if (Children(at).empty()) {
      const CLI::Option* option = Positional(at, positional);
      if (option != nullptr) completion.label = option->get_name(true);
    }
    return completion;
  }
  for (; at != nullptr; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        offer("--" + name, option->get_description());
      }
    }
  }
  return completion;
}

void CommandTree::Describe(const CLI::App* app, std::vector<std::string> path,
                           std::vector<CommandHelp>& commands) const {
  CommandHelp help;
  help.path = path;
  help.about = app->get_description();
  help.group = !Children(app).empty();
  for (const CLI::Option* option : app->get_options()) {
    if (option->get_group().empty()) continue;
    (option->get_positional() ? help.arguments : help.flags).push_back(HelpFor(option));
  }
  const auto examples = examples_.find(help.Name());
  if (examples != examples_.end()) help.examples = examples->second;
  commands.push_back(std::move(help));
  for (const CLI::App* sub : Children(app)) {
    if (IsHidden(sub)) continue;
    path.push_back(sub->get_name());
    Describe(sub, path, commands);
    path.pop_back();
  }
}

std::vector<CommandHelp> CommandTree::Commands() const {
  std::vector<CommandHelp> commands;
  Describe(app_.get(), {}, commands);
  return commands;
}

std::string CommandTree::HelpOf(const std::vector<std::string>& path) const {
  const CLI::App* app = app_.get();
  std::string above = app->get_name();
  for (const std::string& word : path) {
    app = Child(app, word);
    if (app == nullptr) return "";
  }
  for (size_t i = 0; i + 1 < path.size(); ++i) above = absl::StrCat(above, " ", path[i]);
  return WithBreak(path.empty() ? app->help() : app->help(above));
}

}  // namespace stackyard::cli
