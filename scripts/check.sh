#!/usr/bin/env bash
# check.sh: what CI runs. Set-up, build, lint, tests; the time of each; goes on after faults of
# lint so that one run tells everything. The last line is the sum of the tests (with
# STACKYARD_SUM=later it is only in build/test-results/summary).
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

SUM=${STACKYARD_SUM:-now}
export STACKYARD_SUM=later
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
  # Without tests that ran, something before them failed.
  mkdir -p "$BUILD/test-results"
  [ -s "$BUILD/test-results/summary" ] || say '0 passed, 1 failed' >"$BUILD/test-results/summary"
  [ "$SUM" = later ] || cat "$BUILD/test-results/summary"
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
