#!/usr/bin/env bash
# console.sh: builds the web console (web/) into the Go module stackyard.dev/console in
# build/gen/console, which the REST server embeds. Its client is made from the API's description.
# Does nothing when no input has changed.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

OUT=$BUILD/gen/console
STAMP=$BUILD/.stamps/console-files
WEB=$ROOT/web

# The description needs the REST server's own code; what it embeds may still be missing.
describe() {
  mkdir -p "$OUT"
  [ -e "$OUT/go.mod" ] || write_module "$OUT"
  go -C "$ROOT/services/gateway/rest" run ./describe >"$BUILD/gen/openapi.json.new" ||
    die 'the API could not be described' 'mend what is named above, then run the same command again'
  # Untouched when it is the same, so that nothing is built anew for it.
  if cmp -s "$BUILD/gen/openapi.json.new" "$BUILD/gen/openapi.json"; then
    rm "$BUILD/gen/openapi.json.new"
  else
    mv "$BUILD/gen/openapi.json.new" "$BUILD/gen/openapi.json"
  fi
}

# write_module DIR: the Go module around DIR/dist.
write_module() {
  mkdir -p "$1/dist"
  [ -e "$1/dist/index.html" ] || say 'not built: __NONCE__' >"$1/dist/index.html"
  printf 'module stackyard.dev/console\n\ngo 1.26.0\n' >"$1/go.mod"
  cat >"$1/embed.go" <<'GO'
// Package console holds the built files of the web console.
package console

import (
	"embed"
	"io/fs"
)

//go:embed dist
var files embed.FS

// Files are those of the build, index.html among them.
func Files() fs.FS {
	dist, err := fs.Sub(files, "dist")
	if err != nil {
		panic(err) // The folder is embedded.
	}
	return dist
}
GO
}

bundle() {
  local out=$1
  cd "$WEB" &&
    node_modules/.bin/openapi-typescript "$BUILD/gen/openapi.json" -o src/api/schema.gen.ts &&
    node_modules/.bin/tsc --noEmit &&
    STACKYARD_CONSOLE_OUT=$out/dist node_modules/.bin/vite build || return 1
  # What packs well is served packed.
  # shellcheck disable=SC2016  # ${…} is JavaScript's own
  find "$out/dist" -type f -not -name index.html -not -name '*.woff2' -not -name '*.png' -print0 |
    xargs -0 node -e '
      const fs = require("node:fs"), zlib = require("node:zlib");
      for (const file of process.argv.slice(1)) {
        const plain = fs.readFileSync(file);
        const packed = { gz: zlib.gzipSync(plain, { level: 9 }), br: zlib.brotliCompressSync(plain) };
        for (const [kind, bytes] of Object.entries(packed))
          if (bytes.length < plain.length) fs.writeFileSync(`${file}.${kind}`, bytes);
      }' || return 1
  write_module "$out"
}

main() {
  local key tmp
  # The wheel of set-up, where this machine's own Node is too old.
  [ ! -x "$TOOLS/py/bin/node" ] || PATH=$TOOLS/py/bin:$PATH
  export PATH
  [ -d "$WEB/node_modules" ] || die "the console's packages are missing" 'run: make setup'
  describe
  key=$(
    cd "$ROOT"
    find web -type f -not -path '*/node_modules/*' -not -name '*.gen.ts' -print0 | sort -z |
      xargs -0 cat -- build/gen/openapi.json scripts/console.sh | sha256sum
  )
  if [ -e "$OUT/dist/index.html" ] && [ "$(cat "$STAMP" 2>/dev/null)" = "$key" ]; then return 0; fi
  tmp=$(mktemp -d "$BUILD/gen/.console.XXXXXX")
  # shellcheck disable=SC2064  # the name is known now, and is what must go
  trap "rm -rf '$tmp'" EXIT
  logged "$LOGS/console.log" bundle "$tmp" ||
    die 'the console could not be built' "see $LOGS/console.log; mend what it names, then run the same command again"
  chmod 755 "$tmp"
  rm -rf "$OUT"
  mv "$tmp" "$OUT"
  printf '%s\n' "$key" >"$STAMP"
}

# Two builds in one checkout take turns.
exec 8>"$BUILD/.console.lock"
flock 8
main
