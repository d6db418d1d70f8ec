#!/usr/bin/env bash
# release.sh push PREFIX FILE: builds the images of this commit, pushes them below PREFIX and writes FILE,
#   {"commit": …, "prefix": …, "digests": {IMAGE: "sha256:…", …}}.
# release.sh deploy ENV FILE: deploys exactly those images to an environment. When the deployment or its
#   smoke test fails, what ran before is brought back, and the command fails.
# release.sh pin ENV FILE: writes them into deploy/gitops, for Argo CD to deploy once that is merged.
# A release is made of a commit of main once and then only carried on: what is deployed to production is
# what was tested in staging, bit by bit.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

IMAGES=(gateway rest stacks quota runner cli)

usage() { die "$1" 'use: release.sh push PREFIX FILE, or release.sh deploy|pin staging|production FILE'; }

# is_ecr PREFIX: whether it is a registry of AWS, which wants to be logged in to by AWS's own tool.
is_ecr() { [[ $1 =~ ^[0-9]{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?(/|$) ]]; }

need() { command -v "$1" >/dev/null || die "$1 is missing" "$2"; }

# ---- Push ----------------------------------------------------------------------------------

log_in() {
  is_ecr "$1" || return 0
  need aws 'apt-get install awscli'
  # By a pipe: a password never stands among the arguments of a process.
  aws ecr get-login-password --region "${BASH_REMATCH[1]}" |
    buildah login --username AWS --password-stdin "${1%%/*}" >/dev/null ||
    die "the registry ${1%%/*} did not let us in" 'look whose credentials are in force: aws sts get-caller-identity'
}

push() {
  local prefix=${1%/} file=$2 image digests='{}' digest
  [[ $prefix =~ ^[a-z0-9][a-z0-9.:/_-]*$ ]] || usage "'$prefix' is no prefix of images"
  need buildah 'apt-get install buildah'
  log_in "$prefix"
  "$ROOT/scripts/images.sh" --prefix "$prefix" --push
  for image in "${IMAGES[@]}"; do
    digest=$(cat "$BUILD/images/stackyard-$image.digest")
    [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || die "stackyard-$image has no digest" 'push again'
    digests=$(jq -c --arg image "$image" --arg digest "$digest" '.[$image] = $digest' <<<"$digests")
  done
  mkdir -p "$(dirname "$file")"
  jq -n --arg commit "$(git -C "$ROOT" rev-parse HEAD)" --arg prefix "$prefix" \
    --argjson digests "$digests" '{commit: $commit, prefix: $prefix, digests: $digests}' >"$file"
  say "[release] $file"
}

# ---- Deploy --------------------------------------------------------------------------------

# read_release FILE: checks it and sets COMMIT and PREFIX.
read_release() {
  local image
  [ -r "$1" ] || die "there is no release $1" 'make it: make push PREFIX=…, or fetch it from the run that did'
  COMMIT=$(jq -er '.commit | strings' "$1" 2>/dev/null) || die "$1 names no commit" 'fetch it again'
  PREFIX=$(jq -er '.prefix | strings' "$1" 2>/dev/null) || die "$1 names no prefix" 'fetch it again'
  [[ $COMMIT =~ ^[0-9a-f]{40}$ ]] || die "$1: '$COMMIT' is no commit id" 'fetch it again'
  for image in "${IMAGES[@]}"; do
    jq -er --arg image "$image" '.digests[$image] | strings | test("^sha256:[0-9a-f]{64}$")' \
      "$1" >/dev/null 2>&1 || die "$1 has no digest of $image" 'fetch it again'
  done
}

# check_commit: the chart must be the images' own, and nothing is deployed that is not of main.
check_commit() {
  local main
  [ "$(git -C "$ROOT" rev-parse HEAD)" = "$COMMIT" ] ||
    die "the release is of $COMMIT, and this checkout is not" "git checkout $COMMIT"
  for main in origin/main main; do
    git -C "$ROOT" rev-parse -q --verify "$main^{commit}" >/dev/null || continue
    git -C "$ROOT" merge-base --is-ancestor "$COMMIT" "$main" ||
      die "$COMMIT is not on $main" 'merge it first'
    return 0
  done
}

# check_digests FILE: a tag cannot be moved in the registry, so whatever a file says, what is deployed is
# what was pushed for this commit.
check_digests() {
  local image found wanted repository folder=''
  is_ecr "$PREFIX" || return 0
  need aws 'apt-get install awscli'
  [[ $PREFIX != */* ]] || folder=${PREFIX#*/}/
  for image in "${IMAGES[@]}"; do
    repository=${folder}stackyard-$image
    wanted=$(jq -r --arg image "$image" '.digests[$image]' "$1")
    found=$(aws ecr describe-images --repository-name "$repository" --image-ids imageTag="$COMMIT" \
      --query 'imageDetails[0].imageDigest' --output text) ||
      die "$repository:$COMMIT is not in the registry" 'was it pushed, and is it kept long enough?'
    [ "$found" = "$wanted" ] || die "$repository:$COMMIT is $found, and the release says $wanted" \
      'do not deploy it; find out who made that file'
  done
}

# ---- Pin -----------------------------------------------------------------------------------

pin() {
  local environment=$1 folder=$ROOT/deploy/gitops application
  application=$folder/argocd/$environment.yaml
  case $environment in staging | production) ;; *) usage "there is no environment '$environment'" ;; esac
  read_release "$2"
  grep -qE 'targetRevision: [0-9a-f]{40}$' "$application" ||
    die "$application names no commit of the chart" 'restore it from git, then run the same again'
  {
    say "# Written by \`make pin\`: what $environment runs. Tag and digests name the same images."
    jq -r '"image:", "  prefix: \(.prefix)", "  tag: \(.commit)", "  digests:",
      (.digests | to_entries[] | "    \(.key): \(.value)")' "$2"
  } >"$folder/environments/$environment/image.yaml"
  # The chart's own revision; that of the values stays the branch.
  sed -i -E "s/(targetRevision:) [0-9a-f]{40}\$/\1 $COMMIT/" "$application"
  say "[release] deploy/gitops names $COMMIT for $environment: commit it, and have it reviewed"
}

# deploy ENV FILE: deploy.sh goes back by itself when the deployment or its smoke test fails, and
# says so.
deploy() {
  local environment=$1 file digests
  file=$(realpath -- "$2" 2>/dev/null || printf '%s' "$2")
  case $environment in staging | production) ;; *) usage "there is no environment '$environment'" ;; esac
  need jq 'apt-get install jq'
  read_release "$file"
  check_commit
  check_digests "$file"
  digests=$(jq .digests "$file")
  say "[release] $COMMIT to $environment"
  "$ROOT/scripts/deploy.sh" --prefix "$PREFIX" --digests <(printf '%s' "$digests") \
    "$environment" "$COMMIT"
  say "[release] $environment runs $COMMIT"
}

case ${1:-} in
  push) push "${2:-}" "${3:-$BUILD/release.json}" ;;
  deploy) deploy "${2:-}" "${3:-$BUILD/release.json}" ;;
  pin) pin "${2:-}" "${3:-$BUILD/release.json}" ;;
  *) usage "unknown command '${1:-}'" ;;
esac
