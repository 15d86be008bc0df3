"""Make an animated GIF of parts of a video, such as a comparison with a moving line.

vidcolor compare samples/newsreel.mp4 wipe.mp4 --look wipe --period 4
scripts/pictures/make_moving.py wipe.mp4 docs/moving.gif --height 270 --parts 2.5-4.5 12.5-14.4
"""

from __future__ import annotations

import argparse

import av
from PIL import Image


def part(text: str) -> tuple[float, float]:
    """Start and end in seconds, of words such as ``2.5-4.5``."""
    start, _, end = text.partition("-")
    return float(start), float(end)


def read_pictures(
    path: str, parts: list[tuple[float, float]], rate: float, height: int
) -> list[Image.Image]:
    """Pictures at an even rate from all parts, in the order of the video."""
    pictures = []
    due = 0.0
    with av.open(path) as container:
        for frame in container.decode(video=0):
            time = frame.time or 0.0
            if time >= due and any(start <= time < end for start, end in parts):
                width = round(frame.width * height / frame.height)
                shown = Image.fromarray(frame.to_ndarray(format="rgb24"))
                pictures.append(shown.resize((width, height), Image.Resampling.LANCZOS))
                due = time + 0.999 / rate
    return pictures


def write_gif(pictures: list[Image.Image], path: str, rate: float) -> None:
    """Write them in a loop, with one palette for all, so that colors do not jump."""
    strip = Image.new("RGB", (pictures[0].width, pictures[0].height * len(pictures)))
    for i, picture in enumerate(pictures):
        strip.paste(picture, (0, i * picture.height))
    palette = strip.quantize(255, Image.Quantize.MEDIANCUT)
    few = [p.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for p in pictures]
    few[0].save(
        path,
        save_all=True,
        append_images=few[1:],
        duration=round(1000 / rate),
        loop=0,
        optimize=True,
        comment=b"Colored by vidcolor",
    )


def main() -> None:
    """Parse, read, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video")
    parser.add_argument("picture", help="a .gif")
    parser.add_argument("--parts", type=part, nargs="+", required=True, help="START-END, seconds")
    parser.add_argument("--rate", type=float, default=8, help="pictures a second")
    parser.add_argument("--height", type=int, default=240, help="of the pictures")
    args = parser.parse_args()
    write_gif(
        read_pictures(args.video, args.parts, args.rate, args.height), args.picture, args.rate
    )


if __name__ == "__main__":
    main()
