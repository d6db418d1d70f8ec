#!/usr/bin/env bash
# Each fuzzer over its seeds, and 10 s further; `make fuzz` goes on for longer.
set -euo pipefail
FUZZ_SECONDS=${FUZZ_SECONDS:-10} exec "$(dirname "$0")/../../scripts/fuzz.sh"
