#!/usr/bin/env bash
# tf.sh bootstrap|global|staging|production COMMAND [ARGUMENT...]: Terraform in that folder of
# terraform/, on its state in the account's own state bucket. Where the bucket is follows from the
# account and the region, so nobody edits a backend by hand:
#   scripts/tf.sh staging plan
#   scripts/tf.sh staging output -raw url
# STACKYARD_STATE_REGION is the region of the state bucket (AWS_REGION, or eu-central-1), and of what is
# made too where no terraform.tfvars says another.
# Credentials are AWS's own: AWS_PROFILE and the like.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tf-lib.sh
. "$(dirname "$0")/tf-lib.sh"

[ "$#" -ge 2 ] || die 'what is to be run is missing' \
  'use: scripts/tf.sh bootstrap|global|staging|production COMMAND [ARGUMENT...]'
LAYER=$1
shift
layer_exists "$LAYER"
need_tools
use_backend "$LAYER"
tf "$LAYER" "$@"
