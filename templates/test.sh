#!/usr/bin/env bash
# Checks every template of the catalogue: formatting, validity and its own tests. Works with
# Terraform and OpenTofu, and needs no network.
#
#   templates/test.sh [TEMPLATE...]
#
# STACKYARD_TERRAFORM        terraform or tofu; else terraform on PATH, else tofu.
# STACKYARD_PROVIDER_MIRROR  folder that holds registry.terraform.io; a template whose providers
#                            are not in it is skipped, except for its formatting.
#
# The last line is "N passed, N failed, N skipped"; the exit code is 1 when something failed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/env.sh
[ ! -r "$here/../scripts/env.sh" ] || . "$here/../scripts/env.sh"

terraform=$(command -v "${STACKYARD_TERRAFORM:-terraform}" || command -v tofu || true)
if [ -z "$terraform" ]; then
  echo 'error: neither terraform nor tofu on PATH: install one, or set STACKYARD_TERRAFORM' >&2
  exit 2
fi
mirror=${STACKYARD_PROVIDER_MIRROR:-}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

# The two look for the same provider under different host names: offer it under both. Only the
# folders of a platform may be links; those above them are not followed.
mkdir -p "$work/mirror" "$work/home"
if [ -d "$mirror/registry.terraform.io" ]; then
  (cd "$mirror/registry.terraform.io" && find . -mindepth 4 -maxdepth 4) | while read -r platform; do
    for host in registry.terraform.io registry.opentofu.org; do
      mkdir -p "$work/mirror/$host/$(dirname "$platform")"
      ln -s "$(cd "$mirror" && pwd)/registry.terraform.io/$platform" "$work/mirror/$host/$platform"
    done
  done
fi
printf 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' \
  "$work/mirror" >"$work/cli.tfrc"

# Nothing of the caller's settings and credentials may change the outcome.
tf() {
  env -i PATH="$PATH" HOME="$work/home" TMPDIR="$work" TF_CLI_CONFIG_FILE="$work/cli.tfrc" \
    CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1 "$terraform" "$@"
}

# check TEMPLATE NAME COMMAND...
check() {
  local what="$1 $2"
  shift 2
  if "$@" >"$work/log" 2>&1 </dev/null; then
    passed=$((passed + 1))
    echo "PASS $what"
  else
    failed=$((failed + 1))
    echo "FAIL $what"
    sed 's/^/    /' "$work/log"
    return 1
  fi
}

skip() {
  skipped=$((skipped + 1))
  echo "SKIP $1 $2: $3"
}

# missing_provider DIR: prints the first provider that the module requires and the mirror lacks.
missing_provider() {
  local source
  sed -n 's/^ *source *= *"\(.*\)"$/\1/p' "$1/versions.tf" | while read -r source; do
    [ -d "$work/mirror/registry.terraform.io/$source" ] || { echo "$source"; break; }
  done
}

test_template() {
  local name=$1 copy="$work/templates/$1" missing
  mkdir -p "$work/templates"
  cp -R "$here/$name" "$copy"
  rm -rf "$copy/.terraform" "$copy/.terraform.lock.hcl"
  check "$name" fmt tf fmt -check -diff -recursive "$copy" || true
  missing=$(missing_provider "$copy")
  if [ -n "$missing" ]; then
    skip "$name" validate "provider $missing is not in the mirror"
    skip "$name" test "provider $missing is not in the mirror"
    return
  fi
  if ! tf -chdir="$copy" init -backend=false -input=false -no-color >"$work/init.log" 2>&1; then
    failed=$((failed + 1))
    echo "FAIL $name init"
    sed 's/^/    /' "$work/init.log"
    return
  fi
  check "$name" validate tf -chdir="$copy" validate -no-color || true
  check "$name" test tf -chdir="$copy" test -no-color || true
}

if [ $# = 0 ]; then
  for file in "$here"/*/template.yaml; do
    set -- "$@" "$(basename "$(dirname "$file")")"
  done
fi
echo "with $(tf version | head -n 1)"
for name in "$@"; do
  test_template "$name"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
