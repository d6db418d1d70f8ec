# shellcheck shell=bash
# The environment of every script, and of a shell in which you want the built tools on PATH:
#   . scripts/env.sh
# What is set already wins. build/env.sh (written by setup.sh) adds what set-up found.

STACKYARD_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export STACKYARD_ROOT

# An empty environment (cron, a container) lacks HOME, which Go and pip need.
if [ -z "${HOME:-}" ]; then
  HOME=$(getent passwd "$(id -u)" | cut -d: -f6)
  export HOME
fi

# Where the mesh keeps its data and where it listens.
export STACKYARD_DATA=${STACKYARD_DATA:-$STACKYARD_ROOT/.local}
case $STACKYARD_DATA in /*) ;; *) STACKYARD_DATA=$PWD/$STACKYARD_DATA ;; esac
export STACKYARD_HOST=${STACKYARD_HOST:-127.0.0.1}
export STACKYARD_GRPC_PORT=${STACKYARD_GRPC_PORT:-8081}
export STACKYARD_REST_PORT=${STACKYARD_REST_PORT:-8080}
export STACKYARD_ADMIN_TOKEN_FILE=${STACKYARD_ADMIN_TOKEN_FILE:-$STACKYARD_DATA/admin.token}

# Sources fetched at build time: google/api, google/rpc, google/longrunning, grpc/health.
export STACKYARD_PROTO_DEPS=${STACKYARD_PROTO_DEPS:-$STACKYARD_ROOT/build/deps/protos}

# Never let Go fetch another toolchain by itself, nor ask git about a checkout of another user.
export GOTOOLCHAIN=local
case " ${GOFLAGS:-} " in
  *" -buildvcs=false "*) ;;
  *) export GOFLAGS="${GOFLAGS:+$GOFLAGS }-buildvcs=false" ;;
esac

if [ -r "$STACKYARD_ROOT/build/env.sh" ]; then
  # shellcheck source=/dev/null
  . "$STACKYARD_ROOT/build/env.sh"
fi

case ":$PATH:" in
  *":$STACKYARD_ROOT/build/bin:"*) ;;
  *) export PATH="$STACKYARD_ROOT/build/bin:$STACKYARD_ROOT/build/tools/bin:$PATH" ;;
esac
