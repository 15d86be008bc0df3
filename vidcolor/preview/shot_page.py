"""A page with a picture of each shot: one file, which shows itself on any screen."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from fractions import Fraction
from html import escape
from pathlib import Path

from vidcolor.core.files import printable
from vidcolor.core.timecode import timecode
from vidcolor.core.video_info import VideoInfo
from vidcolor.media.decode.frame_windows import read_frames
from vidcolor.media.display import DisplayConverter, canvas, screen_size
from vidcolor.media.images.files import jpeg_bytes
from vidcolor.settings import InputSettings
from vidcolor.shots.listing import Clock, ListedShot, Listing

HIGH = 160
"""Lines of a picture."""
_QUALITY = 6
_HEAD = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 1rem auto; max-width: 80rem; padding: 0 .75rem;
  font: 16px/1.4 system-ui, sans-serif; }}
h1 {{ font-size: 1.25rem; margin: 0; overflow-wrap: anywhere; }}
p {{ margin: .25rem 0 1rem; opacity: .75; }}
ol {{ display: grid; gap: 1rem .75rem; margin: 0; padding: 0; list-style: none;
  grid-template-columns: repeat(auto-fill, minmax(min(15rem, 44vw), 1fr)); }}
li {{ min-width: 0; }}
img {{ display: block; width: 100%; height: auto; background: #8884; border-radius: 4px; }}
span {{ margin-left: .5em; white-space: nowrap; font-variant-numeric: tabular-nums; }}
small {{ display: block; opacity: .75; font-variant-numeric: tabular-nums; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{facts}</p>
<ol>
"""


def shot_page(
    listing: Listing, pictures: Iterable[bytes], clock: Clock | None = None
) -> Iterator[str]:
    """The page in parts.

    Args:
        listing: Of the film.
        pictures: A JPEG of each shot.
        clock: What frames are called; None where the film has no timecode.
    """
    shots, end = len(listing.shots), listing.shots[-1].end
    facts = f"{shots} {'shot' if shots == 1 else 'shots'}, {timecode(end)}, {listing.frames} frames"
    if listing.rate:
        facts += f", {float(listing.rate):.5g} frames a second"
    yield _HEAD.format(title=escape(printable(listing.name)), facts=facts)
    for number, (shot, jpeg) in enumerate(zip(listing.shots, pictures, strict=True), 1):
        data = b64encode(jpeg).decode()
        code = f" <span>{clock.text(shot.frame)}</span>" if clock else ""
        many = "1 frame" if shot.frames == 1 else f"{shot.frames} frames"
        yield (
            f'<li><img src="data:image/jpeg;base64,{data}" alt="shot {number}" loading="lazy">'
            f"<b>{number}</b><span>{timecode(shot.start)}</span>{code}"
            f"<small>{float(shot.end - shot.start):.2f} s, {many} from {shot.frame}</small></li>\n"
        )
    yield "</ol>\n</body>\n</html>\n"


def shot_pictures(
    info: VideoInfo, settings: InputSettings, shots: Iterable[ListedShot]
) -> Iterator[bytes]:
    """A small JPEG of the middle of each shot, upright and in its shape on screen.

    Args:
        info: Of the film.
        settings: How it is opened.
        shots: In order.

    Raises:
        FilmError: The film cannot be read.
    """
    size = screen_size(info, HIGH)
    convert = DisplayConverter(*size, info)
    middles: list[Fraction] = [(shot.start + shot.end) / 2 for shot in shots]
    for _, frame in read_frames(Path(info.path), settings, middles):
        yield jpeg_bytes(convert(canvas(frame), size), _QUALITY)
