#!/usr/bin/env bash
# deploy-lint.sh: lint of all code that deploys: Containerfiles, workflows, rules, the chart,
# manifests and Terraform. A step whose tool is not set up here is named and left out, so that
# `make check` needs none of what takes minutes to build; with STACKYARD_ALL_TOOLS=1, as in
# `make deploy-test`, a missing tool is a fault.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

FAULTS=() LEFT=()
cd "$ROOT"

# files GLOB...: tracked and new files, without ignored ones.
files() {
  local file
  git ls-files --cached --others --exclude-standard -- "$@" | sort -u |
    while IFS= read -r file; do if [ -f "$file" ]; then printf '%s\n' "$file"; fi; done
}

# step TOOL FUNCTION GLOB...: the function gets the files on its standard input, if there are any.
step() {
  local tool=$1 function=$2 start rc=0 list
  shift 2
  list=$(files "$@")
  [ -n "$list" ] || return 0
  if ! command -v "$tool" >/dev/null; then
    LEFT+=("$tool")
    [ -n "${STACKYARD_ALL_TOOLS:-}" ] || return 0
    FAULTS+=("$tool is missing")
    return 0
  fi
  start=$(now_ms)
  (set -eo pipefail; $function <<<"$list") || rc=$?
  if [ "$rc" = 0 ]; then
    say "[deploy-lint] $tool, $(wc -l <<<"$list") files: clean ($(seconds_since "$start") s)"
  else
    say "[deploy-lint] $tool: FAULTS ($(seconds_since "$start") s)"
    FAULTS+=("$tool")
  fi
}

containerfiles() { xargs hadolint --no-color; }

# It looks into the scripts of steps with shellcheck, which is set up too.
workflows() { xargs actionlint -no-color; }

policies() {
  local out list
  mapfile -t list
  out=$(checkov --framework github_actions dockerfile --skip-download --quiet --compact \
    --file "${list[@]}") || { say "$out"; return 1; }
}

rules() { xargs promtool check rules >/dev/null; }

# chart: each variant that is tested must render.
chart() {
  local out values variants=()
  mapfile -t variants < <(files 'helm/stackyard/ci/*.yaml')
  [ "${#variants[@]}" != 0 ] || return 0
  for values in "${variants[@]}"; do
    out=$(helm lint --strict helm/stackyard --values "$values") || { say "$out"; return 1; }
  done
}

terraform_lint() {
  local out folder
  xargs -n1 dirname | sort -u | while IFS= read -r folder; do
    out=$(tflint --no-color --config "$ROOT/.tflint.hcl" --chdir "$folder") || { say "$out"; return 1; }
  done
}

step hadolint containerfiles '*Containerfile' '*Dockerfile'
step actionlint workflows '.github/workflows/*.yml'
step checkov policies '.github/workflows/*.yml' '*.Containerfile'
step promtool rules 'helm/stackyard/rules/*.yaml'
step helm chart 'helm/stackyard/Chart.yaml'
step tflint terraform_lint 'terraform/*.tf'
[ "${#LEFT[@]}" = 0 ] ||
  say "[deploy-lint] not set up here, so left out: ${LEFT[*]} (make deploy-test brings all)"
[ "${#FAULTS[@]}" = 0 ] ||
  die "lint of the deployment code found faults: ${FAULTS[*]}" 'mend what is named above, then run: make deploy-lint'
