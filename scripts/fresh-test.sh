#!/usr/bin/env bash
# fresh-test.sh [--keep] [GOAL...]: proves set-up on a bare machine. Makes a minimal Debian root
# (no compiler, no Python, no sudo, no package lists), clones the committed state of this checkout
# into it and runs the make goals there, in order; default: demo, then demo again.
# Needs root. Takes about half an hour, most of it compiling; STACKYARD_FRESH_CCACHE=DIR lends it
# the objects of a ccache folder, which proves the same set-up in a few minutes.
#
# The root gets what reaching the package registries takes on this host (DNS, certificates, client
# settings, proxy variables) and nothing else: no Terraform, no provider, no Go. All mounts and
# processes live in namespaces of their own, so they end with this script however it ends.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

KEEP=
if [ "${1:-}" = --keep ]; then KEEP=1; shift; fi
GOALS=("$@")
[ "${#GOALS[@]}" != 0 ] || GOALS=(demo demo)
SUITE=bookworm
CHECKOUT=/root/stackyard

# debian_sources: the lines of apt's own configuration that name Debian's packages.
debian_sources() {
  # shellcheck disable=SC2016  # $(…) is apt's own syntax
  apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
    'Created-By: Packages' 'Origin: Debian' | grep " $SUITE" | sort -u
}

# copy PATH...: those that exist, to the same place in the root.
copy() {
  local path
  for path in "$@"; do
    [ -e "$path" ] || continue
    mkdir -p "$BARE$(dirname "$path")"
    cp -aL "$path" "$BARE$(dirname "$path")/"
  done
}

make_root() {
  local sources
  mapfile -t sources < <(debian_sources)
  [ "${#sources[@]}" != 0 ] || die 'apt knows no Debian packages here' 'run: apt-get update'
  logged "$LOGS/fresh-root.log" mmdebstrap --variant=minbase --include=git,make,ca-certificates \
    "$SUITE" "$BARE" "${sources[@]}" || die 'mmdebstrap failed' "see $LOGS/fresh-root.log"
  copy /etc/resolv.conf /usr/local/share/ca-certificates /etc/ssl/certs/ca-certificates.crt \
    /etc/pip.conf "$HOME/.pip/pip.conf" "$HOME/.config/pip/pip.conf" \
    /etc/npmrc /usr/etc/npmrc "$HOME/.npmrc" "$HOME/.config/go/env" /etc/apt/auth.conf.d
  # shellcheck disable=SC2046  # the names hold no blanks
  copy $(grep -lE 'Acquire::(.*Proxy|https?::)' /etc/apt/apt.conf.d/* 2>/dev/null || true)
  git clone -q "file://$ROOT" "$BARE$CHECKOUT"
}

# registry_variables: NAME=VALUE of what package clients need here; empty on most machines. Borrowed
# objects are known by the language, too.
registry_variables() {
  [ -z "${STACKYARD_FRESH_CCACHE:-}" ] || env | grep -E '^(LANG|LC_[A-Z]+)=' || true
  env | grep -iE '^(https?_proxy|no_proxy|all_proxy|pip_(index_url|extra_index_url|trusted_host)|npm_config_registry|go(proxy|sumdb|nosumdb|private|noproxy))=' || true
}

# inside GOAL...: runs in the bare root as its only world.
inside() {
  local variables
  mapfile -t variables < <(registry_variables)
  # shellcheck disable=SC2016  # the inner shell expands them
  unshare --mount --pid --fork --kill-child --propagation private bash -c '
    set -e
    bare=$1
    shift
    mount --bind "$bare" "$bare"
    cd "$bare"
    mount -t proc proc proc
    mount -t tmpfs -o mode=1777 tmpfs tmp
    if [ -n "${STACKYARD_FRESH_CCACHE:-}" ]; then
      mkdir -p root/.cache/ccache
      mount --bind "$STACKYARD_FRESH_CCACHE" root/.cache/ccache
    fi
    mount --rbind /dev dev
    # A root of its own, not a chroot: the sandbox of the runner needs namespaces in it.
    mkdir -p .host
    pivot_root . .host
    umount -l /.host
    exec env -i "$@"' inside "$BARE" HOME=/root TERM=dumb \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    "${variables[@]}" bash -c '
      cd "$1"
      shift
      for goal in "$@"; do
        echo "== make $goal"
        began=$SECONDS
        make "$goal" || { echo "== make $goal FAILED after $((SECONDS - began)) s"; exit 1; }
        echo "== make $goal took $((SECONDS - began)) s"
      done
      make down >/dev/null 2>&1 || true' goals "$CHECKOUT" "$@" </dev/null
}

main() {
  local rc=0
  [ "$(id -u)" = 0 ] || die 'making a Debian root needs root' 'run: sudo make fresh-test'
  command -v mmdebstrap >/dev/null || die 'mmdebstrap is missing' 'apt-get install mmdebstrap'
  [ -z "$(git -C "$ROOT" status --porcelain)" ] ||
    warn 'note: changes that are not committed are not tested'
  BARE=$(mktemp -d "${STACKYARD_FRESH_DIR:-/var/tmp}/stackyard-fresh.XXXXXX")
  chmod 755 "$BARE"
  [ -n "$KEEP" ] || trap 'rm -rf --one-file-system "$BARE"' EXIT
  say "[fresh] making a bare Debian $SUITE in $BARE …"
  make_root
  inside "${GOALS[@]}" || rc=$?
  [ -z "$KEEP" ] || say "[fresh] kept: $BARE"
  [ "$rc" = 0 ] || die "the bare machine failed at: ${GOALS[*]}" \
    'read the lines above; to look into the root, run: scripts/fresh-test.sh --keep'
  say '[fresh] the bare machine works'
}
main
