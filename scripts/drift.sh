#!/usr/bin/env bash
# drift.sh LAYER: whether AWS still is what a folder of terraform/ says (bootstrap, global, staging or
# production). Reads only; ends with 0 when nothing would change, else with 1 and what would.
# Values of secrets are left out: Terraform would have to read them, and who looks for drift may not.
# So the plan is made in a copy of terraform/, on a copy of the state that does not know of them; that
# it would make them then is no drift.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tf-lib.sh
. "$(dirname "$0")/tf-lib.sh"

LAYER=${1:-}
COPY=$BUILD/drift/$LAYER
PLAN=$COPY/plan
LOG=$LOGS/drift-$LAYER.log
UNREAD=aws_secretsmanager_secret_version

case $LAYER in
  bootstrap | global | staging | production) ;;
  *) die "there is no terraform/$LAYER" 'use bootstrap, global, staging or production' ;;
esac

# copy: terraform/ with the state in a file.
copy() (
  local folder=$COPY/terraform/$LAYER
  set -eo pipefail
  rm -rf "$COPY"
  mkdir -p "$COPY"
  cp -R "$ROOT/terraform" "$COPY/"
  "$ROOT/scripts/tf.sh" "$LAYER" state pull | jq --arg type "$UNREAD" \
    'del(.resources[]? | select(.mode == "managed" and .type == $type))' >"$COPY/state"
  printf 'terraform {\n  backend "local" {\n    path = "%s"\n  }\n}\n' "$COPY/state" \
    >"$folder/drift_override.tf"
  in_copy init -reconfigure -input=false -no-color
)

in_copy() { TF_DATA_DIR=$COPY/data "$TERRAFORM" -chdir="$COPY/terraform/$LAYER" "$@"; }

# drifted: what would change, by address; what a plan shows of values is not for a pipeline's log.
drifted() {
  in_copy show -json "$PLAN" | jq -r --arg type "$UNREAD" '
    [(.resource_changes // [])[]
      | select(.change.actions != ["no-op"] and .change.actions != ["read"])
      | select((.type == $type and .change.actions == ["create"]) | not)
      | "    \(.change.actions | join(" and ")) \(.address)"]
    + [(.output_changes // {}) | to_entries[] | select(.value.actions != ["no-op"])
      | "    \(.value.actions | join(" and ")) output \(.key)"]
    + [(.resource_drift // [])[] | "    changed outside of Terraform: \(.address)"]
    | .[]'
}

mkdir -p "$LOGS"
umask 077
trap 'rm -rf "$COPY"' EXIT
# 0: nothing to do, 2: something. No lock is taken: who deploys meanwhile is not held up, and what a
# deployment changes half way is no drift tomorrow.
set +e
copy >"$LOG" 2>&1
rc=$?
set -e
[ "$rc" = 0 ] || rc=1
[ "$rc" != 0 ] ||
  in_copy plan -detailed-exitcode -input=false -lock=false -no-color -out="$PLAN" >>"$LOG" 2>&1 ||
  rc=$?
FOUND=''
[ "$rc" != 2 ] || FOUND=$(drifted)
case $rc in
  0 | 2) ;;
  *)
    tail -n 30 "$LOG" >&2
    die "no plan of $LAYER could be made" "see $LOG"
    ;;
esac
# What was changed outside alone leads to no change: an autoscaler's number of nodes, say.
if ! grep -qvE '^(    changed outside .*)?$' <<<"$FOUND"; then
  say "[drift] $LAYER is as its Terraform says"
  exit 0
fi
say "[drift] $LAYER is not what its Terraform says:"
say "$FOUND"
die "$LAYER has drifted" "look: scripts/tf.sh $LAYER plan; then apply it, or write down in terraform/$LAYER what is right"
