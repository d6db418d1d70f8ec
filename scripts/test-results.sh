# shellcheck shell=bash
# How the results of test suites are counted, shown and summed up. Sourced by test.sh and
# deploy-test.sh, after lib.sh.

OUT=$BUILD/test-results
PASSED=0 FAILED=0 SKIPPED=0

# count NAME MS PASSED FAILED SKIPPED
count() {
  PASSED=$((PASSED + $3)) FAILED=$((FAILED + $4)) SKIPPED=$((SKIPPED + $5))
  say "[test] $1: $3 ok, $4 failing, $5 skipped ($(seconds_since "$2") s)"
}

# run_script SCRIPT [ARGUMENT...]: counts as one test, unless its last line is
# "N passed, N failed[, N skipped]".
run_script() {
  local start script=$1 log last rc=0 shown
  shift
  shown=${script#"$ROOT"/}
  log=$OUT/$(printf '%s' "$shown" | tr / -).log
  start=$(now_ms)
  logged "$log" "$script" "$@" || rc=$?
  last=$(grep -v '^[[:space:]]*$' "$log" | tail -n 1 || true)
  if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]]; then
    local failed=${BASH_REMATCH[2]}
    if [ "$rc" != 0 ] && [ "$failed" = 0 ]; then failed=1; fi
    count "$shown" "$start" "${BASH_REMATCH[1]}" "$failed" "${BASH_REMATCH[4]:-0}"
  elif [ "$rc" = 0 ]; then
    count "$shown" "$start" 1 0 0
  else
    count "$shown" "$start" 0 1 0
  fi
}

# summarize: the sum as the last line, or with STACKYARD_SUM=later only in build/test-results/summary.
# False when something failed.
summarize() {
  local sum="$PASSED passed, $FAILED failed"
  [ "$SKIPPED" = 0 ] || sum="$sum, $SKIPPED skipped"
  printf '%s\n' "$sum" >"$OUT/summary"
  [ "$FAILED" = 0 ] || say "what to do: read the failures above; logs are in build/test-results"
  [ "${STACKYARD_SUM:-}" = later ] || say "$sum"
  [ "$FAILED" = 0 ]
}
