#include "cli/command.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
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

absl::StatusOr<Parsed> CommandTree::Parse(std::vector<std::string> arguments) {
  chosen_ = nullptr;
  // CLI11 takes the last argument first.
  std::reverse(arguments.begin(), arguments.end());
  try {
    app_->parse(arguments);
  } catch (const CLI::CallForHelp&) {
    return Parsed{nullptr, app_->help()};
  } catch (const CLI::CallForVersion& version) {
    return Parsed{nullptr, absl::StrCat(version.what(), "\n")};
  } catch (const CLI::ParseError& error) {
    std::string command = app_->get_name();
    for (const CLI::App* at = app_.get(); !at->get_subcommands().empty();) {
      at = at->get_subcommands().front();
      absl::StrAppend(&command, " ", at->get_name());
    }
    return absl::InvalidArgumentError(
        absl::StrCat(FirstLine(error.what()), " (see ", command, " --help)"));
  }
  return Parsed{chosen_, ""};
}

std::string CommandTree::Complete(const std::vector<std::string>& words) const {
  const CLI::App* at = app_.get();
  const std::string last = words.empty() ? "" : words.back();
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (absl::StartsWith(words[i], "-")) {
      if (absl::StrContains(words[i], '=')) continue;
      // A value is not ours to complete.
      if (TakesValue(Named(at, words[i])) && ++i + 1 >= words.size()) return "";
      continue;
    }
    if (const CLI::App* child = Child(at, words[i])) at = child;
  }
  std::string text;
  const auto offer = [&](const std::string& word, const std::string& about) {
    if (absl::StartsWith(word, last)) absl::StrAppend(&text, word, "\t", FirstLine(about), "\n");
  };
  if (!absl::StartsWith(last, "-")) {
    for (const CLI::App* sub : at->get_subcommands([](const CLI::App*) { return true; })) {
      // An empty group hides a command from people.
      if (!sub->get_group().empty()) offer(sub->get_name(), sub->get_description());
    }
    return text;
  }
  for (; at != nullptr; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        offer("--" + name, option->get_description());
      }
    }
  }
  return text;
}

}  // namespace stackyard::cli
