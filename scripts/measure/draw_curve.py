"""Measures weights on the held-out pictures of a run, for several values of --vivid.

Usage: scripts/measure/draw_curve.py RUN WEIGHTS [WEIGHTS ...] --out DIR

RUN is a run folder of `vidcolor train`: its stills.json names the pictures. Writes into DIR
curve.json, curve.png (PSNR gain against colorfulness, beside published points) and a sheet of 48
pictures for each of the weights: gray, safe end, default, vivid end, truth.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from vidcolor.color.lab import rgb_to_lab
from vidcolor.core.system import pick_dtype
from vidcolor.evaluation.metrics import colorfulness, psnr
from vidcolor.media.images.files import read_rgb, write_rgb
from vidcolor.nets.colornet import DistributionNet, NetInput
from vidcolor.nets.weights import load_weights
from vidcolor.training.data.augment import clean_pair
from vidcolor.training.data.stills import Still, split_stills, squash
from vidcolor.training.validation import SIDE, compose, sheet

TURNS = (0.0, 0.25, 0.5, 0.7, 0.8, 0.9, 1.0)
PUBLISHED = {
    "CIC": (83, -0.3),
    "DDColor-T": (98, 0.6),
    "DDColor-L": (100, 0.9),
    "DeOldify": (56, 1.1),
}
"""Colorfulness in % of the truth's and PSNR gain in dB on ImageNet's validation pictures, where
gray is taken to have 22.98 dB: other pictures than ours, so a guide."""

Curve = list[dict[str, float]]


def kept_pictures(run: Path) -> list[Still]:
    """All that the run kept from training."""
    stills = [Still(*fields) for fields in json.loads((run / "stills.json").read_text())["stills"]]
    return split_stills(stills)[1]


@torch.inference_mode()
def measure(weights: str, stills: list[Still], target: Path) -> Curve:
    """A point for each turn of the dial; writes the sheet."""
    net, _ = load_weights(weights)
    net = net.to(memory_format=torch.channels_last)
    dtype = pick_dtype(torch.device("cpu"))
    rows: list[list[float]] = []
    strips: list[torch.Tensor] = []
    for start in range(0, len(stills), 4):
        rgb = torch.stack([squash(read_rgb(s.path), SIDE) for s in stills[start : start + 4]])
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            if isinstance(net, DistributionNet):
                heads = net.predict(NetInput(clean_pair(rgb)[0]))
                colors = [net.choose(*heads, vivid=turn) for turn in TURNS]
                colors.append(net.choose(*heads))
            else:
                colors = [net(clean_pair(rgb)[0])] * (len(TURNS) + 1)
        L = rgb_to_lab(rgb.float() / 255)[:, :1]
        pictures = [compose(L, ab) for ab in (*colors, colors[0] * 0)]
        for truth, *results in zip(rgb.float(), *pictures, strict=True):
            scores = [psnr(r, truth) for r in results]
            rows.append([*scores, *(colorfulness(r) for r in results[:-1]), colorfulness(truth)])
            shown = (results[-1], results[0], results[-2], results[-3], truth)
            strips.append(torch.cat([p[:, ::2, ::2] for p in shown], 2).round().to(torch.uint8))
    write_rgb(sheet(strips[:: max(1, len(strips) // 48)][:48], columns=3), target)
    means = torch.tensor(rows, dtype=torch.float64).mean(0).tolist()
    count = len(TURNS) + 1
    gray, truth_color = means[count], means[-1]
    return [
        {
            "vivid": turn,
            "psnr": round(means[i], 3),
            "psnr_grey": round(gray, 3),
            "gain": round(means[i] - gray, 3),
            "colorfulness": round(means[count + 1 + i], 2),
            "colorfulness_truth": round(truth_color, 2),
        }
        for i, turn in enumerate((*TURNS, getattr(net.config, "vivid", 0.0)))
    ]


def draw(curves: dict[str, Curve], target: Path) -> None:
    """PSNR gain over gray against colorfulness in % of the truth's."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for name, points in curves.items():
        share = [100 * p["colorfulness"] / p["colorfulness_truth"] for p in points]
        gain = [p["gain"] for p in points]
        axes.plot(share[:-1], gain[:-1], marker=".", label=f"vidcolor {name}, --vivid 0 to 1")
        axes.plot(share[-1:], gain[-1:], "o", color=axes.lines[-1].get_color())
    for name, (x, y) in PUBLISHED.items():
        axes.plot([x], [y], "x", color="gray")
        axes.annotate(f" {name}", (x, y), color="gray")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xlabel("colorfulness, % of the truth's (x: published, on other pictures)")
    axes.set_ylabel("PSNR above gray, dB")
    axes.grid(visible=True)
    axes.legend()
    figure.savefig(target, dpi=100)


def main() -> None:
    """Measure, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("weights", nargs="+", help="names or files of weights")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    stills = kept_pictures(args.run)
    curves: dict[str, Curve] = {}
    if (args.out / "curve.json").is_file():  # of weights that were measured before
        curves = json.loads((args.out / "curve.json").read_text())
    for weights in args.weights:
        name = Path(weights).stem.split("-")[0]
        curves[name] = measure(weights, stills, args.out / f"sheet-{name}.png")
        for point in curves[name]:
            print(name, point)
        (args.out / "curve.json").write_text(json.dumps(curves, indent=1) + "\n")
    draw(curves, args.out / "curve.png")


if __name__ == "__main__":
    main()
