#!/usr/bin/env bash
# build.sh [product|all]: compiles the console and the programs into build/bin.
#   product  the services and the command line tool (default)
#   all      the tests as well
# STACKYARD_COMMIT is the commit that metrics name; without it they say `unknown`.
# STACKYARD_PRESET chooses another preset of CMakePresets.json for the C++ part of `all`,
# STACKYARD_JOBS how many compilers run at once.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

WHAT=${1:-product}
PRESET=release
[ "$WHAT" = product ] || PRESET=${STACKYARD_PRESET:-release}
JOBS=${STACKYARD_JOBS:-$(nproc)}
TREE=$BUILD/$PRESET
VERSION=$(sed -n 's/.*kVersion = "\(.*\)";/\1/p' "$ROOT/common/version.h")
CPP_PRODUCT=(stackyard stackyard-gateway stackyard-stacks stackyard-quota stackyard-runner)

# shown LOG COMMAND...: straight to a terminal, else to LOG with a sign of life now and then.
shown() {
  local log=$1
  shift
  if [ -t 1 ]; then "$@"; else logged "$LOGS/$log.log" "$@"; fi
}

build_cpp() {
  local targets=(all)
  [ "$WHAT" != product ] || targets=("${CPP_PRODUCT[@]}")
  if [ ! -f "$TREE/build.ninja" ] || [ -n "${STACKYARD_COMMIT:-}" ]; then
    logged "$LOGS/cmake.log" cmake -S "$ROOT" --preset "$PRESET" \
      -DSTACKYARD_PROTO_DEPS="$STACKYARD_PROTO_DEPS" -DSTACKYARD_COMMIT="${STACKYARD_COMMIT:-unknown}" ||
      die 'cmake could not configure the build' "see $LOGS/cmake.log; then: make clean, and try again"
  fi
  if ninja -C "$TREE" -n "${targets[@]}" 2>/dev/null | grep -q 'no work to do'; then return 0; fi
  NINJA_STATUS='[%f/%t] ' shown build ninja -C "$TREE" -j "$JOBS" "${targets[@]}" ||
    die 'the C++ build failed' "see $LOGS/build.log; mend what the compiler names, then run the same command again"
}

# go_binary NAME DIR: builds the main package in DIR as build/bin/NAME.
go_binary() {
  local flags="-s -w -X main.commit=${STACKYARD_COMMIT:-unknown} -X main.version=$VERSION"
  shown "$1" retry_once go -C "$ROOT/$2" build -trimpath -ldflags "$flags" -o "$BUILD/bin/$1" . ||
    die "building $1 failed" "mend what is named above ($2), or check the network, then run the same command again"
}

# The first build fetches modules; a compile error is not worth a second try.
retry_once() { retry go -C "$3" mod download && "$@"; }

main() {
  local start step
  case $WHAT in product | all) ;; *) die "unknown goal $WHAT" 'use product or all' ;; esac
  mkdir -p "$BUILD/bin"
  "$ROOT/scripts/gen-go.sh"
  for step in build_console build_cpp build_go; do
    start=$(now_ms)
    $step
    say "[build] ${step#build_} done in $(seconds_since "$start") s"
  done
}

build_console() { "$ROOT/scripts/console.sh"; }

build_go() {
  go_binary stackyard-rest services/gateway/rest
  go_binary stackyard-inspect services/runner/inspect
  go_binary stackyard-release deploy/release
}

exec 9>"$BUILD/.build.lock"
flock 9
main
