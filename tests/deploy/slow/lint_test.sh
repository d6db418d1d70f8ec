#!/usr/bin/env bash
# Lint of all that deploys, with every tool; `make check` leaves out what takes minutes to build.
set -euo pipefail
STACKYARD_ALL_TOOLS=1 exec "$(dirname "$0")/../../../scripts/deploy-lint.sh"
