"""Checks colored frames against their report and the film or the frames that they come from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from torch import Tensor

from vidcolor.core.files import printable
from vidcolor.core.frame_target import FIRST
from vidcolor.core.frames import Frame
from vidcolor.core.paths import JPEG_SUFFIXES
from vidcolor.core.report import Progress, Report
from vidcolor.core.sequence import SequenceName, digest_frames
from vidcolor.core.timecode import smpte_after
from vidcolor.errors import FilmUnreadable
from vidcolor.media.decode.decoder import decode
from vidcolor.media.metadata import expected_frames
from vidcolor.media.open import VideoReader
from vidcolor.media.sequences.dpx import read_header
from vidcolor.media.sequences.read_back import matrix_of, meant_luma, read_luma, runs_of
from vidcolor.settings import InputSettings
from vidcolor.verification.luma import LEAST, LumaTally
from vidcolor.verification.verdict import Verdict
from vidcolor.verification.video import OnProgress

_SHOWN = 4
_LIGHT = "that of EXR frames is not compared: they keep the light of their source, not its codes"


@dataclass(frozen=True)
class Frames:
    """Colored frames that are checked."""

    name: SequenceName
    numbers: Sequence[int]
    """Those that there should be, in order."""


def check_bytes(frames: Frames, report: Report, verdict: Verdict) -> None:
    """Hold the bytes of all frames against the report of their run."""
    if not report.sha256:
        verdict.skip("sha256", "the report has none")
        return
    size, found, missing = 0, list[tuple[str, str]](), list[int]()
    for number in frames.numbers:
        try:
            with frames.name.path(number).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                size += file.tell()
        except OSError:
            missing.append(number)
            continue
        found.append((frames.name.name(number), digest))
    if missing:
        verdict.deny("frames", f"{_list(frames.name, missing)}: missing, or cannot be read")
    all_of_them = digest_frames(found)
    bad = f"{all_of_them}, the report says {report.sha256}"
    if size != report.bytes:
        bad += f"; the frames have {size} bytes and not {report.bytes}"
    same = all_of_them == report.sha256
    verdict.judge(same, "sha256", f"{all_of_them} of all frames, as the report says", bad)


def check_count(frames: Frames, report: Report | None, verdict: Verdict) -> None:
    """Decode frames that there is no source to compare with."""
    numbers = set[int]()
    suffix = frames.name.suffix
    if suffix.lower() == ".exr":
        verdict.skip("frames", "EXR frames are not decoded")
        return
    for run in runs_of(frames.name, _there(frames)):
        numbers.update(number for number, _, _ in read_luma(run, "bt601", InputSettings()))
    bad = [number for number in frames.numbers if number not in numbers]
    if bad:
        verdict.deny("frames", f"{_list(frames.name, bad)}: missing, or cannot be decoded")
    elif report:
        count = len(frames.numbers)
        text = f"{count}, the report tells of {report.frames}"
        verdict.judge(count == report.frames, "frames", f"{count}, as the report tells", text)


class FramesCheck:
    """Colored frames beside the film or the frames that they come from."""

    def __init__(
        self,
        frames: Frames,
        source: VideoReader,
        report: Report | None,
        verdict: Verdict,
        least: float = LEAST,
    ) -> None:
        """Get ready.

        Args:
            frames: That were written.
            source: Freshly opened, with the cuts that they were made with.
            report: Of the run that made them; None where there is none.
            verdict: Gets what is found.
            least: As of `LumaTally.tell`.
        """
        self._frames, self._source = frames, source
        self._report, self._verdict, self._least = report, verdict, least
        self._suffix = frames.name.suffix.lower()
        self._matrix = matrix_of(source.info.layout, self._suffix)
        self._tally: LumaTally | None = None
        self._wrong_headers: list[int] = []
        self._headers = 0
        self._wrong_size = self._wrong_bits = ""

    def run(self, on_progress: OnProgress | None = None) -> None:
        """Decode both, and write down what is found.

        Raises:
            FilmError: The source cannot be decoded.
        """
        info, name = self._source.info, self._frames.name
        total = expected_frames(info, self._source.settings)
        mine = self._read_written()
        at = next(mine, None)
        missing, extra, count = list[int](), list[int](), 0
        for number, place, frame in self._read_source():
            count += 1
            while at and at[0] < number:
                extra.append(at[0])
                at = next(mine, None)
            if at and at[0] == number:
                self._see(at, frame, place)
                at = next(mine, None)
            else:
                missing.append(number)
            if on_progress:
                on_progress(Progress(count, total, float(frame.seconds)))
        extra += [each[0] for each in ([at] if at else [])] + [each[0] for each in mine]
        if missing:
            self._verdict.deny("frames", f"{_list(name, missing)}: missing, or cannot be decoded")
        if extra:
            self._verdict.deny("frames", f"{_list(name, extra)}: the source has no such frame")
        if not missing and not extra:
            self._verdict.holds("frames", f"{count}, as the source has")
        if self._report and self._report.frames != len(self._frames.numbers):
            there = len(self._frames.numbers)
            text = f"there are {there}, the report tells of {self._report.frames}"
            self._verdict.deny("frames", text)
        self._tell_luma()
        self._tell_headers()

    def _read_source(self) -> Iterator[tuple[int, int, Frame]]:
        """The frames of the source: number, place in the source, frame."""
        info = self._source.info
        for place, frame in enumerate(decode(self._source)):
            if info.sequence and info.frame_rate:
                place = round(frame.moment * info.frame_rate)
                yield info.sequence.number(place), place, frame
            else:
                yield FIRST + place, place, frame

    def _read_written(self) -> Iterator[tuple[int, int, Tensor | None]]:
        """The frames that were written: number, bits, luma; None where luma says nothing."""
        if self._suffix == ".exr":
            yield from ((number, 16, None) for number in _there(self._frames))
            return
        for run in runs_of(self._frames.name, _there(self._frames)):
            yield from read_luma(run, self._matrix, self._source.settings)

    def _see(self, found: tuple[int, int, Tensor | None], frame: Frame, place: int) -> None:
        number, bits, luma = found
        if self._suffix == ".dpx":
            self._see_header(number, place, frame)
        if luma is None:
            return
        if luma.shape != frame.luma.shape:
            sizes = [f"{one.shape[1]}x{one.shape[0]}" for one in (luma, frame.luma)]
            what = printable(self._frames.name.name(number))
            self._wrong_size = self._wrong_size or (
                f"{what} is {sizes[0]}, the frame of the source {sizes[1]}"
            )
            return
        if bits < frame.layout.bits and self._suffix not in JPEG_SUFFIXES:
            self._wrong_bits = f"{bits} bits, those of the source have {frame.layout.bits}"
            return
        if self._tally is None:
            # Some samples are a hair from the middle of two codes.
            self._tally = LumaTally(bits, 0 if bits == frame.layout.bits else 1)
        meant = meant_luma(frame.luma, frame.layout, bits)
        self._tally.see(frame.seconds, luma, meant, self._frames.name.name(number))

    def _see_header(self, number: int, place: int, frame: Frame) -> None:
        """Hold the header of a DPX frame against what it was to say."""
        info = self._source.info
        with suppress(FilmUnreadable, ValueError):
            header = read_header(self._frames.name.path(number))
            if info.sequence and info.codec == "dpx":
                own = read_header(info.sequence.path(place))
                same = [
                    (one.timecode_word, one.edge_code, one.user_bits, one.position)
                    for one in (header, own)
                ]
                is_so = same[0] == same[1]
            elif info.timecode and info.frame_rate:
                passed = round(frame.moment * info.frame_rate)
                is_so = header.timecode() == smpte_after(info.timecode, passed, info.frame_rate)
            else:
                return
            self._headers += 1
            if not is_so:
                self._wrong_headers.append(number)

    def _tell_luma(self) -> None:
        if self._wrong_size or self._wrong_bits:
            self._verdict.deny("luma", self._wrong_size or self._wrong_bits)
        if self._suffix == ".exr":
            self._verdict.skip("luma", _LIGHT)
        elif self._tally:
            lossless = self._suffix not in JPEG_SUFFIXES
            self._tally.tell(self._verdict, lossless, self._least)

    def _tell_headers(self) -> None:
        own = self._source.info.sequence and self._source.info.codec == "dpx"
        what = "timecode, edge code and position" if own else "timecode"
        if self._wrong_headers:
            names = _list(self._frames.name, self._wrong_headers)
            self._verdict.deny("headers", f"{names}: {what} not as the source has it")
        elif self._headers:
            good = f"{what} as the source has it, in {self._headers} frames"
            self._verdict.holds("headers", good)


def _there(frames: Frames) -> list[int]:
    """The numbers of the frames that have a byte at least; FFmpeg takes others for the end."""
    found = []
    for number in frames.numbers:
        with suppress(OSError):
            if frames.name.path(number).stat().st_size:
                found.append(number)
    return found


def _list(name: SequenceName, numbers: Sequence[int]) -> str:
    shown = ", ".join(printable(name.name(number)) for number in numbers[:_SHOWN])
    more = len(numbers) - _SHOWN
    return shown if more <= 0 else f"{shown} and {more} more"
