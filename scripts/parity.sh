#!/usr/bin/env bash
# Does DiLoCo reach the held-out loss of ordinary data parallelism? (scenarios/parity.ini)
#
#   scripts/parity.sh [SEED...]      default: seeds 1 2 3
#
# For text mixed over the islands (iid) and for one language per island: pretraining and DiLoCo at
# 2e-3; data parallelism's peak rate after the branch point is the best of 1e-3, 2e-3 and 4e-3 on the
# first seed of each regime. Prints every run, the gap in perplexity per byte per seed, and the
# medians. Ends with 1 if a median is above its limit (5 % iid, 8 % by source) or if data parallelism
# is not better than an order-2 count model fitted on the same bytes.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case ${1:-} in
  -h | --help) help_of "$0" && exit 0 ;;
esac
seeds=("${@:-1}")
(($# > 0)) || seeds=(1 2 3)

export STRAIT_DEPS=$deps
"$root/scripts/setup.sh"
"$root/scripts/build.sh" release strait
cd "$root"
out=$(mktemp -d "${TMPDIR:-/tmp}/parity.XXXXXX")
trap 'rm -rf "$out"' EXIT

# train REGIME SEED STRATEGY RATE: one run; its verdict.json lands in $out.
train() {
  build/release/strait run scenarios/parity.ini --data.split "$1" --run.seed "$2" \
    --run.strategy "$3" --inner.lr "$4" --pretrain.lr 2e-3 --run.out "$out/runs" >"$out/log" ||
    { cat "$out/log" && exit 1; }
  mv "$(find "$out/runs" -name verdict.json)" "$out/$1-$2-$3-$4.json"
  rm -rf "$out/runs"
  python3 scripts/parity.py row "$out/$1-$2-$3-$4.json" "$1" "$2" "$3" "$4"
}

start=$SECONDS
for regime in mixed by_source; do
  for rate in 1e-3 2e-3 4e-3; do train "$regime" "${seeds[0]}" data_parallel "$rate"; done
  best=$(python3 scripts/parity.py best "$out"/"$regime-${seeds[0]}"-data_parallel-*.json)
  for seed in "${seeds[@]}"; do
    train "$regime" "$seed" diloco 2e-3
    [[ $seed == "${seeds[0]}" ]] || train "$regime" "$seed" data_parallel "$best"
  done
done
echo "wall $((SECONDS - start)) s"
python3 scripts/parity.py verdict "$out" "${seeds[@]}"
