#!/usr/bin/env bash
# changed-parts.sh BASE: which parts a change touches since BASE, as NAME=true|false lines:
#   product  what is compiled, and its tests
#   deploy   what deploys it: images, chart, Terraform, workflows, dashboards
# A change of set-up touches both. Without a BASE that is in this history everything counts as touched,
# so that nothing goes unchecked because a question could not be answered.
set -euo pipefail
cd "$(dirname "$0")/.."

BASE=${1:-}
DEPLOY='^(\.github|\.tflint\.hcl|deploy|helm|terraform|tests/(deploy|k8s|aws|images|node|observability))(/|$)'
NEITHER='^(docs/|LICENSE$|[^/]*\.md$|.*/README\.md$)'
BOTH='^(Makefile|scripts)(/|$)'

product=false deploy=false
if ! git rev-parse -q --verify "$BASE^{commit}" >/dev/null 2>&1 || ! git merge-base "$BASE" HEAD >/dev/null; then
  product=true deploy=true
else
  while IFS= read -r file; do
    if [[ $file =~ $NEITHER ]]; then continue
    elif [[ $file =~ $BOTH ]]; then product=true deploy=true
    elif [[ $file =~ $DEPLOY ]]; then deploy=true
    else product=true; fi
  done < <(git diff --name-only "$(git merge-base "$BASE" HEAD)" HEAD)
fi
printf '%s\n' "product=$product" "deploy=$deploy"
