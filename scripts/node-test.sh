#!/usr/bin/env bash
# node-test.sh [TEST...]: the images and the chart on a real node: containerd, runc, kubelet, kube-proxy
# and a control plane, all in namespaces of their own, which end with this script however it ends. Needs
# root and about 8 GB of disk. Builds what is missing: cold that takes half an hour, else seconds.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# make_pause: the image of a pod's first process.
make_pause() {
  local store=(buildah --root "$BUILD/images/store" --runroot "$BUILD/images/run"
    --storage-driver overlay) container
  [ ! -s "$BUILD/images/pause.tar" ] || return 0
  cc -Os -static -o "$BUILD/images/pause" "$ROOT/tests/node/pause.c"
  container=$("${store[@]}" from scratch)
  "${store[@]}" copy -q "$container" "$BUILD/images/pause" /pause >/dev/null
  "${store[@]}" config --entrypoint '["/pause"]' --user 65535:65535 "$container"
  "${store[@]}" commit -q --rm "$container" localhost/pause:1 >/dev/null
  "${store[@]}" push -q localhost/pause:1 "docker-archive:$BUILD/images/pause.tar:localhost/pause:1"
}

[ "$(id -u)" = 0 ] || die 'a node needs root' 'run: sudo make node-test'
for tool in nft conntrack buildah; do
  command -v "$tool" >/dev/null || die "$tool is missing" 'run: make setup'
done
"$ROOT/scripts/kubernetes.sh" node
"$ROOT/scripts/node-runtime.sh"
[ -n "${STACKYARD_IMAGES_KEEP:-}" ] || "$ROOT/scripts/images.sh" --dirty
make_pause

# What is mounted in it can be taken away only when the namespaces are gone.
STACKYARD_NODE_DIR=$(mktemp -d /tmp/sk-node.XXXXXX)
export STACKYARD_NODE_DIR
[ -n "${STACKYARD_KEEP:-}" ] || trap 'rm -rf --one-file-system "$STACKYARD_NODE_DIR"' EXIT

# Cgroups are the machine's; all else is ours, and ends with us.
export PATH=$TOOLS/py/bin:$PATH
# shellcheck disable=SC2016  # the inner shell expands them
unshare --net --mount --pid --fork --kill-child --mount-proc bash -c '
  set -e
  mount --make-rshared /
  ip link set lo up
  ip link add node0 type veth peer name world
  ip link set world up
  ip addr add 10.200.0.1/24 dev node0
  ip link set node0 up
  # Where the world would be; nobody is there.
  ip route add default dev node0
  echo 1 >/proc/sys/net/ipv4/ip_forward
  exec "$@"' node "$ROOT/tests/node/node_check.py" "$@"
