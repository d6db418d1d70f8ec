#!/usr/bin/env bash
# gen-go.sh: makes the Go module stackyard.dev/gen in build/gen/go from protos/stackyard/v1:
# messages, gRPC stubs, the REST gateway, the protos' own words for the API's description, and the
# files of its viewer.
# Does nothing when no input has changed.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

OUT=$BUILD/gen/go
STAMP=$BUILD/.stamps/gen-go
PINS=$ROOT/scripts/tools/go.mod

generate() {
  local out=$1 protos
  mkdir -p "$out/comments" "$out/docsui"
  mapfile -t protos < <(cd "$ROOT/protos" && find stackyard/v1 -name '*.proto' | sort)
  [ "${#protos[@]}" != 0 ] || die 'protos/stackyard/v1 holds no .proto file' 'restore it from git'
  local plugins=() name
  for name in protoc-gen-go protoc-gen-go-grpc protoc-gen-grpc-gateway; do
    [ -x "$TOOLS/bin/$name" ] || die "$name is missing" 'run: make setup'
    plugins+=("--plugin=$TOOLS/bin/$name")
  done
  protoc "${plugins[@]}" -I "$ROOT/protos" -I "$STACKYARD_PROTO_DEPS" \
    --go_out="$out" --go_opt=module=stackyard.dev/gen \
    --go-grpc_out="$out" --go-grpc_opt=module=stackyard.dev/gen \
    --grpc-gateway_out="$out" --grpc-gateway_opt=module=stackyard.dev/gen \
    "${protos[@]}" || die 'protoc refused the protos' 'mend the lines named above; make lint shows more'
  protoc -I "$ROOT/protos" -I "$STACKYARD_PROTO_DEPS" --include_source_info \
    --descriptor_set_out="$out/comments/api.binpb" "${protos[@]}" \
    google/longrunning/operations.proto google/rpc/status.proto ||
    die 'protoc could not describe the API' 'mend the lines named above'

  cat >"$out/comments/embed.go" <<'GO'
// Package comments holds the descriptors of the public API with the comments of its protos, which
// generated code lacks.
package comments

import _ "embed"

//go:embed api.binpb
var DescriptorSet []byte
GO

  local files=(swagger-ui.css swagger-ui-bundle.js swagger-ui-standalone-preset.js index.css
    favicon-16x16.png favicon-32x32.png LICENSE)
  for name in "${files[@]}"; do cp "$DEPS/swagger-ui/$name" "$out/docsui/"; done
  cat >"$out/docsui/embed.go" <<GO
// Package docsui holds the files of Swagger UI.
package docsui

import "embed"

//go:embed ${files[*]}
var Files embed.FS
GO

  # The versions are the tools' own: what made the code and what it runs on fit each other.
  sed -e 's#^module .*#module stackyard.dev/gen#' -e '/^tool (/,/^)/d' "$PINS" >"$out/go.mod"
  cp "$ROOT/scripts/tools/go.sum" "$out/go.sum"
}

main() {
  local key tmp
  key=$(
    cd "$ROOT"
    find protos/stackyard/v1 -name '*.proto' -print0 | sort -z | xargs -0 cat -- \
      scripts/gen-go.sh scripts/tools/go.mod "$BUILD/.stamps/swagger-ui" | sha256sum
  )
  if [ -d "$OUT" ] && [ "$(cat "$STAMP" 2>/dev/null)" = "$key" ]; then return 0; fi
  say '[gen-go] making the Go module of the API …'
  mkdir -p "$BUILD/gen"
  tmp=$(mktemp -d "$BUILD/gen/.go.XXXXXX")
  # shellcheck disable=SC2064  # the name is known now, and is what must go
  trap "rm -rf '$tmp'" EXIT
  generate "$tmp"
  chmod 755 "$tmp"
  rm -rf "$OUT"
  mv "$tmp" "$OUT"
  printf '%s\n' "$key" >"$STAMP"
}

mkdir -p "$BUILD/.stamps"
exec 9>"$BUILD/.gen-go.lock"
flock 9
main
