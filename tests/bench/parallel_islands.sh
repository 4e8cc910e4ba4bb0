#!/usr/bin/env bash
# How much sooner four jittered islands finish when they compute in parallel than one at a time, with
# the same event log and the same parameters. Alternates both three times and prints every run and
# the ratio of the medians. Run by hand on an idle machine, after scripts/build.sh release strait.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

for repeat in 1 2 3; do
  for parallel in true false; do
    build/release/strait run scenarios/parity.ini --run.rounds 15 --pretrain.steps 0 \
      --compute.jitter 0.3 --run.parallel $parallel --run.out "$out/$parallel-$repeat" >/dev/null
  done
done
python3 - "$out" <<'PY'
import json, pathlib, statistics, sys
runs = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*/*/verdict.json")):
    arm = json.loads(path.read_text())["arms"][0]
    kind = path.parts[-3].split("-")[0]
    runs.setdefault(kind, []).append(arm)
    print(f"parallel {kind:<5}  wall {arm['wall_seconds']['value']:6.2f} s  "
          f"event log {arm['event_log_hash']}  parameters {arm['shared_parameters_hash']}")
medians = {k: statistics.median(a["wall_seconds"]["value"] for a in v) for k, v in runs.items()}
hashes = {(a["event_log_hash"], a["shared_parameters_hash"]) for v in runs.values() for a in v}
print(f"parallel is {medians['false'] / medians['true']:.2f} times sooner; "
      f"{'same event log and parameters' if len(hashes) == 1 else 'THE RUNS DIFFER'}")
PY
