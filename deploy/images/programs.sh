#!/usr/bin/env bash
# programs.sh DIR: puts what images are made of into DIR: the compiled programs, terraform or tofu,
# opa, and what only the machine that built them can tell:
#   go-modules   the Go modules in each Go program, as `go version -m` tells them
#   npm-packages  what the web console in stackyard-rest is made of, by its lock file
#   built-in     Debian packages whose code is compiled in (headers), with their versions
# Call it after scripts/build.sh product; STACKYARD_BIN names another folder of programs.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"

OUT=${1:?programs.sh DIR}
BIN=${STACKYARD_BIN:-$BUILD/bin}
NAMES=(stackyard stackyard-gateway stackyard-stacks stackyard-quota stackyard-runner stackyard-rest
  stackyard-inspect stackyard-release)
HEADERS=(libboost-dev libcli11-dev nlohmann-json3-dev)

# put FILE NAME: into OUT, unless the same is there: what is not touched is not copied again later.
put() { cmp -s "$1" "$OUT/$2" || install -m 755 "$1" "$OUT/$2"; }

# engine_name: terraform or tofu, whatever the program is called here.
engine_name() {
  case $(env -u TF_CLI_CONFIG_FILE "$STACKYARD_TERRAFORM" version) in
    OpenTofu*) echo tofu ;;
    *) echo terraform ;;
  esac
}

find_opa() {
  if [ -x "$TOOLS/bin/opa" ]; then return 0; fi
  logged "$LOGS/images-opa.log" env GOBIN="$TOOLS/bin" CGO_ENABLED=0 \
    go -C "$ROOT/scripts/tools/opa" install -trimpath -ldflags '-s -w' \
    github.com/open-policy-agent/opa || die 'building OPA failed' "see $LOGS/images-opa.log"
}

[ -x "${STACKYARD_TERRAFORM:-}" ] || die 'no terraform or tofu is set up' 'run: make setup'
mkdir -p "$OUT"
find_opa
for name in "${NAMES[@]}"; do
  [ -x "$BIN/$name" ] || die "$BIN/$name is missing" 'run: make build'
  put "$BIN/$name" "$name"
done
engine=$(engine_name)
case $engine in terraform) rm -f "$OUT/tofu" ;; tofu) rm -f "$OUT/terraform" ;; esac
put "$STACKYARD_TERRAFORM" "$engine"
put "$TOOLS/bin/opa" opa
(cd "$OUT" && go version -m stackyard-rest stackyard-inspect stackyard-release "$engine" opa) \
  >"$OUT/go-modules"
# shellcheck disable=SC2016  # $name is jq's own syntax
jq -r '.packages | to_entries[] | select(.key != "" and (.value.dev | not) and (.value.optional | not))
  | "\(.key | sub(".*node_modules/"; "")) \(.value.version)"' "$ROOT/web/package-lock.json" |
  sort -u >"$OUT/npm-packages"
# shellcheck disable=SC2016  # ${…} is dpkg's own syntax
dpkg-query -W -f='${Package} ${Version}\n' "${HEADERS[@]}" >"$OUT/built-in"
