#!/usr/bin/env bash
# deploy.sh [FLAG...] ENVIRONMENT [IMAGE_TAG]: brings a release of Stackyard onto an environment's cluster:
# databases and users, what the cluster has of their secrets, then the Helm chart with
# terraform/ENVIRONMENT/values.yaml and what Terraform tells of the environment, then a smoke test. When
# the release does not get ready, or fails the test, what ran before comes back.
#   IMAGE_TAG            the commit that the images were built from; else Terraform's image_tag
#   --digests FILE       JSON, {"gateway": "sha256:…", …}: those images and no others; without it the
#                        registry tells what the tag means
#   --prefix PREFIX      where they are; else Terraform's image_prefix
#   --timeout DURATION   how long it may take to be ready (15m)
#   --no-databases       leave databases and users as they are
#   --no-test            leave the smoke test out
#   --dry-run            say what Helm would make, and change nothing
# KUBECONFIG is the cluster; without it, that which Terraform made.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tf-lib.sh
. "$(dirname "$0")/tf-lib.sh"
# shellcheck source=scripts/environment-lib.sh
. "$(dirname "$0")/environment-lib.sh"

USAGE='use: scripts/deploy.sh [FLAG...] staging|production [IMAGE_TAG]'
IMAGES=(gateway rest stacks quota runner cli)
RELEASE=stackyard
TIMEOUT=15m DATABASES=1 TEST=1 DRY_RUN='' FILE='' PREFIX=''

while [ "${1:-}" != "${1#--}" ]; do
  case $1 in
    --timeout) TIMEOUT=${2:-}; shift ;;
    --digests) FILE=${2:-}; [ -n "$FILE" ] || die '--digests lacks its value' "$USAGE"; shift ;;
    --prefix) PREFIX=${2:-}; [ -n "$PREFIX" ] || die '--prefix lacks its value' "$USAGE"; shift ;;
    --no-databases) DATABASES='' ;;
    --no-test) TEST='' ;;
    --dry-run) DRY_RUN=1 ;;
    *) die "unknown flag $1" "$USAGE" ;;
  esac
  shift
done
case $# in 1 | 2) ;; *) die 'one environment, and one image tag or none' "$USAGE" ;; esac
ENVIRONMENT=$1 TAG=${2:-}
environment_exists "$ENVIRONMENT"
[[ $TIMEOUT =~ ^[0-9]+(s|m|h)$ ]] || die "--timeout $TIMEOUT is no duration" 'write it as 15m'
# Read once: it may be a pipe.
if [ -n "$FILE" ]; then
  DIGESTS=$(jq -ce 'objects | select(length > 0)' "$FILE" 2>/dev/null) ||
    die "--digests $FILE holds no digests" 'it must be {"gateway": "sha256:…", …}'
fi
need_tools
need_cluster_tools

umask 077
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
OUTPUTS=$WORK/outputs.json

read_environment() {
  read_outputs "$ENVIRONMENT" "$OUTPUTS"
  output .helm_values.value >"$WORK/environment.yaml"
  [ -n "$PREFIX" ] || PREFIX=$(output .image_prefix.value)
  NAMESPACE=$(output .namespace.value)
  [ -n "$TAG" ] || TAG=$(sed -nE 's/^ +"?tag"?: "?([0-9a-f]+)"?$/\1/p' "$WORK/environment.yaml")
  [ -n "$TAG" ] || die 'the image tag is missing' "$USAGE; or set image_tag in terraform/$ENVIRONMENT"
  [[ $TAG =~ ^[0-9a-f]{12,40}$ ]] ||
    die "$TAG is no image tag" \
      'give the commit id, 12 to 40 hex digits; names such as latest are never deployed'
}

# find_digests: what the tag means now. A tag of our registry never moves; what is deployed is named by
# its content all the same, so that nobody has to believe that.
find_digests() {
  local image digest
  if [ -n "$FILE" ]; then
    printf '%s\n' "$DIGESTS" >"$WORK/digests.json"
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
  jq --arg prefix "$PREFIX" --arg tag "$TAG" '{image: {prefix: $prefix, tag: $tag, digests: .}}' \
    "$WORK/digests.json" >"$WORK/image.yaml"
}

helm_values() {
  printf -- '--values\n%s\n' "$ROOT/terraform/$ENVIRONMENT/values.yaml" "$WORK/environment.yaml" \
    "$WORK/image.yaml"
}

# ---- Passwords of the databases --------------------------------------------------------------

OURS=app.kubernetes.io/instance=$RELEASE
in_namespace() { kubectl --namespace "$NAMESPACE" "$@"; }

# copied: when which secret was copied last, a line each; those that fail have none.
copied() {
  in_namespace get externalsecrets --selector "$OURS" --output json |
    jq -r '.items[] | select(any(.status.conditions[]?; .type == "Ready" and .status == "True"))
      | "\(.metadata.name) \(.status.refreshTime) \(.status.syncedResourceVersion)"'
}

# copy_secrets: pods that start from now on must get what the secrets say now, not an hour ago.
# Before the first release there is nothing that copies.
copy_secrets() {
  local names wanted before now end
  names=$(in_namespace get externalsecrets --selector "$OURS" --output name)
  wanted=$(grep -c . <<<"$names") || return 0
  say '[deploy] secrets'
  before=$(copied)
  in_namespace annotate externalsecrets --selector "$OURS" --overwrite \
    "force-sync=$(date +%s%N)" >/dev/null
  end=$((SECONDS + ${STACKYARD_SECRETS_SECONDS:-120}))
  while :; do
    # All that there are, and none of them as it was.
    now=$(copied)
    [ "$(comm -13 <(sort <<<"$before") <(sort <<<"$now") | grep -c .)" != "$wanted" ] || return 0
    [ "$SECONDS" -lt "$end" ] ||
      die 'the secrets were not copied into the cluster' \
        "look at: kubectl --namespace $NAMESPACE describe externalsecrets"
    sleep 1
  done
}

# Which passwords pods have, and which they will have.
VERSION_KEY=stackyard.dev/password-version
password_version() {
  in_namespace get deployments --selector "$OURS" --output json | jq -r --arg key "$VERSION_KEY" \
    '[.items[].spec.template.metadata.annotations[$key]? // empty] | first // empty'
}

# rest_others BEFORE: once no pod uses them, the users whose turn it was log in no more.
rest_others() {
  local now
  now=$(sed -nE "s|^ +\"?$VERSION_KEY\"?: \"?([0-9]+)\"?\$|\1|p" "$WORK/environment.yaml" | sort -u)
  [ -n "$1" ] && [ -n "$now" ] && [ "$1" != "$now" ] || return 0
  if [ $((now % 2)) = 0 ]; then now=a; else now=b; fi
  "$ROOT/scripts/databases.sh" --rest "$now" "$ENVIRONMENT"
}

# ---- The release -----------------------------------------------------------------------------

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

# smoke_test: a first release has nothing before it, and stays to be looked at.
smoke_test() {
  local last
  say '[deploy] smoke test'
  helm test "$RELEASE" --namespace "$NAMESPACE" --timeout "$TIMEOUT" --logs >"$WORK/test.log" 2>&1 && return 0
  cat "$WORK/test.log" >&2
  last=$(helm history "$RELEASE" --namespace "$NAMESPACE" --output json |
    jq '[.[] | select(.status == "superseded")] | last | .revision // empty')
  [ -n "$last" ] || die 'the smoke test of the first release failed' 'read what is above'
  helm rollback "$RELEASE" "$last" --namespace "$NAMESPACE" --wait --timeout "$TIMEOUT" >&2 ||
    die "the smoke test failed, and so did the way back to revision $last" \
      "by hand: helm rollback $RELEASE $last --namespace $NAMESPACE"
  die "the smoke test failed; $ENVIRONMENT runs as revision $last did" 'read what is above'
}

# check_token: the smoke test takes its token from a Secret, where it may have been revoked since.
# That is told before anything changes, and not by a rollback; whoever cannot reach the address
# learns it later.
check_token() {
  local token code
  token=$(kubectl --namespace "$NAMESPACE" get secret "$RELEASE-admin-token" --ignore-not-found \
    --output 'jsonpath={.data.token}') ||
    die "$ENVIRONMENT does not answer" "KUBECONFIG is $KUBECONFIG"
  [ -n "$token" ] || return 0
  # By a pipe: arguments are seen by everybody.
  code=$(printf 'header = "Authorization: Bearer %s"\n' "$(base64 -d <<<"$token")" |
    curl --silent --max-time 10 --output "$WORK/testme" --write-out '%{http_code}' --config - \
      "$(output .url.value)/testme") || return 0
  [ "$code" != 401 ] ||
    die "the token in the Secret $RELEASE-admin-token is revoked, or its time is over" \
      'put a new one into it, for the smoke test: docs/deploy.md, 5; --no-test goes without'
}

read_environment
find_digests
if [ -n "$DRY_RUN" ]; then
  deploy_release
  exit 0
fi
use_cluster
kubectl get namespace "$NAMESPACE" >/dev/null 2>"$WORK/fault" ||
  die "there is no namespace $NAMESPACE: $(tail -n 1 "$WORK/fault")" \
    "prepare the cluster first: scripts/cluster.sh $ENVIRONMENT"
[ -z "$TEST" ] || check_token
PASSWORDS=$(password_version)
if [ -n "$DATABASES" ]; then
  "$ROOT/scripts/databases.sh" "$ENVIRONMENT"
  copy_secrets
fi
deploy_release
[ -z "$TEST" ] || smoke_test
[ -z "$DATABASES" ] || rest_others "$PASSWORDS"
say "[deploy] $ENVIRONMENT runs $TAG: $(output .url.value), gRPC at $(output .grpc_target.value)"
