#!/usr/bin/env bash
# databases.sh [--rest a|b] ENVIRONMENT: makes the databases of gateway, stacks and quota and their
# users, by a job in the environment's cluster, as the secrets of Terraform say. scripts/deploy.sh runs
# it. New passwords: count database.password_version up, apply, deploy; nobody is cut off
# (docs/adr/0031).
#   --rest a|b   the users whose turn it is not log in no more; once no pod uses them
# KUBECONFIG is the cluster; without it, that which Terraform made. STACKYARD_POSTGRES_IMAGE is an image
# with psql.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tf-lib.sh
. "$(dirname "$0")/tf-lib.sh"
# shellcheck source=scripts/environment-lib.sh
. "$(dirname "$0")/environment-lib.sh"

IMAGE=${STACKYARD_POSTGRES_IMAGE:-public.ecr.aws/docker/library/postgres:16-alpine}
WAIT=${STACKYARD_JOB_WAIT:-300s}

USAGE='use: scripts/databases.sh [--rest a|b] staging|production'
REST=''
if [ "${1:-}" = --rest ]; then
  REST=${2:-}
  [[ $REST =~ ^[ab]$ ]] || die '--rest is a or b' "$USAGE"
  shift 2
fi
[ "$#" = 1 ] || die 'the environment is missing' "$USAGE"
environment_exists "$1"
need_tools
need_cluster_tools

umask 077
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
read_outputs "$1" "$WORK/outputs.json"
use_cluster

NAMESPACE=$(output .namespace.value)
RUN=$(date -u +%Y%m%d%H%M%S)
JOB=stackyard-databases-$RUN
in_namespace() { kubectl --namespace "$NAMESPACE" "$@"; }

filled "$ROOT/deploy/aws/databases.yaml" "RUN=$RUN" "REST=$REST" "POSTGRES_IMAGE=$IMAGE" \
  "OWNER_SECRET=$(output .database.value.owner_secret)" \
  "GATEWAY_SECRET=$(output .database.value.secrets.gateway)" \
  "STACKS_SECRET=$(output .database.value.secrets.stacks)" \
  "QUOTA_SECRET=$(output .database.value.secrets.quota)" \
  "DATABASE_ADDRESS=$(output .database.value.address)" \
  "DATABASE_PORT=$(output .database.value.port)" >"$WORK/job.yaml"
kubectl create configmap stackyard-databases --dry-run=client --output yaml \
  --from-file="$ROOT/deploy/aws/databases.sh" | in_namespace apply --filename - >/dev/null
in_namespace apply --filename "$WORK/job.yaml" >/dev/null
rc=0
in_namespace wait --for=condition=Complete --timeout="$WAIT" "job/$JOB" >/dev/null || rc=1
in_namespace logs "job/$JOB" 2>/dev/null || true
# The owner's password stays in the cluster no longer than that.
in_namespace delete externalsecret "$JOB" --ignore-not-found >/dev/null
[ "$rc" = 0 ] || die 'the databases could not be made' \
  "read what the job says above, or: kubectl --namespace $NAMESPACE describe job/$JOB"
say "[databases] $1 has its databases and users"
