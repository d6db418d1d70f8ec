#!/usr/bin/env bash
# cluster.sh [--kubeconfig FILE] [--dry-run] ENVIRONMENT: prepares a new cluster for scripts/deploy.sh, by
# somebody who administers it: what Stackyard relies on (deploy/aws/charts.txt), its namespace, and
# where its secrets come from. Safe to run again; brings the charts to the versions that are listed.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tf-lib.sh
. "$(dirname "$0")/tf-lib.sh"

USAGE='use: scripts/cluster.sh [--kubeconfig FILE] [--dry-run] staging|production'
TARGET='' DRY_RUN=''
while [ "${1:-}" != "${1#--}" ]; do
  case $1 in
    --kubeconfig) TARGET=${2:-}; [ -r "$TARGET" ] || die "--kubeconfig '$TARGET' cannot be read" "$USAGE"; shift ;;
    --dry-run) DRY_RUN=1 ;;
    *) die "unknown flag $1" "$USAGE" ;;
  esac
  shift
done
ENVIRONMENT=${1:-}
case $ENVIRONMENT in staging | production) ;; *) die "there is no environment '$ENVIRONMENT'" "$USAGE" ;; esac
need_tools
for tool in helm jq kubectl; do
  command -v "$tool" >/dev/null || die "$tool is not installed" "install $tool"
done

umask 077
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
use_backend "$ENVIRONMENT"
tf "$ENVIRONMENT" output -json >"$WORK/outputs.json"
output() { jq -er "$1" "$WORK/outputs.json" || die "terraform/$ENVIRONMENT tells no $1" "apply it: scripts/tf.sh $ENVIRONMENT apply"; }

NAMESPACE=$(output .namespace.value)
declare -A VALUES=(
  [CLUSTER]=$(output .cluster_name.value)
  [REGION]=$(output .region.value)
  [VPC_ID]=$(output .add_ons.value.vpc_id)
  [DOMAIN]=$(output .add_ons.value.domain)
  [PROMETHEUS]=$(output .add_ons.value.prometheus_endpoint)
  [LOG_GROUP]=$(output .add_ons.value.log_group)
)
ZONE=$(jq -r .add_ons.value.external_dns "$WORK/outputs.json")

# filled FILE: with what Terraform tells in the places of ${…}.
filled() {
  local line name
  while IFS= read -r line; do
    for name in "${!VALUES[@]}"; do line=${line//"\${$name}"/"${VALUES[$name]}"}; done
    printf '%s\n' "$line"
  done <"$1"
}

run() { if [ -n "$DRY_RUN" ]; then say "$*"; else "$@"; fi; }

# apply: what comes on standard input.
apply() { if [ -n "$DRY_RUN" ]; then cat; else kubectl apply --filename -; fi; }

charts() {
  local release namespace repository chart version
  while read -r release namespace repository chart version; do
    case $release in
      '' | \#*) continue ;;
      \?*) [ "$ZONE" = true ] || continue; release=${release#?} ;;
    esac
    filled "$ROOT/deploy/aws/charts/$release.yaml" >"$WORK/$release.yaml"
    say "[cluster] $release $version"
    run helm upgrade "$release" "$chart" --install --repo "$repository" --version "$version" \
      --namespace "$namespace" --create-namespace --atomic --wait --timeout 10m --values "$WORK/$release.yaml"
  done <"$ROOT/deploy/aws/charts.txt"
}

# Runs are confined in ways that Pod Security's `restricted` does not know; helm/stackyard/README.md
# says which. Who deploys may not change these labels.
namespace() {
  apply <<END
apiVersion: v1
kind: Namespace
metadata:
  name: $NAMESPACE
  labels:
    pod-security.kubernetes.io/enforce: privileged
    pod-security.kubernetes.io/warn: restricted
END
}

if [ -n "$TARGET" ]; then
  export KUBECONFIG=$TARGET
elif [ -z "$DRY_RUN" ]; then
  export KUBECONFIG=$WORK/kubeconfig
  aws eks update-kubeconfig --region "${VALUES[REGION]}" --name "${VALUES[CLUSTER]}" >/dev/null ||
    die "the cluster of $ENVIRONMENT cannot be found" 'use the credentials of one of admin_role_arns'
fi
charts
namespace
filled "$ROOT/deploy/aws/secret-store.yaml" | apply
say "[cluster] $ENVIRONMENT is ready: scripts/deploy.sh $ENVIRONMENT COMMIT"
