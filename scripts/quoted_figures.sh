#!/usr/bin/env bash
# The figures that README, docs/ and the examples' claims quote, made anew:
#
#     scripts/quoted_figures.sh OUT_DIR
#
# Writes what each example prints, their pictures, the page of conventions, and the benchmarks of the optimizers.
# Takes about forty minutes on two cores. Needs the extras examples and bench; PYTHON names another interpreter.
set -euo pipefail

if [ $# -ne 1 ] || [ -z "$1" ]; then
  echo "usage: scripts/quoted_figures.sh OUT_DIR" >&2
  exit 2
fi
mkdir -p "$1"
out="$(cd "$1" && pwd)"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python="${PYTHON:-python3}"

for name in article_steps effective_rates other_surfaces house_prices regression sparse_text recommender \
  plateau_and_resume; do
  echo "examples/$name.py"
  "$python" "examples/$name.py" > "$out/$name.txt"
done
echo "examples/optimizers_on_a_surface.py"
"$python" examples/optimizers_on_a_surface.py --out "$out" > "$out/optimizers_on_a_surface.txt"
echo "examples/search.py"
"$python" examples/search.py --lr 0.0003 0.001 0.003 --alpha 0.9 0.99 --eps 1e-8 1e-4 --seeds 5 > "$out/search.txt"
echo "examples/conventions.py"
"$python" examples/conventions.py > "$out/optimizers.md"
for name in adding_problem sunspots tones digits_by_rows; do
  echo "examples/$name.py"
  "$python" "examples/$name.py" > "$out/$name.txt"
done
for seed in 0 1 2; do
  echo "examples/dates.py, seed $seed"
  "$python" examples/dates.py --seed "$seed" > "$out/dates-$seed.txt"
  echo "python -m minigrad lm, seed $seed"
  "$python" -m minigrad lm --seed "$seed" --out "$out/lm-$seed" > "$out/lm-$seed.txt"
done
"$python" -m minigrad generate "$out/lm-0" --prompt "The " > "$out/generated.txt"
echo "benchmarks"
"$python" -m benchmarks --threads 1 --out "$out/benchmarks" \
  --only 'sgd-*,rmsprop-*,adagrad-*,adam-*,sparse-*,rnn-*,gru-*,lstm-*,lm-step,steps-*'
