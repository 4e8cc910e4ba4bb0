#!/usr/bin/env python3
"""Strait's collective over TCP beside Gloo's ring all-reduce and a plain copy, on this machine's loopback.

usage: tests/bench/collective_bench.py [--build build/net] [--cases SUBSTRING] [--blocks 5]
                                       [--repeats 3] [--ahead]

Build first: apt-get install libgloo-dev; cmake --preset net; scripts/build.sh net collective_bench

All contenders are processes with one command line (collective_rank.h), one for each rank. They take
turns, so that what else the machine does hits all of them: --blocks times each contender runs once
unheard and --repeats times. They run in a network namespace of their own whose loopback route names
CUBIC: that needs neither root nor the system's setting, which a namespace may not always change.

Some cases run beside two busy threads (busy_threads). Their own pace is measured in every block.

  GB/s       that each rank sends: 2 (k - 1) / k of the tensor, as a ring does, whatever the codec
  x Gloo     how many times as fast as the faster of Gloo's two rings
  CPU-s/GB   CPU-seconds of all ranks for each GB that all ranks send, counted likewise
  kept       the busy threads' work while the collective ran, of what they do alone
  lost s/GB  seconds of work they lost, for each GB
  others     cores that other processes and the kernel's threads took meanwhile: 0 on an idle machine

--ahead puts the benchmark before all other sessions of a busy machine (root): for a first look, since
caches are shared still. Ends with 1 if a goal is not met, with 2 for mistakes.
"""

import argparse
import bisect
import contextlib
import dataclasses
import os
import pathlib
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
INSIDE = "STRAIT_BENCH_NAMESPACE"  # set for the second start, in the namespace
BUSY_THREADS = 2
ALONE = 0.5  # seconds in which the busy threads are alone, in each block
MIB = 1 << 20


@dataclasses.dataclass(frozen=True)
class Contender:
    name: str
    program: str
    options: tuple = ()


CONTENDERS = (
    Contender("copy, in the cache", "copy_rank", ("--algorithm", "hot")),
    Contender("copy", "copy_rank", ("--algorithm", "full")),
    Contender("gloo ring", "gloo_rank", ("--algorithm", "ring")),
    Contender("gloo ring_chunked", "gloo_rank", ("--algorithm", "ring_chunked")),
    Contender("strait fp32", "strait_rank", ("--codec", "fp32")),
    Contender("strait int8", "strait_rank", ("--codec", "int8")),
)


@dataclasses.dataclass(frozen=True)
class Case:
    size: int  # ranks
    bytes: int  # of the tensor
    batch: int = 1  # collectives in a repetition
    busy: bool = False

    def __str__(self):
        amount = f"{self.bytes // MIB} MiB" if self.bytes >= MIB else f"{self.bytes >> 10} KiB"
        return f"k = {self.size}, {amount}{', beside busy threads' if self.busy else ''}"

    def sent_by_a_rank(self):
        return 2 * (self.size - 1) * self.bytes / self.size


CASES = (
    Case(2, 4 << 10, batch=200),
    Case(2, 64 * MIB),
    Case(2, 256 * MIB),
    Case(4, 64 * MIB),
    Case(4, 256 * MIB),
    Case(2, 64 * MIB, busy=True),
    Case(4, 64 * MIB, busy=True),
)


@dataclasses.dataclass
class Measured:
    """Of one contender in one case. Times of one collective."""

    seconds: list = dataclasses.field(default_factory=list)
    cpu: list = dataclasses.field(default_factory=list)
    spans: list = dataclasses.field(default_factory=list)  # (start, end) of repetitions
    others: list = dataclasses.field(default_factory=list)  # cores, of each block


def die(text, code=2):
    print(f"collective_bench: {text}", file=sys.stderr)
    sys.exit(code)


# --- the namespace ---


def enter_namespace():
    """Starts this program again in a network namespace, which ends with it."""
    root = os.geteuid() == 0  # who is root stays it and keeps the right to raise priorities
    words = ["unshare", "-n" if root else "-rn", sys.executable, __file__, *sys.argv[1:]]
    os.execvpe("unshare", words, {**os.environ, INSIDE: "1"})


def set_up_loopback():
    local = "src 127.0.0.1 scope host congctl cubic"
    for command in (
        "ip link set lo up",
        f"ip route replace table local local 127.0.0.0/8 dev lo {local}",
        f"ip route replace table local local 127.0.0.1 dev lo {local}",
    ):
        subprocess.run(command.split(), check=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with socket.create_connection(listener.getsockname()) as client:
            for end in client, listener.accept()[0]:
                name = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
                if name.rstrip(b"\0") != b"cubic":
                    die(f"the loopback runs on {name.decode()}: is tcp_cubic loaded?", 1)


def go_ahead():
    os.setsid()  # a scheduling group of its own
    pathlib.Path("/proc/self/autogroup").write_text("-20")


# --- busy threads ---


class BusyThreads:
    """A process that computes until `stop`; then `work` knows what it did when."""

    def __init__(self, build):
        words = [build / "busy_threads", str(BUSY_THREADS)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.alone = []  # spans without contenders
        self.moments = []  # of each thread

    def measure_alone(self):
        time.sleep(0.1)  # what ran before is gone
        start = time.monotonic()
        time.sleep(ALONE)
        self.alone.append((start, time.monotonic()))

    def cpu_seconds(self):
        words = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        lines = self.process.communicate()[0].splitlines()
        self.moments = [[float(word) for word in line.split()[1:]] for line in lines]

    def work(self, spans):
        """Units of work in these spans of time, by interpolation."""
        return sum(self.done_by(end) - self.done_by(start) for start, end in spans)

    def done_by(self, moment):
        total = 0.0
        for moments in self.moments:
            i = min(max(bisect.bisect(moments, moment), 1), len(moments) - 1)
            before, after = moments[i - 1 : i + 1]
            total += i - 1 + (moment - before) / (after - before)
        return total

    def pace(self):
        return self.work(self.alone) / length(self.alone)


def length(spans):
    return sum(end - start for start, end in spans)


# --- running ---


def machine_cpu_seconds():
    """Of all that ran: user, nice, system and interrupts."""
    words = pathlib.Path("/proc/stat").read_text().split()[1:9]
    user, nice, system, _, _, irq, softirq, _ = map(int, words)
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def children_cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run_ranks(build, contender, case, repeats):
    """[repetition][rank] of (start, end, cpu)."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as ended:
        ranks = []
        for rank in range(case.size):
            words = [build / contender.program, *contender.options, "--rank", rank]
            words += ["--size", case.size, "--bytes", f"{case.bytes}B", "--repeats", repeats]
            words += ["--batch", case.batch, "--dir", folder]
            process = subprocess.Popen(map(str, words), stdout=subprocess.PIPE, text=True)
            ended.callback(process.wait)
            ended.callback(process.kill)  # of no effect on one that has ended
            ranks.append(process)
        try:
            texts = [process.communicate(timeout=120)[0] for process in ranks]
        except subprocess.TimeoutExpired:
            die(f"{contender.name}, {case}: not done in 120 s", 1)
        if any(process.returncode != 0 for process in ranks):
            die(f"{contender.name}, {case}: a rank failed", 1)
    of_ranks = [
        [
            tuple(map(float, line.split()[1:]))
            for line in text.splitlines()
            if line.startswith("repetition ")
        ]
        for text in texts
    ]
    return list(zip(*of_ranks, strict=True))


def run_block(build, contender, case, repeats, busy, measured):
    def ours():
        return children_cpu_seconds() + (busy.cpu_seconds() if busy else 0)

    start, all_before, ours_before = time.monotonic(), machine_cpu_seconds(), ours()
    for repetition in run_ranks(build, contender, case, repeats):
        starts, ends, cpus = zip(*repetition)
        measured.spans.append((min(starts), max(ends)))
        measured.seconds.append((max(ends) - min(starts)) / case.batch)
        measured.cpu.append(sum(cpus) / case.batch)
    others = machine_cpu_seconds() - all_before - (ours() - ours_before)
    measured.others.append(max(0, others) / (time.monotonic() - start))


def run_case(build, contenders, case, blocks, repeats):
    results = {contender.name: Measured() for contender in contenders}
    busy = BusyThreads(build) if case.busy else None
    try:
        for _ in range(blocks):
            if busy:
                busy.measure_alone()
            for contender in contenders:
                run_block(build, contender, case, repeats, busy, results[contender.name])
    finally:
        if busy:
            busy.stop()
    return results, busy


# --- telling ---


def gloo(results):
    """The faster of Gloo's rings; none if it was not built."""
    rings = [m for name, m in results.items() if name.startswith("gloo")]
    return min(rings, key=lambda m: statistics.median(m.seconds), default=None)


def lost_seconds_per_gb(case, measured, busy):
    lost = length(measured.spans) * BUSY_THREADS - BUSY_THREADS * busy.work(measured.spans) / busy.pace()
    return lost / (len(measured.spans) * case.size * case.sent_by_a_rank() / 1e9)


def print_case(case, results, busy):
    heading = f"{str(case):<36} median ms     best   GB/s  x Gloo  CPU-s/GB"
    print(f"\n{heading}{'   kept  lost s/GB' if busy else ''}  others")
    base = gloo(results)
    for name, m in results.items():
        median = statistics.median(m.seconds)
        cells = f"  {name:<34} {1e3 * median:9.3f} {1e3 * min(m.seconds):8.3f}"
        cells += f" {case.sent_by_a_rank() / median / 1e9:6.2f}"
        cells += f" {statistics.median(base.seconds) / median:7.2f}" if base else f"{'-':>8}"
        cpu = statistics.median(m.cpu) / (case.size * case.sent_by_a_rank()) * 1e9
        cells += f" {cpu:9.2f}"
        if busy:
            cells += f" {100 * busy.work(m.spans) / length(m.spans) / busy.pace():5.0f} %"
            cells += f" {lost_seconds_per_gb(case, m, busy):10.2f}"
        print(f"{cells} {statistics.mean(m.others):7.2f}", flush=True)


def goals(case, results, busy):
    """(what, found, whether it is enough) of the contenders that there are."""
    base = gloo(results)
    for name in "strait fp32", "strait int8":
        if name not in results:
            continue
        median = statistics.median(results[name].seconds)
        if case.bytes < MIB:
            yield f"{case}: {name} in less than 1 ms", f"{1e3 * median:.3f} ms", median < 1e-3
            continue
        if not base:
            continue
        times = statistics.median(base.seconds) / median
        fp32 = {2: 1.8, 4: 1.6}[case.size]
        least = 1.0 if busy else fp32 if name == "strait fp32" else 2.3
        yield f"{case}: {name} {least} times as fast as Gloo", f"{times:.2f}", times >= least
        if busy:
            lost = lost_seconds_per_gb(case, results[name], busy)
            limit = lost_seconds_per_gb(case, base, busy)
            yield f"{case}: {name} costs at most {limit:.2f} s/GB", f"{lost:.2f}", lost <= limit


def parse_words():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1], add_help=False)
    parser.add_argument("--help", "-h", action="store_true")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/net")
    parser.add_argument("--cases", default="")
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--ahead", action="store_true")
    words = parser.parse_args()
    if words.help:
        print(__doc__.strip())
        sys.exit(0)
    return words


def main():
    words = parse_words()
    if INSIDE not in os.environ:
        enter_namespace()
    set_up_loopback()
    if words.ahead:
        go_ahead()
    build = words.build.resolve()
    built = [c for c in CONTENDERS if (build / c.program).exists()]
    if not built:
        die(f"no contender in {build}: scripts/build.sh net collective_bench")
    for missing in sorted({c.program for c in CONTENDERS} - {c.program for c in built}):
        print(f"{missing} is not built and left out")
    cases = [case for case in CASES if words.cases in str(case)]
    if not cases:
        die(f"--cases '{words.cases}': none of {'; '.join(map(str, CASES))}")
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f}, Linux {os.uname().release}, CUBIC; ", end="")
    print(f"medians of {words.blocks} x {words.repeats} repetitions, contenders taking turns")
    judged = []
    for case in cases:
        results, busy = run_case(build, built, case, words.blocks, words.repeats)
        print_case(case, results, busy)
        judged += goals(case, results, busy)
    print()
    for what, found, good in judged:
        print(f"{'met' if good else 'NOT met':<8} {what}: {found}")
    sys.exit(not all(good for _, _, good in judged))


if __name__ == "__main__":
    main()
