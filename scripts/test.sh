#!/usr/bin/env bash
# test.sh [fast|slow]: runs the test suites, tells the time of each and sums them up.
#   fast  all but what is marked slow (default)
#   slow  what is marked slow: ctest label `slow`, Go build tag `slow`, tests/slow/
# Suites: ctest, `go test` of each Go module, vitest of the console, and every executable *_test.sh and *_test.py. Such a
# script counts as one test, unless its last line is "N passed, N failed[, N skipped]".
# The last line is the sum, alone on its line; with STACKYARD_SUM=later it is left to the caller,
# who finds it in build/test-results/summary.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=scripts/test-results.sh
. "$(dirname "$0")/test-results.sh"

KIND=${1:-fast}
PRESET=${STACKYARD_PRESET:-release}
JOBS=${STACKYARD_JOBS:-$(nproc)}
# attribute FILE NAME: a number of the <testsuite> line of a JUnit file.
attribute() {
  local n
  n=$(tr '\n' ' ' <"$1" | grep -o '<testsuite [^>]*>' | grep -o "$2=\"[0-9]*\"" | tr -cd 0-9) || true
  printf '%s' "${n:-0}"
}

run_ctest() {
  local start junit=$OUT/ctest.xml total failed skipped labels=(-LE slow) names rc=0
  [ "$KIND" = fast ] || labels=(-L slow)
  start=$(now_ms)
  rm -f "$junit"
  ctest --test-dir "$BUILD/$PRESET" "${labels[@]}" -j "$JOBS" --output-on-failure \
    --output-junit "$junit" >"$OUT/ctest.log" 2>&1 || rc=$?
  total=0 failed=0 skipped=0
  if [ -s "$junit" ]; then
    total=$(attribute "$junit" tests)
    failed=$(attribute "$junit" failures)
    skipped=$(($(attribute "$junit" skipped) + $(attribute "$junit" disabled)))
  fi
  # A crash of ctest itself, or a test that is not built, must not pass for success.
  if [ "$rc" != 0 ] && [ "$failed" = 0 ]; then failed=1 total=$((total + 1)); fi
  if [ "$failed" != 0 ]; then
    tail -n 300 "$OUT/ctest.log"
    mapfile -t names < <(sed -n -E 's/^[[:space:]]+[0-9]+ - ([^ ]+) \(.*\).*/ctest: \1/p' "$OUT/ctest.log" | head -n 50)
    faulty "${names[@]:-ctest}"
  elif [ "$KIND" = fast ] && [ "$total" = 0 ]; then
    warn 'ctest found no test'
    failed=1 total=1
    faulty ctest
  fi
  count ctest "$start" $((total - failed - skipped)) "$failed" "$skipped"
}

run_go() {
  local start json dir=$1 name rc=0 tags=() passed failed skipped names
  [ "$KIND" = fast ] || tags=(-tags slow -run 'Slow')
  name=go-$(printf '%s' "$dir" | tr / -)
  json=$OUT/$name.json
  start=$(now_ms)
  go -C "$ROOT/$dir" test -json "${tags[@]}" ./... >"$json" 2>"$OUT/$name.err" || rc=$?
  tally() { grep '^{' "$json" | jq -r "select(.Action==\"$1\" and .Test != null) | .Test" | wc -l; }
  passed=$(tally pass) failed=$(tally fail) skipped=$(tally skip)
  if [ "$rc" != 0 ]; then
    mapfile -t names < <(grep '^{' "$json" |
      jq -r "select(.Action==\"fail\" and .Test != null) | \"go test $dir: \\(.Test)\"" | head -n 50)
    faulty "${names[@]:-go test $dir}"
    # Without a failing test it is a package that does not compile.
    [ "$failed" != 0 ] || failed=1
    cat "$OUT/$name.err"
    grep '^{' "$json" | jq -j 'select(.Action=="output" or .Action=="build-output") | .Output' |
      grep -v -E '^(ok|PASS|=== (RUN|PAUSE|CONT))' | tail -n 200 || true
  fi
  count "go test $dir" "$start" "$passed" "$failed" "$skipped"
}

# The console's own tests are fast, all of them.
run_vitest() {
  local start json=$OUT/vitest.json total=0 failed=0 skipped=0 names=() rc=0
  [ "$KIND" = fast ] || return 0
  start=$(now_ms)
  (cd "$ROOT/web" && node_modules/.bin/vitest run --reporter=json --outputFile="$json") \
    >"$OUT/vitest.log" 2>&1 || rc=$?
  if [ -s "$json" ]; then
    total=$(jq .numTotalTests "$json")
    failed=$(jq .numFailedTests "$json")
    skipped=$(jq '.numPendingTests + .numTodoTests' "$json")
  fi
  # A file that does not compile has no test that fails.
  if [ "$rc" != 0 ] && [ "$failed" = 0 ]; then failed=1 total=$((total + 1)); fi
  if [ "$failed" != 0 ]; then
    tail -n 100 "$OUT/vitest.log"
    [ ! -s "$json" ] || mapfile -t names < <(jq -r '.testResults[] | .name as $file
      | (.assertionResults[] | select(.status == "failed") | "vitest: \(.fullName)"),
        (select(.status == "failed" and .assertionResults == []) | "vitest: \($file)\n\(.message)")' "$json" | head -n 50)
    faulty "${names[@]:-vitest}"
  fi
  count 'vitest web' "$start" $((total - failed - skipped)) "$failed" "$skipped"
}

go_modules() {
  find "$ROOT" \( -path "$BUILD" -o -path "$ROOT/.*" -o -path "$ROOT/scripts/tools" \
    -o -name node_modules \) -prune -o -name go.mod -printf '%P\n' | xargs -r -n1 dirname | sort
}

scripts() {
  local places=(-not -path '*/slow/*')
  [ "$KIND" = fast ] || places=(-path '*/slow/*')
  find "$ROOT" \( -path "$BUILD" -o -path "$ROOT/.*" -o -name node_modules \) -prune -o \
    -type f \( -name '*_test.sh' -o -name '*_test.py' \) -perm -u+x "${places[@]}" -print | sort
}

main() {
  local dir script
  case $KIND in fast | slow) ;; *) die "unknown kind $KIND" 'use fast or slow' ;; esac
  rm -rf "$OUT"
  mkdir -p "$OUT"
  # Scripts in Python find their packages in the environment of set-up.
  export PATH=$TOOLS/py/bin:$PATH
  run_ctest
  for dir in $(go_modules); do run_go "$dir"; done
  run_vitest
  while IFS= read -r script; do run_script "$script"; done < <(scripts)

  summarize
}
main
