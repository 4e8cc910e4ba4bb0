#!/usr/bin/env python3
"""Predicted and measured: `strait plan` beside `strait run`, for scenarios of the repository.

usage: python3 scripts/check_plan.py [--program build/net/strait] [SCENARIO...] [-- --key value ...]

Without names: every scenario that needs no LibTorch. What stands behind -- goes to both commands.
Ends with 1 if bytes are more than 0.5 % apart or the mean round time is more than 5 %.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout


def planned(text, label):
    """The whole run's figure: the last cell of the row."""
    row = re.search(rf"^{label} .*$", text, re.MULTILINE)
    return float(row.group().split()[-1].replace(",", "")) if row else 0.0


def measured(folder):
    """All bytes that the ledger counted, virtual seconds, rounds."""
    arm = json.loads(next(folder.glob("runs/*/verdict.json")).read_text())["arms"][0]
    counted = [f["value"] for f in arm["bytes"].values() if f["kind"] == "measured"]
    return sum(counted), arm["virtual_seconds"]["value"], arm["rounds"]


def compare(program, scenario, more):
    with tempfile.TemporaryDirectory() as folder:
        text = run([program, "plan", scenario, *more], folder)
        run([program, "run", scenario, *more], folder)
        bytes_measured, time, rounds = measured(pathlib.Path(folder))
    bytes_planned = sum(
        planned(text, f"{label}, bytes")
        for label in ("payload", "control and framing", "aborted", "catching up")
    )
    time_planned = planned(text, "time, seconds")
    bytes_off = 100 * (bytes_planned / max(bytes_measured, 1) - 1)
    time_off = 100 * (time_planned / time - 1)
    print(
        f"{scenario.stem:<14} {bytes_planned:>16,.0f} {bytes_measured:>16,} {bytes_off:>+8.3f} %"
        f" {time_planned / rounds:>10.4f} {time / rounds:>10.4f} {time_off:>+8.3f} %",
        flush=True,
    )
    return abs(bytes_off) <= 0.5 and abs(time_off) <= 5


def main(words):
    if "-h" in words or "--help" in words:
        print(__doc__)
        return 0
    more = []
    if "--" in words:
        more = words[words.index("--") + 1 :]
        words = words[: words.index("--")]
    program = ROOT / "build/net/strait"
    if words[:1] == ["--program"]:
        program, words = pathlib.Path(words[1]).resolve(), words[2:]
    scenarios = [ROOT / f"scenarios/{name}.ini" for name in words] or [
        path
        for path in sorted(ROOT.glob("scenarios/*.ini"))
        if re.search(r"^name *= *quadratic", path.read_text(), re.MULTILINE)
    ]
    print(
        f"{'scenario':<14} {'bytes, plan':>16} {'bytes, run':>16} {'off':>10}"
        f" {'s/round':>10} {'s/round':>10} {'off':>10}"
    )
    good = [compare(program, scenario, more) for scenario in scenarios]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
