#!/usr/bin/env bash
# Is a load run's judgement of itself right? N runs (20 by default) starved of processor time, which have to
# be GENERATOR-BOUND, and N runs that are not, which have to be VALID.
#
#   benches/verdict.sh [N]
#
# Starved: on one processor, which endless loops share. Nothing else should run on the machine.
# DROVER names the program; otherwise the release build is used, and made if there is none.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-20}
drover=${DROVER:-target/release/drover}
[ -x "$drover" ] || cargo build --release
folder=$(mktemp -d "${TMPDIR:-/dev/shm}/drover-verdict-XXXXXX")
loops=()
stop() {
  for loop in "${loops[@]}"; do kill "$loop" 2>/dev/null || true; done
  wait "${loops[@]}" 2>/dev/null || true
  loops=()
}
trap 'stop; rm -rf "$folder"' EXIT

load() {
  TMPDIR=$folder "$@" "$drover" load --contexts 10 --users 100 --rate "$rate" --duration 3s --latency-ms 2 \
    --mix modify=1 --seed "$run" --report "$folder/run" >/dev/null 2>&1 || true
  python3 - "$folder/run.json" <<'PY'
import json, sys
report = json.load(open(sys.argv[1]))
e = report["evidence"]
print("%s rate %s: late %.1f ms, woken late %.1f ms, processors %.0f %%, waited for them %.0f %%" % (
    report["verdict"], report["pace"], e["lateness_p99_us"] / 1e3, e["scheduler_p99_us"] / 1e3,
    e["cpu_share"] * 100, e["cpu_wait_share"] * 100))
PY
}

# wanted, how, and the prefix of the command
series() {
  local wanted=$1 name=$2 right=0
  shift 2
  for run in $(seq 1 "$runs"); do
    # Loads of all sizes: what starves a large one may well do for a small one, and that is right.
    rate=$((100 + run % 4 * 100))
    line=$(load "$@")
    echo "$name $run: $line"
    case "$line" in "$wanted "*) right=$((right + 1)) ;; esac
  done
  echo "$name: $right of $runs are $wanted"
  [ "$right" = "$runs" ] || wrong=1
}

wrong=0
series VALID "not starved" env
for loop in 1 2 3; do
  taskset -c 0 bash -c 'while :; do :; done' &
  loops+=($!)
done
series GENERATOR-BOUND starved taskset -c 0
exit "$wrong"
