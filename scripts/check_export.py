#!/usr/bin/env python3
"""Checks `strait export` and model.start against Hugging Face's transformers.

Once with tokens that are bytes and once with byte pairs: trains a small GPT and exports it. From
the exported folder transformers has to compute the same logits within 1e-4 (`strait sample
--logits`), write the same greedy text, and cut the prompt into the same tokens. Another run starts
from the exported file and is recorded: the recorded losses of its first step, on batches that are
in the record, have to be those of transformers' logits within 1e-4.
Needs: pip install torch transformers (and text: see scripts/setup.sh).

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


def check_logits(model, tokenizer, sampled, prompt, file, tokens):
    """`sampled` and `file` are what `strait sample --logits` wrote: prompt and greedy text."""
    ours = load_file(file)
    ids = tokenizer(prompt)["input_ids"]
    if ours["tokens"].tolist()[:len(ids)] != ids:
        sys.exit(f"the tokenizer gives {ids}, strait {ours['tokens'].tolist()[:len(ids)]}")
    if tokenizer.decode(ids) != prompt:
        sys.exit("the tokenizer does not give the text back")
    with torch.no_grad():
        theirs = model(ours["tokens"][None]).logits[0]
    worst = (theirs - ours["logits"]).abs().max().item()
    print(f"{tuple(theirs.shape)} logits: differ by {worst:.1e} at most, are {theirs.abs().max():.1f} at most")
    if worst > 1e-4:
        sys.exit(f"logits differ by {worst}")
    written = torch.tensor([ids])
    for _ in range(tokens):
        with torch.no_grad():
            written = torch.cat([written, model(written).logits[:, -1:].argmax(-1)], dim=1)
    if written[0].tolist() != ours["tokens"].tolist():
        sys.exit(f"strait sample writes {sampled!r}, transformers {tokenizer.decode(written[0])!r}")
    return worst


def check(strait, place, text, *keys):
    """Returns the largest differences of losses and logits."""
    common = ["--network.kind", "pipe", "--pretrain.steps", "0", "--data.text", text, *keys]
    run(strait, "run", *common, "--rounds", "3", "--out", f"{place}/first")
    exported = f"{place}/exported"
    print(run(strait, "export", f"{place}/first/run-001", "--out", exported).strip())
    run(strait, "run", *common, "--rounds", "1", "--out", f"{place}/second",
        "--model.start", f"{exported}/model.safetensors", "--record", f"{place}/record")
    model = GPT2LMHeadModel.from_pretrained(exported).eval()
    losses = check_losses(model, f"{place}/record")
    tokenizer = AutoTokenizer.from_pretrained(exported)
    prompt, file = "The Grüße,  tabs\tand\nlines 0123 \u4e2d", f"{place}/logits.safetensors"
    sampled = run(strait, "sample", f"{place}/first/run-001", "--prompt", prompt, "--tokens", "20",
                  "--temperature", "0", "--logits", file)
    return losses, check_logits(model, tokenizer, sampled, prompt, file, tokens=20)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--strait", default="build/release/strait")
    parser.add_argument("--text", default="manpages")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        prepared = f"{place}/pairs"
        run(options.strait, "data", "prepare", options.text, "--out", prepared, "--vocabulary", "1024")
        results = []
        for name, text in (("bytes", options.text), ("byte pairs", prepared)):
            os.mkdir(f"{place}/{name}")
            results.append((name, *check(options.strait, f"{place}/{name}", text)))
    for name, losses, logits in results:
        print(f"export, {name}: losses within {losses:.1e}, logits within {logits:.1e}, the same tokens and text")


if __name__ == "__main__":
    main()
