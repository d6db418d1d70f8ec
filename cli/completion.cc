#include <memory>

#include "cli/commands.h"
#include "common/version.h"

namespace stackyard::cli {
namespace {

// Each script asks the program itself what can follow, so that it never is out of date.
constexpr char kBash[] = R"(# stackyard completion for bash: source <(stackyard completion bash)
_stackyard() {
  local IFS=$'\n'
  COMPREPLY=($(stackyard __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1))
  [ "${#COMPREPLY[@]}" != 0 ] || compopt -o default
}
complete -F _stackyard stackyard
)";

constexpr char kZsh[] = R"(#compdef stackyard
# stackyard completion for zsh: source <(stackyard completion zsh)
_stackyard() {
  local -a offers
  local line
  while IFS= read -r line; do
    offers+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
  done < <(stackyard __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( ${#offers} )); then _describe 'stackyard' offers; else _files; fi
}
compdef _stackyard stackyard
)";

constexpr char kFish[] = R"(# stackyard completion for fish: stackyard completion fish | source
function __stackyard_offers
    set -l words (commandline -opc) (commandline -ct)
    stackyard __complete -- $words[2..-1] 2>/dev/null
end
complete -c stackyard -a '(__stackyard_offers)'
)";

}  // namespace

void AddCompletionCommands(Command root, Context& context) {
  Command completion = root.Sub("completion", "Print a completion script for your shell");
  const auto print = [&context](const char* script) {
    return [&context, script] {
      context.environment().out << script << std::flush;
      return absl::OkStatus();
    };
  };
  completion.Sub("bash", "source <(stackyard completion bash)").Run(print(kBash));
  completion.Sub("zsh", "source <(stackyard completion zsh)").Run(print(kZsh));
  completion.Sub("fish", "stackyard completion fish | source").Run(print(kFish));

  root.Sub("version", "Print the version").Run([&context] {
    context.environment().out << "stackyard " << kVersion << std::endl;
    return absl::OkStatus();
  });
}

}  // namespace stackyard::cli
