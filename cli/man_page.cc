#include "cli/man_page.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "cli/topics.h"
#include "common/version.h"

namespace stackyard::cli {
namespace {

// A text as it is, whatever it begins with.
std::string Escaped(const std::string& text) {
  std::string escaped = absl::StrReplaceAll(text, {{"\\", "\\e"}, {"-", "\\-"}, {"\"", "\\(dq"}});
  if (absl::StartsWith(escaped, ".") || absl::StartsWith(escaped, "'")) escaped = "\\&" + escaped;
  return escaped;
}

// An argument of a macro: no word of it is a macro itself, and it is one.
std::string Word(const std::string& text) { return absl::StrCat("\"\\&", Escaped(text), "\""); }

std::string Verbatim(const std::string& text) {
  std::string page = ".Bd -literal -offset indent\n";
  for (const auto line : absl::StrSplit(absl::StripAsciiWhitespace(text), '\n')) {
    absl::StrAppend(&page, Escaped(std::string(line)), "\n");
  }
  return page + ".Ed\n";
}

std::string Sentence(const std::string& text) {
  std::string page = Escaped(absl::StrReplaceAll(text, {{"\n", " "}}));
  if (!absl::EndsWith(page, ".") && !absl::EndsWith(page, "]")) page += ".";
  return page + "\n";
}

// `-t, --template TEMPLATE` as the head of an item.
std::string FlagHead(const FlagHelp& flag) {
  std::vector<std::string> names;
  for (const auto name : absl::StrSplit(flag.name, ',')) {
    names.push_back(absl::StrCat("Fl ", Word(std::string(name.substr(1)))));
  }
  std::string head = absl::StrCat(".It ", absl::StrJoin(names, " , "));
  if (!flag.kind.empty()) absl::StrAppend(&head, " Ar ", Word(flag.kind));
  return head + "\n";
}

std::string Flags(const std::vector<FlagHelp>& flags) {
  std::string page;
  for (const FlagHelp& flag : flags) {
    if (absl::StrContains(flag.name, "--help")) continue;
    absl::StrAppend(&page, FlagHead(flag), Sentence(flag.help));
    if (flag.required) page += "Required.\n";
  }
  return page.empty() ? "" : absl::StrCat(".Bl -tag -width Ds\n", page, ".El\n");
}

std::string Arguments(const CommandHelp& command) {
  std::string text;
  for (const FlagHelp& argument : command.arguments) {
    const std::string ar =
        absl::StrCat("Ar ", Word(argument.name), argument.repeated ? " Ar ..." : "");
    absl::StrAppend(&text, argument.required ? " " : " Op ", ar);
  }
  return text;
}

std::string Examples(const CommandHelp& command) {
  std::string text;
  for (const std::string& line : command.examples) absl::StrAppend(&text, "stackyard ", line, "\n");
  return text.empty() ? "" : Verbatim(text);
}

// One command with all that it takes.
std::string Section(const CommandHelp& command) {
  std::string page = absl::StrCat(".It Cm ", Word("stackyard " + command.Name()),
                                  Arguments(command), "\n", Sentence(command.about));
  std::string arguments;
  for (const FlagHelp& argument : command.arguments) {
    absl::StrAppend(&arguments, ".It Ar ", Word(argument.name), "\n", Sentence(argument.help));
  }
  if (!arguments.empty()) absl::StrAppend(&page, ".Bl -tag -width Ds\n", arguments, ".El\n");
  return absl::StrCat(page, Flags(command.flags), Examples(command));
}

std::string Head(const std::string& name, const std::string& about, absl::Time date) {
  return absl::StrCat(".Dd ", absl::FormatTime("%B %e, %Y", date, absl::UTCTimeZone()), "\n.Dt ",
                      absl::AsciiStrToUpper(name), " 1\n.Os Stackyard ", std::string(kVersion),
                      "\n.Sh NAME\n.Nm ", name, "\n.Nd ", Escaped(about), "\n");
}

std::string PageOf(const std::string& name, const std::vector<CommandHelp>& commands,
                   absl::Time date) {
  const CommandHelp& first = commands.front();
  std::string page = Head(name, first.about, date);
  absl::StrAppend(&page, ".Sh SYNOPSIS\n.Nm stackyard ", first.Name(),
                  first.group ? " Ar command" : Arguments(first), " Op Ar flags\n.Sh DESCRIPTION\n",
                  Sentence(first.about), ".Bl -tag -width Ds\n");
  for (const CommandHelp& command : commands) {
    if (!command.group) page += Section(command);
  }
  return page + ".El\n.Sh SEE ALSO\n.Xr stackyard 1\n";
}

std::string Program(const std::vector<CommandHelp>& commands, const std::vector<std::string>& pages,
                    absl::Time date) {
  const CommandHelp& program = commands.front();
  std::string page = Head("stackyard", program.about, date);
  page +=
      ".Sh SYNOPSIS\n.Nm\n.Ar command\n.Op Ar flags\n.Sh DESCRIPTION\n" + Sentence(program.about);
  page += "Its commands, each with a page of its own:\n.Bl -tag -width Ds\n";
  for (const CommandHelp& command : commands) {
    if (command.path.size() != 1) continue;
    absl::StrAppend(&page, ".It Cm ", Word(command.Name()), "\n", Sentence(command.about));
  }
  absl::StrAppend(&page, ".El\n.Sh OPTIONS\nEvery command takes these.\n", Flags(program.flags));
  for (const auto& [name, topic] : Topics()) {
    absl::StrAppend(&page, ".Ss ", Escaped(topic.about), "\n", Verbatim(topic.text));
  }
  page += ".Sh SEE ALSO\n";
  for (size_t i = 0; i < pages.size(); ++i) {
    absl::StrAppend(&page, ".Xr ", pages[i], " 1", i + 1 < pages.size() ? " ,\n" : "\n");
  }
  return page;
}

}  // namespace

std::map<std::string, std::string> ManPages(const std::vector<CommandHelp>& commands,
                                            absl::Time date) {
  std::map<std::string, std::vector<CommandHelp>> groups;
  for (const CommandHelp& command : commands) {
    if (!command.path.empty()) groups[command.path.front()].push_back(command);
  }
  std::map<std::string, std::string> pages;
  std::vector<std::string> names;
  for (const auto& [group, members] : groups) {
    const std::string name = "stackyard-" + group;
    names.push_back(name);
    pages[name + ".1"] = PageOf(name, members, date);
  }
  pages["stackyard.1"] = Program(commands, names, date);
  return pages;
}

}  // namespace stackyard::cli
