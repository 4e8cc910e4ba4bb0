#!/usr/bin/env python3
"""Draws a demo run: held-out loss against time on the network and against payload bytes.

  scripts/plot_demo.py RUN_FOLDER OUT.svg       e.g. runs/demo-001 docs/demo.svg

Reads metrics.csv and verdict.json of the run folder; needs nothing but Python 3. The same run gives
the same file to the byte.
"""

import csv
import json
import math
import os
import sys
from collections import namedtuple
from html import escape

# Okabe and Ito's palette, told apart with every common colour blindness. Markers differ, too.
STYLES = [("#0072B2", "circle"), ("#D55E00", "square"), ("#007A5A", "triangle")]
INK, FAINT, GRID = "#222222", "#5a5a5a", "#e3e3e3"
WIDTH, HEIGHT = 900, 430
TOP, BOTTOM = 92, 372  # of both panels
FONT = 12
NAMES = {"diloco": "DiLoCo"}

Arm = namedtuple("Arm", "name color marker points seconds payload")  # points: (s, bytes, bits)
Box = namedtuple("Box", "left top right bottom")


# Reading ----------------------------------------------------------------------------------------


def read_arms(folder, verdict):
    """One Arm for each arm of the verdict, in its order, with the points that were evaluated."""
    points, sent = {}, {}
    with open(os.path.join(folder, "metrics.csv"), newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            sent[row["arm"]] = sent.get(row["arm"], 0) + int(row["bytes_payload"])
            if row["held_out"]:
                bits = float(row["held_out"]) / math.log(2)
                points.setdefault(row["arm"], []).append(
                    (float(row["virtual_s"]), sent[row["arm"]], bits))
    arms = []
    for arm, (color, marker) in zip(verdict["arms"], STYLES):
        arms.append(Arm(NAMES.get(arm["name"], arm["name"]), color, marker, points[arm["name"]],
                        arm["virtual_seconds"]["value"], arm["bytes"]["payload"]["value"]))
    return arms


def minutes(seconds):
    whole = math.floor(seconds + 0.5)
    return f"{whole // 60} min {whole % 60:02d} s"


def human_bytes(count):
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} B"


def title(verdict, arms):
    if "comparison" not in verdict or verdict["arms"][1]["strategy"] != "data_parallel":
        return f"{verdict['scenario']}: held-out loss"
    compared = {name: value["value"] for name, value in verdict["comparison"].items()}
    gap = arms[0].points[-1][2] - arms[1].points[-1][2]
    return (f"{arms[0].name}: {compared['payload_ratio']:.3g} times fewer payload bytes and "
            f"{compared['time_ratio']:.1f} times less time than data parallelism, "
            f"{abs(gap):.3f} bits per byte {'worse' if gap >= 0 else 'better'}")


def subtitle(verdict):
    arm = verdict["arms"][0]
    tokens = f"{arm['tokens']['value']:,}".replace(",", " ")
    return (f"{arm['islands']} islands, {arm['rounds']} rounds of {arm['inner_steps_per_round']} "
            f"inner steps, {tokens} tokens after a shared start, emulated links, seed "
            f"{verdict['seed']}: one run")


# Axes -------------------------------------------------------------------------------------------


def round_step(span, count):
    """The step of 1, 2 or 5 times a power of ten that cuts `span` into about `count` parts."""
    power = 10 ** math.floor(math.log10(span / count))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= span / count * 0.999)


class Linear:
    def __init__(self, low, high, begin, end, step):
        self.low, self.high, self.begin, self.end = low, high, begin, end
        first = math.ceil(low / step - 1e-9)
        self.ticks = [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]

    def at(self, value):
        return self.begin + (value - self.low) / (self.high - self.low) * (self.end - self.begin)


class Log(Linear):
    def __init__(self, low, high, begin, end):
        super().__init__(math.log10(low), math.log10(high), begin, end, 1)
        decades = range(math.floor(self.low), math.ceil(self.high))
        self.ticks = [m * 10 ** d for d in decades for m in (1, 3) if low <= m * 10 ** d <= high]

    def at(self, value):
        return super().at(math.log10(value))


# Drawing ----------------------------------------------------------------------------------------


def text(x, y, words, size=FONT, color=INK, anchor="start", weight="normal", extra=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}" '
            f'text-anchor="{anchor}" font-weight="{weight}"{extra}>{escape(words)}</text>')


def line(x1, y1, x2, y2, color, width=1.0, dash=""):
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" '
            f'stroke-width="{width:g}"{dashes}/>')


def marker(shape, x, y, color):
    edge = f'fill="{color}" stroke="white" stroke-width="1"'
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6" {edge}/>'
    if shape == "square":
        return f'<rect x="{x - 3.2:.1f}" y="{y - 3.2:.1f}" width="6.4" height="6.4" {edge}/>'
    return f'<path d="M{x:.1f} {y - 4.4:.1f}l4.2 7.4h-8.4z" {edge}/>'


def width_of(words):
    return 0.5 * FONT * len(words)  # generous for sans-serif fonts


def crosses(box, a, b):
    """Whether the segment from a to b comes into the box; by samples, which is exact enough."""
    for i in range(41):
        x, y = a[0] + (b[0] - a[0]) * i / 40, a[1] + (b[1] - a[1]) * i / 40
        if box.left <= x <= box.right and box.top <= y <= box.bottom:
            return True
    return False


def overlap(a, b):
    return a.left < b.right and b.left < a.right and a.top < b.bottom and b.top < a.bottom


class Panel:
    """One coordinate system: lines first, then labels where they touch nothing."""

    def __init__(self, frame, x, y, ticks):
        self.frame, self.x, self.y = frame, x, y
        self.parts, self.segments, self.boxes = [], [], []
        for value in y.ticks:
            self.parts.append(line(frame.left, y.at(value), frame.right, y.at(value), GRID))
        for value, words in ticks:
            self.parts.append(line(x.at(value), frame.bottom, x.at(value), frame.bottom + 4, FAINT))
            self.parts.append(text(x.at(value), frame.bottom + 18, words, color=FAINT,
                                   anchor="middle"))
        self.parts.append(line(frame.left, frame.bottom, frame.right, frame.bottom, FAINT))

    def curve(self, arm, points):
        places = [(self.x.at(px), self.y.at(py)) for px, py in points]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in places)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{arm.color}" '
                          f'stroke-width="2" stroke-linejoin="round"/>')
        self.parts += [marker(arm.marker, px, py, arm.color) for px, py in places]
        self.segments += list(zip(places, places[1:]))
        return places[-1]

    def dashed(self, a, b, color):
        ends = [(self.x.at(px), self.y.at(py)) for px, py in (a, b)]
        self.parts.append(line(*ends[0], *ends[1], color, 1, "3 4"))
        self.segments.append(tuple(ends))

    def label(self, end, words, color):
        """Lines of text at the place nearest to the end of a curve where they touch nothing."""
        wide, tall = max(map(width_of, words)), 15 * len(words)
        nearest = None
        best = Box(end[0] + 9, end[1] - tall / 2, end[0] + 9 + wide, end[1] + tall / 2)
        for left in range(int(end[0] - wide) - 40, int(end[0]) + 49, 4):
            for top in range(int(end[1] - tall) - 72, int(end[1]) + 73, 3):
                box = Box(left, top, left + wide, top + tall)
                across = max(box.left - end[0], end[0] - box.right, 0)
                along = max(box.top - end[1], end[1] - box.bottom, 0)
                # Beside the end is better than above or below it, centred better than not.
                far = (math.hypot(across, 1.5 * along) +
                       0.02 * abs(box.left + box.right - 2 * end[0]) * (across == 0) +
                       0.2 * abs(box.top + box.bottom - 2 * end[1]))
                if (nearest is None or far < nearest) and self.free(box):
                    best, nearest = box, far
        self.boxes.append(best)
        for i, (one, weight) in enumerate(zip(words, ("bold", "normal", "normal"))):
            self.parts.append(text(best.left, best.top + 12 + 15 * i, one, color=color,
                                   weight=weight))

    def free(self, box):
        inside = (box.left >= self.frame.left + 2 and box.right <= self.frame.right + 4 and
                  box.top >= self.frame.top and box.bottom <= self.frame.bottom - 3)
        wide = Box(box.left - 7, box.top - 5, box.right + 7, box.bottom + 5)  # room for markers
        return (inside and not any(overlap(wide, other) for other in self.boxes) and
                not any(crosses(wide, a, b) for a, b in self.segments))


def label_words(arm, cost):
    return [arm.name, f"{arm.points[-1][2]:.2f}, {cost}"]


def same_loss(panel, verdict, arms):
    """A dashed line from where the first arm ends to where the second has the same loss."""
    reached = [arm.get("time_to_loss", {}).get("virtual_seconds") for arm in verdict["arms"][:2]]
    if len(reached) < 2 or None in reached:
        return
    bits = verdict["arms"][0]["time_to_loss"]["loss"] / math.log(2)
    begin, end = sorted(time["value"] for time in reached)
    panel.dashed((begin / 60, bits), (end / 60, bits), FAINT)
    middle = (panel.x.at((begin + end) / 120), panel.y.at(bits))
    words = f"{bits:.2f} after {minutes(begin)} and {minutes(end)}"
    panel.parts.append(text(middle[0], middle[1] + 14, words, color=FAINT, anchor="middle"))
    half = width_of(words) / 2
    panel.boxes.append(Box(middle[0] - half, middle[1] + 1, middle[0] + half, middle[1] + 16))


def time_panel(verdict, arms, y, frame):
    longest = max(arm.seconds for arm in arms) / 60
    step = round_step(longest, 6)
    x = Linear(0, longest * 1.04, frame.left, frame.right, step)
    panel = Panel(frame, x, y, [(tick, f"{tick:g}") for tick in x.ticks])
    ends = [panel.curve(arm, [(s / 60, bits) for s, _, bits in arm.points]) for arm in arms]
    same_loss(panel, verdict, arms)
    for arm, end in zip(arms, ends):
        panel.label(end, label_words(arm, minutes(arm.seconds)), arm.color)
    panel.parts.append(text((frame.left + frame.right) / 2, frame.bottom + 38,
                            "time on the emulated network, minutes", anchor="middle"))
    return panel


def bytes_panel(arms, y, frame):
    talking = [arm for arm in arms if arm.payload > 0]
    silent = [arm for arm in arms if arm.payload == 0]
    sent = [count for arm in talking for _, count, _ in arm.points if count > 0]
    x = Log(min(sent), max(sent), frame.left + 28, frame.right - 100)  # room for labels
    panel = Panel(frame, x, y, [(tick, human_bytes(tick)) for tick in x.ticks])
    ends = [panel.curve(arm, [(count, bits) for _, count, bits in arm.points if count > 0])
            for arm in talking]
    for arm, end in zip(talking, ends):
        panel.label(end, label_words(arm, human_bytes(arm.payload)), arm.color)
    for arm in silent:
        at = y.at(arm.points[-1][2])
        panel.parts.append(marker(arm.marker, frame.left + 6, at, arm.color))
        panel.label((frame.left + 6, at), label_words(arm, "nothing sent"), arm.color)
    panel.parts.append(text((frame.left + frame.right) / 2, frame.bottom + 38,
                            "payload sent by all islands (log scale)", anchor="middle"))
    return panel


def picture(verdict, arms):
    bits = [point[2] for arm in arms for point in arm.points]
    step = round_step(max(bits) - min(bits), 5)
    low, high = math.floor(min(bits) / step - 0.3) * step, math.ceil(max(bits) / step) * step
    y = Linear(low, high, BOTTOM, TOP, step)
    panels = [time_panel(verdict, arms, y, Box(62, TOP, 452, BOTTOM)),
              bytes_panel(arms, y, Box(486, TOP, 876, BOTTOM))]
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
             f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
             f'font-family="Helvetica, Arial, sans-serif">',
             f"<title>{escape(title(verdict, arms))}</title>",
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
             text(24, 32, title(verdict, arms), 14, weight="bold"),
             text(24, 54, subtitle(verdict), FONT, FAINT),
             text(24, TOP - 12, "held-out loss, bits per byte", FONT)]
    for value in y.ticks:
        parts.append(text(54, y.at(value) + 4, f"{value:.1f}", color=FAINT, anchor="end"))
    for panel in panels:
        parts += panel.parts
    return "\n".join(parts + ["</svg>"]) + "\n"


def main(arguments):
    if len(arguments) != 2 or arguments[0] in ("-h", "--help"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    folder, out = arguments
    with open(os.path.join(folder, "verdict.json"), encoding="utf-8") as file:
        verdict = json.load(file)
    svg = picture(verdict, read_arms(folder, verdict))
    with open(out + ".tmp", "w", encoding="utf-8") as file:
        file.write(svg)
    os.replace(out + ".tmp", out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
