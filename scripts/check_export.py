#!/usr/bin/env python3
"""Checks `strait export` and model.start against Hugging Face's transformers.

Trains a small GPT, exports it, starts another run from the exported file and records it: the
recorded losses of the first step are Strait's on batches that are in the record. transformers
computes them from the exported folder; the logits' loss has to agree within 1e-4. The exported
tokenizer has to give bytes. Needs: pip install torch transformers (and text: see scripts/setup.sh).

usage: check_export.py [--strait build/release/strait] [--text FOLDER]
"""

import argparse
import csv
import glob
import os
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, GPT2LMHeadModel


def run(strait, *words):
    done = subprocess.run([strait, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"strait {' '.join(words)}: exit code {done.returncode}: {done.stderr}")
    return done.stdout


def check_losses(model, record):
    worst = 0.0
    for folder in sorted(glob.glob(f"{record}/island_*")):
        batches = load_file(f"{folder}/batches.safetensors")
        with open(f"{folder}/steps.csv", newline="") as file:
            ours = float(next(csv.DictReader(file))["loss"])
        with torch.no_grad():
            logits = model(batches["inputs"][0]).logits
        theirs = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), batches["targets"][0].flatten()).item()
        worst = max(worst, abs(ours - theirs))
        print(f"{os.path.basename(folder)}: loss {ours:.6f} here, {theirs:.6f} in transformers")
    if worst > 1e-4:
        sys.exit(f"losses differ by {worst}")
    return worst


def check_tokenizer(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    text = "Grüße,  tabs\tand\nlines 0123 \u00e9\u4e2d"
    ids = tokenizer(text)["input_ids"]
    if ids != list(text.encode()):
        sys.exit(f"the tokenizer gives {ids}")
    if tokenizer.decode(ids) != text:
        sys.exit("the tokenizer does not give the text back")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--strait", default="build/release/strait")
    parser.add_argument("--text", default="manpages")
    options = parser.parse_args()
    common = ["--network.kind", "pipe", "--data.text", options.text, "--pretrain.steps", "0"]
    with tempfile.TemporaryDirectory() as place:
        run(options.strait, "run", *common, "--rounds", "3", "--out", f"{place}/first")
        exported = f"{place}/exported"
        print(run(options.strait, "export", f"{place}/first/run-001", "--out", exported).strip())
        run(options.strait, "run", *common, "--rounds", "1", "--out", f"{place}/second",
            "--model.start", f"{exported}/model.safetensors", "--record", f"{place}/record")
        model = GPT2LMHeadModel.from_pretrained(exported).eval()
        worst = check_losses(model, f"{place}/record")
        check_tokenizer(exported)
        greedy = run(options.strait, "sample", f"{place}/first/run-001", "--prompt", "The ",
                     "--tokens", "20", "--temperature", "0")
        ids = torch.tensor([list(b"The ")])
        for _ in range(20):
            with torch.no_grad():
                ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], dim=1)
        if bytes(ids[0].tolist()) + b"\n" != greedy.encode(errors="surrogateescape"):
            sys.exit(f"strait sample writes {greedy!r}, transformers {bytes(ids[0].tolist())!r}")
    print(f"export: losses within {worst:.1e}, tokens are bytes, the same greedy text")


if __name__ == "__main__":
    main()
