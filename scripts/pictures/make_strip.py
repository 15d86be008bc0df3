"""Draw frames of two films one above the other, such as a film and its colored version.

python scripts/pictures/make_strip.py BEFORE.mp4 AFTER.mp4 docs/newsreel.jpg --at 4 6 11.5
"""

from __future__ import annotations

import argparse

import av
import numpy as np
import torch
from numpy.typing import NDArray

from vidcolor.media.images.files import write_rgb


def frame_at(path: str, seconds: float, height: int) -> NDArray[np.uint8]:
    """``(height, width, 3)`` RGB of the first frame at or after a time."""
    with av.open(path) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time >= seconds:
                width = round(frame.width * height / frame.height / 2) * 2
                return frame.reformat(width, height, "rgb24").to_ndarray().astype(np.uint8)
    raise SystemExit(f"{path} ends before {seconds} s")


def main() -> None:
    """Parse, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("upper")
    parser.add_argument("lower")
    parser.add_argument("picture", help="a .jpg")
    parser.add_argument("--at", type=float, nargs="+", required=True, help="seconds")
    parser.add_argument("--height", type=int, default=180, help="height of one frame, in pixels")
    args = parser.parse_args()
    rows = [
        np.concatenate([frame_at(film, at, args.height) for at in args.at], axis=1)
        for film in (args.upper, args.lower)
    ]
    strip = torch.from_numpy(np.concatenate(rows)).permute(2, 0, 1)
    write_rgb(strip, args.picture)


if __name__ == "__main__":
    main()
