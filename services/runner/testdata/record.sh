#!/usr/bin/env bash
# record.sh: makes the recorded outputs in this folder anew, with the terraform on PATH. The
# recordings of AWS resources need STACKYARD_PROVIDER_MIRROR and moto_server; without them they are
# left as they are. aws.schema, the provider's schema of these resources, is recorded by
#   STACKYARD_RECORD=PATH runner_plan_document_aws_test
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
WORK=$(mktemp -d)
MOTO=
finish() {
  if [ -n "$MOTO" ]; then kill "$MOTO"; fi
  rm -rf "$WORK"
}
trap finish EXIT
export CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1 TF_CLI_CONFIG_FILE=$WORK/rc
: >"$TF_CLI_CONFIG_FILE"

# tf NAME COMMAND...: its standard output becomes NAME; it may fail.
tf() { terraform "${@:2}" >"$HERE/$1" 2>/dev/null || true; }
# step NAME VARIABLES...: plans into NAME.plan.jsonl, NAME.plan and NAME.show.json.
step() {
  tf "$1.plan.jsonl" plan -json -input=false -out=plan "${@:2}"
  cp plan "$HERE/$1.plan"
  tf "$1.show.json" show -json plan
}

cp "$HERE/modules/change.tf" "$WORK/main.tf"
cd "$WORK"
step create -var round=1
tf create.apply.jsonl apply -json plan
step change -var round=2
tf change.apply.jsonl apply -json plan
step destroy -destroy -var round=2
tf destroy.apply.jsonl apply -json plan

cp "$HERE/modules/failing.tf" main.tf
rm -f terraform.tfstate*
tf failing.apply.jsonl apply -json -auto-approve
tf invalid.plan.jsonl plan -json -input=false -var count_of=x
printf 'resource "terraform_data" "a" {\n  inputs = 3\n}\n' >main.tf
tf invalid.validate.json validate -json

if [ -z "${STACKYARD_PROVIDER_MIRROR:-}" ] || ! command -v moto_server >/dev/null; then
  echo 'no provider mirror or no moto_server: the recordings of AWS stay' >&2
  exit 0
fi
PORT=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
moto_server -H 127.0.0.1 -p "$PORT" >/dev/null 2>&1 &
MOTO=$!
until curl -s -o /dev/null "http://127.0.0.1:$PORT/"; do :; done
export AWS_ENDPOINT_URL=http://127.0.0.1:$PORT AWS_EC2_METADATA_DISABLED=true
printf 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' \
  "$STACKYARD_PROVIDER_MIRROR" >"$TF_CLI_CONFIG_FILE"
cp "$HERE/modules/aws.tf" main.tf
rm -f terraform.tfstate*
terraform init -input=false >/dev/null
step aws
terraform apply -input=false plan >/dev/null
# Somebody changes one thing and removes another.
curl -s -o /dev/null -X DELETE "$AWS_ENDPOINT_URL/drifting-gone" \
  -H 'Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/s3/aws4_request'
curl -s -o /dev/null "$AWS_ENDPOINT_URL/" \
  -H 'Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/sqs/aws4_request' \
  -d 'Action=SetQueueAttributes' -d "QueueUrl=$AWS_ENDPOINT_URL/123456789012/drifting" \
  -d 'Attribute.1.Name=DelaySeconds' -d 'Attribute.1.Value=7'
step drift
