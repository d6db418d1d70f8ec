#!/usr/bin/env bash
# cluster.sh [FLAG...] ENVIRONMENT: prepares a new cluster for scripts/deploy.sh, by somebody who
# administers it: what Stackyard relies on (deploy/aws/charts.txt), its namespace and who deploys to it,
# and where its secrets come from. Safe to run again; brings the charts to the versions that are listed.
#   --no-charts   leave out what Stackyard relies on
#   --dry-run     say what would be done, and change nothing
# KUBECONFIG is the cluster; without it, that which Terraform made.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tf-lib.sh
. "$(dirname "$0")/tf-lib.sh"
# shellcheck source=scripts/environment-lib.sh
. "$(dirname "$0")/environment-lib.sh"

USAGE='use: scripts/cluster.sh [FLAG...] staging|production'
DRY_RUN='' CHARTS=1
while [ "${1:-}" != "${1#--}" ]; do
  case $1 in
    --no-charts) CHARTS='' ;;
    --dry-run) DRY_RUN=1 ;;
    *) die "unknown flag $1" "$USAGE" ;;
  esac
  shift
done
[ "$#" = 1 ] || die 'the environment is missing' "$USAGE"
ENVIRONMENT=$1
environment_exists "$ENVIRONMENT"
need_tools
need_cluster_tools

umask 077
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
read_outputs "$ENVIRONMENT" "$WORK/outputs.json"
VALUES=(
  "NAMESPACE=$(output .namespace.value)"
  "CLUSTER=$(output .cluster_name.value)"
  "REGION=$(output .region.value)"
  "VPC_ID=$(output .add_ons.value.vpc_id)"
  "DOMAIN=$(output .add_ons.value.domain)"
  "PROMETHEUS=$(output .add_ons.value.prometheus_endpoint)"
  "LOG_GROUP=$(output .add_ons.value.log_group)"
  "ALARM_TOPIC=$(output .add_ons.value.alarm_topic)"
)
ZONE=$(jq -r .add_ons.value.external_dns "$WORK/outputs.json")

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
    filled "$ROOT/deploy/aws/charts/$release.yaml" "${VALUES[@]}" >"$WORK/$release.yaml"
    say "[cluster] $release $version"
    run helm upgrade "$release" "$chart" --install --repo "$repository" --version "$version" \
      --namespace "$namespace" --create-namespace --atomic --wait --timeout 10m --values "$WORK/$release.yaml"
  done <"$ROOT/deploy/aws/charts.txt"
}

# grafana_password: made once, and never told among the arguments of a process.
grafana_password() {
  local there
  if [ -n "$DRY_RUN" ]; then say 'make the Secret grafana-admin, unless it is there'; return 0; fi
  kubectl create namespace monitoring --dry-run=client --output yaml | apply >/dev/null
  there=$(kubectl --namespace monitoring get secret grafana-admin --ignore-not-found --output name)
  [ -z "$there" ] || return 0
  openssl rand -hex 24 | tr -d '\n' >"$WORK/password"
  kubectl --namespace monitoring create secret generic grafana-admin --from-literal=user=admin \
    --from-file=password="$WORK/password" >/dev/null
}

[ -n "$DRY_RUN" ] || use_cluster
if [ -n "$CHARTS" ]; then
  apply <"$ROOT/deploy/aws/storage-class.yaml"
  grafana_password
  charts
fi
filled "$ROOT/deploy/aws/namespace.yaml" "${VALUES[@]}" | apply
filled "$ROOT/deploy/aws/secret-store.yaml" "${VALUES[@]}" | apply
say "[cluster] $ENVIRONMENT is ready: make release ENV=$ENVIRONMENT"
say '[cluster] to look at it: . scripts/env.sh' \
  "&& export KUBECONFIG=${KUBECONFIG:-$BUILD/kube/$ENVIRONMENT.config}"
