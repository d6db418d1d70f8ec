#!/usr/bin/env bash
# lint.sh [all|fix]: format and lint of everything, clang-tidy of what changed.
#   (nothing)  clang-tidy on the C++ files changed since STACKYARD_BASE (default: where this
#              branch left origin/main; on main itself, the 12 hours before its last commit)
#   all        clang-tidy on every C++ file; takes long
#   fix        formats the files instead of complaining
# STACKYARD_TIDY_SECONDS bounds clang-tidy (420); what was not reached is named.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

MODE=${1:-changed}
PRESET=${STACKYARD_PRESET:-release}
TIDY_SECONDS=${STACKYARD_TIDY_SECONDS:-420}
FAILED=()
cd "$ROOT"

# files GLOB...: tracked and new files, without ignored ones.
files() {
  local file
  git ls-files --cached --others --exclude-standard -- "$@" | sort -u |
    while IFS= read -r file; do if [ -f "$file" ]; then printf '%s\n' "$file"; fi; done
}

# step NAME HINT FUNCTION
step() {
  local start rc=0
  start=$(now_ms)
  # In a subshell of its own, so that errexit holds in the function.
  (set -e; "$3") || rc=$?
  if [ "$rc" = 0 ]; then
    say "[lint] $1: clean ($(seconds_since "$start") s)"
  else
    say "[lint] $1: FAULTS ($(seconds_since "$start") s) — $2"
    FAILED+=("$1")
  fi
}

clang_format() {
  local mode=(--dry-run -Werror)
  [ "$MODE" != fix ] || mode=(-i)
  files '*.cc' '*.h' | xargs -r clang-format --style=file "${mode[@]}"
}

go_format() {
  local faults
  if [ "$MODE" = fix ]; then files '*.go' | xargs -r gofmt -w; return; fi
  faults=$(files '*.go' | xargs -r gofmt -l)
  [ -z "$faults" ] || { say "$faults"; return 1; }
}

go_vet() {
  local mod
  for mod in $(files '*go.mod' | grep -v '^scripts/tools/'); do
    go -C "$(dirname "$mod")" vet ./... || return 1
  done
}

shell_lint() {
  local list
  list=$(files '*.sh' .ci/run)
  # shellcheck disable=SC2086  # the names hold no blanks
  shellcheck $list
}

protos_lint() { buf lint; }

# in_console COMMAND...: in web/, with the Node of set-up where the machine's own is too old.
in_console() (
  export PATH=$TOOLS/py/bin:$PATH
  cd web
  "$@"
)

console_format() {
  local how=--check
  [ "$MODE" != fix ] || how=--write
  in_console node_modules/.bin/prettier --log-level warn "$how" src '*.ts' '*.js'
}

console_lint() {
  in_console node_modules/.bin/eslint . && in_console node_modules/.bin/tsc --noEmit
}

deploy_lint() { scripts/deploy-lint.sh; }

terraform_format() {
  local mode=(-check -diff)
  [ "$MODE" != fix ] || mode=()
  # Test data may be wrong on purpose. fmt needs no settings of the user's.
  files '*.tf' '*.tftest.hcl' ':!*/testdata/*' |
    xargs -r -n 20 env -u TF_CLI_CONFIG_FILE "$STACKYARD_TERRAFORM" fmt -no-color "${mode[@]}"
}

# No service may include another one's headers.
no_crossing() {
  local dir faults=0
  for dir in services/*/; do
    dir=$(basename "$dir")
    if grep -rnE '#include "services/' --include='*.cc' --include='*.h' "services/$dir" |
      grep -v "#include \"services/$dir/"; then faults=1; fi
  done
  if grep -rnE '#include "services/' --include='*.cc' --include='*.h' common; then faults=1; fi
  return "$faults"
}

# changed: the C++ sources to check, latest first. A header stands for the source of its name.
changed() {
  local base=${STACKYARD_BASE:-} head since file
  head=$(git rev-parse HEAD)
  [ -n "$base" ] || base=$(git merge-base HEAD origin/main 2>/dev/null || true)
  {
    git diff --name-only HEAD -- '*.cc' '*.h'
    git ls-files --others --exclude-standard -- '*.cc' '*.h'
    if [ -n "$base" ] && [ "$(git rev-parse "$base")" != "$head" ]; then
      git log --format= --name-only "$base..HEAD" -- '*.cc' '*.h'
    else
      since=$(($(git log -1 --format=%ct) - 12 * 3600))
      git log --format= --name-only --since="@$since" -- '*.cc' '*.h'
    fi
  } | sed -e '/^$/d' -e 's/\.h$/.cc/' | awk '!seen[$0]++' | while IFS= read -r file; do
    if [ -f "$file" ]; then printf '%s\n' "$file"; fi
  done
}

# clang_database FILE: compile_commands.json for clang, which takes neither GCC's precompiled headers
# nor all of its warnings. Sources include what they use, so they need no precompiled header.
clang_database() {
  mkdir -p "$(dirname "$1")"
  sed -E -e 's# -Winvalid-pch##g' -e 's# -include [^ ]*/cmake_pch\.hxx##g' \
    -e 's# -Wno-(restrict|stringop-overflow|stringop-overread)##g' \
    "$BUILD/$PRESET/compile_commands.json" >"$1"
}

tidy() {
  local list db=$BUILD/$PRESET/tidy/compile_commands.json deadline checked=0 rc=0
  [ -s "$BUILD/$PRESET/compile_commands.json" ] ||
    { say "$BUILD/$PRESET/compile_commands.json is missing; run: make build"; return 1; }
  clang_database "$db"
  if [ "$MODE" = all ]; then list=$(files '*.cc'); else list=$(changed); fi
  # Only what the build knows: a file of another platform has no flags.
  list=$(printf '%s\n' "$list" | while IFS= read -r file; do
    if [ -n "$file" ] && grep -qF "\"$ROOT/$file\"" "$db"; then printf '%s\n' "$file"; fi
  done)
  [ -n "$list" ] || { say '[lint] clang-tidy: no C++ file changed'; return 0; }
  say "[lint] clang-tidy: $(printf '%s\n' "$list" | wc -l) files …"
  deadline=$(($(now_ms) + TIDY_SECONDS * 1000))
  [ "$MODE" != all ] || deadline=$(($(now_ms) + 36000000))
  export deadline PRESET BUILD
  # shellcheck disable=SC2016  # the inner shell expands them
  printf '%s\n' "$list" | xargs -P "$(nproc)" -I{} bash -c '
    if [ "$(date +%s%3N)" -ge "$deadline" ]; then echo "{}" >>"$BUILD/.tidy-left"; exit 0; fi
    out=$(clang-tidy --quiet -p "$BUILD/$PRESET/tidy" "{}" 2>/dev/null) || { printf "%s\n" "$out"; exit 1; }
  ' || rc=1
  if [ -s "$BUILD/.tidy-left" ]; then
    checked=$(wc -l <"$BUILD/.tidy-left")
    say "[lint] clang-tidy: not reached in $TIDY_SECONDS s ($checked files; run: make tidy):"
    sed 's/^/    /' "$BUILD/.tidy-left"
  fi
  rm -f "$BUILD/.tidy-left"
  return "$rc"
}

case $MODE in changed | all | fix) ;; *) die "unknown mode $MODE" 'use nothing, all or fix' ;; esac
rm -f "$BUILD/.tidy-left"
step clang-format 'run: make format' clang_format
step gofmt 'run: make format' go_format
step 'terraform fmt' 'run: make format' terraform_format
step 'prettier' 'run: make format' console_format
if [ "$MODE" = fix ]; then exit 0; fi
step shellcheck 'mend what it names' shell_lint
step 'buf lint' 'mend what it names' protos_lint
step 'console' 'mend what eslint or tsc name' console_lint
step 'deployment code' 'mend what it names' deploy_lint
step 'service borders' 'a service includes only its own headers, common and protos' no_crossing
step 'go vet' 'mend what it names' go_vet
step clang-tidy 'mend what it names' tidy
[ "${#FAILED[@]}" = 0 ] || die "lint found faults: ${FAILED[*]}" 'mend them (make format mends the format), then run: make lint'
