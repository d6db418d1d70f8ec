#!/usr/bin/env bash
# Builds everything with AddressSanitizer and UndefinedBehaviorSanitizer and runs the unit, service
# and end-to-end tests with it; then the tests of the domain libraries with ThreadSanitizer. Of these
# only the SQLite cases: libraries that are not instrumented make false reports, so no gRPC and no
# libpq. Any report fails, also that of a service whose test went well.
#
#   tests/slow/sanitizers_test.sh [asan|tsan]
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"

PASSED=0 FAILED=0 SKIPPED=0
JOBS=${STACKYARD_JOBS:-$(nproc)}
# Domain libraries with threads in them.
TSAN='^(common_(work|sql|log|blob_store|metrics)|quota_(admission|book|capacity|ledger|committer|oracle|race|limits)|stacks_(event_log|reviews|run_queue|saga|stacks|watch_hub)|runner_(reporter|run_control|prepared_modules|state_watcher|process)|gateway_(caller_cache|identity))_test$'

# tally PASSED FAILED SKIPPED
tally() { PASSED=$((PASSED + $1)) FAILED=$((FAILED + $2)) SKIPPED=$((SKIPPED + $3)); }

# build PRESET TARGET...
build() {
  local preset=$1
  shift
  logged "$LOGS/cmake-$preset.log" cmake -S "$ROOT" --preset "$preset" \
    -DSTACKYARD_PROTO_DEPS="$STACKYARD_PROTO_DEPS"
  NINJA_STATUS='[%f/%t] ' logged "$LOGS/build-$preset.log" ninja -C "$BUILD/$preset" -j "$JOBS" "$@"
}

# run_ctest PRESET ARGUMENTS...
run_ctest() {
  local preset=$1 log=$BUILD/$1/ctest.log rc=0 failed
  shift
  ctest --test-dir "$BUILD/$preset" -j "$JOBS" --output-on-failure "$@" >"$log" 2>&1 || rc=$?
  failed=$(grep -cE '\*\*\*(Failed|Timeout|Exception)' "$log" || true)
  [ "$rc" = 0 ] || tail -n 100 "$log"
  [ "$rc" = 0 ] || [ "$failed" != 0 ] || failed=1
  tally "$(grep -cE ' Passed +[0-9.]+ sec' "$log" || true)" "$failed" "$(grep -c 'Skipped' "$log" || true)"
}

# run_e2e SCRIPT: against the services of the asan preset.
run_e2e() {
  local log=$BUILD/asan/$1.log rc=0
  STACKYARD_BIN=$BUILD/asan/bin logged "$log" "$ROOT/tests/e2e/$1" || rc=$?
  if [[ $(tail -n 1 "$log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]]; then
    tally "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "${BASH_REMATCH[4]:-0}"
  else
    tally 0 1 0
  fi
}

# reports FOLDER: each report is a failure.
reports() {
  local file
  for file in "$1"/*; do
    [ -s "$file" ] || continue
    say "a report of the sanitizer, $file:"
    head -n 60 "$file"
    tally 0 1 0
  done
}

with_asan() {
  local reports=$BUILD/asan/reports
  build asan all
  mkdir -p "$reports"
  rm -f "$reports"/*
  ln -sf "$BUILD/bin/stackyard-rest" "$BUILD/bin/stackyard-inspect" "$BUILD/asan/bin/"
  export ASAN_OPTIONS="log_path=$reports/asan:detect_stack_use_after_return=1"
  export UBSAN_OPTIONS="log_path=$reports/ubsan:print_stacktrace=1"
  run_ctest asan -LE slow
  run_e2e life_test.py
  run_e2e restart_test.py
  reports "$reports"
}

with_tsan() {
  local reports=$BUILD/tsan/reports targets
  logged "$LOGS/cmake-tsan.log" cmake -S "$ROOT" --preset tsan \
    -DSTACKYARD_PROTO_DEPS="$STACKYARD_PROTO_DEPS"
  mapfile -t targets < <(ninja -C "$BUILD/tsan" -t targets all | sed -n 's/^\([a-z_]*_test\): phony.*/\1/p' |
    grep -E "$TSAN")
  [ "${#targets[@]}" -ge 10 ] || die 'the domain tests have other names now' 'mend TSAN in this script'
  build tsan "${targets[@]}"
  mkdir -p "$reports"
  rm -f "$reports"/*
  export TSAN_OPTIONS="log_path=$reports/tsan:second_deadlock_stack=1"
  local target
  for target in "${targets[@]}"; do
    local rc=0
    logged "$BUILD/tsan/$target.log" "$BUILD/tsan/tests/$target" --gtest_filter='-*Postgres*' || rc=$?
    tally "$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$BUILD/tsan/$target.log" | head -n 1)" \
      "$([ "$rc" = 0 ] && echo 0 || echo 1)" 0
  done
  reports "$reports"
}

case ${1:-both} in
  asan) with_asan ;;
  tsan) with_tsan ;;
  both) with_asan && with_tsan ;;
  *) die "unknown sanitizer $1" 'use asan or tsan' ;;
esac
say "$PASSED passed, $FAILED failed, $SKIPPED skipped"
[ "$FAILED" = 0 ]
