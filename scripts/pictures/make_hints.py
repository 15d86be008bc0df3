"""Draws docs/hints.jpg: the sample photograph in gray, in color, and with five hints.

Usage: scripts/pictures/make_hints.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import vidcolor
from vidcolor import Hint

ROOT = Path(__file__).resolve().parents[2]
HEIGHT, GAP, DOT = 420, 10, 4
HINTS = (
    Hint((0.16, 0.17), "#27408b", 0.03, name="flag"),
    Hint((0.12, 0.55), "#27408b", 0.03, name="flag"),
    Hint((0.27, 0.76), "#27324f", 0.04, name="jacket"),
    Hint((0.28, 0.86), "#27324f", 0.04, name="jacket"),
    Hint((0.85, 0.25), "#6b5a44", 0.04, name="wall"),
)


def main() -> None:
    """Color the photograph twice, and put the three beside each other."""
    with Image.open(ROOT / "samples" / "officer.jpg") as photo:
        photo.thumbnail((HEIGHT, HEIGHT))
        gray = np.array(photo.convert("L"))
    colorizer = vidcolor.Colorizer.from_weights()
    plain = vidcolor.colorize_image(gray, colorizer=colorizer)
    hinted = Image.fromarray(vidcolor.colorize_image(gray, hints=HINTS, colorizer=colorizer))
    pen = ImageDraw.Draw(hinted)
    for hint in HINTS:
        assert hint.point
        x, y = hint.point[0] * hinted.width, hint.point[1] * hinted.height
        pen.ellipse((x - DOT, y - DOT, x + DOT, y + DOT), outline="white", fill=str(hint.color))
    panels = (Image.fromarray(gray), Image.fromarray(plain), hinted)
    sheet = Image.new("RGB", (3 * hinted.width + 2 * GAP, hinted.height), "white")
    for number, panel in enumerate(panels):
        sheet.paste(panel, (number * (hinted.width + GAP), 0))
    sheet.save(ROOT / "docs" / "hints.jpg", quality=90)


if __name__ == "__main__":
    main()
