# shellcheck shell=bash disable=SC2154  # lib.sh and tf-lib.sh, which come first, have the rest
# An environment of terraform/ and its cluster. Sourced by deploy.sh, cluster.sh and databases.sh.

# environment_exists NAME
environment_exists() {
  case $1 in
    staging | production) ;;
    *) die "there is no environment '$1'" 'use staging or production' ;;
  esac
}

need_cluster_tools() {
  local tool
  for tool in helm jq kubectl; do
    command -v "$tool" >/dev/null || die "$tool is not installed" "install $tool"
  done
}

# read_outputs ENVIRONMENT FILE: what Terraform tells of it.
read_outputs() {
  use_backend "$1"
  tf "$1" output -json >"$2"
  [ "$(jq length "$2")" != 0 ] || die "there is no $1 yet" "make it: scripts/tf.sh $1 apply"
  OUTPUTS_FILE=$2 OUTPUTS_OF=$1
}

# output JQ: a part of that.
output() {
  jq -er "$1" "$OUTPUTS_FILE" ||
    die "terraform/$OUTPUTS_OF tells no $1" "apply it: scripts/tf.sh $OUTPUTS_OF apply"
}

# filled FILE NAME=VALUE...: the file, with values in the places of ${NAME}.
filled() {
  local line pair file=$1
  shift
  while IFS= read -r line; do
    for pair; do line=${line//"\${${pair%%=*}}"/"${pair#*=}"}; done
    printf '%s\n' "$line"
  done <"$file"
}

# use_cluster: KUBECONFIG, or a file of the cluster that Terraform made, which is kept for people
# too. One of another environment, left in a shell, is never used.
use_cluster() {
  case ${KUBECONFIG:-} in
    '' | "$BUILD/kube/$OUTPUTS_OF.config") ;;
    "$BUILD"/kube/*)
      die "KUBECONFIG is $KUBECONFIG, and this is for $OUTPUTS_OF" 'unset KUBECONFIG'
      ;;
    *) return 0 ;;
  esac
  export KUBECONFIG=$BUILD/kube/$OUTPUTS_OF.config
  mkdir -p "${KUBECONFIG%/*}"
  aws eks update-kubeconfig --region "$(output .region.value)" --name "$(output .cluster_name.value)" \
    --kubeconfig "$KUBECONFIG" >/dev/null ||
    die "the cluster of $OUTPUTS_OF cannot be found" \
      'look whose credentials are in force: aws sts get-caller-identity'
}
