#!/usr/bin/env python3
"""Training throughput of islands that share this machine, beside one PyTorch process.

usage: PYTHONPATH=.deps/python tests/bench/throughput.py [--strait build/release/strait]
                                                         [--text FOLDER] [--repeats 3]

Four islands of `xs` (strait run, in parallel, one thread each) against eager PyTorch in Python with
two threads: the same model, batch, clipping and AdamW. They take turns; medians count. Then eight
islands, for their memory. --text names a folder of text, else Debian's manual pages of the set-up
are trained on. Run it on a calm machine: the load is printed. Ends with 1 if a goal is not met.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SEQUENCES, CONTEXT = 8, 128
MODEL = {"layers": 4, "width": 128, "heads": 4, "head_size": 32, "vocabulary": 256}
GOAL_RATIO, GOAL_BYTES = 1.3, 2 * 2**30


def reference():
    """The GPT that records are checked with."""
    spec = importlib.util.spec_from_file_location("check_record", ROOT / "scripts/check_record.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def initial_values(torch):
    w, a = MODEL["width"], MODEL["heads"] * MODEL["head_size"]
    shapes = {"wte.weight": (MODEL["vocabulary"], w), "wpe.weight": (CONTEXT, w)}
    for layer in range(MODEL["layers"]):
        h = f"h.{layer}."
        for name, (rows, columns) in {"attn.c_attn": (w, 3 * a), "attn.c_proj": (a, w),
                                      "mlp.c_fc": (w, 4 * w), "mlp.c_proj": (4 * w, w)}.items():
            shapes[f"{h}{name}.weight"], shapes[f"{h}{name}.bias"] = (rows, columns), (columns,)
        for name in ("ln_1", "ln_2"):
            shapes[f"{h}{name}.weight"] = shapes[f"{h}{name}.bias"] = (w,)
    shapes["ln_f.weight"] = shapes["ln_f.bias"] = (w,)
    torch.manual_seed(1)
    return {name: (0.06 * torch.randn(shape) if len(shape) == 2 else
                   torch.full(shape, float(".ln" in name or name.startswith("ln_f")) *
                              name.endswith("weight"))).requires_grad_()
            for name, shape in shapes.items()}


def pytorch_tokens_per_second(threads, steps):
    import torch

    torch.set_num_threads(threads)
    p = initial_values(torch)
    loss_of = reference().gpt_loss
    optimizer = torch.optim.AdamW(p.values(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1)
    batches = torch.randint(0, 256, (steps + 5, SEQUENCES, CONTEXT + 1))
    for step in range(steps + 5):
        if step == 5:
            start = time.monotonic()
        optimizer.zero_grad()
        loss_of(torch, MODEL, p, batches[step, :, :-1], batches[step, :, 1:]).backward()
        torch.nn.utils.clip_grad_norm_(p.values(), 1.0)
        optimizer.step()
    return steps * SEQUENCES * CONTEXT / (time.monotonic() - start)


def strait_tokens_per_second(strait, text, islands, rounds, inner_steps):
    with tempfile.TemporaryDirectory() as folder:
        command = [strait, "run", str(ROOT / "scenarios/demo.ini"), "--network.kind", "pipe",
                   "--model.size", "xs", "--data.sequences", str(SEQUENCES), "--islands",
                   str(islands), "--rounds", str(rounds), "--run.inner_steps", str(inner_steps),
                   "--pretrain.steps", "0", "--eval.every", "0", "--data.held_out_windows", "1",
                   "--out", folder]
        if text:
            command += ["--data.text", str(pathlib.Path(text).resolve())]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        arm = json.loads(next(pathlib.Path(folder).glob("*/verdict.json")).read_text())["arms"][0]
    tokens = islands * rounds * inner_steps * SEQUENCES * CONTEXT
    return tokens / arm["wall_seconds"]["value"]


def in_a_process(function, *arguments):
    """Its own process, so that threads and memory of one contender do not meet the other."""
    code = (f"import importlib.util as u; s = u.spec_from_file_location('t', {__file__!r}); "
            f"t = u.module_from_spec(s); s.loader.exec_module(t); "
            f"print(t.{function.__name__}(*{arguments!r}))")
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True,
                                text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--strait", default=str(ROOT / "build/release/strait"))
    parser.add_argument("--text")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    ours, theirs = [], []
    print(f"load {os.getloadavg()[0]:.2f} of {os.cpu_count()} cores before")
    for _ in range(arguments.repeats):
        theirs.append(in_a_process(pytorch_tokens_per_second, 2, 60))
        ours.append(strait_tokens_per_second(arguments.strait, arguments.text, 4, 4, 15))
        print(f"PyTorch, 2 threads {theirs[-1]:8.0f} tokens/s   4 islands {ours[-1]:8.0f} tokens/s")
    ratio = statistics.median(o / t for o, t in zip(ours, theirs))
    eight = in_a_process(memory_of_islands, arguments.strait, arguments.text, 8)
    print(f"4 islands of xs train {ratio:.2f} times the tokens (goal {GOAL_RATIO}); 8 islands hold "
          f"{eight / 2**20:.0f} MiB at most (goal below {GOAL_BYTES / 2**20:.0f})")
    return 0 if ratio >= GOAL_RATIO and eight < GOAL_BYTES else 1


def memory_of_islands(strait, text, islands):
    strait_tokens_per_second(strait, text, islands, 2, 5)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())
