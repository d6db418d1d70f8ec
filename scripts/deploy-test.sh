#!/usr/bin/env bash
# deploy-test.sh [quick|full]: checks of what deploys Stackyard.
#   quick  lint, and the tests below that need neither a control plane nor an emulator
#   full   all of them (default): minutes of building the control plane the first time
# Tests are the executables *_test.py and *_test.sh of tests/deploy, tests/k8s, tests/aws,
# tests/images and tests/observability; the long ones lie in a folder slow/. Each counts as in
# test.sh, its log is in build/test-results, and the last line is the sum.
# `make test` runs the quick tests and `make check` the quick lint as well.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/test-results.sh
. "$(dirname "$0")/test-results.sh"

KIND=${1:-full}
PLACES=(tests/deploy tests/k8s tests/aws tests/images tests/observability)

# tests_of PLACE
tests_of() {
  local slow=(-not -path '*/slow/*')
  [ "$KIND" = quick ] || slow=()
  [ -d "$ROOT/$1" ] || return 0
  find "$ROOT/$1" -type f \( -name '*_test.sh' -o -name '*_test.py' \) -perm -u+x \
    "${slow[@]}" -print | sort
}

main() {
  local place script list
  case $KIND in quick | full) ;; *) die "unknown kind $KIND" 'use quick or full' ;; esac
  mkdir -p "$OUT"
  # Scripts in Python find their packages in the environment of set-up.
  export PATH=$TOOLS/py/bin:$PATH
  [ "$KIND" = quick ] || export STACKYARD_ALL_TOOLS=1
  # The whole of it is a slow test of tests/deploy.
  [ "$KIND" = full ] || run_script "$ROOT/scripts/deploy-lint.sh"
  for place in "${PLACES[@]}"; do
    list=$(tests_of "$place")
    if [ -z "$list" ]; then
      say "[test] $place holds no tests"
      count "$place" "$(now_ms)" 0 1 0
      continue
    fi
    while IFS= read -r script; do run_script "$script"; done <<<"$list"
  done
  summarize
}
main
