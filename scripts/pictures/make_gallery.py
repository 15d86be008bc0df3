#!/usr/bin/env python3
"""Makes docs/gallery: short videos and pictures, each before and after, that wipe.js shows.

vidcolor samples/newsreel.mp4 colored.mp4
vidcolor compare samples/newsreel.mp4 colored.mp4 side.mp4 --look side
scripts/pictures/make_gallery.py side.mp4
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from make_hints import HINTS
from PIL import Image

import vidcolor

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "gallery"
CLIPS = {
    "film": (0.0, 14.5),
    "pagoda": (2.5, 4.45),
    "path": (4.5, 6.45),
    "bee": (10.5, 12.45),
    "astronaut": (12.5, 14.4),
}
"""Name -> start and end in the newsreel, in seconds, a frame before the cut."""
OPTIONS = {"crf": "27", "preset": "veryslow", "tune": "grain"}
AT_ONCE = {"movflags": "+faststart"}
"""A browser plays it while it still comes."""
HEIGHT = {"film": 240}
"""Of clips that are shown smaller than they are."""
POSTER = {"film": 0.25}
"""Where the poster of a clip is taken from, as a share of it; else from its middle."""
QUALITY = 82


def write_clip(source: Path, name: str, start: float, end: float) -> None:
    """Write a part of the comparison as a small H.264 film without sound, and its poster.

    The left half of each frame is the original, the right half is colored.
    """
    with av.open(source) as read, av.open(TARGET / f"{name}.mp4", "w", options=AT_ONCE) as write:
        video = read.streams.video[0]
        height = HEIGHT.get(name, video.height)
        rate = video.average_rate or Fraction(24)
        width = round(video.width * height / video.height / 4) * 4
        out = write.add_stream("libx264", rate=rate, options=OPTIONS)
        out.width, out.height, out.pix_fmt = width, height, "yuv420p"
        shown = [
            frame.reformat(width, height, "yuv420p")
            for frame in read.decode(video)
            if start <= (frame.time or 0.0) < end
        ]
        for number, frame in enumerate(shown):
            frame.pts, frame.time_base = number, 1 / rate
            frame.pict_type = av.video.frame.PictureType.NONE
            write.mux(out.encode(frame))
        write.mux(out.encode(None))
    first = shown[int(len(shown) * POSTER.get(name, 0.5))]
    Image.fromarray(first.to_ndarray(format="rgb24")).save(
        TARGET / f"{name}.jpg", quality=QUALITY, optimize=True
    )


def write_pictures() -> None:
    """A photograph in gray and in color, and one in color with and without hints."""
    colorizer = vidcolor.Colorizer.from_weights()
    for name in ("meadow", "officer"):
        with Image.open(ROOT / "samples" / f"{name}.jpg") as photo:
            gray = np.array(photo.convert("L"))
        said = {"color": vidcolor.colorize_image(gray, colorizer=colorizer)}
        if name == "officer":
            said["hints"] = vidcolor.colorize_image(gray, hints=HINTS, colorizer=colorizer)
        else:
            said["gray"] = gray
        for word, picture in said.items():
            target = TARGET / f"{name}-{word}.jpg"
            Image.fromarray(picture).save(target, quality=QUALITY, optimize=True)


def main() -> None:
    """Write all of it, and tell how large it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("side", type=Path, help="the newsreel before and after, side by side")
    side = parser.parse_args().side
    TARGET.mkdir(exist_ok=True)
    for name, (start, end) in CLIPS.items():
        write_clip(side, name, start, end)
    write_pictures()
    for path in sorted(TARGET.glob("*.[jm]p[g4]")):
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
