#!/usr/bin/env bash
# kubernetes.sh [node]: builds a Kubernetes control plane for tests from its Go modules. Cold on two
# processors it takes about six minutes; when nothing changed, nothing is done.
#   build/tools/bin/hyperkube       etcd, API server, controllers, scheduler, kubectl, kwok and
#                                   metrics-server in one program (scripts/tools/kubernetes)
#   build/tools/kubernetes/kwok.yaml  how simulated nodes and pods behave
#   build/tools/kubernetes/crds/    custom resources that the chart can make
#   with `node`: also kubelet and kube-proxy, for a real node
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

SOURCE=$ROOT/scripts/tools/kubernetes
OUT=$TOOLS/kubernetes
HINT='check the network and that the Go module proxy can be reached, then run the same again'
VERSION=$(sed -n 's/^[[:space:]]*k8s.io\/kubernetes \(v[0-9.]*\)$/\1/p' "$SOURCE/go.mod")

# Modules that are fetched for their CRDs alone: module, version, folder, resources.
CRDS='
github.com/prometheus-operator/prometheus-operator v0.94.1 example/prometheus-operator-crd servicemonitors prometheusrules
github.com/kedacore/keda/v2 v2.18.0 config/crd/bases scaledobjects triggerauthentications
github.com/cert-manager/cert-manager v1.19.1 deploy/crds certificates issuers
github.com/external-secrets/external-secrets v0.20.4 config/crds/bases externalsecrets
github.com/argoproj/argo-cd/v3 v3.1.0 manifests/crds application appproject
'

# build OUTPUT PACKAGE: without optimisation, which takes half of the time and is quick enough.
build() {
  local base=k8s.io/component-base/version set
  set="-X $base.gitVersion=$VERSION -X $base.gitMajor=1 -X $base.gitTreeState=clean"
  set+=" -X $base.gitMinor=$(cut -d. -f2 <<<"$VERSION")"
  set+=" -X k8s.io/client-go/pkg/version.gitVersion=$VERSION"
  CGO_ENABLED=0 logged "$LOGS/setup/$1.log" retry go -C "$SOURCE" build -v -trimpath \
    -gcflags='all=-N -l' -ldflags "-s -w $set" -o "$TOOLS/bin/$1.new" "$2" ||
    die "building $1 failed" "$HINT"
  mv "$TOOLS/bin/$1.new" "$TOOLS/bin/$1"
}

# made_from KEY FILE: whether FILE is there and was made from KEY.
made_from() { [ -e "$2" ] && [ "$(cat "$OUT/$(basename "$2").key" 2>/dev/null)" = "$1" ]; }

# program NAME PACKAGE
program() {
  local key start
  key=$(cat "$SOURCE/go.mod" "$SOURCE/go.sum" "$SOURCE/main.go" "$0" | sha256sum)
  if made_from "$key" "$TOOLS/bin/$1"; then return 0; fi
  start=$(now_ms)
  say "[kubernetes] $1 …"
  build "$1" "$2"
  printf '%s\n' "$key" >"$OUT/$1.key"
  say "[kubernetes] $1 done in $(seconds_since "$start") s"
}

# module_dir MODULE VERSION: fetches it, checked against the public checksums, and prints where it is.
module_dir() {
  local dir
  dir=$(cd "$OUT" && retry go mod download -json "$1@$2" | sed -n 's/^.*"Dir": "\(.*\)",$/\1/p')
  [ -d "$dir" ] || die "module $1 $2 could not be fetched" "$HINT"
  printf '%s' "$dir"
}

# Kwok's own stages: nodes that are ready and send heartbeats, pods that run at once, and what pods
# use taken from their annotations.
write_kwok_config() {
  local dir file
  dir=$(go -C "$SOURCE" list -m -f '{{.Dir}}' sigs.k8s.io/kwok)/kustomize
  for file in "$dir"/stage/node/fast/node-initialize.yaml \
    "$dir"/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml \
    "$dir"/stage/pod/fast/pod-*.yaml "$dir"/metrics/resource/metrics-resource.yaml \
    "$dir"/metrics/usage/usage-from-annotation.yaml; do
    printf -- '---\n'
    cat "$file"
  done >"$OUT/kwok.yaml.new"
  mv "$OUT/kwok.yaml.new" "$OUT/kwok.yaml"
}

fetch_crds() {
  local module version folder names name dir file
  rm -rf "$OUT/crds.new"
  mkdir -p "$OUT/crds.new"
  while read -r module version folder names; do
    [ -n "$module" ] || continue
    dir=$(module_dir "$module" "$version")
    for name in $names; do
      file=$(find "$dir/$folder" \( -name "*_$name.yaml" -o -name "$name-crd.yaml" \))
      [ -n "$file" ] || die "$module $version has no CRD of $name" 'mend the list in this script'
      install -m 644 "$file" "$OUT/crds.new/$name.yaml"
    done
  done <<<"$CRDS"
  rm -rf "$OUT/crds"
  mv "$OUT/crds.new" "$OUT/crds"
}

main() {
  case ${1:-} in '' | node) ;; *) die "unknown argument $1" 'use: kubernetes.sh [node]' ;; esac
  mkdir -p "$OUT" "$TOOLS/bin"
  command -v go >/dev/null || die 'there is no go' 'run: scripts/setup.sh dev'
  program hyperkube .
  if [ "${1:-}" = node ]; then
    program kubelet k8s.io/kubernetes/cmd/kubelet
    program kube-proxy k8s.io/kubernetes/cmd/kube-proxy
  fi
  if ! made_from "$VERSION" "$OUT/kwok.yaml"; then
    write_kwok_config
    printf '%s\n' "$VERSION" >"$OUT/kwok.yaml.key"
  fi
  if ! made_from "$CRDS" "$OUT/crds"; then
    fetch_crds
    printf '%s\n' "$CRDS" >"$OUT/crds.key"
  fi
}

# Two runs in one checkout take turns.
mkdir -p "$BUILD"
exec 9>"$BUILD/.kubernetes.lock"
flock 9
main "$@"
