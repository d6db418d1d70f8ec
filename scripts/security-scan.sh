#!/usr/bin/env bash
# security-scan.sh: looks for known faults in what is built and deployed.
#   Go          govulncheck on every module of the product, with the newest database that the module
#               proxy has: faults in code that is really called. scripts/accepted-faults.txt names
#               those that are passed by, and why.
#   deployment  checkov on Containerfiles, workflows and Terraform; secrets in any file
# Images are scanned by their registry when they are pushed (terraform/global).
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

DATABASE=golang.org/x/vulndb@latest
OUT=$BUILD/security
ACCEPTED=$ROOT/scripts/accepted-faults.txt
FAULTS=()
cd "$ROOT"

fetch_database() {
  local source
  mkdir -p "$OUT"
  source=$(cd "$OUT" && retry go mod download -json "$DATABASE" | jq -er .Dir) ||
    die 'the database of known faults cannot be fetched' 'check that the Go module proxy can be reached'
  "$ROOT/scripts/vulndb.py" "$source/data/osv" "$OUT/vulndb"
}

go_faults() {
  local module report found id rest
  for module in $(git ls-files '*go.mod' | grep -v '^scripts/tools/' | xargs -n1 dirname); do
    report=$OUT/$(tr / - <<<"$module").json
    (cd "$module" && govulncheck -db "file://$OUT/vulndb" -format json ./...) >"$report" 2>"$OUT/error" ||
      { warn "govulncheck cannot look at $module:"; cat "$OUT/error" >&2; return 1; }
    found=0
    while read -r id rest; do
      [ -n "$id" ] || continue
      if grep -q "^$id " "$ACCEPTED"; then say "    accepted: $id $rest"; continue; fi
      say "    $module: $id $rest (https://pkg.go.dev/vuln/$id)"
      found=1
    done < <(jq -rs --from-file "$ROOT/scripts/called-faults.jq" "$report")
    [ "$found" = 0 ] || FOUND=1
  done
}

# step NAME FUNCTION
step() {
  local start rc=0
  start=$(now_ms)
  $2 || rc=$?
  if [ "$rc" = 0 ]; then
    say "[security] $1: nothing found ($(seconds_since "$start") s)"
  else
    say "[security] $1: FAULTS ($(seconds_since "$start") s)"
    FAULTS+=("$1")
  fi
}

go_modules() { FOUND=0; go_faults && [ "$FOUND" = 0 ]; }

deployment() {
  local out folder folders=()
  for folder in .github deploy helm scripts terraform; do [ ! -d "$folder" ] || folders+=(--directory "$folder"); done
  # CKV_SECRET_6 guesses by entropy, and takes the names of Secrets for such; those that know what a key
  # looks like stay. Terraform of tests is wrong on purpose. The chart is looked at as it is rendered, by its own tests.
  out=$(checkov "${folders[@]}" --framework dockerfile github_actions terraform secrets \
    --skip-check CKV_SECRET_6 --skip-path testdata --skip-download --quiet --compact 2>"$OUT/error") ||
    { say "${out:-$(tail -n 5 "$OUT/error")}"; return 1; }
}

"$ROOT/scripts/gen-go.sh"
fetch_database
step 'Go modules' go_modules
step deployment deployment
[ "${#FAULTS[@]}" = 0 ] || die "faults are known in: ${FAULTS[*]}" \
  'take newer versions, or mend what is named; what does no harm here goes into scripts/accepted-faults.txt'
