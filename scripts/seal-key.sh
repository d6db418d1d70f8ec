#!/usr/bin/env bash
# seal-key.sh ENVIRONMENT FILE: makes FILE the seal key of an environment on AWS, and ends when all
# pods of stacks have it. FILE has a line for each key: the first one seals, all of them open. A new
# key comes last at first, and is put first by a second run, so that no pod meets what it cannot
# open. Safe to run again.
# KUBECONFIG is the cluster; without it, that which Terraform made.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tf-lib.sh
. "$(dirname "$0")/tf-lib.sh"
# shellcheck source=scripts/environment-lib.sh
. "$(dirname "$0")/environment-lib.sh"

NAME=stackyard-seal-key
PAUSE=${STACKYARD_POLL_SECONDS:-2}

[ "$#" = 2 ] ||
  die 'environment or file is missing' 'use: scripts/seal-key.sh staging|production FILE'
ENVIRONMENT=$1 FILE=$2
environment_exists "$ENVIRONMENT"
[ -r "$FILE" ] || die "there is no file $FILE" 'docs/deploy.md, Rotate, makes one'
need_tools
need_cluster_tools

umask 077
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
read_outputs "$ENVIRONMENT" "$WORK/outputs.json"
use_cluster
NAMESPACE=$(output .namespace.value)
in_namespace() { kubectl --namespace "$NAMESPACE" "$@"; }

# stored VERB FLAG...: the file as Secrets Manager keeps it.
stored() {
  aws secretsmanager "$@" --region "$(output .region.value)" \
    --secret-id "stackyard-$ENVIRONMENT/seal-key"
}

# check: nothing that is sealed is lost, and nothing is sealed with what some pods do not know yet.
check() {
  grep . "$FILE" >"$WORK/next" || die "$FILE is empty" 'nothing was changed'
  stored get-secret-value --query SecretString --output text | grep . >"$WORK/now" ||
    die "the seal key of $ENVIRONMENT cannot be read" 'look whose credentials are in force'
  ! grep -Fxvqf "$WORK/next" "$WORK/now" ||
    die "$FILE lacks a key that is in force" 'add its line: states are sealed with it'
  ! grep -Fxvf "$WORK/now" "$WORK/next" | grep -Evx '[0-9a-f]{64}' >/dev/null ||
    die "$FILE has a line that is no key" 'make keys by: openssl rand -hex 32'
  grep -Fxqf "$WORK/now" <(head -n 1 "$WORK/next") ||
    die 'a new key would seal what pods cannot open yet' 'add it as the last line first'
}

# copied: whether the cluster's copy is the file.
copied() {
  in_namespace get secret "$NAME" --output 'jsonpath={.data.seal\.key}' | base64 -d |
    grep . | cmp -s - "$WORK/next"
}

check
stored put-secret-value --secret-string "file://$WORK/next" >/dev/null
in_namespace annotate externalsecret "$NAME" --overwrite "force-sync=$(date +%s)" >/dev/null
for ((try = 1; ; try++)); do
  ! copied || break
  [ "$try" -lt 60 ] || die "the Secret $NAME does not follow, and no pod was restarted" \
    "look at: kubectl --namespace $NAMESPACE describe externalsecret $NAME"
  sleep "$PAUSE"
done
in_namespace rollout restart deployment/stackyard-stacks
in_namespace rollout status deployment/stackyard-stacks --timeout=15m
say "[seal-key] all pods of $ENVIRONMENT have the $(wc -l <"$WORK/next") keys of $FILE"
