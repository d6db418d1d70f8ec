#!/usr/bin/env bash
# deploy.sh [FLAG...] ENVIRONMENT [IMAGE_TAG]: brings Stackyard onto an environment's cluster, or another
# release of it: databases and users, then the Helm chart with terraform/ENVIRONMENT/values.yaml and what
# Terraform tells of the environment, then a smoke test. What does not get ready is rolled back.
#   IMAGE_TAG             the commit that the images were built from; else Terraform's image_tag
#   --kubeconfig FILE     the cluster, where it is not the one that Terraform made
#   --digests FILE        JSON, {"gateway": "sha256:…", …}: those images and no others, as staging ran them
#   --write-digests FILE  writes the digests of what was deployed, for the next environment
#   --timeout DURATION    how long the release may take to be ready (15m)
#   --no-databases        leave databases and users as they are
#   --no-test             leave the smoke test out
#   --dry-run             say what Helm would be told, and change nothing
# STACKYARD_POSTGRES_IMAGE is an image with psql, for the job that makes databases and users.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tf-lib.sh
. "$(dirname "$0")/tf-lib.sh"

USAGE='use: scripts/deploy.sh [FLAG...] staging|production [IMAGE_TAG]'
IMAGES=(gateway rest stacks quota runner cli)
POSTGRES_IMAGE=${STACKYARD_POSTGRES_IMAGE:-public.ecr.aws/docker/library/postgres:16-alpine}
RELEASE=stackyard
TIMEOUT=15m
DATABASES=1 TEST=1 DRY_RUN='' DIGESTS='' WRITE_DIGESTS=''
TARGET=''

while [ "${1:-}" != "${1#--}" ]; do
  case $1 in
    --kubeconfig | --digests | --write-digests | --timeout)
      [ -n "${2:-}" ] || die "$1 lacks its value" "$USAGE"
      case $1 in
        --kubeconfig) TARGET=$2 ;;
        --digests) DIGESTS=$2 ;;
        --write-digests) WRITE_DIGESTS=$2 ;;
        --timeout) TIMEOUT=$2 ;;
      esac
      shift ;;
    --no-databases) DATABASES='' ;;
    --no-test) TEST='' ;;
    --dry-run) DRY_RUN=1 ;;
    *) die "unknown flag $1" "$USAGE" ;;
  esac
  shift
done
case $# in 1 | 2) ;; *) die 'one environment, and one image tag or none' "$USAGE" ;; esac
ENVIRONMENT=$1 TAG=${2:-}
case $ENVIRONMENT in staging | production) ;; *) die "there is no environment $ENVIRONMENT" "$USAGE" ;; esac
[[ -z $TIMEOUT || $TIMEOUT =~ ^[0-9]+(s|m|h)$ ]] || die "--timeout $TIMEOUT is no duration" 'write it as 15m'
[ -z "$DIGESTS" ] || [ -r "$DIGESTS" ] || die "--digests $DIGESTS cannot be read" "$USAGE"
need_tools
for tool in helm jq kubectl; do
  command -v "$tool" >/dev/null || die "$tool is not installed" "install $tool"
done

umask 077
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
OUTPUTS=$WORK/outputs.json

# output JQ: of what Terraform tells.
output() { jq -er "$1" "$OUTPUTS" || die "terraform/$ENVIRONMENT tells no $1" "apply it: scripts/tf.sh $ENVIRONMENT apply"; }

read_outputs() {
  use_backend "$ENVIRONMENT"
  tf "$ENVIRONMENT" output -json >"$OUTPUTS"
  [ "$(jq length "$OUTPUTS")" != 0 ] ||
    die "there is no $ENVIRONMENT yet" "make it: scripts/tf.sh $ENVIRONMENT apply"
  output .helm_values.value >"$WORK/environment.yaml"
  PREFIX=$(output .image_prefix.value)
  NAMESPACE=$(output .namespace.value)
  REGION=$(output .region.value)
  [ -n "$TAG" ] || TAG=$(sed -nE 's/^ +"?tag"?: "?([0-9a-f]+)"?$/\1/p' "$WORK/environment.yaml")
  [ -n "$TAG" ] || die 'the image tag is missing' "$USAGE; or set image_tag in terraform/$ENVIRONMENT"
  [[ $TAG =~ ^[0-9a-f]{12,40}$ ]] ||
    die "$TAG is no image tag" 'give the commit id, 12 to 40 hex digits; names such as latest are never deployed'
}

# find_digests: what the tag means now. A tag of our registry never moves; what is deployed is named by
# its content all the same, so that nobody has to believe that.
find_digests() {
  local image digest
  if [ -n "$DIGESTS" ]; then
    jq -e 'type == "object" and length > 0' "$DIGESTS" >/dev/null ||
      die "--digests $DIGESTS holds no digests" 'it must be {"gateway": "sha256:…", …}'
    cp "$DIGESTS" "$WORK/digests.json"
  elif [[ $PREFIX =~ ^([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(/.*)?$ ]]; then
    local account=${BASH_REMATCH[1]} region=${BASH_REMATCH[2]} path=${BASH_REMATCH[3]#/}
    echo '{}' >"$WORK/digests.json"
    for image in "${IMAGES[@]}"; do
      digest=$(aws ecr describe-images --region "$region" --registry-id "$account" \
        --repository-name "${path:+$path/}stackyard-$image" --image-ids "imageTag=$TAG" \
        --query 'imageDetails[0].imageDigest' --output text 2>"$WORK/fault") ||
        die "there is no image stackyard-$image:$TAG in $PREFIX: $(tail -n 1 "$WORK/fault")" \
          'build and push the images of that commit first'
      jq --arg image "$image" --arg digest "$digest" '.[$image] = $digest' "$WORK/digests.json" >"$WORK/next"
      mv "$WORK/next" "$WORK/digests.json"
    done
  else
    echo '{}' >"$WORK/digests.json"
  fi
  jq --arg tag "$TAG" '{image: {tag: $tag, digests: .}}' "$WORK/digests.json" >"$WORK/image.yaml"
}

find_cluster() {
  if [ -n "$TARGET" ]; then
    [ -r "$TARGET" ] || die "--kubeconfig $TARGET cannot be read" "$USAGE"
    export KUBECONFIG=$TARGET
    return 0
  fi
  export KUBECONFIG=$WORK/kubeconfig
  aws eks update-kubeconfig --region "$REGION" --name "$(output .cluster_name.value)" >/dev/null ||
    die "the cluster of $ENVIRONMENT cannot be found" 'use the credentials that deploy to it'
}

# make_databases: the job, and what it reads; waits for its end.
make_databases() {
  local manifest=$WORK/databases.yaml name line job rc=0
  local -A values=(
    [OWNER_SECRET]=$(output .database.value.owner_secret)
    [GATEWAY_SECRET]=$(output .database.value.secrets.gateway)
    [STACKS_SECRET]=$(output .database.value.secrets.stacks)
    [QUOTA_SECRET]=$(output .database.value.secrets.quota)
    [DATABASE_ADDRESS]=$(output .database.value.address)
    [DATABASE_PORT]=$(output .database.value.port)
    [POSTGRES_IMAGE]=$POSTGRES_IMAGE
    [RUN]=$(date -u +%Y%m%d%H%M%S)
  )
  while IFS= read -r line; do
    for name in "${!values[@]}"; do line=${line//"\${$name}"/"${values[$name]}"}; done
    printf '%s\n' "$line"
  done <"$ROOT/deploy/aws/databases.yaml" >"$manifest"
  job=stackyard-databases-${values[RUN]}
  say '[deploy] databases and users'
  kubectl create configmap stackyard-databases --namespace "$NAMESPACE" --dry-run=client --output yaml \
    --from-file="$ROOT/scripts/databases.sh" | kubectl apply --namespace "$NAMESPACE" --filename - >/dev/null
  kubectl apply --namespace "$NAMESPACE" --filename "$manifest" >/dev/null
  kubectl wait --namespace "$NAMESPACE" --for=condition=Complete --timeout=300s "job/$job" >/dev/null || rc=1
  [ "$rc" = 0 ] || kubectl logs --namespace "$NAMESPACE" "job/$job" >&2 || true
  # The owner's password stays in the cluster no longer than that.
  kubectl delete externalsecret "$job" --namespace "$NAMESPACE" --ignore-not-found >/dev/null
  [ "$rc" = 0 ] || die 'the databases could not be made' 'read what the job says above; nothing was deployed'
}

helm_values() { printf -- '--values\n%s\n' "$ROOT/terraform/$ENVIRONMENT/values.yaml" "$WORK/environment.yaml" "$WORK/image.yaml"; }

deploy_release() {
  local flags values
  mapfile -t values < <(helm_values)
  flags=(--namespace "$NAMESPACE" "${values[@]}")
  if [ -n "$DRY_RUN" ]; then
    helm template "$RELEASE" "$ROOT/helm/stackyard" "${flags[@]}"
    return 0
  fi
  say "[deploy] $RELEASE $TAG onto $ENVIRONMENT"
  helm upgrade "$RELEASE" "$ROOT/helm/stackyard" --install --atomic --wait --timeout "$TIMEOUT" \
    --history-max 10 "${flags[@]}" >"$WORK/helm.log" 2>&1 || {
    cat "$WORK/helm.log" >&2
    die "the release did not get ready, and $ENVIRONMENT runs what it ran before" 'read what is above'
  }
}

# smoke_test: when it fails, what ran before comes back. A first release has nothing before it.
smoke_test() {
  local last
  say '[deploy] smoke test'
  if helm test "$RELEASE" --namespace "$NAMESPACE" --timeout "$TIMEOUT" --logs >"$WORK/test.log" 2>&1; then
    return 0
  fi
  cat "$WORK/test.log" >&2
  last=$(helm history "$RELEASE" --namespace "$NAMESPACE" --output json |
    jq '[.[] | select(.status == "superseded")] | last | .revision // empty')
  [ -n "$last" ] || die 'the smoke test of the first release failed' 'read what is above; it was left as it is, to be looked at'
  helm rollback "$RELEASE" "$last" --namespace "$NAMESPACE" --wait --timeout "$TIMEOUT" >&2
  die "the smoke test failed, and $ENVIRONMENT runs revision $last again" 'read what is above'
}

read_outputs
find_digests
if [ -n "$DRY_RUN" ]; then
  deploy_release
  exit 0
fi
find_cluster
kubectl get namespace "$NAMESPACE" >/dev/null 2>"$WORK/fault" ||
  die "there is no namespace $NAMESPACE: $(tail -n 1 "$WORK/fault")" "prepare the cluster first: scripts/cluster.sh $ENVIRONMENT"
[ -z "$DATABASES" ] || make_databases
deploy_release
[ -z "$TEST" ] || smoke_test
[ -z "$WRITE_DIGESTS" ] || cp "$WORK/digests.json" "$WRITE_DIGESTS"
say "[deploy] $ENVIRONMENT runs $TAG: $(output .url.value), gRPC at $(output .grpc_target.value)"
