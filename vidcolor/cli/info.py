"""``vidcolor info FILE``: what is known of a film or a picture, before or after coloring."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidcolor.cli.checks import PIPE, check_no_terminal, check_source
from vidcolor.cli.text import Parser, clock, printable
from vidcolor.cli.words import add_fps
from vidcolor.settings import InputSettings

if TYPE_CHECKING:
    from vidcolor.core.label import Label
    from vidcolor.core.video_info import VideoInfo

Rows = list[tuple[str, Any]]
"""Facts for people: name and value."""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = Parser(
        prog="vidcolor info",
        description="Show what is in a film or a picture, and whether vidcolor colored it.",
    )
    p.add_argument(
        "film",
        metavar="FILE",
        help="film or picture, or - for a film from a pipe, of which the beginning is read",
    )
    add_fps(p)
    p.add_argument("--json", action="store_true", help="print JSON")
    return p


def run(args: argparse.Namespace) -> int:
    """Print the facts; 0."""
    rows, facts = _look(args.film, args.fps)
    if args.json:
        print(json.dumps(facts, indent=1, default=str))
    else:
        print("\n".join(f"{name:10} {printable(str(value))}" for name, value in rows))
    return 0


def _look(name: str, fps: Fraction | None) -> tuple[Rows, dict[str, Any]]:
    """The facts about a film or a picture, for people and for programs.

    Raises:
        FilmError: It cannot be read.
        SettingsError: It would come from a terminal.
    """
    if name == PIPE:
        check_no_terminal()
        from vidcolor.media.open import open_piped
        from vidcolor.media.piped import Pipe

        with open_piped(Pipe(), InputSettings(fps=fps)) as film:
            return _film(film.info)
    check_source(name)
    from vidcolor.media.images.kinds import is_animation
    from vidcolor.media.open import film_is_still, open_video

    if film_is_still(name) and not is_animation(Path(name)):
        return _picture(name)
    with open_video(name, InputSettings(fps=fps)) as film:
        return _film(film.info)


def _film(info: VideoInfo) -> tuple[Rows, dict[str, Any]]:
    from vidcolor.media.mux.tags import find_in_tags
    from vidcolor.media.sequences.label import find_in_frames

    label = find_in_frames(info.sequence) if info.sequence else find_in_tags(info.metadata)
    return describe(info, label), asdict(info) | {"label": asdict(label) if label else None}


def _picture(path: str) -> tuple[Rows, dict[str, Any]]:
    """The facts about a picture, or about the first of several in one file."""
    from vidcolor.media.images.reader import Still
    from vidcolor.media.images.xmp_label import find_in_xmp

    still = Still(path)
    photo = still.photo()
    height, width, *_ = photo.samples.shape
    bits = 8 * photo.samples.dtype.itemsize
    label, holds = find_in_xmp(photo.extras.xmp), photo.extras.named()
    rows: Rows = [
        ("picture", path),
        ("kind", still.kind.name),
        ("pixels", f"{width}x{height}, {bits} bits"),
        (f"{still.unit}s", still.pages),
        *_label_rows(label),
        *(("holds", name) for name in holds),
    ]
    facts = {"path": path, "kind": still.kind.name, "width": width, "height": height}
    facts |= {"bits": bits, "pictures": still.pages, "holds": holds}
    return rows, facts | {"label": asdict(label) if label else None}


def _label_rows(label: Label | None) -> Rows:
    return [("label", f"colored by {label.short}")] if label else []


def describe(info: VideoInfo, label: Label | None) -> Rows:
    """The facts about a film, each with its name."""
    layout = info.layout
    rate = f"{float(info.frame_rate):.3f} frames/s" if info.frame_rate else "no frame rate"
    rows: Rows = [
        ("film", info.path),
        ("container", info.container),
        ("video", f"{info.codec} {info.width}x{info.height} {info.stored_format}, {rate}"),
        (
            "pixels",
            f"{layout.bits} bits, {'full' if layout.full_range else 'limited'} range, "
            f"{layout.matrix}, {layout.transfer}, {info.field_order}",
        ),
        ("length", clock(float(info.duration)) if info.duration is not None else "unknown"),
        ("frames", info.frames if info.frames is not None else "unknown"),
        ("chapters", info.chapters),
    ]
    if info.sequence:
        first, last = info.sequence.path(0).name, info.sequence.path(info.sequence.count - 1).name
        rows.append(("sequence", f"{first} to {last}"))
    if info.timecode:
        rows.append(("timecode", info.timecode))
    rows += _label_rows(label)
    rows += [("tag", f"{key} = {value}") for key, value in info.metadata.items()]
    for stream in info.streams:
        words = [stream.kind, stream.codec, stream.language, stream.title]
        rows.append((f"stream {stream.index}", " ".join(word for word in words if word)))
    rows += [("note", note) for note in info.notes]
    return rows
