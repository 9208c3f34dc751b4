#!/usr/bin/env bash
# Tests and benchmarks on a machine with an NVIDIA GPU, in less than nine minutes and without installing anything:
#
#     scripts/gpu_check.sh OUT_DIR [TESTS...]
#
# TESTS are what pytest is given, the whole suite if left out. SHARDS=4 runs them in that many processes.
# Needs Python 3.12 with NumPy, CuPy, PyTorch with CUDA, pytest, hypothesis and safetensors (PYTHON names another one).
# Writes to OUT_DIR: summary.txt, environment.txt, tests.log, junit.xml, benchmarks-{cuda,cpu}/results.{md,json,png}.
# Exit status: 0 all parts passed, 1 a part failed, 2 there is no GPU or no folder to write to.
set -uo pipefail

if [ $# -lt 1 ] || [ -z "$1" ]; then
  echo "usage: scripts/gpu_check.sh OUT_DIR [TESTS...]" >&2
  exit 2
fi
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
if ! mkdir -p "$1" || ! out="$(cd "$1" && pwd)" || [ ! -w "$out" ]; then
  echo "gpu_check: cannot write to the folder $1" >&2
  exit 2
fi
shift
cd "$root" || exit 2
[ $# -gt 0 ] || set -- tests
python="${PYTHON:-python3}"
shards="${SHARDS:-$(nproc --all | awk '{print $1 < 8 ? $1 : 8}')}"
export PYTHONPATH="$root:$root/scripts${PYTHONPATH:+:$PYTHONPATH}" PYTHONDONTWRITEBYTECODE=1
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

if ! problem="$("$python" -c '
from minigrad.backend.devices import cupy_or_error
try:
    cupy_or_error()
except RuntimeError as error:
    print(error)' 2>&1)" || [ -n "$problem" ]; then
  echo "gpu_check: nothing was checked: $(tail -n 1 <<<"$problem")" >&2
  exit 2
fi

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
export CUPY_CACHE_DIR="$work/kernels" # shared by all parts: each kernel is compiled once
: >"$out/summary.txt"
status=0

# report NAME STATUS SECONDS WORDS: one line of the summary
report() {
  local verdict=passed
  if [ "$2" -ne 0 ]; then
    verdict="FAILED (status $2)"
    [ "$2" -eq 124 ] || [ "$2" -eq 137 ] && verdict="FAILED (out of time)"
    status=1
  fi
  printf '%-12s %s in %s s%s\n' "$1" "$verdict" "$3" "${4:+: $4}" | tee -a "$out/summary.txt"
}

{
  date -u '+%Y-%m-%d %H:%M UTC'
  git -C "$root" describe --always --dirty 2>/dev/null
  uname -srm
  nproc --all
  nvidia-smi 2>&1
  "$python" --version
  "$python" -c '
import importlib
for name in ("numpy", "cupy", "torch", "safetensors", "pytest", "hypothesis"):
    try:
        print(name, importlib.import_module(name).__version__)
    except Exception as error:
        print(name, "is missing:", error)'
  "$python" -c 'import cupy; cupy.show_config()' 2>&1
} >"$out/environment.txt"

# 300 s for the tests. INT lets pytest write its report when time is up.
start=$SECONDS
pids=()
for ((k = 0; k < shards; k++)); do
  GPU_SHARD="$k/$shards" timeout --signal=INT --kill-after=15 300 "$python" -m pytest -p gpu_shard -m gpu "$@" \
    -p no:cacheprovider --junitxml="$work/$k.xml" --tb=short >"$work/$k.log" 2>&1 &
  pids+=($!)
done
code=0
for pid in "${pids[@]}"; do
  wait "$pid" || code=$?
done
for ((k = 0; k < shards; k++)); do
  echo "=== process $k of $shards"
  cat "$work/$k.log"
done >"$out/tests.log"
parts=()
for ((k = 0; k < shards; k++)); do parts+=("$work/$k.xml"); done
report tests "$code" $((SECONDS - start)) "$("$python" scripts/gpu_shard.py "$out/junit.xml" "${parts[@]}")"

# 100 s for each benchmark
for device in cuda cpu; do
  start=$SECONDS
  timeout --kill-after=5 100 "$python" -m benchmarks --quick --device "$device" --peers 'minigrad*,PyTorch' \
    --only 'mlp-*,embedding,*-64-128-128-10,op-*,sgd-*,rnn-32,gru-32,lstm-32' \
    --out "$out/benchmarks-$device" >"$work/table" 2>"$work/error"
  code=$?
  report "benchmarks $device" "$code" $((SECONDS - start)) "$(tail -n 1 "$work/error")"
  cat "$work/table"
done
grep -hE '^(FAILED|ERROR) ' "$out/tests.log" | sort | head -n 40 | tee -a "$out/summary.txt"
echo "written to $out"
exit "$status"
