#!/usr/bin/env python3
"""The arithmetic of scripts/parity.sh: reads verdict.json files named REGIME-SEED-STRATEGY-RATE.json."""
import json
import statistics
import sys
from pathlib import Path

LIMITS = {"mixed": 0.05, "by_source": 0.08}


def held_out(path):
    verdict = json.loads(Path(path).read_text())
    arm = verdict["arms"][0]
    return {
        "perplexity": arm["held_out"]["perplexity_per_byte"]["value"],
        "bits": arm["held_out"]["bits_per_byte"]["value"],
        "count_model": verdict["order_2_count_model"]["bits_per_byte"]["value"],
    }


def row(path, regime, seed, strategy, rate):
    h = held_out(path)
    print(
        f"{regime:<10} seed {seed}  {strategy:<14} peak {rate:<5}  "
        f"{h['bits']:.4f} bits per byte, perplexity per byte {h['perplexity']:.4f}",
        flush=True,
    )


def best(*paths):
    path = min(paths, key=lambda p: held_out(p)["bits"])
    print(Path(path).stem.split("-data_parallel-")[1])


def verdict(folder, *seeds):
    good = True
    for regime, limit in LIMITS.items():
        gaps = []
        for seed in seeds:
            diloco = held_out(next(Path(folder).glob(f"{regime}-{seed}-diloco-*.json")))
            runs = Path(folder).glob(f"{regime}-{seed}-data_parallel-*.json")
            parallel = min(map(held_out, runs), key=lambda h: h["bits"])
            gaps.append(diloco["perplexity"] / parallel["perplexity"] - 1)
            print(
                f"{regime:<10} seed {seed}  gap {100 * gaps[-1]:+.2f} %   data parallel "
                f"{parallel['bits']:.4f}, order-2 count model {parallel['count_model']:.4f} bits per byte"
            )
            good = good and parallel["bits"] < parallel["count_model"]
        median = statistics.median(gaps)
        print(f"{regime:<10} median gap in perplexity per byte {100 * median:+.2f} % (limit {100 * limit:.0f} %)")
        good = good and median <= limit
    print("parity holds" if good else "PARITY DOES NOT HOLD")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    {"row": row, "best": best, "verdict": verdict}[sys.argv[1]](*sys.argv[2:])
