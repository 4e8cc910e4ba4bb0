#!/usr/bin/env python3
"""The arithmetic of scripts/emulated_vs_real.sh. A folder CONFIGURATION holds

emulated/RUN/   the run folder of the emulated run
real/RUN/       that of the coordinator in the lab; not there: only the emulated side is told
bytes.csv       what the lab's interfaces counted (strait net lab --write)
"""
import csv
import re
import statistics
import sys
from pathlib import Path

LIMITS = {"time": 0.05, "bytes": 0.02}
NANOS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
COUNTED = ("payload", "header", "handshake", "ack", "retransmitted")


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def run_folder(side):
    return next(path.parent for path in sorted(side.rglob("metrics.csv")))


def computing(folder):
    """Seconds of a round, as the scenario fixes them."""
    ini = (folder / "config.resolved.ini").read_text()
    steps = int(re.search(r"^inner_steps = (\d+)", ini, re.MULTILINE)[1])
    step, unit = re.search(r"^step = ([\d.]+)([a-z]+)", ini, re.MULTILINE).groups()
    return steps * float(step) * NANOS[unit] * 1e-9


def exchange(folder, step_of):
    """Median seconds of a round less its computing. The first round opens connections: left out."""
    times = [float(row["virtual_s"]) for row in rows(folder / "metrics.csv") if row["round"] != "0"]
    lengths = [after - before for before, after in zip(times, times[1:])]
    return statistics.median(lengths) - computing(step_of)


def emulated_bytes(folder):
    """All that came to the islands' uplinks."""
    uplinks = [row for row in rows(folder / "links.csv") if row["link"].endswith(".up")]
    return sum(int(row[f"{what}_bytes"]) for row in uplinks for what in COUNTED)


def real_bytes(path):
    """All that the islands' interfaces sent, with the links' headers."""
    sent = [row for row in rows(path) if row["kind"] == "interface" and row["name"].endswith(".out")]
    return sum(int(row["bytes"]) for row in sent)


def measure(folder):
    emulated = run_folder(folder / "emulated")
    figures = {"time": [exchange(emulated, emulated)], "bytes": [emulated_bytes(emulated)]}
    if (folder / "bytes.csv").exists():
        figures["time"].append(exchange(run_folder(folder / "real"), emulated))
        figures["bytes"].append(real_bytes(folder / "bytes.csv"))
    return figures


def difference(emulated, real):
    return emulated / real - 1


def cells(values, form):
    if len(values) == 1:
        return f"{values[0]:>12{form}} {'-':>12} {'-':>9}"
    return f"{values[0]:>12{form}} {values[1]:>12{form}} {100 * difference(*values):>+7.2f} %"


def header():
    print(f"{'':<16} {'exchange, s':>12} {'':>12} {'':>9} {'sent, MB':>12}")
    print(f"{'':<16} " + " ".join([f"{'emulated':>12} {'real':>12} {'apart':>9}"] * 2), flush=True)


def row(folder):
    figures = measure(Path(folder))
    megabytes = [count / 1e6 for count in figures["bytes"]]
    print(
        f"{Path(folder).name:<16} {cells(figures['time'], '.3f')} {cells(megabytes, '.2f')}",
        flush=True,
    )


def verdict(out):
    good = True
    for folder in sorted(path for path in Path(out).iterdir() if (path / "bytes.csv").exists()):
        for what, values in measure(folder).items():
            if abs(difference(*values)) > LIMITS[what]:
                print(f"{folder.name}: {what} more than {100 * LIMITS[what]:.0f} % apart")
                good = False
    print("emulated and real agree" if good else "THEY DO NOT AGREE")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    {"header": header, "row": row, "verdict": verdict}[sys.argv[1]](*sys.argv[2:])
