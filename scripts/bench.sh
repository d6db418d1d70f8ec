#!/usr/bin/env bash
# bench.sh [NAME]: runs the benchmarks whose name holds NAME, one after the other, on an otherwise
# idle machine. Google Benchmark binaries (*_bench) and executables in tests/bench/.
# Results: build/bench/, one file for each.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

OUT=$BUILD/bench
FOUND=0
mkdir -p "$OUT"

while IFS= read -r bench; do
  name=$(basename "$bench")
  case $name in *"${1:-}"*) ;; *) continue ;; esac
  FOUND=1
  say "== $name"
  case $name in
    *_bench) "$bench" --benchmark_out="$OUT/$name.json" --benchmark_out_format=json ;;
    *) "$bench" 2>&1 | tee "$OUT/$name.txt" ;;
  esac
done < <({
  find "$BUILD/bin" "$BUILD/release" -type f -perm -u+x -name '*_bench'
  find "$ROOT/tests/bench" -maxdepth 1 -type f -perm -u+x
} 2>/dev/null | sort)
[ "$FOUND" = 1 ] || die "there is no benchmark ${1:-to run}" 'name a part of a *_bench binary or of a file in tests/bench'
say "results are in $OUT"
