#!/usr/bin/env python3
"""Kills a run at random moments (kill -9), resumes it each time, and compares it with one that was
never interrupted: metrics.csv (but for wall_ columns), ledger.csv, links.csv, events.csv and the
final parameters have to be the same to the byte.

usage: resume_check.py [--strait build/release/strait] [--kills 30] [--seed N] [--every 2] SCENARIO [--key value ...]
"""

import argparse
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time


def run(strait, words):
    done = subprocess.run([strait, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}: exit code {done.returncode}: {done.stderr}")
    return done.stdout


def only_folder(out):
    names = os.listdir(out)
    return os.path.join(out, names[0]) if len(names) == 1 else None


def rows(path):
    with open(path, newline="") as file:
        return [{k: v for k, v in row.items() if not k.startswith("wall_")} for row in csv.DictReader(file)]


def contents(path):
    with open(path, "rb") as file:
        return file.read()


def parameter_hash(folder):
    with open(os.path.join(folder, "verdict.json")) as file:
        return [arm["shared_parameters_hash"] for arm in json.load(file)["arms"]]


def compare(whole, resumed):
    different = []
    if rows(os.path.join(whole, "metrics.csv")) != rows(os.path.join(resumed, "metrics.csv")):
        different.append("metrics.csv")
    for name in ("ledger.csv", "links.csv", "events.csv", "checkpoints/final/shared.safetensors"):
        if contents(os.path.join(whole, name)) != contents(os.path.join(resumed, name)):
            different.append(name)
    if parameter_hash(whole) != parameter_hash(resumed):
        different.append("parameter hash")
    return different


def kill_after(strait, words, seconds):
    """True: it was killed; False: it ended before."""
    process = subprocess.Popen([strait, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    if code != 0:
        sys.exit(f"{' '.join(words)}: exit code {code}: {process.stderr.read().decode()}")
    return False


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--strait", default="build/release/strait")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--every", default="2")
    options, scenario = parser.parse_known_args()
    print(f"seed {options.seed}", flush=True)
    chance = random.Random(options.seed)
    words = ["run", *scenario, "--checkpoint.every", options.every, "--checkpoint.keep", "2"]
    with tempfile.TemporaryDirectory() as place:
        begin = time.monotonic()
        run(options.strait, [*words, "--out", f"{place}/whole"])
        seconds = time.monotonic() - begin
        whole = only_folder(f"{place}/whole")
        kills = resumes = runs = 0
        while kills < options.kills:
            out = f"{place}/run{runs}"
            runs += 1
            again = [*words, "--out", out]
            # As many kills as it takes, each somewhere in what a whole run takes.
            while kill_after(options.strait, again, chance.uniform(0, seconds)):
                kills += 1
                folder = only_folder(out) if os.path.isdir(out) else None
                if folder is None or not os.path.exists(f"{folder}/config.resolved.ini"):
                    again = [*words, "--out", f"{out}b"]  # it had not begun
                    out = f"{out}b"
                    continue
                if os.path.exists(f"{folder}/verdict.json"):
                    break
                resumes += 1
                again = ["run", "--resume", folder]
            different = compare(whole, only_folder(out))
            if different:
                sys.exit(f"seed {options.seed}, run {runs}: other than the whole run: {', '.join(different)}")
    print(f"{kills} kills, {resumes} resumes in {runs} runs: all as if nothing had happened")


if __name__ == "__main__":
    main()
