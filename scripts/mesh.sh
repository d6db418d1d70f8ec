#!/usr/bin/env bash
# mesh.sh up | down | restart | status | logs [SERVICE]: the whole mesh on this machine, in the
# background, with its embedded defaults (SQLite, Unix sockets, loopback).
#
# Environment (defaults in scripts/env.sh):
#   STACKYARD_DATA            data, logs, sockets and pid files
#   STACKYARD_GRPC_PORT       port of the gRPC API
#   STACKYARD_REST_PORT       port of REST, console and docs
#   STACKYARD_RUNNERS         how many runners (2)
#   STACKYARD_SLOTS           runs at the same time in one runner (2)
#   STACKYARD_START_SECONDS   how long a service may take to be ready (60)
#   STACKYARD_STOP_SECONDS    how long a service may take to stop (60)
#   STACKYARD_MTLS            1: between services mutual TLS on loopback ports from the gRPC port
#                             plus 100 on, with certificates of scripts/certs.sh
# Two checkouts run side by side when their ports differ.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

BIN=${STACKYARD_BIN:-$BUILD/bin}
RUNNERS=${STACKYARD_RUNNERS:-2}
START_SECONDS=${STACKYARD_START_SECONDS:-60}
STOP_SECONDS=${STACKYARD_STOP_SECONDS:-60}
MTLS=${STACKYARD_MTLS:-0}
CERTS=$STACKYARD_DATA/certs
# Seals the console's sessions, which so outlive a restart.
SESSION_KEYS=$STACKYARD_DATA/session.keys
RUN=$STACKYARD_DATA/run
LOG=$STACKYARD_DATA/log
GRPC=$STACKYARD_HOST:$STACKYARD_GRPC_PORT
REST=$STACKYARD_HOST:$STACKYARD_REST_PORT
STARTED=()
# What this machine lacks to confine runs, as --allow-without takes it.
MISSING=

# services: their names in the order of starting.
services() {
  local i
  printf '%s\n' quota stacks gateway rest
  for ((i = 1; i <= RUNNERS; i++)); do printf 'runner-%d\n' "$i"; done
}

# known_services: those, and any that an earlier `up` with more runners left running.
known_services() {
  local file
  services
  for file in "$RUN"/runner-*.pid; do
    if [ -e "$file" ]; then basename "$file" .pid; fi
  done
}

# address_of SERVICE: where other services find it.
address_of() {
  local port=$((STACKYARD_GRPC_PORT + 100))
  [ "$MTLS" = 1 ] || { printf 'unix:%s' "$RUN/$1.sock"; return; }
  case $1 in
    quota) ;;
    stacks) port=$((port + 1)) ;;
    runner-*) port=$((port + 1 + ${1#runner-})) ;;
  esac
  printf '%s:%s' "$STACKYARD_HOST" "$port"
}

# command_of SERVICE: sets COMMAND.
command_of() {
  local own=(--data "$STACKYARD_DATA/$1") name=${1%%-*} stacks quota
  stacks=$(address_of stacks) quota=$(address_of quota)
  [ "$MTLS" != 1 ] || own+=(--mtls-cert "$CERTS/$name.pem" --mtls-key "$CERTS/$name.key"
    --mtls-ca "$CERTS/ca.pem")
  case $1 in
    quota) COMMAND=("$BIN/stackyard-quota" --listen "$quota" "${own[@]}") ;;
    stacks) COMMAND=("$BIN/stackyard-stacks" --listen "$stacks" "${own[@]}"
      --quota-target "$quota") ;;
    gateway) COMMAND=("$BIN/stackyard-gateway" --listen "$GRPC" "${own[@]}"
      --stacks-target "$stacks" --quota-target "$quota"
      --admin-token-file "$STACKYARD_ADMIN_TOKEN_FILE") ;;
    rest) COMMAND=("$BIN/stackyard-rest" --listen "$REST" --gateway "$GRPC"
      --session-keys "$SESSION_KEYS") ;;
    runner-*) COMMAND=("$BIN/stackyard-runner" --listen "$(address_of "$1")" "${own[@]}"
      --stacks-target "$stacks" --work-dir "$STACKYARD_DATA/$1/work"
      --terraform "$STACKYARD_TERRAFORM" --slots "${STACKYARD_SLOTS:-2}"
      --inspect "$BIN/stackyard-inspect" --slot-uids $((700000 + 2000 * ${1#runner-})))
      [ -z "$MISSING" ] || COMMAND+=(--allow-without "$MISSING") ;;
  esac
}

# ---- Processes -----------------------------------------------------------------------------

# start_time PID: when the process started, in clock ticks since boot. With the pid it names one
# process for ever, so that a pid that the system gave away again is never taken for ours.
start_time() {
  local stat=()
  stat=("$(cat "/proc/$1/stat" 2>/dev/null)")
  [ -n "${stat[0]}" ] || return 1
  # The command's name, in brackets, may hold blanks.
  read -ra stat <<<"${stat[0]##*) }"
  # A zombie has ended.
  [ "${stat[0]}" != Z ] || return 1
  printf '%s' "${stat[19]}"
}

# pid_of SERVICE: its pid, when it runs.
pid_of() {
  local pid since
  read -r pid since 2>/dev/null <"$RUN/$1.pid" || return 1
  [ "$(start_time "$pid")" = "$since" ] || return 1
  printf '%s' "$pid"
}

# outdated PID: whether its binary was built anew since it started.
outdated() { case $(readlink "/proc/$1/exe") in *' (deleted)') return 0 ;; *) return 1 ;; esac }

# make_data SERVICE: its folder. Where the runner is root its runs have users of their own, who go
# through to what is theirs and see nothing else on the way.
make_data() {
  mkdir -p "$STACKYARD_DATA/$1"
  case $1 in
    runner-*) [ "$(id -u)" != 0 ] || chmod 711 "$STACKYARD_DATA" "$STACKYARD_DATA/$1" ;;
  esac
}

# find_missing: sets MISSING to what this machine lacks to confine runs, and says so.
find_missing() {
  local rc=0 why=$LOG/preflight.log
  MISSING=
  [ "$RUNNERS" -gt 0 ] && [ -x "$BIN/stackyard-runner" ] || return 0
  make_data runner-1
  command_of runner-1
  MISSING=$("${COMMAND[@]}" --preflight 2>"$why" | paste -sd,) || rc=$?
  case $rc in
    0) return 0 ;;
    3) ;;
    *) warn "$(cat "$why")"; fail 'the runner cannot look at what this machine can confine' \
      "mend what is named above, then run: make up" ;;
  esac
  warn "[mesh] this machine cannot confine runs as it should:"
  sed 's/^/    /' "$why" >&2
  warn "    the runners go on without: --allow-without $MISSING"
}

spawn() {
  local service=$1 pid
  command_of "$service"
  [ -x "${COMMAND[0]}" ] || fail "${COMMAND[0]} is missing" 'run: make build'
  make_data "$service"
  rm -f "$RUN/$service.sock"
  printf -- '--- started %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >>"$LOG/$service.log"
  # A session of its own: an interrupt at the terminal is not for the mesh.
  setsid "${COMMAND[@]}" >>"$LOG/$service.log" 2>&1 </dev/null 9>&- &
  pid=$!
  STARTED+=("$service")
  printf '%s %s\n' "$pid" "$(start_time "$pid" || echo 0)" >"$RUN/$service.pid"
}

# health CURL-ARGS... URL: asks the standard gRPC health service; true when it says SERVING.
health() {
  local answer
  # An empty request in gRPC's framing; the answer SERVING ends in 08 01.
  answer=$(printf '\0\0\0\0\0' | curl -s --noproxy '*' --max-time 2 \
    -H 'content-type: application/grpc' -H 'te: trailers' --data-binary @- "$@" |
    od -An -tx1 | tr -d ' \n')
  [ "${answer: -4}" = 0801 ]
}

ready() {
  case $1 in
    gateway) health --http2-prior-knowledge "http://$GRPC/grpc.health.v1.Health/Check" ;;
    rest) curl -sf --noproxy '*' --max-time 2 -o /dev/null "http://$REST/healthz" ;;
    *) if [ "$MTLS" = 1 ]; then
      # Services are known by other names than their hosts'.
      health --http2 --insecure --cert "$CERTS/gateway.pem" --key "$CERTS/gateway.key" \
        "https://$(address_of "$1")/grpc.health.v1.Health/Check"
    else
      health --http2-prior-knowledge --unix-socket "$RUN/$1.sock" \
        http://localhost/grpc.health.v1.Health/Check
    fi ;;
  esac
}

await() {
  local service=$1 deadline=$(($(now_ms) + START_SECONDS * 1000))
  until ready "$service"; do
    pid_of "$service" >/dev/null || fail "$service ended while it started" \
      "$(advice "$service")" "$service"
    [ "$(now_ms)" -lt "$deadline" ] || fail "$service was not ready within $START_SECONDS s" \
      "$(advice "$service")" "$service"
    sleep 0.1
  done
}

advice() { printf 'see %s; mend the cause, then run: make up' "$LOG/$1.log"; }

# fail WHAT DO [SERVICE]: shows the end of its log, stops what this call started.
fail() {
  if [ -n "${3:-}" ]; then
    warn "the end of $LOG/$3.log:"
    tail -n 15 "$LOG/$3.log" | sed 's/^/    | /' >&2
  fi
  local i
  for ((i = ${#STARTED[@]} - 1; i >= 0; i--)); do stop "${STARTED[i]}"; done
  die "$1" "$2"
}

stop() {
  local service=$1 pid deadline
  pid=$(pid_of "$service") || { rm -f "$RUN/$service.pid" "$RUN/$service.sock"; return 0; }
  deadline=$(($(now_ms) + STOP_SECONDS * 1000))
  kill -TERM "$pid" 2>/dev/null || true
  while pid_of "$service" >/dev/null; do
    if [ "$(now_ms)" -ge "$deadline" ]; then
      warn "$service (pid $pid) did not stop within $STOP_SECONDS s: killing it"
      kill -KILL "$pid" 2>/dev/null || true
      deadline=$((deadline + 10000))
    fi
    sleep 0.05
  done
  rm -f "$RUN/$service.pid" "$RUN/$service.sock"
}

# ---- Commands ------------------------------------------------------------------------------

check_settings() {
  local port
  for port in "$STACKYARD_GRPC_PORT" "$STACKYARD_REST_PORT"; do
    if ! [[ $port =~ ^[1-9][0-9]{0,4}$ ]] || [ "$port" -gt 65535 ]; then
      die "'$port' is no port" 'set STACKYARD_GRPC_PORT and STACKYARD_REST_PORT to 1..65535'
    fi
  done
  case $MTLS in 0 | 1) ;; *) die "STACKYARD_MTLS is '$MTLS'" 'set it to 0 or 1' ;; esac
  [ "$MTLS" = 0 ] || [ $((STACKYARD_GRPC_PORT + 101 + RUNNERS)) -le 65535 ] ||
    die 'there are no ports for the services' 'set STACKYARD_GRPC_PORT to a smaller one'
  [[ $RUNNERS =~ ^[0-9]+$ ]] || die "STACKYARD_RUNNERS is '$RUNNERS'" 'set it to a whole number'
  # The kernel takes 107 bytes for a socket's path.
  [ "$(printf '%s' "$RUN/runner-99.sock" | wc -c)" -le 100 ] ||
    die "the path $RUN is too long for Unix sockets" \
      'set STACKYARD_DATA to a shorter path, for example /tmp/stackyard'
  [ -x "${STACKYARD_TERRAFORM:-}" ] || die 'no terraform or tofu is set up' 'run: make setup'
}

# refuse_taken SERVICE NAME VARIABLE PORT
refuse_taken() {
  if ! pid_of "$1" >/dev/null && (exec 3<>"/dev/tcp/$STACKYARD_HOST/$4") 2>/dev/null; then
    die "port $4 for $2 is taken by another program" \
      "stop that program, or choose another port: $3=$(($4 + 1000)) make up"
  fi
}

# change_mode: services of both kinds do not find each other.
change_mode() {
  if [ "$(cat "$RUN/.mtls" 2>/dev/null || echo 0)" != "$MTLS" ]; then down | grep -v '^nothing' || true; fi
  printf '%s\n' "$MTLS" >"$RUN/.mtls"
  [ "$MTLS" = 1 ] || return 0
  # Whoever runs takes up new ones. A week is time to call `make up` in.
  openssl x509 -noout -checkend 604800 -in "$CERTS/runner.pem" >/dev/null 2>&1 ||
    "$ROOT/scripts/certs.sh" "$CERTS"
}

up() {
  local service pid wanted
  check_settings
  mkdir -p "$RUN" "$LOG"
  [ -s "$SESSION_KEYS" ] || openssl rand -base64 32 >"$SESSION_KEYS"
  change_mode
  refuse_taken gateway gRPC STACKYARD_GRPC_PORT "$STACKYARD_GRPC_PORT"
  refuse_taken rest REST STACKYARD_REST_PORT "$STACKYARD_REST_PORT"
  wanted=" $(services | tr '\n' ' ')"
  for service in $(known_services); do
    case $wanted in *" $service "*) ;; *) stop "$service" ;; esac
  done
  find_missing
  for service in $(services); do
    if pid=$(pid_of "$service"); then
      outdated "$pid" || continue
      say "[mesh] $service has a newer build: restarting it"
      stop "$service"
    fi
    spawn "$service"
    await "$service"
    say "[mesh] $service is ready"
  done
  say "Stackyard is up.
  console   http://$REST/
  API docs  http://$REST/docs
  gRPC      $GRPC
  token     $STACKYARD_ADMIN_TOKEN_FILE
  logs      make logs    stop  make down"
}

down() {
  local service stopped=0
  for service in $(known_services | awk '!seen[$0]++' | tac); do
    if pid_of "$service" >/dev/null; then
      stop "$service"
      say "[mesh] $service stopped"
      stopped=1
    else
      rm -f "$RUN/$service.pid"
    fi
  done
  [ "$stopped" = 1 ] || say 'nothing is running'
}

# Exit status 3 when a service is down, as service managers have it.
status() {
  local service pid rc=0
  printf '%-10s %-8s %-10s %s\n' SERVICE PID STATE UPTIME
  for service in $(services); do
    if ! pid=$(pid_of "$service"); then
      printf '%-10s %-8s %-10s %s\n' "$service" - stopped -
      rc=3
    elif ready "$service"; then
      printf '%-10s %-8s %-10s %s\n' "$service" "$pid" ready "$(uptime_of "$pid")"
    else
      printf '%-10s %-8s %-10s %s\n' "$service" "$pid" 'not ready' "$(uptime_of "$pid")"
      rc=3
    fi
  done
  return "$rc"
}

uptime_of() { ps -o etime= -p "$1" | tr -d ' '; }

logs() {
  local files=()
  if [ -n "${1:-}" ]; then files=("$LOG/$1.log"); else files=("$LOG"/*.log); fi
  [ -e "${files[0]}" ] || die "there is no log ${files[0]}" \
    "name one of: $(services | tr '\n' ' ')— or start the mesh: make up"
  exec tail -n "${STACKYARD_LOG_LINES:-50}" -F "${files[@]}"
}

# one_at_a_time: two calls for the same data folder take turns.
one_at_a_time() {
  # Data, logs and sockets are for their owner alone, whatever the services create.
  umask 077
  mkdir -p "$RUN"
  exec 9>"$RUN/.lock"
  flock 9
}

case ${1:-} in
  up) one_at_a_time; up ;;
  down) one_at_a_time; down ;;
  restart) one_at_a_time; down; up ;;
  status) MTLS=$(cat "$RUN/.mtls" 2>/dev/null || echo 0); status ;;
  logs) logs "${2:-}" ;;
  *) die "unknown command '${1:-}'" 'use: mesh.sh up | down | restart | status | logs [SERVICE]' ;;
esac
