#!/usr/bin/env bash
# The figures that README, docs/ and the examples' claims quote, made anew:
#
#     scripts/quoted_figures.sh OUT_DIR
#
# Writes what each program prints (NAME.txt; conventions.txt is docs/optimizers.md), how many seconds it took
# (seconds.txt), their pictures, and the benchmarks; all of it in OUT_DIR. Takes about an hour on two cores. Needs the
# extras examples and bench; PYTHON names another interpreter.
set -euo pipefail

if [ $# -ne 1 ] || [ -z "$1" ]; then
  echo "usage: scripts/quoted_figures.sh OUT_DIR" >&2
  exit 2
fi
mkdir -p "$1"
out="$(cd "$1" && pwd)"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python="${PYTHON:-python3}"
export PYTHONDONTWRITEBYTECODE=1
: > "$out/seconds.txt"

# run NAME ARGUMENTS...: Python with these arguments
run() {
  echo "python ${*:2}"
  local start=$SECONDS
  "$python" "${@:2}" > "$out/$1.txt"
  echo "$1 $((SECONDS - start))" >> "$out/seconds.txt"
}

for name in article_steps other_surfaces house_prices regression sparse_text recommender plateau_and_resume \
  digits_by_rows tones; do
  run $name examples/$name.py
done
for name in effective_rates optimizers_on_a_surface adding_problem sunspots; do
  run $name examples/$name.py --out "$out"
done
run search examples/search.py --lr 0.0003 0.001 0.003 --alpha 0.9 0.99 --eps 1e-8 1e-4 --seeds 5
run conventions examples/conventions.py
run tones-1 examples/tones.py --noise 1
for seed in 0 1 2; do
  run dates-$seed examples/dates.py --seed $seed --out "$out/dates-$seed" "May 5th, 2021" "2021 May 5"
  run lm-$seed -m minigrad lm --seed $seed --out "$out/lm-$seed"
done
for cell in gru rnn; do
  run lm-$cell -m minigrad lm --cell $cell --out "$out/lm-$cell"
done
run generate -m minigrad generate "$out/lm-0" --prompt "The "

# what the examples say of minigrad.jit and of buckets
run tones-eager examples/tones.py --no-jit
run dates-eager examples/dates.py --no-jit --out "$out/dates-eager"
for name in digits_by_rows adding_problem; do
  run $name-eager -c "import minigrad, runpy; minigrad.jit = lambda step: step
runpy.run_path('examples/$name.py', run_name='__main__')"
done
run digits_by_rows-random -c "import sys; sys.path.insert(0, 'examples'); import digits_by_rows as example
example.BUCKET_BATCHES = 1
example.main()"

run benchmarks -m benchmarks --threads 1 --out "$out/benchmarks" \
  --only 'sgd-*,rmsprop-*,adagrad-*,adam-*,sparse-*,rnn-*,gru-*,lstm-*,lm-step,steps-*'
