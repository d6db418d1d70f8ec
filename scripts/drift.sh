#!/usr/bin/env bash
# drift.sh LAYER: whether AWS still is what a folder of terraform/ says (bootstrap, global, staging or
# production). Reads only; ends with 0 when nothing would change, else with 1 and what would.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

LAYER=${1:-}
PLAN=$BUILD/drift-$LAYER.plan

case $LAYER in
  bootstrap | global | staging | production) ;;
  *) die "there is no terraform/$LAYER" 'use bootstrap, global, staging or production' ;;
esac
mkdir -p "$LOGS"
trap 'rm -f "$PLAN"' EXIT
# 0: nothing to do, 2: something. No lock is taken: who deploys meanwhile is not held up, and what a
# deployment changes half way is no drift tomorrow.
rc=0
"$ROOT/scripts/tf.sh" "$LAYER" plan -detailed-exitcode -input=false -lock=false -no-color \
  -out="$PLAN" >"$LOGS/drift-$LAYER.log" 2>&1 || rc=$?
case $rc in
  0) say "[drift] $LAYER is as its Terraform says" ;;
  2)
    # Addresses alone: what a plan shows of values is not for the log of a pipeline.
    say "[drift] $LAYER is not what its Terraform says:"
    "$ROOT/scripts/tf.sh" "$LAYER" show -json "$PLAN" | jq -r '
      (.resource_changes[] | select(.change.actions != ["no-op"] and .change.actions != ["read"])
        | "    \(.change.actions | join(" and ")) \(.address)"),
      (.resource_drift // [] | .[] | "    changed outside of Terraform: \(.address)")'
    die "$LAYER has drifted" "look: scripts/tf.sh $LAYER plan; then apply it, or write down in terraform/$LAYER what is right"
    ;;
  *)
    tail -n 30 "$LOGS/drift-$LAYER.log" >&2
    die "no plan of $LAYER could be made" "see $LOGS/drift-$LAYER.log"
    ;;
esac
