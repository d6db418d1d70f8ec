#!/usr/bin/env bash
# fuzz.sh [NAME...]: builds the fuzzers and runs each for FUZZ_SECONDS (600), FUZZ_JOBS at once (all
# processors but one). What they find new stays in build/fuzz/found/NAME; an input that ends a
# fuzzer is build/fuzz/found/NAME.crash-… and makes this fail.
#
#   scripts/fuzz.sh --keep [NAME...]   puts what was found, minimised, into tests/fuzz/corpus
#
# The last line is "N passed, N failed": one for each fuzzer.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

SECONDS_EACH=${FUZZ_SECONDS:-600}
CORES=$(nproc)
JOBS=${FUZZ_JOBS:-$((CORES > 1 ? CORES - 1 : 1))}
TREE=$BUILD/fuzz
FOUND=$TREE/found
CORPUS=$ROOT/tests/fuzz/corpus
# Larger inputs are slower, and have been no better.
LARGEST=16384

build() {
  command -v clang++-14 >/dev/null || die 'clang++-14 is missing' 'run: make setup'
  logged "$LOGS/cmake-fuzz.log" cmake -S "$ROOT" --preset fuzz \
    -DSTACKYARD_PROTO_DEPS="$STACKYARD_PROTO_DEPS"
  NINJA_STATUS='[%f/%t] ' logged "$LOGS/build-fuzz.log" ninja -C "$TREE"
}

names() {
  find "$TREE/tests/fuzz" -maxdepth 1 -name '*_fuzz' -type f -printf '%f\n' |
    sed 's/_fuzz$//' | sort
}

# fuzz NAME: the result is in $FOUND/NAME.rc.
fuzz() {
  local name=$1 rc=0 options=()
  mkdir -p "$FOUND/$name" "$CORPUS/$name"
  [ ! -f "$ROOT/tests/fuzz/dictionaries/$name.dict" ] ||
    options+=("-dict=$ROOT/tests/fuzz/dictionaries/$name.dict")
  nice -n 19 "$TREE/tests/fuzz/${name}_fuzz" "${options[@]}" -max_total_time="$SECONDS_EACH" \
    -max_len="$LARGEST" -timeout=25 -rss_limit_mb=3000 -print_final_stats=1 \
    -artifact_prefix="$FOUND/$name." "$FOUND/$name" "$CORPUS/$name" \
    >"$FOUND/$name.log" 2>&1 || rc=$?
  printf '%s\n' "$rc" >"$FOUND/$name.rc"
}

# keep NAME: only what reaches code that the seeds do not.
keep() {
  "$TREE/tests/fuzz/${1}_fuzz" -merge=1 -max_len=4096 "$CORPUS/$1" "$FOUND/$1" >"$FOUND/$1.log" 2>&1
  say "[fuzz] $1: $(find "$CORPUS/$1" -type f | wc -l) seeds"
}

tell() {
  local name=$1 runs
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$FOUND/$name.log")
  if [ "$(cat "$FOUND/$name.rc")" = 0 ]; then
    PASSED=$((PASSED + 1))
    say "[fuzz] $name: ${runs:-0} inputs, nothing found"
  else
    FAILED=$((FAILED + 1))
    say "[fuzz] $name: failed; the input is what $FOUND/$name.log names in its last lines:"
    grep -E -A12 'ERROR|SUMMARY' "$FOUND/$name.log" | head -n 40
  fi
}

main() {
  local keeping='' name
  if [ "${1:-}" = --keep ]; then keeping=1 && shift; fi
  build
  mkdir -p "$FOUND"
  [ $# != 0 ] || mapfile -t NAMES < <(names)
  [ $# = 0 ] || NAMES=("$@")
  [ "${#NAMES[@]}" != 0 ] || die 'no fuzzer was built' "see $LOGS/build-fuzz.log"
  if [ -n "$keeping" ]; then
    for name in "${NAMES[@]}"; do keep "$name"; done
    return
  fi
  PASSED=0 FAILED=0
  say "[fuzz] ${#NAMES[@]} fuzzers, $SECONDS_EACH s each, $JOBS at once"
  for name in "${NAMES[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do wait -n || true; done
    fuzz "$name" &
  done
  wait
  for name in "${NAMES[@]}"; do tell "$name"; done
  say "$PASSED passed, $FAILED failed"
  [ "$FAILED" = 0 ]
}

main "$@"
