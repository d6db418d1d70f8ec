#!/usr/bin/env bash
# demo.sh: plays the main job of Stackyard on the mesh that runs here, with its command line tool, as
# three people: an admin sets up a project, Dave publishes a template and reviews, Ann asks for a
# stack and gets it, then for more than the quota holds, and for a longer lease. Can be run again:
# what is there stays, and each run makes stacks of its own.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

CLI=${STACKYARD_BIN:-$BUILD/bin}/stackyard
PROJECT=demo
STACK=hello-$(date -u +%m%d-%H%M%S)
BIG=big-${STACK#hello-}
REST=http://$STACKYARD_HOST:$STACKYARD_REST_PORT

export STACKYARD_ENDPOINT=$STACKYARD_HOST:$STACKYARD_GRPC_PORT
export STACKYARD_PROJECT=$PROJECT
unset STACKYARD_TOKEN STACKYARD_TOKEN_FILE

# Tokens of Ann and Dave, good for some hours: you can go on as them. Nobody else can read them.
umask 077
TOKENS=$STACKYARD_DATA/demo
NOTES=$(mktemp)
STEP='starting'
finish() {
  local rc=$?
  rm -f "$NOTES"
  trap - EXIT
  [ "$rc" = 0 ] || die "the demo stopped while $STEP" \
    'read the lines above and the logs (make logs); mend the cause, then run: make demo'
}
trap finish EXIT
trap 'exit 130' INT TERM

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  BOLD=$'\e[1m' DIM=$'\e[2m' PLAIN=$'\e[0m'
else
  BOLD='' DIM='' PLAIN=''
fi

NUMBER=0
heading() {
  NUMBER=$((NUMBER + 1))
  STEP="$2"
  printf '\n%s%d. %s%s\n' "$BOLD" "$NUMBER" "$1" "$PLAIN"
}

# quiet USER ARGS...: runs the tool as somebody.
quiet() {
  local token=$TOKENS/$1.token
  [ "$1" != admin ] || token=$STACKYARD_ADMIN_TOKEN_FILE
  shift
  STACKYARD_TOKEN_FILE=$token "$CLI" "$@"
}

# as USER ARGS...: the same, and shows the command.
as() {
  local word shown=''
  for word in "${@:2}"; do
    case $word in *[!A-Za-z0-9_./:=@,-]*) shown+=" '$word'" ;; *) shown+=" $word" ;; esac
  done
  printf '\n%s%s$ stackyard%s%s\n' "$DIM" "$1" "${shown//"$ROOT/"/}" "$PLAIN"
  quiet "$@"
}

# code_of COMMAND...: runs it and sets CODE to its exit code.
code_of() {
  CODE=0
  "$@" || CODE=$?
}

# ensure COMMAND...: what exists already is fine.
ensure() {
  code_of "$@" 2>"$NOTES"
  case $CODE in
    0) cat "$NOTES" ;;
    6) say 'is there already, from an earlier run' ;;
    *) cat "$NOTES" >&2; return 1 ;;
  esac
}

# request_of STACK: number of the request that it waits for, or had last.
request_of() {
  local name
  name=$(quiet ann stacks get "$1" -o json | jq -r .changeRequest)
  printf '%s\n' "${name##*/}"
}

# usage_of METRIC FIELD: `limit` or `used` of a metric.
usage_of() {
  quiet ann quota usage -o json | jq -r --arg metric "$1" --arg field "$2" '.usage[]
    | select(.metric == $metric and .user == "")
    | if $field == "used" then (.committed | tonumber) + (.pending | tonumber) else .limit end'
}

# settle COMMAND WANTED: until the command prints that; what follows from an answer takes a moment.
settle() {
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    [ "$($1)" != "$2" ] || return 0
    sleep 0.1
  done
  warn "still not $2: $1"
  return 1
}

# roomy: takes back what an earlier run did to the quota, and leaves room for this one's stacks.
roomy() {
  local grant
  quiet admin quota limits set stacks --value $(($(usage_of stacks used) + 20)) >/dev/null
  code_of quiet admin quota limits delete resources 2>/dev/null
  for grant in $(quiet admin quota grants list -o json |
    jq -r '.quotaGrants[] | select(.changeRequest != "") | .name | split("/") | last'); do
    quiet admin quota grants delete "$grant" 2>/dev/null
  done
}

person() {
  ensure as admin users create "$1" --title "$2"
  rm -f "$TOKENS/$1.token"
  quiet admin tokens create "$1" --ttl 4h --title demo --file "$TOKENS/$1.token" 2>&1 | sed 's/ written to .*/ made/'
}

[ -x "$CLI" ] || die "$CLI is missing" 'run: make demo'
[ -r "$STACKYARD_ADMIN_TOKEN_FILE" ] || die "there is no admin token in $STACKYARD_ADMIN_TOKEN_FILE" 'start the mesh: make up'
mkdir -p "$TOKENS"

heading "The admin makes a project, and lets Ann and Dave in" 'the project was set up'
ensure as admin projects create "$PROJECT" --title 'Demo' --description 'Made by make demo'
person ann 'Ann, a developer'
person dave 'Dave, who runs the place'
ensure as admin bindings create dev ann
ensure as admin bindings create devops dave
# Templates belong to no project.
ensure as admin bindings create devops dave --global

roomy

heading "Dave publishes a template" 'the template was published'
# The same files are the same version.
VERSION=$(cd "$ROOT/templates/hello" && find . -type f -not -path '*/.terraform/*' -print0 |
  sort -z | xargs -0 sha256sum | sha256sum | cut -c1-12)
ensure as dave templates publish "$ROOT/templates/hello" --version "$VERSION" --wait --timeout 5m
as dave templates describe "hello@$VERSION"

heading "Ann asks for a stack" 'Ann asked for a stack'
as ann whoami
as ann stacks create "$STACK" -t "hello@$VERSION" --set name=Ann --set repeat=3 --lease 2h \
  --reason 'To see how it works' --until awaiting-approval --timeout 5m
REQUEST=$(request_of "$STACK")
OPERATION=$(quiet ann stacks get "$STACK" -o json | jq -r .operation)

heading "The plan waits for review, with its price in quota" 'the plan was shown'
as ann requests get "$REQUEST"
say ''
say 'Ann may not approve it herself:'
code_of as ann requests approve "$REQUEST" --comment 'Looks fine to me'
[ "$CODE" = 4 ] || { warn "expected exit code 4 (denied), got $CODE"; exit 1; }

heading "Dave reviews" 'Dave reviewed'
as dave requests list
as dave requests approve "$REQUEST" --comment 'Small and short-lived: fine'

heading "Ann watches it being made" 'the stack was made'
as ann operations watch "$OPERATION" --timeout 5m
as ann stacks get "$STACK"

heading "The project is nearly full, and Ann asks for more than is left" 'the quota was tried'
LIMIT=$(($(usage_of resources used) + 2))
as admin quota limits set resources --value "$LIMIT"
code_of as ann stacks create "$BIG" -t "hello@$VERSION" --set name=everybody --set repeat=5 --lease 2h \
  --reason 'A big audience' --wait --timeout 5m
[ "$CODE" = 5 ] || { warn "expected exit code 5 (refused by quota), got $CODE"; exit 1; }

heading "She asks for more for three hours, and Dave grants it" 'the quota was granted'
as ann quota request resources=5 --for 3h --reason 'A big audience, this afternoon only'
REQUEST=$(quiet ann requests list --filter 'type = QUOTA AND state = PENDING' -o json |
  jq -r '.changeRequests[0].name | split("/") | last')
as dave requests show "$REQUEST"
as dave requests approve "$REQUEST" --comment 'Until five, then'
settle 'usage_of resources limit' $((LIMIT + 5))
as ann stacks retry "$BIG" --until awaiting-approval --timeout 5m
as dave requests approve "$(request_of "$BIG")" --comment 'Now it fits'
as ann operations watch "$(quiet ann stacks get "$BIG" -o json | jq -r .operation)" --timeout 5m

heading "Ann needs the first stack for longer" 'the lease was extended'
as ann stacks extend "$STACK" --by 4h --reason 'The audience likes it'
as dave requests approve "$(request_of "$STACK")" --comment 'So do I'

heading "What there is now" 'the result was shown'
as ann stacks get "$STACK"
as ann stacks outputs "$STACK" message
as ann stacks resources "$STACK"
as ann runs list "$STACK"
as ann quota usage
as ann events list --limit 15
roomy

cat <<NEXT

${BOLD}Where to go from here${PLAIN}
  Console    $REST/projects/$PROJECT/stacks/$STACK
             sign in with the token in $TOKENS/ann.token, or dave.token to review
  API docs   $REST/docs
  REST       curl -H "Authorization: Bearer \$(cat $STACKYARD_ADMIN_TOKEN_FILE)" $REST/v1/projects/$PROJECT/stacks/$STACK
  CLI        . scripts/env.sh && source <(stackyard completion bash)
             export STACKYARD_ENDPOINT=$STACKYARD_ENDPOINT STACKYARD_PROJECT=$PROJECT
             export STACKYARD_TOKEN_FILE=$TOKENS/ann.token   # or dave.token, to review
             stackyard stacks update $STACK --set shout=true --reason 'Louder' --until awaiting-approval
             stackyard stacks delete $STACK --wait
  Stop       make down
NEXT
