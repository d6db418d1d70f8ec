#!/usr/bin/env bash
# images.sh [FLAG...] [IMAGE...]: builds the container images: gateway, rest, stacks, quota, runner, cli,
# or those that are named. Needs buildah, and root or a rootless set-up of it.
#   --bin DIR         fill them with the programs in DIR, as they are. Default: build/bin, brought up
#                     to date, where this machine is the same Debian; else --compile
#   --compile         compile in the image's own Debian, as a machine does that is no Debian
#   --base IMAGE      the Debian to begin with, NAME@sha256:DIGEST (or STACKYARD_IMAGE_BASE). Default,
#                     and all that works without a registry: one made of Debian's archive by mmdebstrap
#   --prefix PREFIX   what stands before the names (localhost)
#   --mirror DIR      a mirror of providers, as a layer of the runner's
#   --dirty           also of a tree with changes; the tag then ends in -dirty
#   --push            push them when all are built, by buildah's own logins
# Tags are commits, nothing else. Results: build/images/IMAGE.tar (docker-archive), IMAGE.cdx.json (the
# bill of materials) and images.json (names, digests, sizes). What has not changed is not built again.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

ALL=(gateway rest stacks quota runner cli)
OUT=$BUILD/images
CONTEXT=$OUT/context
SUITE=bookworm
BIN='' COMPILE='' DIRTY='' PUSH=''
BASE=${STACKYARD_IMAGE_BASE:-}
PREFIX=${STACKYARD_IMAGE_PREFIX:-localhost}
MIRROR=$OUT/no-mirror

usage() { die "$1" "read the head of scripts/images.sh"; }

while [[ ${1:-} == --* ]]; do
  case $1 in
    --compile) COMPILE=1 ;;
    --dirty) DIRTY=1 ;;
    --push) PUSH=1 ;;
    --bin | --base | --prefix | --mirror)
      [ -n "${2:-}" ] || usage "$1 lacks its value"
      case $1 in
        --bin) BIN=$2 ;;
        --base) BASE=$2 ;;
        --prefix) PREFIX=${2%/} ;;
        --mirror) MIRROR=$2 ;;
      esac
      shift
      ;;
    *) usage "unknown flag $1" ;;
  esac
  shift
done
IMAGES=("$@")
[ "${#IMAGES[@]}" != 0 ] || IMAGES=("${ALL[@]}")
for image in "${IMAGES[@]}"; do
  [[ " ${ALL[*]} " == *" $image "* ]] || usage "there is no image $image; there are ${ALL[*]}"
done
[ -z "$BIN" ] || [ -z "$COMPILE" ] || usage '--bin and --compile do not go together'
[ -z "$BIN" ] || [ -x "$BIN/stackyard-stacks" ] || usage "--bin $BIN holds no programs"
[ -d "$MIRROR" ] || [ "$MIRROR" = "$OUT/no-mirror" ] || usage "--mirror $MIRROR is no folder"
# A name that can come to mean something else is no pin.
[ -z "$BASE" ] || [[ $BASE =~ @sha256:[0-9a-f]{64}$ ]] ||
  usage "--base $BASE is not pinned: name it as NAME@sha256:DIGEST"

# A store of our own: nothing else is touched, and `make clean` takes it away.
buildah() { command buildah --root "$OUT/store" --runroot "$OUT/run" --storage-driver overlay "$@"; }
export BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot}

# ---- What is built -----------------------------------------------------------------------------

revision() {
  local changes
  REVISION=$(git -C "$ROOT" rev-parse HEAD)
  CREATED=$(git -C "$ROOT" log -1 --format=%ct)
  VERSION=$(sed -n 's/.*kVersion = "\(.*\)";/\1/p' "$ROOT/common/version.h")
  # Lock files are in no image, and OpenTofu writes its own registry into them, which Terraform takes
  # out again.
  changes=$(git -C "$ROOT" status --porcelain -- . ':(exclude,glob)terraform/*/.terraform.lock.hcl')
  TAG=$REVISION
  [ -n "$changes" ] || return 0
  [ -n "$DIRTY" ] || die 'the tree has changes that are in no commit, so no tag would name it' \
    'commit them, or build for yourself with --dirty'
  TAG=$REVISION-dirty
}

# same_debian: whether programs of this machine run in the images.
same_debian() { grep -qx 'ID=debian' /etc/os-release && grep -qx "VERSION_CODENAME=$SUITE" /etc/os-release; }

# fill_context: the sources as they are committed, and the programs; all without times, since layers of
# what is the same are kept only then.
fill_context() {
  rm -rf "$CONTEXT.new"
  mkdir -p "$CONTEXT.new" "$CONTEXT" "$OUT/no-mirror"
  if [ "$TAG" = "$REVISION" ]; then
    git -C "$ROOT" archive HEAD | tar -x -C "$CONTEXT.new"
  else
    (cd "$ROOT" && git ls-files -z --cached --others --exclude-standard |
      while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
      tar -c --null -T - | tar -x -C "$CONTEXT.new")
  fi
  if [ -z "$COMPILE" ]; then
    [ ! -d "$CONTEXT/programs" ] || mv "$CONTEXT/programs" "$CONTEXT.new/"
    programs "$CONTEXT.new/programs"
  fi
  rm -rf "$CONTEXT"
  mv "$CONTEXT.new" "$CONTEXT"
  find "$CONTEXT" -exec touch -h -d @0 {} +
}

# programs DIR: those of --bin, or of this checkout.
programs() {
  if [ -z "$BIN" ]; then
    "$ROOT/scripts/setup.sh" build
    STACKYARD_COMMIT=$TAG "$ROOT/scripts/build.sh" product
    BIN=$BUILD/bin
  fi
  STACKYARD_BIN=$BIN "$ROOT/deploy/images/programs.sh" "$1"
}

# ---- The Debian to begin with ------------------------------------------------------------------

# debian_sources: the lines of apt's own configuration that name Debian's packages.
debian_sources() {
  # shellcheck disable=SC2016  # $(…) is apt's own syntax
  apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
    'Created-By: Packages' 'Origin: Debian' | grep " $SUITE" | sort -u
}

package_list() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$ROOT/deploy/images/packages.txt"; }

# base_key: changes when the packages do, or what apt knows of the archive.
base_key() {
  { package_list; cat /var/lib/apt/lists/*"$SUITE"*InRelease 2>/dev/null || true; } |
    sha256sum | cut -c1-16
}

make_base() {
  local tar=$OUT/base.tar sources container
  BASE=localhost/stackyard-debian:$SUITE-$(base_key)
  if buildah inspect --type image "$BASE" >/dev/null 2>&1; then return 0; fi
  command -v mmdebstrap >/dev/null || die 'mmdebstrap is missing' \
    'apt-get install mmdebstrap, or name a base: scripts/images.sh --base debian@sha256:…'
  mapfile -t sources < <(debian_sources)
  [ "${#sources[@]}" != 0 ] || die 'apt knows no Debian packages here' \
    'run: apt-get update; or name a base: scripts/images.sh --base debian@sha256:…'
  say "[images] making a Debian $SUITE root …"
  logged "$LOGS/images-base.log" mmdebstrap --variant=minbase --format=tar \
    --include="$(package_list | paste -sd,)" --dpkgopt='path-exclude=/usr/share/man/*' \
    "$SUITE" "$tar" "${sources[@]}" || die 'mmdebstrap failed' "see $LOGS/images-base.log"
  container=$(buildah from scratch)
  logged "$LOGS/images-base.log" buildah add "$container" "$tar" /
  logged "$LOGS/images-base.log" buildah commit --rm "$container" "$BASE"
  rm -f "$tar"
}

pull_base() {
  logged "$LOGS/images-base.log" retry buildah pull --policy missing "$BASE" || die \
    "$BASE cannot be pulled" 'check the network; without --base a Debian is made here'
}

# ---- Images ------------------------------------------------------------------------------------

# build LOG FLAGS…: one Containerfile. Times within images are none, so that layers that hold the
# same are the same, whichever commit they were built of.
build() {
  local log=$LOGS/image-$1.log
  shift
  logged "$log" buildah bud --layers --pull-never --timestamp 0 "$@" "$CONTEXT" ||
    die "an image could not be built" "see $log"
}

build_root() {
  local target=ready
  [ -z "$COMPILE" ] || target=compile
  build build --build-arg BASE="$BASE" --build-arg REVISION="$TAG" --target "$target" -t localhost/stackyard-build:"$TAG" \
    -f "$CONTEXT/deploy/images/build.Containerfile"
}

# source_url: of the repository, where it is a public address.
source_url() {
  local url
  url=$(git -C "$ROOT" remote get-url origin 2>/dev/null || true)
  [[ $url =~ ^https://[^@]*$ ]] && printf '%s' "$url" || printf 'unknown'
}

build_image() {
  local image=$1 name=stackyard-$1 reference=$PREFIX/stackyard-$1:$TAG
  build "$image" --build-arg BUILD=localhost/stackyard-build:"$TAG" --build-arg VERSION="$VERSION" \
    --build-arg REVISION="$TAG" --build-arg CREATED="$CREATED" --build-context mirror="$MIRROR" \
    --label org.opencontainers.image.revision="$TAG" \
    --label org.opencontainers.image.version="$VERSION" \
    --label org.opencontainers.image.created="$(date -u -d "@$CREATED" +%Y-%m-%dT%H:%M:%SZ)" \
    --label org.opencontainers.image.source="$(source_url)" \
    --label org.opencontainers.image.licenses=Apache-2.0 \
    --label org.opencontainers.image.vendor=Stackyard \
    -t "$reference" -f "$CONTEXT/deploy/images/$image.Containerfile"
  save "$name" "$reference"
}

# save NAME REFERENCE: its files in build/images, unless they are of this very image.
save() {
  local id mount container
  id=$(buildah inspect --type image --format '{{.FromImageID}}' "$2")
  if [ "$(cat "$OUT/$1.id" 2>/dev/null)" != "$id $2" ]; then
    rm -f "$OUT/$1.id" "$OUT/$1.tar"
    container=$(buildah from --pull-never "$2")
    mount=$(buildah mount "$container")
    cp "$mount/usr/share/doc/$1/sbom.cdx.json" "$OUT/$1.cdx.json"
    du -sb --apparent-size "$mount" | cut -f1 >"$OUT/$1.bytes"
    buildah rm "$container" >/dev/null
    logged "$LOGS/image-$1-save.log" buildah push "$2" "docker-archive:$OUT/$1.tar:$2" ||
      die "$1 could not be saved" "see $LOGS/image-$1-save.log"
    printf '%s %s\n' "$id" "$2" >"$OUT/$1.id"
  fi
  jq -n --arg name "$1" --arg reference "$2" --arg id "sha256:${id#sha256:}" \
    --arg digest "$(buildah inspect --type image --format '{{.FromImageDigest}}' "$2")" \
    --argjson bytes "$(cat "$OUT/$1.bytes")" --argjson archive "$(stat -c %s "$OUT/$1.tar")" \
    '{name: $name, reference: $reference, id: $id, digest: $digest, bytes: $bytes, archive_bytes: $archive}' \
    >"$OUT/$1.json"
}

push() {
  local image reference
  for image in "${IMAGES[@]}"; do
    reference=$PREFIX/stackyard-$image:$TAG
    logged "$LOGS/image-$image-push.log" retry buildah push \
      --digestfile "$OUT/stackyard-$image.digest" "$reference" ||
      die "$reference could not be pushed" "see $LOGS/image-$image-push.log; is buildah logged in?"
    say "[images] pushed $reference@$(cat "$OUT/stackyard-$image.digest")"
  done
}

main() {
  local start image
  revision
  command -v buildah >/dev/null || die 'buildah is missing' 'apt-get install buildah'
  if [ -z "$BIN$COMPILE" ] && ! same_debian; then COMPILE=1; fi
  mkdir -p "$OUT"
  start=$(now_ms)
  fill_context
  if [ -z "$BASE" ]; then make_base; else pull_base; fi
  build_root
  for image in "${IMAGES[@]}"; do
    build_image "$image"
    say "[images] $(jq -r '"\(.reference)  \(.bytes / 1048576 | round) MiB"' "$OUT/stackyard-$image.json")"
  done
  for image in "${ALL[@]}"; do cat "$OUT/stackyard-$image.json" 2>/dev/null || true; done |
    jq -s '.' >"$OUT/images.json"
  [ -z "$PUSH" ] || push
  say "[images] done in $(seconds_since "$start") s; digests and sizes: build/images/images.json"
}

mkdir -p "$OUT"
exec 9>"$OUT/.lock"
flock 9
main
