"""What the first frame of a sequence says of all: frames per second, timecode, curve."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vidcolor.core.files import printable
from vidcolor.core.sequence import FrameSequence
from vidcolor.core.timecode import counted_rate, parse_smpte
from vidcolor.errors import FilmUnreadable, SettingsError, UnsupportedPixels
from vidcolor.media.sequences.dpx import (
    HEADER_SIZE,
    LINEAR,
    LOGARITHMIC,
    PRINTING_DENSITY,
    DpxHeader,
    read_header,
)
from vidcolor.media.sequences.exr import rate_of, read_attributes, timecode_of, why_not_read
from vidcolor.settings import MAX_FPS, MIN_FPS

_ASKED = 10
"""Frames that are asked where those before them are damaged."""


@dataclass(frozen=True)
class SequenceFacts:
    """What is known of a sequence beside its pictures."""

    rate: Fraction
    """Frames per second."""
    timecode: str = ""
    """Of the first frame."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Header:
    rate: Fraction | None = None
    timecode: str = ""
    notes: tuple[str, ...] = ()


def sequence_facts(sequence: FrameSequence, fps: Fraction | None) -> SequenceFacts:
    """Rate and timecode of a sequence.

    Args:
        sequence: Its frames.
        fps: Frames per second that were asked for; None takes those of the headers.

    Raises:
        SettingsError: Nothing says how many frames a second there are.
        UnsupportedPixels: The frames are stored in a way that FFmpeg does not read.
    """
    header = _Header()
    for index in range(min(sequence.count, _ASKED)):
        with suppress(FilmUnreadable, OSError):  # a damaged frame is told when it is decoded
            header = _read(sequence.path(index))
            if index:
                header = _Header(header.rate, "", header.notes)
            break
    name = printable(sequence.name.pattern)
    rate = fps or header.rate
    if rate is None:
        raise SettingsError(
            f"{name}: nothing says how many frames a second these are; add --fps 24, or what it is"
        )
    told = list(header.notes)
    if fps and header.rate and fps != header.rate:
        told.append(
            f"{_number(fps)} frames a second as asked for; the frames say {_number(header.rate)}"
        )
    return SequenceFacts(rate, _fitting(header.timecode, rate, told), tuple(told))


def header_losses(sequence: FrameSequence) -> list[tuple[str, str]]:
    """What stands beside the picture in the first frame and has no place in a film, and why."""
    path = sequence.path(0)
    suffix = path.suffix.lower()
    why = f"a film cannot hold it; write frames ({suffix}) to keep it"
    if suffix == ".exr":
        return [("EXR attributes, other channels, light above white and below black", why)]
    if suffix != ".dpx":
        return []
    try:
        header = read_header(path)
    except FilmUnreadable:  # told as damage
        return []
    found = [(f"film edge code {printable(header.edge_code)}", why)] if header.edge_code else []
    if len(header.data) > HEADER_SIZE and header.data[HEADER_SIZE:].strip(b"\0\xff"):
        found.append(("user data of the DPX headers", why))
    return found


def _read(path: Path) -> _Header:
    """The header of a frame; nothing is known of frames that are neither DPX nor EXR."""
    suffix = path.suffix.lower()
    if suffix == ".dpx":
        return _of_dpx(read_header(path), printable(path.name))
    if suffix == ".exr":
        attributes = read_attributes(path)
        if why := why_not_read(attributes):
            raise UnsupportedPixels(f"{printable(path.name)}: {why}")
        note = (
            "linear light is colored by its codes with the sRGB curve; what is brighter than 1 or"
            " no number counts as white or black"
        )
        return _Header(_possible(rate_of(attributes)), timecode_of(attributes), (note,))
    return _Header()


def _of_dpx(header: DpxHeader, name: str) -> _Header:
    if header.is_compressed or (header.bits == 10 and header.packing == 0):
        how = "run lengths" if header.is_compressed else "10 bits without padding"
        raise UnsupportedPixels(
            f"{name}: is stored as {how}, which vidcolor cannot read; convert the frames to 10 bits"
            " filled to 32-bit words (method A)"
        )
    notes = []
    if header.transfer in (PRINTING_DENSITY, LOGARITHMIC):
        kind = "printing density" if header.transfer == PRINTING_DENSITY else "logarithmic"
        notes.append(
            f"the frames say that they are {kind}; logarithmic codes were taken as they are"
        )
    if header.transfer == LINEAR:
        notes.append("the frames say that they are linear; their codes were taken for video's")
    if header.elements > 1:
        notes.append(f"the frames have {header.elements} image elements; the first was read")
    return _Header(_possible(header.frame_rate), header.timecode(), tuple(notes))


def _possible(rate: Fraction | None) -> Fraction | None:
    """A rate that frames can have, those of NTSC as they are meant."""
    if rate is None or not MIN_FPS <= rate <= MAX_FPS:
        return None
    try:
        return counted_rate(rate)
    except ValueError:
        return rate.limit_denominator(1001)


def _fitting(timecode: str, rate: Fraction, told: list[str]) -> str:
    """The timecode, where it is one of such a rate; drop frame only where that is."""
    for text in filter(None, (timecode, timecode.replace(";", ":"))):
        with suppress(ValueError):
            parse_smpte(text, rate)
            return text
    if timecode:
        told.append(f"{timecode} is no timecode of {_number(rate)} frames a second; left out")
    return ""


def _number(rate: Fraction) -> str:
    return f"{float(rate):.6g}"
