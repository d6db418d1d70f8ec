# shellcheck shell=bash disable=SC2154  # lib.sh, which comes first, has the rest
# Terraform on the states of terraform/: where they are, and how a folder is pointed at its own.
# Sourced by tf.sh, bootstrap.sh and others, after lib.sh.

TERRAFORM=${STACKYARD_TERRAFORM:-terraform}
STATE_REGION=${STACKYARD_STATE_REGION:-${AWS_REGION:-${AWS_DEFAULT_REGION:-eu-central-1}}}
# One region for states and for what is made, unless a terraform.tfvars says another `region`.
export TF_VAR_region=${TF_VAR_region:-$STATE_REGION}
# No question of Terraform's is left hanging in a pipeline.
[ -t 0 ] || export TF_INPUT=0
export TF_IN_AUTOMATION=1

# layer_exists NAME
layer_exists() {
  [ -e "$ROOT/terraform/$1/provider.tf" ] ||
    die "there is no terraform/$1" 'use bootstrap, global, staging or production'
}

need_tools() {
  command -v "$TERRAFORM" >/dev/null ||
    die "$TERRAFORM is not installed" \
      'install Terraform or OpenTofu, 1.11 or newer (STACKYARD_TERRAFORM names it)'
  command -v aws >/dev/null || die 'the AWS CLI is not installed' 'install the AWS CLI, version 2'
}

# state_bucket: name of the state bucket of the account that the credentials are of.
state_bucket() {
  local account
  account=$(aws sts get-caller-identity --region "$STATE_REGION" --query Account --output text) ||
    die 'AWS does not know who you are' \
      'log in (aws sso login, or AWS_PROFILE), then run the same command again'
  printf 'stackyard-tfstate-%s-%s' "$account" "$STATE_REGION"
}

# tf LAYER ARGUMENT...: Terraform in the folder; what it downloads and remembers is kept in build/.
tf() {
  local layer=$1
  shift
  TF_DATA_DIR=${STACKYARD_TF_DATA:-$BUILD/terraform}/$layer \
    "$TERRAFORM" -chdir="$ROOT/terraform/$layer" "$@"
}

# backend_flags LAYER BUCKET: what `init` is told of the layer's state. The bucket encrypts by itself,
# with its own key; the lock is an object beside the state.
backend_flags() {
  printf -- '-backend-config=%s\n' "bucket=$2" "key=$1/terraform.tfstate" "region=$STATE_REGION" \
    use_lockfile=true
}

# use_backend LAYER: points the folder at its state. Done anew when bucket, modules or versions change.
use_backend() {
  local layer=$1 bucket flags key stamp
  bucket=$(state_bucket)
  mapfile -t flags < <(backend_flags "$layer" "$bucket")
  stamp=${STACKYARD_TF_DATA:-$BUILD/terraform}/$layer/.stamp
  key=$(printf '%s\n' "${flags[@]}"; find "$ROOT/terraform/$layer" "$ROOT/terraform/modules" \
    -name '*.tf' -exec grep -hE '^ *(source|version) *=|^module ' {} + | sort | sha256sum)
  [ "$(cat "$stamp" 2>/dev/null)" != "$key" ] || return 0
  tf "$layer" init -reconfigure "${flags[@]}" >&2 ||
    die "terraform/$layer cannot reach its state in the bucket $bucket" \
      'read what is above; on the first use of an account: scripts/bootstrap.sh'
  mkdir -p "$(dirname "$stamp")"
  printf '%s\n' "$key" >"$stamp"
}
