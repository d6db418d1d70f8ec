#!/usr/bin/env bash
# bootstrap.sh [ARGUMENT...]: makes the bucket that all states of Terraform lie in, its own included,
# or brings it up to date. The first start has no bucket to keep its state in: it keeps it in a file
# until the bucket is there, and then moves it. Safe to run again, also after it was interrupted.
# Arguments go to `terraform apply`: -auto-approve, for one.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tf-lib.sh
. "$(dirname "$0")/tf-lib.sh"

FOLDER=$ROOT/terraform/bootstrap
# Terraform reads it on top of versions.tf; while it is there the state is the file beside it.
OVERRIDE=$FOLDER/first_start_override.tf
LOCAL_STATE=$FOLDER/terraform.tfstate
export TF_VAR_region=$STATE_REGION

# there WHAT COMMAND...: whether S3 knows it. Another answer than yes or no ends the script.
there() {
  local what=$1 answer
  shift
  if answer=$("$@" 2>&1); then return 0; fi
  case $answer in *'(404)'* | *NoSuchBucket* | *'Not Found'*) return 1 ;; esac
  die "S3 does not tell whether there is $what: $answer" \
    'use credentials that administer the account, then run the same command again'
}

bucket_there() {
  there "the bucket $BUCKET" aws s3api head-bucket --region "$STATE_REGION" --bucket "$BUCKET"
}

state_there() {
  there "a state in $BUCKET" aws s3api head-object --region "$STATE_REGION" --bucket "$BUCKET" \
    --key bootstrap/terraform.tfstate
}

first_start() {
  local flags
  say "[bootstrap] the first start of $BUCKET: its state is $LOCAL_STATE until the bucket is there"
  cat >"$OVERRIDE" <<'END'
terraform {
  backend "local" {}
}
END
  tf bootstrap init -reconfigure >/dev/null
  tf bootstrap apply "$@"
  bucket_there || die "the bucket $BUCKET was not made" 'apply it: run the same command again'
  rm -f "$OVERRIDE"
  mapfile -t flags < <(backend_flags bootstrap "$BUCKET")
  tf bootstrap init -migrate-state -force-copy "${flags[@]}" >/dev/null
  state_there || die "the state did not arrive in $BUCKET" \
    "it is still in $LOCAL_STATE: run the same command again"
  rm -f "$LOCAL_STATE" "$LOCAL_STATE.backup"
  say "[bootstrap] the state is in s3://$BUCKET/bootstrap/terraform.tfstate now"
}

need_tools
BUCKET=$(state_bucket)
if [ -s "$LOCAL_STATE" ] || [ -e "$OVERRIDE" ] || ! bucket_there; then
  first_start "$@"
elif ! state_there; then
  die "the bucket $BUCKET is there, and holds no state of terraform/bootstrap" \
    "delete it if nobody needs it; else put the lost state back to bootstrap/terraform.tfstate, or import"
else
  use_backend bootstrap
  tf bootstrap apply "$@"
fi
