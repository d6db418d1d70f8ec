#include <filesystem>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/atomic_file.h"
#include "cli/commands.h"
#include "cli/man_page.h"
#include "cli/nearest.h"
#include "cli/topics.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::cli {
namespace {

// Of a topic, or of a command.
absl::Status Help(Context& context, const CommandTree& tree,
                  const std::vector<std::string>& words) {
  std::ostream& out = context.environment().out;
  if (words.empty()) {
    out << tree.HelpOf({}) << "\nTopics of `stackyard help`:\n";
    for (const auto& [name, topic] : Topics()) {
      out << "  " << name << std::string(name.size() < 14 ? 14 - name.size() : 1, ' ')
          << topic.about << "\n";
    }
    out.flush();
    return absl::OkStatus();
  }
  if (words.size() == 1 && Topics().count(words[0]) > 0 && words[0] != "apply" &&
      words[0] != "contexts") {
    out << Topics().at(words[0]).text << std::flush;
    return absl::OkStatus();
  }
  const std::string text = tree.HelpOf(words);
  if (text.empty()) {
    std::vector<std::string> known;
    for (const auto& [name, topic] : Topics()) known.push_back(name);
    for (const CommandHelp& command : tree.Commands()) known.push_back(command.Name());
    const std::string wanted = absl::StrJoin(words, " ");
    return InvalidField("TOPIC", absl::StrCat("there is no command or topic \"", wanted, "\"",
                                              DidYouMean(wanted, known)));
  }
  out << text;
  // A command that is a topic too.
  const auto topic = Topics().find(words[0]);
  if (words.size() == 1 && topic != Topics().end()) out << "\n" << topic->second.text;
  out.flush();
  return absl::OkStatus();
}

// Written so that the same build gives the same pages.
absl::Time DateOf(const Environment& environment) {
  int64_t seconds = 0;
  if (absl::SimpleAtoi(environment.Variable("SOURCE_DATE_EPOCH"), &seconds)) {
    return absl::FromUnixSeconds(seconds);
  }
  return environment.clock.TimeNow();
}

absl::Status Man(Context& context, const CommandTree& tree, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  for (const auto& [file, text] : ManPages(tree.Commands(), DateOf(context.environment()))) {
    RETURN_IF_ERROR(ReplaceFile("DIR", absl::StrCat(folder, "/", file), text, 0644));
  }
  return absl::OkStatus();
}

}  // namespace

void AddHelpCommands(Command root, Context& context, const CommandTree& tree) {
  const auto words = std::make_shared<std::vector<std::string>>();
  root.Sub("help", "Tell about a command or a topic")
      .Arguments("TOPIC", words.get(), "Command or topic", false)
      .Local()
      .Run([&context, &tree, words] { return Help(context, tree, *words); });
  const auto folder = std::make_shared<std::string>();
  root.Sub("man", "Write the manual pages")
      .Argument("DIR", folder.get(), "Folder")
      .Local()
      .Hidden()
      .Run([&context, &tree, folder] { return Man(context, tree, *folder); });
}

}  // namespace stackyard::cli
