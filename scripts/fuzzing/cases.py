"""Every harmed file of a seed, and what is done with it; each depends on its number only."""

from __future__ import annotations

import random
import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fuzzing.boxes import harm_boxes
from fuzzing.elements import harm_elements
from fuzzing.films import make_films
from fuzzing.joined import make_joined
from fuzzing.photos import make_photos
from fuzzing.pictures import harm_jpeg, harm_png, harm_tiff
from fuzzing.raw import harm_raw
from fuzzing.reader import STILL_SUFFIXES
from fuzzing.riff import harm_avi, harm_webp
from fuzzing.streams import harm_program, harm_transport

Harm = Callable[[random.Random, bytes], tuple[bytes, str]]

STRUCTURES: dict[str, tuple[Harm, tuple[str, ...]]] = {
    "boxes": (harm_boxes, ("h264.mp4", "faststart.mp4", "prores.mov", "mjpeg.mov")),
    "elements": (harm_elements, ("h264.mkv", "vp9.webm")),
    "transport": (harm_transport, ("mpeg2.ts", "h264.ts")),
    "program": (harm_program, ("mpeg2.mpg",)),
    "avi": (harm_avi, ("mpeg4.avi",)),
    "png": (harm_png, ("rgb.png", "rich.png", "moving.png", "deep.png", "palette.png")),
    "jpeg": (harm_jpeg, ("gray.jpg", "rich.jpg", "progressive.jpg", "cmyk.jpg")),
    "webp": (harm_webp, ("lossy.webp", "lossless.webp", "moving.webp")),
    "tiff": (
        harm_tiff,
        *(("raw.tif", "lzw.tif", "pages.tif", "fax.tif", "jpeg.tif", "deep.tif", "cmyk.tif"),),
    ),
}
"""Kind of harm -> how, and to which fixtures."""

_ROUND = (
    *("boxes", "elements", "transport", "raw", "joined", "boxes", "elements", "program", "avi"),
    *("raw", "tiff", "png", "jpeg", "webp", "boxes", "elements", "transport", "raw", "joined"),
    "avi",
)
"""The kinds of one file after the other, again and again."""
KINDS = tuple(sorted(set(_ROUND)))


@dataclass
class Case:
    """A harmed film on its way through the command."""

    index: int
    name: str
    """Of the fixture; ``joined.SUFFIX`` where it was made for this case."""
    done: list[str]
    """What was done to it."""
    source: Path
    target: Path
    options: list[str]
    kind: str = "raw"


def make_fixtures(folder: Path) -> dict[str, bytes]:
    """Every film and picture by name; they are written into ``folder``, too."""
    photos = make_photos()
    for name, data in photos.items():
        (folder / name).write_bytes(data)
    return make_films(folder) | photos


def kind_of(index: int) -> str:
    """The kind of harm that file ``index`` of every seed gets."""
    return _ROUND[index % len(_ROUND)]


def harm(rng: random.Random, kind: str, fixtures: dict[str, bytes]) -> tuple[str, bytes, list[str]]:
    """(name of the fixture, its bytes after harm of this kind, what was done)."""
    if kind == "joined":
        suffix, data, words = make_joined(rng)
        return f"joined.{suffix}", data, [words]
    names = sorted(fixtures) if kind == "raw" else STRUCTURES[kind][1]
    name = rng.choice(names)
    data, done = fixtures[name], []
    for _ in range(rng.choice((1, 1, 2, 3))):
        other = rng.choice(sorted(fixtures))
        if kind == "raw":
            data, words = harm_raw(rng, data, fixtures[other], other)
        else:
            try:
                data, words = STRUCTURES[kind][0](rng, data)
            except (struct.error, IndexError, ValueError):  # no longer what it was
                data, words = harm_raw(rng, data, fixtures[other], other)
        done.append(words)
    return name, data, done


def make_case(seed: int, index: int, fixtures: dict[str, bytes], folder: Path) -> Case:
    """File ``index`` of a seed, written to disk; it depends on nothing else."""
    rng = random.Random(f"{seed}/{index}")
    kind = kind_of(index)
    name, data, done = harm(rng, kind, fixtures)
    still = name.endswith(STILL_SUFFIXES)
    suffix = rng.choice((".png", ".jpg") if still else (".mp4", ".mkv"))
    lossless = not still and rng.random() < 0.25
    options = ["--lossless"] if lossless else ["--preset", "ultrafast"]
    if not still and rng.random() < 0.75:
        options += ["--no-smooth", "--stride", "4"]  # most of the time of a run
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    source = folder / f"film{Path(name).suffix}"
    source.write_bytes(data)
    return Case(index, name, done, source, folder / f"out{suffix}", options, kind)
