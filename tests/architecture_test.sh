#!/usr/bin/env bash
# Checks what ARCHITECTURE.md says must hold and no compiler checks. Reads sources only.
set -euo pipefail
cd "$(dirname "$0")/.."

PASSED=0 FAILED=0

# holds RULE FUNCTION: the function prints what breaks the rule.
holds() {
  local faults
  faults=$($2)
  if [ -z "$faults" ]; then
    PASSED=$((PASSED + 1))
    echo "ok    $1"
  else
    FAILED=$((FAILED + 1))
    echo "FAIL  $1"
    printf '%s\n' "$faults" | sed 's/^/      /'
  fi
}

# sources GLOB...: tracked and new files.
sources() {
  local file
  git -c safe.directory='*' ls-files --cached --others --exclude-standard -- "$@" | sort -u |
    while IFS= read -r file; do if [ -f "$file" ]; then printf '%s\n' "$file"; fi; done
}

# found REGEX FILE...: the lines that match, without those that are comments alone.
found() {
  local regex=$1
  shift
  [ "$#" -gt 0 ] || return 0
  grep -nHE "$regex" "$@" | grep -vE '^[^:]+:[0-9]+: *(//|#)[^i]' || true
}

cpp() {
  local list
  list=$(sources "${@/%//*.cc}" "${@/%//*.h}")
  printf '%s' "$list"
}

crossing_services() {
  local service
  for service in services/*/; do
    service=$(basename "$service")
    # shellcheck disable=SC2046  # the names hold no blanks
    found '#include "services/' $(cpp "services/$service") | grep -v "#include \"services/$service/" || true
  done
}

upward_from_common() {
  # shellcheck disable=SC2046
  found '#include "(services|cli)/' $(cpp common)
  # shellcheck disable=SC2046  # its tests talk to servers of tests/support
  found '#include "tests/' $(cpp common | grep -v '_test\.cc$')
}

cli_into_services() {
  # shellcheck disable=SC2046
  found '#include "services/|#include "stackyard/internal/' $(cpp cli)
}

# Tests may need a second caller. hardware_concurrency starts nothing.
threads_outside_common() {
  # shellcheck disable=SC2046
  found 'std::j?thread\b|pthread_create|std::async\b' $(cpp services cli | grep -v '_test\.cc$') |
    grep -v 'hardware_concurrency' || true
}

# The domain is told the time and waits for events. The command line tool may wait between two
# attempts to connect.
sleeps() {
  # shellcheck disable=SC2046
  found '\b(usleep|nanosleep|sleep_for|sleep_until|SleepFor)\b|[^_[:alnum:]]sleep\(' $(cpp services)
}

# Long polls are about connections and use real time; so do measurements.
LONG_POLLS='services/stacks/(operation_views|run_queue|watch_hub)\.cc|services/quota/ledger_metrics\.h'
wall_clock() {
  # shellcheck disable=SC2046
  found 'absl::Now\(\)|system_clock::now|time\(nullptr\)|CURRENT_TIMESTAMP' \
    $(cpp services/stacks services/quota | grep -vE "/main\.cc$|_test\.cc$|$LONG_POLLS")
}

# SQL is in stores; handlers know none.
sql_in_handlers() {
  # shellcheck disable=SC2046
  found '\.sql <<|sql\.prepare' $(sources 'services/*/*_service.cc')
}

terraform_outside_the_runner() {
  # shellcheck disable=SC2046
  found '\b(execv[pe]*|posix_spawnp?|popen)\b *\(' $(cpp services common cli | grep -v '^services/runner/')
}

# A file of more lines usually hides a second noun. A proto holds a service with its messages.
long_files() {
  sources '*.cc' '*.h' '*.go' '*.py' '*.sh' | xargs wc -l |
    awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines" }'
}

unnamed_folders() {
  local folder
  sources | awk -F/ 'NF > 1 { print $1 } NF > 2 { print $1 "/" $2 }' | sort -u |
    grep -vE '^\.|^templates/' | while IFS= read -r folder; do
    grep -qE "\`($folder|${folder##*/})[\`/]" ARCHITECTURE.md || echo "$folder"
  done
}

missing_readmes() {
  local folder
  for folder in services/*/ cli/ web/ templates/*/; do
    [ "$folder" = templates/tests/ ] || [ -f "$folder/README.md" ] || echo "$folder"
  done
}

# Where packages come from is for the machine to say; and no checkout is where this one is.
machine_names() {
  sources | grep -vE '(go\.sum|package-lock\.json)$' |
    xargs grep -nHIE 'pypi[.]org|pythonhosted[.]org|proxy[.]golang[.]org|registry[.]npmjs|sum[.]golang[.]org' || true
  sources | xargs grep -nHIF "$PWD/" || true
}

rpcs_without_access() {
  local file
  for file in protos/stackyard/v1/*.proto; do
    awk -v file="$file" '
      /^  rpc / { name = $2; access = 0; open = 1 }
      open && /option \(access\)/ { access = 1 }
      open && /^  }/ { if (!access) print file ": " name; open = 0 }' "$file"
  done
}

# Channels take only types that event_types.cc knows.
unknown_event_types() {
  local type
  # shellcheck disable=SC2046  # the names hold no blanks
  { grep -hoE 'set_type\("[a-zA-Z]+\.[a-zA-Z]+"' $(cpp services/stacks | grep -v _test.cc) | grep -v channel.test
    grep -oE '"stack\.[a-zA-Z]+", "' services/stacks/lifecycle.cc
    grep -oE '"project\.[a-z]+ed"' services/stacks/catalog.cc; } | grep -oE '[a-zA-Z]+\.[a-zA-Z]+' | sort -u |
    while IFS= read -r type; do
      grep -qF "\"$type\"" services/stacks/event_types.cc || echo "$type"
    done
}

# ---- The console ---------------------------------------------------------------------------

web() { sources 'web/src/*.ts' 'web/src/*.tsx'; }

# pages → components → api → lib; words are for all.
console_upward() {
  # shellcheck disable=SC2046  # the names hold no blanks
  found 'from "~/pages/' $(web | grep -vE '^web/src/(pages/|router\.tsx)')
  # shellcheck disable=SC2046
  found 'from "~/components/' $(web | grep -E '^web/src/(api|lib|text)/')
  # shellcheck disable=SC2046
  found 'from "~/(pages|components|router)' $(web | grep -E '^web/src/text/')
}

# Texts of others are never HTML; nothing of a session lies where scripts find it.
console_secrets() {
  # shellcheck disable=SC2046
  found 'dangerouslySetInnerHTML|innerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function\(' $(web)
  # shellcheck disable=SC2046
  found 'sessionStorage|localStorage|indexedDB|document\.cookie' $(web)
}

console_long_files() {
  web | xargs wc -l | awk '$2 != "total" && $1 > 400 { print $2 ": " $1 " lines" }'
}

console_generated() { git -c safe.directory='*' ls-files 'web/src/*.gen.ts' 'web/dist'; }

holds 'no service includes another' crossing_services
holds 'common includes nothing of services, cli or tests' upward_from_common
holds 'the command line tool knows the public API alone' cli_into_services
holds 'threads are made in common only' threads_outside_common
holds 'nothing in services sleeps' sleeps
holds 'the domain reads no wall clock' wall_clock
holds 'handlers hold no SQL' sql_in_handlers
holds 'only the runner starts programs' terraform_outside_the_runner
holds 'files are short' long_files
holds 'ARCHITECTURE.md names every folder' unnamed_folders
holds 'services, cli, web and templates have a README' missing_readmes
holds 'no name of a machine or package index' machine_names
holds 'event types are known' unknown_event_types
holds 'every RPC says who may call it' rpcs_without_access
holds 'the console depends one way' console_upward
holds 'the console takes no text for HTML and stores nothing' console_secrets
holds "the console's files are short" console_long_files
holds "the console's client is not committed" console_generated

echo "$PASSED passed, $FAILED failed"
[ "$FAILED" = 0 ]
