#!/usr/bin/env python3
"""Repeats a recorded run (strait run --record DIR) from its files alone: docs/RECORD.md.

    scripts/check_record.py DIR [--no-torch]

With numpy: how members, weights and steps are numbered, that who made no step has not moved, and
every outer step. With PyTorch, where it can be imported, also every inner step: loss, gradient norm
and parameters. Prints the largest errors; exit code 1 if one is too large, 2 if there is no record.
"""

import argparse
import csv
import json
import math
import pathlib
import sys

import numpy as np

# Of the size of what is compared. The outer step is a few fp32 roundings; inner steps are as many
# as a round has, in another order of additions.
OUTER_TOLERANCE = 2e-6
INNER_TOLERANCE = 2e-3
LOSS_TOLERANCE = 1e-4

DTYPES = {"F32": np.float32, "I64": np.int64}


class Wrong(Exception):
    """The record contradicts itself."""


def require(true, what):
    if not true:
        raise Wrong(what)


def read_safetensors(path):
    data = path.read_bytes()
    head = int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + head]).items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[8 + head + begin : 8 + head + end], DTYPES[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return tensors


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


class Record:
    def __init__(self, folder):
        self.folder = folder
        self.manifest = json.loads((folder / "manifest.json").read_text())
        require(self.manifest["format"] == 1, "format is not 1")
        self.islands = range(self.manifest["islands"])
        self.rounds = range(1, self.manifest["rounds"] + 1)
        self.initial = read_safetensors(folder / "initial.safetensors")
        self.names = list(self.initial)
        self.steps = [read_csv(folder / f"island_{i:03}/steps.csv") for i in self.islands]
        self.members = {r: self.read_members(r) for r in self.rounds}

    def read_members(self, round):
        rows = read_csv(self.folder / f"round_{round:04}/members.csv")
        return [{key: float(value) for key, value in row.items()} for row in rows]

    def parameters(self, round, who):
        """`who`: an island's number, or "shared"; round 0 is what all start from."""
        if round == 0:
            return self.initial
        name = who if who == "shared" else f"island_{who:03}"
        tensors = read_safetensors(self.folder / f"round_{round:04}/{name}.safetensors")
        require(list(tensors) == self.names or set(tensors) == set(self.names),
                f"round {round}, {name}: other parameters than at the start")
        return tensors

    def start(self, round, island):
        """What the island's steps of this round start from."""
        if round == 1:
            return self.initial
        received = self.members[round - 1][island]["received"] == 1
        return self.parameters(round - 1, "shared" if received else island)

    def steps_of(self, round, island):
        return [s for s in self.steps[island] if int(s["round"]) == round]


def flat(tensors, names):
    return np.concatenate([tensors[name].ravel() for name in names])


def check_members(record):
    for round, rows in record.members.items():
        at = f"round {round}, members.csv"
        require([int(row["island"]) for row in rows] == list(record.islands),
                f"{at}: not one row for each island in order")
        total = sum(row["weight"] for row in rows if row["contributed"] == 1)
        require(abs(total - 1) < 1e-6, f"{at}: weights sum to {total}")
        for row in rows:
            require(row["contributed"] in (0, 1) and row["received"] in (0, 1), f"{at}: not 0 or 1")
            require((row["weight"] > 0) == (row["contributed"] == 1),
                    f"{at}: island {row['island']:.0f} has weight {row['weight']}")
        require(any(row["received"] for row in rows), f"{at}: nobody received anything")


def check_steps(record):
    for island in record.islands:
        rows, at = record.steps[island], f"island {island}"
        require([int(row["step"]) for row in rows] == list(range(len(rows))),
                f"{at}: steps are not counted from 0")
        rounds = [int(row["round"]) for row in rows]
        require(rounds == sorted(rounds) and all(r in record.rounds for r in rounds),
                f"{at}: rounds of steps are out of order")
        batches = read_safetensors(record.folder / f"island_{island:03}/batches.safetensors")
        inputs, targets = batches["inputs"], batches["targets"]
        context = record.manifest["model"]["context"]
        require(inputs.shape == targets.shape and inputs.shape[0] == len(rows)
                and inputs.shape[2] == context, f"{at}: batches of shape {inputs.shape}")
        require((inputs[:, :, 1:] == targets[:, :, :-1]).all(),
                f"{at}: targets are not the inputs moved on by one")
        most = max(inputs.max(initial=0), targets.max(initial=0))
        require(0 <= inputs.min(initial=0) and most < record.manifest["model"]["vocabulary"],
                f"{at}: tokens outside of the vocabulary")


def check_unmoved(record):
    """Who makes no step has the bits that it started from."""
    count = 0
    for round in record.rounds:
        for island in record.islands:
            if record.steps_of(round, island):
                continue
            count += 1
            start, own = record.start(round, island), record.parameters(round, island)
            require(all((start[n] == own[n]).all() for n in record.names),
                    f"round {round}: island {island} made no step and has moved")
    return count


def outer_rate(outer, round, rounds):
    behind = (round - 1) / rounds
    schedule = outer.get("schedule", "constant")
    if schedule == "cosine":
        return outer["lr"] * (1 + math.cos(math.pi * behind)) / 2
    return outer["lr"] * (1 - behind) if schedule == "linear" else outer["lr"]


def repeat_outer_steps(record):
    """The largest error of a shared parameter, relative to the largest one."""
    outer, worst = record.manifest["outer"], 0.0
    shared = flat(record.initial, record.names).astype(np.float64)
    first, second = np.zeros_like(shared), np.zeros_like(shared)
    for round in record.rounds:
        delta = np.zeros_like(shared)
        for row in record.members[round]:
            if row["contributed"] != 1:
                continue
            own = flat(record.parameters(round, int(row["island"])), record.names)
            delta += row["weight"] * (shared - own)
        lr = outer_rate(outer, round, len(record.rounds))
        if outer["name"] == "sgd":
            step = delta
        elif outer["name"] == "adam":
            first = outer["beta1"] * first + (1 - outer["beta1"]) * delta
            second = outer["beta2"] * second + (1 - outer["beta2"]) * delta**2
            root = np.sqrt(second / (1 - outer["beta2"] ** round))
            step = first / (1 - outer["beta1"] ** round) / (root + outer["epsilon"])
        else:
            first = outer["momentum"] * first + delta
            step = first if outer["name"] == "momentum" else delta + outer["momentum"] * first
        recorded = flat(record.parameters(round, "shared"), record.names).astype(np.float64)
        worst = max(worst, np.abs(recorded - (shared - lr * step)).max() / np.abs(recorded).max())
        shared = recorded
    return worst


def repeat_means(record):
    """Data parallelism: what is shared is what every island has."""
    worst = 0.0
    for round in record.rounds:
        shared = flat(record.parameters(round, "shared"), record.names)
        for island in record.islands:
            own = flat(record.parameters(round, island), record.names)
            worst = max(worst, float(np.abs(shared - own).max()))
    return worst


# --- inner steps, with PyTorch ---


def gpt_loss(torch, model, p, inputs, targets):
    """Mean cross-entropy of GPT-2's form, with parameters by name."""
    F = torch.nn.functional
    heads, size = model["heads"], model["head_size"]
    batch, length = inputs.shape

    def norm(x, name):
        return F.layer_norm(x, x.shape[-1:], p[name + ".weight"], p[name + ".bias"], eps=1e-5)

    def linear(x, name):
        return x @ p[name + ".weight"] + p[name + ".bias"]

    x = p["wte.weight"][inputs] + p["wpe.weight"][:length]
    for layer in range(model["layers"]):
        h = f"h.{layer}."
        q, k, v = linear(norm(x, h + "ln_1"), h + "attn.c_attn").split(heads * size, dim=-1)
        q, k, v = (t.view(batch, length, heads, size).transpose(1, 2) for t in (q, k, v))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + linear(mixed.transpose(1, 2).reshape(batch, length, -1), h + "attn.c_proj")
        hidden = F.gelu(linear(norm(x, h + "ln_2"), h + "mlp.c_fc"), approximate="tanh")
        x = x + linear(hidden, h + "mlp.c_proj")
    logits = norm(x, "ln_f") @ p["wte.weight"].T
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


class InnerOptimizer:
    """PyTorch's own AdamW or SGD over an island's parameters."""

    def __init__(self, torch, record, p):
        self.torch, self.inner, self.p = torch, record.manifest["inner"], p
        decayed = set(self.inner["decayed"])
        groups = [{"params": [t for n, t in p.items() if n in decayed],
                   "weight_decay": self.inner["weight_decay"]},
                  {"params": [t for n, t in p.items() if n not in decayed], "weight_decay": 0.0}]
        if self.inner["name"] == "adamw":
            self.optimizer = torch.optim.AdamW(groups, lr=1, eps=self.inner["epsilon"],
                                               betas=(self.inner["beta1"], self.inner["beta2"]))
        else:  # decay is decoupled here, too
            self.optimizer = torch.optim.SGD([{**g, "weight_decay": 0.0} for g in groups], lr=1)
            self.decayed = groups[0]["params"]

    def restore(self, folder):
        path = folder / "inner_state.safetensors"
        if not path.exists() or self.inner["name"] != "adamw":
            return
        state = read_safetensors(path)
        for name, tensor in self.p.items():
            self.optimizer.state[tensor] = {
                "step": self.torch.tensor(float(state["step"])),
                "exp_avg": self.torch.tensor(state["m." + name].copy()),
                "exp_avg_sq": self.torch.tensor(state["v." + name].copy())}

    def step(self, lr):
        """The norm of the gradient before clipping."""
        torch = self.torch
        norm = torch.sqrt(sum((t.grad.double() ** 2).sum() for t in self.p.values())).item()
        clip = self.inner["clip_norm"]
        if clip > 0 and clip / (norm + 1e-6) < 1:
            for tensor in self.p.values():
                tensor.grad.mul_(clip / (norm + 1e-6))
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        if self.inner["name"] == "sgd":
            with torch.no_grad():
                for tensor in self.decayed:
                    tensor.mul_(1 - lr * self.inner["weight_decay"])
        self.optimizer.step()
        return norm


def repeat_inner_steps(torch, record):
    """Largest relative errors: of losses, of norms, and of the way that an island has come in a
    round (in the L2 norm); and the largest error of a single parameter."""
    worst = {"loss": 0.0, "norm": 0.0, "way": 0.0, "parameter": 0.0}
    reset = record.manifest["inner"].get("at_outer_step", "keep") == "reset"
    for island in record.islands:
        batches = read_safetensors(record.folder / f"island_{island:03}/batches.safetensors")
        p = {n: torch.tensor(record.initial[n].copy(), requires_grad=True) for n in record.names}
        optimizer = InnerOptimizer(torch, record, p)
        optimizer.restore(record.folder)
        for round in record.rounds:
            if reset and round > 1 and record.members[round - 1][island]["received"] == 1:
                optimizer = InnerOptimizer(torch, record, p)
            start, rows = record.start(round, island), record.steps_of(round, island)
            with torch.no_grad():
                for name, tensor in p.items():
                    tensor.copy_(torch.tensor(start[name].copy()))
            for row in rows:
                inputs, targets = (torch.tensor(batches[n][int(row["step"])].copy())
                                   for n in ("inputs", "targets"))
                for tensor in p.values():
                    tensor.grad = None
                loss = gpt_loss(torch, record.manifest["model"], p, inputs, targets)
                loss.backward()
                if record.manifest["strategy"] != "data_parallel":
                    norm = optimizer.step(float(row["lr"]))
                    recorded = float(row["grad_norm"])
                    worst["norm"] = max(worst["norm"], abs(norm / recorded - 1))
                worst["loss"] = max(worst["loss"], abs(loss.item() / float(row["loss"]) - 1))
                if record.manifest["strategy"] == "data_parallel":
                    break  # the mean gradient of all islands: only the first loss can be repeated
            if not rows or record.manifest["strategy"] == "data_parallel":
                continue
            own = flat(record.parameters(round, island), record.names).astype(np.float64)
            ours = flat({n: t.detach().numpy() for n, t in p.items()}, record.names)
            way = np.linalg.norm(own - flat(start, record.names))
            worst["way"] = max(worst["way"], np.linalg.norm(ours - own) / way)
            worst["parameter"] = max(worst["parameter"], np.abs(ours - own).max())
    return worst


def check(folder, with_torch):
    record = Record(folder)
    check_members(record)
    check_steps(record)
    unmoved = check_unmoved(record)
    steps = sum(len(rows) for rows in record.steps)
    away = sum(1 for rows in record.members.values() for row in rows if not row["received"])
    print(f"record     {len(record.rounds)} rounds, {len(record.islands)} islands, {steps} steps; "
          f"{unmoved} times no step was made, {away} times nothing received")
    if record.manifest["strategy"] == "data_parallel":
        error = repeat_means(record)
    else:
        error = repeat_outer_steps(record)
    exact = record.manifest["codec"] == "fp32"
    print(f"outer      largest error {error:.2e}" + ("" if exact else ", by a lossy codec"))
    require(not exact or error <= OUTER_TOLERANCE, f"outer steps differ by {error:.2e}")
    if not with_torch:
        return
    try:
        import torch
    except ImportError as error:
        print(f"inner      not repeated: {error}")
        return
    torch.set_num_threads(1)
    worst = repeat_inner_steps(torch, record)
    print(f"inner      largest error of a loss {worst['loss']:.2e}, of a norm {worst['norm']:.2e}, "
          f"of the way in a round {worst['way']:.2e}, of a parameter {worst['parameter']:.2e}")
    require(worst["loss"] <= LOSS_TOLERANCE, "losses differ")
    require(worst["norm"] <= INNER_TOLERANCE, "gradient norms differ")
    require(worst["way"] <= INNER_TOLERANCE, "inner steps differ")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--no-torch", action="store_true", help="outer steps and tables only")
    arguments = parser.parse_args()
    if not (arguments.folder / "manifest.json").exists():
        print(f"check_record: no record in {arguments.folder}", file=sys.stderr)
        return 2
    try:
        check(arguments.folder, not arguments.no_torch)
    except Wrong as wrong:
        print(f"check_record: {arguments.folder}: {wrong}", file=sys.stderr)
        return 1
    print("right")
    return 0


if __name__ == "__main__":
    sys.exit(main())
