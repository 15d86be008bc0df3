"""Prints the input ranges of the convolutions of weights, as a block for models/weights.toml.

Usage: scripts/measure/ranges.py WEIGHTS STILLS [--pictures 120]

STILLS is a folder of photographs. With the block below their entry, the weights run in 8-bit
integers on CPUs that support it (vidcolor/nets/int8.py).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from vidcolor.core.paths import PICTURE_SUFFIXES
from vidcolor.media.images.files import read_rgb
from vidcolor.nets.optimize import measure_ranges
from vidcolor.nets.weights import load_weights
from vidcolor.training.data.augment import clean_pair
from vidcolor.training.data.stills import squash
from vidcolor.training.validation import SIDE


def main() -> None:
    """Measure the ranges over photographs evenly chosen, and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", help="a name from vidcolor weights, or a file")
    parser.add_argument("stills", type=Path, help="folder of photographs")
    parser.add_argument("--pictures", type=int, default=120, help="number of photographs to use")
    args = parser.parse_args()
    paths = sorted(p for p in args.stills.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES)
    if not paths:
        raise SystemExit(f"{args.stills} holds no photograph; name a folder of them")
    count = min(args.pictures, len(paths))
    chosen = (paths[i * len(paths) // count] for i in range(count))
    pictures = [clean_pair(squash(read_rgb(path), SIDE)[None])[0] for path in chosen]
    ranges = measure_ranges(load_weights(args.weights)[0], pictures)
    print(f"# What goes into its convolutions, over {count} photographs, for 8-bit integers.")
    print("[weights.ranges]")
    for conv, (low, high) in ranges.items():
        print(f'"{conv}" = [{low:.5g}, {high:.5g}]')


if __name__ == "__main__":
    main()
