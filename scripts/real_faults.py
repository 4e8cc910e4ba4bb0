#!/usr/bin/env python3
"""Kills and stops real islands at random, and checks that nothing is lost.

A coordinator and four islands run as processes over loopback sockets, most of the time inside
collectives; the coordinator takes checkpoints from them all the while. Now and then one of them is
killed (kill -9) and started anew, or stopped (SIGSTOP) and continued. Afterwards: rounds are there
once each and in order, none took longer than --longest seconds, all islands have the same
parameters, whoever was stopped was shown as silent, and the checkpoints are whole.

usage: real_faults.py [--strait build/release/strait] [--faults 50] [--seed N] [--longest 15]
"""

import argparse
import glob
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

ISLANDS = 4
KEYS = {
    "task.name": "quadratic",
    "quadratic.size": "4000000",
    "run.islands": str(ISLANDS),
    "run.inner_steps": "1",
    "pretrain.steps": "0",
    "inner.optimizer": "sgd",
    "inner.lr": "0.05",
    "outer.lr": "0.1",
    "outer.momentum": "0.5",
    "eval.every": "0",
    "rounds.peer_timeout": "10s",
    "rounds.missed": "rejoin",
    "checkpoint.every": "20",
    "checkpoint.keep": "5",
}


class Process:
    """A strait process whose lines are kept with the time at which they came."""

    def __init__(self, words):
        self.lines = []
        self.process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append((time.monotonic(), line.rstrip("\n")))

    def wait_for(self, pattern, seconds, since=0):
        """The time and match of the first line after `since` that has the pattern; None: none came."""
        end = time.monotonic() + seconds
        while True:
            for at, line in list(self.lines):
                found = re.search(pattern, line)
                if at >= since and found:
                    return at, found
            if time.monotonic() > end or self.process.poll() is not None:
                return None
            time.sleep(0.01)

    def signal(self, number):
        self.process.send_signal(number)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--strait", default="build/release/strait")
    parser.add_argument("--faults", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--longest", type=float, default=15)
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    rng = random.Random(args.seed)
    folder = tempfile.mkdtemp(prefix="strait-faults-")
    keys = [word for key, value in KEYS.items() for word in (f"--{key}", value)]
    # Far more rounds than there will be: the end is asked for by a leave of all islands.
    coordinator = Process([args.strait, "coordinator", *keys, "--run.rounds", "1000000",
                           "--run.out", folder])
    found = coordinator.wait_for(r"coordinator listens on (\S+);", 30)
    if not found:
        sys.exit("the coordinator did not start: " + "\n".join(l for _, l in coordinator.lines))
    place = found[1].group(1)

    def start(island):
        return Process([args.strait, "join", place, "--island", str(island)])

    islands = [start(i) for i in range(ISLANDS)]
    if not coordinator.wait_for(r"^diloco\s+3/", 60):
        sys.exit("no rounds: " + "\n".join(l for _, l in coordinator.lines[-20:]))

    failures, kills, stops, unseen, handled = [], 0, 0, [], []
    for fault in range(args.faults):
        time.sleep(rng.uniform(0.3, 3))
        victim = rng.randrange(ISLANDS)
        kind = rng.choice(["kill", "stop"])
        began = time.monotonic()
        if kind == "kill":
            kills += 1
            islands[victim].signal(signal.SIGKILL)
            islands[victim].process.wait()
            wait = rng.choice([0, rng.uniform(2, 5)])
            gone = began + wait
            if wait:
                after = coordinator.wait_for(r"^diloco\s+\d+/", wait, since=began)
                without = f"the next round after {after[0] - began:.2f} s" if after else "no round meanwhile"
                handled.append(after[0] - began if after else float("inf"))
            else:
                without = "started again at once"
            time.sleep(max(0, gone - time.monotonic()))
            islands[victim] = start(victim)
            print(f"{fault:>3} kill island {victim}: {without}", flush=True)
        else:
            stops += 1
            seconds = rng.choice([rng.uniform(0.1, 2), rng.uniform(4, 8), rng.uniform(11, 14)])
            islands[victim].signal(signal.SIGSTOP)
            seen = coordinator.wait_for(rf"island {victim} is silent", seconds, since=began)
            left = began + seconds - time.monotonic()
            time.sleep(max(0, left))
            islands[victim].signal(signal.SIGCONT)
            shown = f"silent after {seen[0] - began:.2f} s" if seen else "not shown as silent"
            print(f"{fault:>3} stop island {victim} for {seconds:.1f} s: {shown}", flush=True)
            if seconds > 3.5 and not seen:
                unseen.append(fault)
        # It takes part again: its own lines say in which round.
        again = islands[victim].wait_for(r"round\s+(\d+)  loss", 60, since=time.monotonic())
        if not again:
            code = islands[victim].process.poll()
            what = "did not come back" if code is None else f"ended with {code}"
            failures.append(f"fault {fault}: island {victim} {what}: "
                            + "; ".join(l for _, l in islands[victim].lines[-3:]))

    time.sleep(2)
    for island in islands:
        island.signal(signal.SIGTERM)
    hashes = []
    for number, island in enumerate(islands):
        try:
            island.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            failures.append(f"island {number} does not leave")
            island.process.kill()
        island.reader.join(5)
        last = [re.search(r"done after round (\d+): shared parameters (\w+)", l) for _, l in island.lines]
        hashes += [(number, m.group(1), m.group(2)) for m in last if m]
        if island.process.returncode != 0:
            failures.append(f"island {number} ended with {island.process.returncode}: "
                            + "; ".join(l for _, l in island.lines[-3:]))
    coordinator.signal(signal.SIGINT)
    coordinator.process.wait(timeout=30)
    coordinator.reader.join(5)

    rounds = [(at, int(m.group(1))) for at, line in coordinator.lines
              if (m := re.match(r"diloco\s+(\d+)/", line))]
    numbers = [number for _, number in rounds]
    if numbers != list(range(1, len(numbers) + 1)):
        wrong = next(i for i, n in enumerate(numbers) if n != i + 1)
        failures.append(f"rounds are lost or doubled near {numbers[max(0, wrong - 2):wrong + 3]}")
    longest = max(b[0] - a[0] for a, b in zip(rounds, rounds[1:]))
    if longest > args.longest:
        failures.append(f"a round was blocked for {longest:.1f} s")
    by_round = {}
    for number, round_, hash_ in hashes:
        by_round.setdefault(round_, set()).add(hash_)
    if any(len(h) > 1 for h in by_round.values()):
        failures.append(f"parameters differ: {hashes}")
    text = "\n".join(line for _, line in coordinator.lines)
    if "differ" in text or "mismatch" in text:
        failures.append("the coordinator speaks of a mismatch")
    if unseen:
        failures.append(f"stops that were not shown as silence: {unseen}")
    checkpoints = sorted(glob.glob(f"{folder}/*/checkpoints/*"))
    for checkpoint in checkpoints:
        seen = subprocess.run([args.strait, "checkpoint", "inspect", checkpoint],
                              capture_output=True, text=True)
        if seen.returncode != 0:
            failures.append(seen.stderr.strip())
    newest = int(os.path.basename(checkpoints[-1])) if checkpoints else 0
    missing = sum("no checkpoint" in line for line in text.split("\n"))
    if newest < numbers[-1] - 500:
        failures.append(f"the newest checkpoint is of round {newest} of {numbers[-1]}")
    print(f"{kills} kills, {stops} stops, {len(rounds)} rounds in {rounds[-1][0] - rounds[0][0]:.0f} s, "
          f"the longest {longest:.2f} s; islands ended after rounds "
          f"{', '.join(sorted(by_round))}; newest checkpoint of round {newest}, "
          f"{missing} could not be had")
    if handled:
        print(f"after a kill the next round came within {max(handled):.2f} s")
    for failure in failures:
        print("FAILED:", failure)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
