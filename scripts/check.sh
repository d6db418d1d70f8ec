#!/usr/bin/env bash
# check.sh: what CI runs. Set-up, build, lint, tests; the time of each; goes on after faults of
# lint so that one run tells everything. The last line is the sum of the tests.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

TIMES=()
FAULTS=()

# part NAME COMMAND...
part() {
  local name=$1 start rc=0
  shift
  start=$(now_ms)
  say "== $name"
  "$@" || rc=$?
  TIMES+=("$(printf '%-8s %8s s%s' "$name" "$(seconds_since "$start")" "$([ "$rc" = 0 ] || echo '  FAULTS')")")
  [ "$rc" = 0 ] || FAULTS+=("$name")
  return "$rc"
}

summary() {
  say '== time'
  printf '   %s\n' "${TIMES[@]}"
  [ "${#FAULTS[@]}" = 0 ] || say "what to do: mend ${FAULTS[*]}, as told above, then run: make check"
  cat "$BUILD/test-results/summary" 2>/dev/null || say '0 passed, 1 failed'
}

rm -rf "$BUILD/test-results"
trap summary EXIT
part setup "$ROOT/scripts/setup.sh" dev
# Set-up may have found tools that this shell does not know yet.
# shellcheck source=scripts/env.sh
. "$ROOT/scripts/env.sh"
part build "$ROOT/scripts/build.sh" all
part lint "$ROOT/scripts/lint.sh" || true
part tests "$ROOT/scripts/test.sh" fast || true
[ "${#FAULTS[@]}" = 0 ]
