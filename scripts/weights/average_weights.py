"""Writes the mean of two nets of one lineage: between two ends of a training lies a steadier net.

Usage: scripts/weights/average_weights.py FIRST SECOND TARGET --share S

TARGET is a name such as out/mean.safetensors; the sha256 is added to it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from vidcolor.nets.weights import load_weights, save_weights


def main() -> None:
    """Read, average, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("first", help="a name from vidcolor weights, or a file")
    parser.add_argument("second", help="the same; the config is taken from it")
    parser.add_argument("target", type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="of the second, 0..1")
    args = parser.parse_args()
    other, net = load_weights(args.first)[0].state_dict(), load_weights(args.second)[0]
    mean = {
        name: torch.lerp(other[name], value, args.share) if value.is_floating_point() else value
        for name, value in net.state_dict().items()
    }
    net.load_state_dict(mean)
    print(save_weights(net, args.target, training={}, scores={}))


if __name__ == "__main__":
    main()
