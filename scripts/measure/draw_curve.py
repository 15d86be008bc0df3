"""Measures weights on pictures of sources that no training saw, for several values of --vivid.

Usage: scripts/measure/draw_curve.py KEPT WEIGHTS [WEIGHTS ...] --out DIR [--most N]

KEPT is a folder with one folder of pictures per source, or a run folder of `vidcolor train --keep`.
Prints, for each source and for the mean over the sources, with 95 % intervals: the gain of PSNR
over gray and the colorfulness in % of the truth's, and the difference to the first weights at equal
colorfulness; then the Fréchet distance at equal colorfulness. Writes into DIR curve.png, a sheet of
48 pictures for each of the weights (gray, safe end, default, vivid end, truth) and curve.json, so
that nothing is measured twice.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from kept_sources import (
    FrechetYardstick,
    Record,
    Sources,
    count_pictures,
    digest_of,
    kept_pictures,
    mean_of,
    measure,
)
from resampled_curves import MEAN, Array, Curve, curves_of, gain_at, interval_of

from vidcolor.core.paths import cache_folder
from vidcolor.evaluation.evaluate import FRECHET_MIN_FRAMES
from vidcolor.nets.weights import load_weights

SHARES = (50, 60, 66, 75, 80, 90, 97)
"""Colorfulness, in % of the truth's, at which weights are compared."""
PUBLISHED = {
    "CIC": (83, -0.3),
    "DDColor-T": (98, 0.6),
    "DDColor-L": (100, 0.9),
    "DeOldify": (56, 1.1),
}
"""Colorfulness in % of the truth's and PSNR gain in dB on ImageNet's validation pictures, where
gray is taken to have 22.98 dB: other pictures than ours, so a guide."""
COLUMNS = 4
"""Small panels side by side."""

Curves = dict[str, dict[str, Curve]]
"""Weights -> source -> curve."""


def measure_all(
    weights: list[str], sources: Sources, out: Path
) -> tuple[dict[str, Record], float | None]:
    """What was measured of each of the weights, now or before; the Fréchet distance of gray."""
    file, digest = out / "curve.json", digest_of(sources)
    known: dict[str, Any] = {"gray": {}, "weights": {}}
    if file.is_file():
        known |= json.loads(file.read_text())
    yardstick: FrechetYardstick | None = None
    records: dict[str, Record] = {}
    for name in weights:
        net, sha256 = load_weights(name)
        key, label = f"{sha256} {digest}", Path(name).stem
        if key not in known["weights"]:
            print(f"measuring {label} on {count_pictures(sources)} pictures", file=sys.stderr)
            yardstick = yardstick or FrechetYardstick.of(sources)
            net = net.to(memory_format=torch.channels_last)
            record = measure(net, sources, yardstick, out / f"sheet-{label}.png")
            known["weights"][key] = record.to_json()
            known["gray"][digest] = yardstick.gray_distance() if yardstick else None
            file.write_text(json.dumps(known) + "\n")
        records[label] = Record.from_json(known["weights"][key])
    return records, known["gray"][digest]


def print_curves(name: str, record: Record, curves: dict[str, Curve]) -> None:
    """A table: gain and colorfulness at each turn of the dial."""
    print(f"\n{name}: at each turn of the dial; in brackets 95 % intervals\n")
    print("| source | --vivid | gain over gray, dB | colorfulness, % of the truth's |")
    print("|--|--|--|--|")
    for source, curve in curves.items():
        for turn, gain, share in zip(record.turns, curve.gain.T, curve.share.T, strict=True):
            usual = " (default)" if turn == record.vivid else ""
            print(f"| {source} | {turn:g}{usual} | {cell(gain)} | {cell(share, '.0f')} |")


def print_differences(name: str, curves: dict[str, Curve], first: str, base: Curves) -> None:
    """A table: how much more the weights gain than the first ones, where both reach."""
    print(f"\n{name} compared with {first} at equal colorfulness; the same pictures are drawn\n")
    print(f"| source | colorfulness, % | {first}, dB | {name}, dB | difference, dB |")
    print("|--|--|--|--|--|")
    for source, curve in curves.items():
        for share in SHARES:
            old, new = gain_at(base[first][source], share), gain_at(curve, share)
            if old is not None and new is not None:
                cells = " | ".join(map(cell, (old, new, new - old)))
                print(f"| {source} | {share} | {cells} |")


def print_frechet(records: dict[str, Record], gray: float | None, count: int) -> None:
    """A table: the Fréchet distance of all pictures with their chroma at the truth's mean."""
    if gray is None:
        print(f"\nno Fréchet distance: {count} pictures, but it needs {FRECHET_MIN_FRAMES}")
        return
    print(
        f"\nFréchet distance at the truth's colorfulness, lower is better; N = {count}: compare it"
        " only on the same pictures"
    )
    print(f"\n| weights | distance |\n|--|--|\n| gray | {gray:.1f} |")
    for name, record in records.items():
        print(f"| {name} | {record.frechet:.1f} |")


def cell(values: Array, form: str = "+.2f") -> str:
    """The value of all pictures and its interval."""
    low, high = interval_of(values)
    return f"{values[0]:{form}} [{low:{form}}, {high:{form}}]"


def draw(records: dict[str, Record], curves: Curves, target: Path) -> None:
    """The mean of the sources large, beside published points, and each source small."""
    from matplotlib.figure import Figure

    sources = [name for name in next(iter(curves.values())) if name != MEAN]
    rows = -(-len(sources) // COLUMNS)
    columns = min(COLUMNS, len(sources))
    figure = Figure(figsize=(10, 5.5 + 2.6 * rows), layout="constrained")
    grid = figure.add_gridspec(rows + 1, columns, height_ratios=[5, *[2.4] * rows])
    mean = figure.add_subplot(grid[0, :])
    draw_panel(mean, records, curves, MEAN)
    for name, (x, y) in PUBLISHED.items():
        mean.plot([x], [y], "x", color="gray")
        mean.annotate(f"{name} ", (x, y), color="gray", ha="right", va="bottom")
    mean.set_title("mean over the sources, with 95 % intervals (x: published, on other pictures)")
    mean.set_xlabel("colorfulness, % of the truth's")
    mean.set_ylabel("PSNR over gray, dB")
    mean.legend(loc="lower left")
    small = None
    for number, source in enumerate(sources):
        place = grid[1 + number // COLUMNS, number % COLUMNS]
        small = figure.add_subplot(place, sharex=small, sharey=small)
        draw_panel(small, records, curves, source)
        small.set_title(source, fontsize="medium")
    figure.savefig(target, dpi=100)


def draw_panel(axes: Any, records: dict[str, Record], curves: Curves, source: str) -> None:
    """The curve of each of the weights; a disk is where the dial stands by default."""
    for name, record in records.items():
        curve = curves[name][source]
        share, gain = curve.share[0], curve.gain[0]
        (line,) = axes.plot(share, gain, marker=".", label=f"{name}, --vivid 0 to 1")
        usual = record.turns.index(record.vivid)
        axes.plot(share[usual], gain[usual], "o", markersize=8, color=line.get_color())
        steps = np.linspace(share.min(), share.max(), 60)
        found = [gain_at(curve, float(step)) for step in steps]
        bounds = [interval_of(values) for values in found if values is not None]
        axes.fill_between(steps, *zip(*bounds, strict=True), color=line.get_color(), alpha=0.2)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.grid(visible=True, alpha=0.5)


def main() -> None:
    """Measure, write, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("kept", type=Path, help="folder of sources, or a run that kept some")
    parser.add_argument("weights", nargs="+", help="names or files of weights")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--most", type=int, metavar="N", help="pictures of a source (default all)")
    args = parser.parse_args()
    if args.most is not None and args.most < 1:
        parser.error("--most must be 1 or more")
    if len({Path(name).stem for name in args.weights}) < len(args.weights):
        parser.error("two of the weights have the same name; rename one")
    args.out.mkdir(parents=True, exist_ok=True)
    sources, skipped = kept_pictures(args.kept, cache_folder(), args.most)
    print("left out: " + (", ".join(f"{n} {why}" for why, n in skipped.items() if n) or "none"))
    records, gray = measure_all(args.weights, sources, args.out)
    curves = {name: curves_of(record.sources) for name, record in records.items()}
    first, *others = curves
    for source, scores in records[first].sources.items():
        values = scores.psnr_gray
        print(f"{source}: {len(values)} pictures, gray has {mean_of(values):.2f} dB")
    for name, record in records.items():
        print_curves(name, record, curves[name])
    for name in others:
        print_differences(name, curves[name], first, curves)
    print_frechet(records, gray, count_pictures(sources))
    draw(records, curves, args.out / "curve.png")


if __name__ == "__main__":
    main()
