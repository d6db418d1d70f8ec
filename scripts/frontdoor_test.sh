#!/usr/bin/env bash
# Tests of the Makefile, of set-up and of the summing of tests: what a newcomer meets first.
set -uo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# A make above this one must not hand down its flags.
unset MAKEFLAGS MAKELEVEL MFLAGS STACKYARD_HINT_FILE STACKYARD_SUM
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
OUT=$WORK/out
PASSED=0 FAILED=0

expect() {
  local what=$1
  shift
  if "$@"; then
    PASSED=$((PASSED + 1))
  else
    FAILED=$((FAILED + 1))
    say "FAILED: $what"
    sed 's/^/    | /' "$OUT"
  fi
}
says() { grep -qF -- "$1" "$OUT"; }
last_line_says() { tail -n 1 "$OUT" | grep -qF -- "$1"; }

cd "$ROOT" || exit 1
make help >"$OUT"
for goal in demo up down status logs build test test-slow check bench clean; do
  expect "make help lists $goal" grep -qE "^  $goal " "$OUT"
done
expect 'make alone is help' diff -q <(make) "$OUT"
undocumented=$(grep -E '^[a-z][a-z-]*:' Makefile | grep -v '## ')
expect "every goal explains itself: $undocumented" test -z "$undocumented"

scripts/setup.sh build >"$OUT" 2>&1
expect 'set-up succeeds' test $? = 0
before=$(now_ms)
scripts/setup.sh build >"$OUT" 2>&1
took=$(($(now_ms) - before))
expect 'set-up again says nothing' test ! -s "$OUT"
expect "set-up again is quick: $took ms" test "$took" -lt 5000

STACKYARD_TERRAFORM=/nonexistent make demo >"$OUT" 2>&1
expect 'demo fails when set-up does' test $? != 0
expect 'the last line of all says what to do' last_line_says 'what to do: set it to the path of terraform'
STACKYARD_PROVIDER_MIRROR=/nonexistent scripts/setup.sh >"$OUT" 2>&1
expect 'a mirror that is no folder is refused' last_line_says 'registry.terraform.io'

# An earlier result of set-up is no wish of the user's: after it the search starts anew.
expect 'what set-up finds is used' test -x "$STACKYARD_TERRAFORM"
STACKYARD_TERRAFORM=/elsewhere bash -c '. scripts/env.sh; printf %s "$STACKYARD_TERRAFORM"' >"$OUT"
expect 'what the user sets wins' says /elsewhere
# shellcheck disable=SC2016  # the inner shell expands it
env -i PATH="$PATH" bash -c '. scripts/env.sh; printf %s "$HOME"' >"$OUT"
expect 'an empty environment gets a home' test -s "$OUT"

# The sum of test.sh, over a tree with one suite of each kind.
tree=$WORK/tree
mkdir -p "$tree/build/release" "$tree/go" "$tree/tests/slow"
cp -r scripts "$tree/scripts"
rm "$tree"/scripts/*_test.sh
cat >"$tree/build/release/CTestTestfile.cmake" <<'CTEST'
add_test(good "true")
add_test(bad "false")
CTEST
printf 'module example.test/x\n\ngo 1.26\n' >"$tree/go/go.mod"
printf 'package x\n\nimport "testing"\n\nfunc TestA(t *testing.T) {}\nfunc TestB(t *testing.T) { t.Skip() }\n' >"$tree/go/x_test.go"
mkdir -p "$tree/web/node_modules/.bin"
cat >"$tree/web/node_modules/.bin/vitest" <<'VITEST'
#!/bin/sh
for file; do file=${file#--outputFile=}; done
cat >"$file" <<'JSON'
{"numTotalTests": 2, "numFailedTests": 1, "numPendingTests": 0, "numTodoTests": 0, "testResults": [
  {"name": "a.test.ts", "status": "failed", "message": "", "assertionResults": [
    {"status": "passed", "fullName": "holds"}, {"status": "failed", "fullName": "breaks"}]}]}
JSON
exit 1
VITEST
chmod +x "$tree/web/node_modules/.bin/vitest"
printf '#!/bin/sh\necho "3 passed, 1 failed"; exit 1\n' >"$tree/tests/many_test.sh"
printf '#!/bin/sh\nexit 0\n' >"$tree/tests/one_test.sh"
printf '#!/bin/sh\nexit 1\n' >"$tree/tests/slow/slow_test.sh"
chmod +x "$tree"/tests/*.sh "$tree"/tests/slow/*.sh
"$tree/scripts/test.sh" >"$OUT" 2>&1
expect 'a failing test fails the run' test $? = 1
expect 'the last line is the sum' last_line_says '7 passed, 3 failed, 1 skipped'
expect 'what failed is named: a C++ test' says '   ctest: bad'
expect 'what failed is named: a test of the console' says '   vitest: breaks'
expect 'what failed is named: a script' says '   tests/many_test.sh'
printf 'package x\n\nfunc f() { nonsense }\n' >"$tree/go/x.go"
"$tree/scripts/test.sh" >"$OUT" 2>&1
expect 'a package that does not compile counts as failed' last_line_says '6 passed, 4 failed'
rm "$tree/go/x.go" "$tree/build/release/CTestTestfile.cmake"
"$tree/scripts/test.sh" >"$OUT" 2>&1
expect 'no C++ test at all counts as failed' last_line_says '6 passed, 3 failed, 1 skipped'

say "$PASSED passed, $FAILED failed"
[ "$FAILED" = 0 ]
