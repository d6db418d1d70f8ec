# shellcheck shell=bash disable=SC2034  # the variables are for the scripts that source this file
# What every script shares: where things are, how progress is told, how a failure ends.
# Sourced, never run.

# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

ROOT=$STACKYARD_ROOT
BUILD=$ROOT/build
TOOLS=$BUILD/tools
LOGS=$BUILD/log
DEPS=$BUILD/deps

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }

# die WHAT DO: the last line always says what to do next. The Makefile repeats it at its very end.
die() {
  warn "error: $1"
  warn "what to do: $2"
  [ -z "${STACKYARD_HINT_FILE:-}" ] || printf '%s\n' "$2" >"$STACKYARD_HINT_FILE"
  exit 1
}

# now_ms: milliseconds since the epoch.
now_ms() { printf '%s' "${EPOCHREALTIME/[.,]/}" | cut -c1-13; }

# seconds_since MS: elapsed time since now_ms printed MS, as "12.3".
seconds_since() {
  local ms=$(($(now_ms) - $1))
  printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100))
}

# retry COMMAND...: runs it up to three times, for commands that use the network.
retry() {
  local try
  for try in 1 2 3; do
    "$@" && return 0
    [ "$try" = 3 ] || { warn "  try $try of 3 failed: $1; trying again"; sleep $((try * 2)); }
  done
  return 1
}

# logged LOG COMMAND...: runs the command with its output in LOG. Long commands show their last
# line now and then; a failing one shows the end of its log.
logged() {
  local log=$1 pid ticks=0 rc=0 line
  shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  # An interrupt must not leave the command running behind the user's back.
  trap 'kill "$pid" 2>/dev/null; exit 130' INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    ticks=$((ticks + 1))
    if [ $((ticks % 50)) = 0 ]; then
      line=$(tail -c 2000 "$log" | tr '\r' '\n' | grep -v '^[[:space:]]*$' | tail -n 1 | cut -c1-90)
      printf '    … %ds  %s\n' $((ticks / 5)) "$line"
    fi
  done
  wait "$pid" || rc=$?
  trap - INT TERM
  if [ "$rc" != 0 ]; then
    warn "    the end of $log:"
    tail -n 20 "$log" | sed 's/^/    | /' >&2
  fi
  return "$rc"
}

# version_ge A B: whether dotted version A is B or newer.
version_ge() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }
