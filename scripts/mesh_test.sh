#!/usr/bin/env bash
# Tests of scripts/mesh.sh with stand-ins for the services.
set -uo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

WORK=$(mktemp -d /tmp/mesh.XXXXXX)
export STACKYARD_DATA=$WORK/data STACKYARD_BIN=$WORK/bin STACKYARD_RUNNERS=2
export STACKYARD_START_SECONDS=20 STACKYARD_STOP_SECONDS=20
export STACKYARD_ADMIN_TOKEN_FILE=$WORK/data/admin.token
STACKYARD_TERRAFORM=$(type -P true)
export STACKYARD_TERRAFORM
PASSED=0 FAILED=0

cleanup() { "$ROOT/scripts/mesh.sh" down >/dev/null 2>&1; rm -rf "$WORK"; }
trap cleanup EXIT

mesh() { "$ROOT/scripts/mesh.sh" "$@" >"$WORK/out" 2>&1; }

# expect WHAT COMMAND...
expect() {
  local what=$1
  shift
  if "$@"; then
    PASSED=$((PASSED + 1))
  else
    FAILED=$((FAILED + 1))
    say "FAILED: $what"
    sed 's/^/    | /' "$WORK/out"
  fi
}
not() { ! "$@"; }
says() { grep -qF -- "$1" "$WORK/out"; }
last_line_says() { tail -n 1 "$WORK/out" | grep -qF -- "$1"; }
pid() { cut -d' ' -f1 "$STACKYARD_DATA/run/$1.pid" 2>/dev/null || echo none; }
alive() { kill -0 "$1" 2>/dev/null; }

free_port() {
  "$TOOLS/py/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
STACKYARD_GRPC_PORT=$(free_port)
STACKYARD_REST_PORT=$(free_port)
export STACKYARD_GRPC_PORT STACKYARD_REST_PORT

mkdir -p "$STACKYARD_BIN"
go -C "$ROOT/scripts/tools" build -o "$WORK/fake" ./fakeservice || exit 1
install_fakes() {
  local name
  for name in stackyard-quota stackyard-stacks stackyard-gateway stackyard-rest stackyard-runner; do
    cp "$WORK/fake" "$STACKYARD_BIN/$name.new" && mv "$STACKYARD_BIN/$name.new" "$STACKYARD_BIN/$name"
  done
}
install_fakes

mesh status
expect 'status of a mesh that is down is 3' test $? = 3
expect 'up starts everything' mesh up
expect 'up names the address' says "http://127.0.0.1:$STACKYARD_REST_PORT/"
expect 'status is 0 when all are ready' mesh status
expect 'both runners run' says runner-2
# Where runs have users of their own, these pass through it and see nothing.
expect 'the data folder is private' test "$(stat -c %a "$STACKYARD_DATA")" = \
  "$([ "$(id -u)" = 0 ] && echo 711 || echo 700)"

first=$(pid quota)
expect 'a second up succeeds' mesh up
expect 'and leaves what runs alone' test "$(pid quota)" = "$first"

STACKYARD_RUNNERS=1 mesh up
expect 'fewer runners: the surplus one is stopped' test ! -e "$STACKYARD_DATA/run/runner-2.pid"
mesh up

quota_before=$(pid quota) gateway_before=$(pid gateway)
cp "$WORK/fake" "$STACKYARD_BIN/new" && mv "$STACKYARD_BIN/new" "$STACKYARD_BIN/stackyard-gateway"
expect 'up after a new build' mesh up
expect 'restarts what was built anew' test "$(pid gateway)" != "$gateway_before"
expect 'and nothing else' test "$(pid quota)" = "$quota_before"

mesh down
FAKE_MISSING=memory-limit mesh up
expect 'what the machine lacks is told' says 'no memory-limit: of the test'
expect 'with the flag that goes on without' says '--allow-without memory-limit'
expect 'which the runners get' grep -qz -- memory-limit "/proc/$(pid runner-1)/cmdline"
mesh down
mesh up
expect 'and not when nothing is missing' not grep -qz -- --allow-without "/proc/$(pid runner-1)/cmdline"

kill -KILL "$(pid stacks)"
while alive "$(pid stacks)"; do sleep 0.05; done
mesh status
expect 'status tells of a crash' test $? = 3
expect 'up starts the crashed one again' mesh up

# A pid file whose pid the system gave to another process.
mesh down
expect 'down stops all' not mesh status
setsid tail -f /dev/null &
stranger=$!
printf '%s 1\n' "$stranger" >"$STACKYARD_DATA/run/quota.pid"
mesh down
expect 'down never touches a stranger with our old pid' alive "$stranger"
kill "$stranger"

FAKE_BROKEN=stackyard-gateway mesh up
expect 'a service that cannot start fails up' test $? = 1
expect 'its log is shown' says 'the disk is on fire'
expect 'the last line says what to do' last_line_says 'what to do: see'
expect 'nothing half started stays' test ! -e "$STACKYARD_DATA/run/quota.pid"

"$TOOLS/py/bin/python" -m http.server --bind 127.0.0.1 "$STACKYARD_REST_PORT" >/dev/null 2>&1 &
taken=$!
until (exec 3<>"/dev/tcp/127.0.0.1/$STACKYARD_REST_PORT") 2>/dev/null; do sleep 0.05; done
mesh up
expect 'a taken port fails up' test $? = 1
expect 'and tells which variable to set' last_line_says 'STACKYARD_REST_PORT='
kill "$taken"
wait "$taken" 2>/dev/null

FAKE_STUBBORN=stackyard-quota mesh up
STACKYARD_STOP_SECONDS=1 mesh down
expect 'a service that ignores SIGTERM is killed' says 'killing it'
expect 'and is gone' test ! -e "$STACKYARD_DATA/run/quota.pid"

STACKYARD_GRPC_PORT=80x mesh up
expect 'a port that is none is refused' last_line_says 'STACKYARD_GRPC_PORT'
STACKYARD_DATA=$WORK/$(printf 'x%.0s' {1..90}) mesh up
expect 'a path too long for sockets is refused' last_line_says 'shorter path'
mesh sideways
expect 'an unknown command is refused' last_line_says 'up | down'

say "$PASSED passed, $FAILED failed"
[ "$FAILED" = 0 ]
