#include <memory>

#include "cli/commands.h"
#include "common/version.h"

namespace stackyard::cli {
namespace {

// Each script asks the program itself what can follow, so that it never is out of date.
constexpr char kBash[] = R"(# stackyard completion for bash: source <(stackyard completion bash)
_stackyard() {
  local line=${COMP_LINE:0:COMP_POINT} word lines code offer prefix= breaks
  local -a words
  read -ra words <<<"$line"
  [[ $line != *[[:space:]] ]] || words+=('')
  word=${words[${#words[@]}-1]}
  lines=$(stackyard __complete -- "${words[@]:1}" 2>/dev/null)
  code=$?
  # bash begins words anew behind these; what is offered begins there too.
  breaks=${COMP_WORDBREAKS//[^@:=]/}
  [ -z "$breaks" ] || prefix=${word%"${word##*["$breaks"]}"}
  COMPREPLY=()
  while IFS=$'\t' read -r offer _; do
    [ -z "$offer" ] || COMPREPLY+=("${offer#"$prefix"}")
  done <<<"$lines"
  [ "$code" != 10 ] || compopt -o default
}
complete -F _stackyard stackyard
)";

constexpr char kZsh[] = R"(#compdef stackyard
# stackyard completion for zsh: source <(stackyard completion zsh)
_stackyard() {
  local -a offers
  local lines line code
  lines=$(stackyard __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
  code=$?
  for line in "${(@f)lines}"; do
    [[ -z $line ]] || offers+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
  done
  (( ${#offers} )) && _describe 'stackyard' offers
  (( code == 10 )) && _files
}
compdef _stackyard stackyard
)";

constexpr char kFish[] = R"(# stackyard completion for fish: stackyard completion fish | source
function __stackyard_offers
    set -l words (commandline -opc) (commandline -ct)
    stackyard __complete -- $words[2..-1] 2>/dev/null
    if test $status -eq 10
        __fish_complete_path (commandline -ct)
    end
end
complete -c stackyard -f -a '(__stackyard_offers)'
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
  completion.Sub("bash", "source <(stackyard completion bash)").Local().Run(print(kBash));
  completion.Sub("zsh", "source <(stackyard completion zsh)").Local().Run(print(kZsh));
  completion.Sub("fish", "stackyard completion fish | source").Local().Run(print(kFish));

  root.Sub("version", "Print the version").Local().Run([&context] {
    context.environment().out << "stackyard " << kVersion << std::endl;
    return absl::OkStatus();
  });
}

}  // namespace stackyard::cli
