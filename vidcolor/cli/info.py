"""``vidcolor info FILM``: what is known of a film before it is colored."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vidcolor.cli.checks import check_source
from vidcolor.cli.text import Parser, clock, printable

if TYPE_CHECKING:
    from vidcolor.core.video_info import VideoInfo


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = Parser(prog="vidcolor info", description="Show what is in a film.")
    p.add_argument("film", metavar="FILM")
    p.add_argument("--json", action="store_true", help="print JSON")
    return p


def run(args: argparse.Namespace) -> int:
    """Print the facts; 0."""
    check_source(args.film)
    from vidcolor.media.open import open_video

    with open_video(args.film) as film:
        info = film.info
    print(json.dumps(asdict(info), indent=1, default=str) if args.json else describe(info))
    return 0


def describe(info: VideoInfo) -> str:
    """The facts as lines."""
    layout = info.layout
    rate = f"{float(info.frame_rate):.3f} frames/s" if info.frame_rate else "no frame rate"
    rows: list[tuple[str, Any]] = [
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
    rows += [("tag", f"{key} = {value}") for key, value in info.metadata.items()]
    for stream in info.streams:
        words = [stream.kind, stream.codec, stream.language, stream.title]
        rows.append((f"stream {stream.index}", " ".join(word for word in words if word)))
    rows += [("note", note) for note in info.notes]
    return "\n".join(f"{name:10} {printable(str(value))}" for name, value in rows)
