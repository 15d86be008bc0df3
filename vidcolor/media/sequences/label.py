"""The label of frames: what the first of them says of how it was colored."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from vidcolor.core.label import Label, find_label
from vidcolor.core.sequence import FrameSequence
from vidcolor.errors import FilmError
from vidcolor.media.images.reader import Still
from vidcolor.media.images.xmp_label import find_in_xmp
from vidcolor.media.sequences.dpx import read_header
from vidcolor.media.sequences.exr import read_attributes

EXR_LABEL = "colorizedBy"
"""Attribute of EXR frames."""
_TAIL = 1 << 16  # bytes at the end of a JPEG 2000 file, where its box of XMP is


def find_in_frames(sequence: FrameSequence) -> Label | None:
    """The label of the first frame of a sequence, if it has one that can be read."""
    path, suffix = sequence.path(0), sequence.name.suffix.lower()
    with suppress(FilmError, OSError):
        if suffix == ".dpx":
            return find_label(read_header(path).project)
        if suffix == ".exr":
            return find_label(read_attributes(path).get(EXR_LABEL, ("", b""))[1].decode("latin-1"))
        return find_in_xmp(Still(path).extras().xmp) or find_in_xmp(_tail(path))
    return None


def _tail(path: Path) -> bytes:
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        return file.read()
