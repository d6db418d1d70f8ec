#!/usr/bin/env bash
# node-runtime.sh: builds containerd and runc from their Go modules into build/tools/node, for the real
# node of tests/node: Debian 12 has versions that know no user namespaces of pods. Cold on two
# processors it takes about four minutes. Needs libseccomp-dev and a C compiler, for runc.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

OUT=$TOOLS/node
CONTAINERD_VERSION=v2.3.7
RUNC_VERSION=v1.4.3
HINT='check the network and that the Go module proxy can be reached, then run the same again'

# build_once MODULE VERSION TAGS PACKAGE...: in a module of our own, since theirs have directives that
# `go install` refuses; against the checksums that they ship.
build_once() (
  set -e
  module=$1 version=$2 tags=$3
  shift 3
  work=$(mktemp -d "$BUILD/.node.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cd "$work"
  export GOFLAGS="$GOFLAGS -mod=mod"
  dir=$(go mod download -json "$module@$version" | sed -n 's/.*"Dir": "\(.*\)",/\1/p')
  sed 's#^module .*#module node-runtime#' "$dir/go.mod" >go.mod
  cp "$dir/go.sum" go.sum
  chmod u+w go.mod go.sum
  printf 'require %s %s\n' "$module" "$version" >>go.mod
  go build -v -trimpath -tags "$tags" -ldflags "-s -w" -o "$OUT/" "$@"
)

# program NAME MODULE VERSION TAGS PACKAGE...
program() {
  local name=$1 start
  shift
  [ "$(cat "$OUT/$name.version" 2>/dev/null)" != "$2" ] || [ ! -x "$OUT/$name" ] || return 0
  start=$(now_ms)
  say "[node] $name $2 …"
  logged "$LOGS/setup/$name.log" retry build_once "$@" || die "building $name failed" "$HINT"
  printf '%s\n' "$2" >"$OUT/$name.version"
  say "[node] $name done in $(seconds_since "$start") s"
}

mkdir -p "$OUT"
exec 9>"$BUILD/.node-runtime.lock"
flock 9
module=github.com/containerd/containerd/v2
CGO_ENABLED=0 program containerd $module $CONTAINERD_VERSION 'no_btrfs no_devmapper no_zfs' \
  $module/cmd/containerd $module/cmd/containerd-shim-runc-v2 $module/cmd/ctr
CGO_ENABLED=1 program runc github.com/opencontainers/runc $RUNC_VERSION seccomp \
  github.com/opencontainers/runc
