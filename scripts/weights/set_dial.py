"""Writes weights with another range of --vivid: the net stays the same, its config changes.

Usage: scripts/weights/set_dial.py WEIGHTS TARGET --temperature T --gain G

How sharp a net's distributions are, and how strong its colors must be at the vivid end, is only
known after training: choose both with scripts/measure/draw_curve.py KEPT TARGET... --out DIR, which
measures several side by side. TARGET is a name such as out/default.safetensors; the sha256 is added
to it.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from safetensors import safe_open

from vidcolor.nets.weights import find_weights, load_weights, save_weights


def main() -> None:
    """Read, change, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", help="a name from vidcolor weights, or a file")
    parser.add_argument("target", type=Path)
    parser.add_argument(
        "--temperature", type=float, required=True, help="temperature of the annealed mean"
    )
    parser.add_argument("--gain", type=float, required=True, help="strength at the vivid end")
    parser.add_argument("--scores", type=json.loads, default={}, help="scores to store, as JSON")
    args = parser.parse_args()
    net, _ = load_weights(args.weights)
    net.config = replace(net.config, temperature=args.temperature, gain=args.gain)
    with safe_open(find_weights(args.weights)[0], "pt") as file:
        training = json.loads(file.metadata()["training"])
    print(save_weights(net, args.target, training=training, scores=args.scores))


if __name__ == "__main__":
    main()
