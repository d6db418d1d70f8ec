#include "common/flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/version.h"
#include "common/without_passwords.h"

namespace stackyard {
namespace {

std::string OptionName(std::string_view name) { return absl::StrCat("--", std::string(name)); }

std::string EnvironmentName(std::string_view name) {
  return absl::StrCat("STACKYARD_",
                      absl::AsciiStrToUpper(absl::StrReplaceAll(std::string(name), {{"-", "_"}})));
}

}  // namespace

Flags::Flags(std::string_view program, std::string_view about)
    : app_(std::make_unique<CLI::App>(std::string(about), std::string(program))) {
  app_->set_version_flag("--version", std::string(kVersion), "Print the version and exit");
  app_->set_config("--flagfile", "", "File with one `flag=value` a line")
      ->envname("STACKYARD_FLAGFILE");
  app_->allow_config_extras(false);
}

Flags::~Flags() = default;

void Flags::Remember(std::string_view name, CLI::Option* option,
                     std::function<std::string()> value) {
  option->envname(EnvironmentName(name));
  known_.push_back({std::string(name), option, std::move(value)});
}

void Flags::Add(std::string_view name, std::string* target, std::string_view help) {
  CLI::Option* option = app_->add_option(OptionName(name), *target, std::string(help));
  Remember(name, option->capture_default_str(), [target] { return *target; });
}

void Flags::Add(std::string_view name, int* target, std::string_view help) {
  CLI::Option* option = app_->add_option(OptionName(name), *target, std::string(help));
  Remember(name, option->capture_default_str(), [target] { return std::to_string(*target); });
}

void Flags::Add(std::string_view name, bool* target, std::string_view help) {
  CLI::Option* option = app_->add_flag(absl::StrCat(OptionName(name), ",!--no-", std::string(name)),
                                       *target, std::string(help));
  Remember(name, option->capture_default_str(), [target] { return *target ? "true" : "false"; });
}

void Flags::Add(std::string_view name, absl::Duration* target, std::string_view help) {
  CLI::Option* option = app_->add_option_function<std::string>(
      OptionName(name),
      [target](const std::string& text) {
        if (!absl::ParseDuration(text, target)) {
          throw CLI::ValidationError("must be a duration like 30s, 5m or 2h, not " + text);
        }
      },
      std::string(help));
  option->type_name("DURATION")->default_str(absl::FormatDuration(*target));
  Remember(name, option, [target] { return absl::FormatDuration(*target); });
}

void Flags::Add(std::string_view name, std::vector<std::string>* target, std::string_view help) {
  CLI::Option* option = app_->add_option(OptionName(name), *target, std::string(help));
  Remember(name, option->delimiter(','), [target] { return absl::StrJoin(*target, ","); });
}

void Flags::MarkSecret(std::string_view name) {
  for (Known& known : known_) known.secret |= known.name == name;
}

// CLI11 lets the file win over the environment; what stands on the command line wins over both. So
// what the environment says is put there, unless the flag is there already.
std::vector<std::string> Flags::WithEnvironment(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto given = [&](const std::string& flag) {
    return std::any_of(argv + 1, argv + argc, [&](std::string_view argument) {
      return argument == flag || argument.substr(0, flag.size() + 1) == flag + "=";
    });
  };
  for (const CLI::Option* option : app_->get_options()) {
    if (option->get_lnames().empty()) continue;
    const std::string& name = option->get_lnames().front();
    if (given(OptionName(name)) || given(OptionName("no-" + name))) {
      from_command_line_.insert(name);
      continue;
    }
    const char* value =
        option->get_envname().empty() ? nullptr : std::getenv(option->get_envname().c_str());
    if (value == nullptr || *value == '\0') continue;
    from_environment_.insert(name);
    arguments.push_back(absl::StrCat(OptionName(name), "=", value));
  }
  // CLI11 takes the last argument first.
  std::reverse(arguments.begin(), arguments.end());
  return arguments;
}

void Flags::ReadSettings() {
  settings_.clear();
  for (const Known& known : known_) {
    FlagSetting setting{known.name, known.value(), "default", known.secret};
    if (known.option->count() > 0) setting.source = "file";
    if (from_environment_.count(known.name) > 0) setting.source = "environment";
    if (from_command_line_.count(known.name) > 0) setting.source = "command line";
    setting.set = !setting.value.empty();
    setting.value = known.secret ? "" : WithoutPasswords(setting.value);
    settings_.push_back(std::move(setting));
  }
}

void Flags::ParseOrExit(int argc, char** argv) {
  try {
    app_->parse(WithEnvironment(argc, argv));
  } catch (const CLI::CallForHelp&) {
    std::cout << app_->help();
    std::exit(0);
  } catch (const CLI::CallForVersion&) {
    std::cout << app_->get_name() << " " << kVersion << "\n";
    std::exit(0);
  } catch (const CLI::ParseError& error) {
    std::cerr << app_->get_name() << ": " << error.what() << "; --help tells all flags\n";
    std::exit(2);
  }
  ReadSettings();
}

}  // namespace stackyard
