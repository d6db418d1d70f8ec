# shellcheck shell=bash
# How the results of test suites are counted, shown and summed up. Sourced by test.sh and
# deploy-test.sh, after lib.sh.

OUT=$BUILD/test-results
PASSED=0 FAILED=0 SKIPPED=0
FAULTY=()

# faulty NAME...: what failed, to be told at the end.
faulty() { FAULTY+=("$@"); }

# count NAME MS PASSED FAILED SKIPPED
count() {
  PASSED=$((PASSED + $3)) FAILED=$((FAILED + $4)) SKIPPED=$((SKIPPED + $5))
  say "[test] $1: $3 ok, $4 failing, $5 skipped ($(seconds_since "$2") s)"
}

# faulty_script SCRIPT LOG: names the tests of a script that failed, as far as its log tells them.
faulty_script() {
  local names
  mapfile -t names < <(sed -n -E "s#^(FAIL|ERROR): ([^ ]+).*#$1: \\2#p" "$2" | sort -u | head -n 20)
  [ "${#names[@]}" != 0 ] || names=("$1")
  faulty "${names[@]}"
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
    [ "$failed" = 0 ] || faulty_script "$shown" "$log"
    count "$shown" "$start" "${BASH_REMATCH[1]}" "$failed" "${BASH_REMATCH[4]:-0}"
  elif [ "$rc" = 0 ]; then
    count "$shown" "$start" 1 0 0
  else
    faulty_script "$shown" "$log"
    count "$shown" "$start" 0 1 0
  fi
}

# summarize: the sum as the last line, or with STACKYARD_SUM=later only in build/test-results/summary.
# False when something failed.
summarize() {
  local sum="$PASSED passed, $FAILED failed"
  [ "$SKIPPED" = 0 ] || sum="$sum, $SKIPPED skipped"
  printf '%s\n' "$sum" >"$OUT/summary"
  if [ "$FAILED" != 0 ]; then
    say 'what failed:'
    [ "${#FAULTY[@]}" = 0 ] || printf '   %s\n' "${FAULTY[@]}"
    say "what to do: read the failures above; logs are in build/test-results"
  fi
  [ "${STACKYARD_SUM:-}" = later ] || say "$sum"
  [ "$FAILED" = 0 ]
}
