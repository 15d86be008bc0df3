"""Compares a colored video with its source: frames, times, luma."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from fractions import Fraction

from vidcolor.core.frames import Frame
from vidcolor.core.iterators import prefetch
from vidcolor.core.report import Progress, Report
from vidcolor.core.timecode import timecode
from vidcolor.media.decode.decoder import decode
from vidcolor.media.encode.options import ALWAYS_LOSSLESS
from vidcolor.media.metadata import expected_frames
from vidcolor.media.open import VideoReader
from vidcolor.verification.luma import LEAST, LumaTally
from vidcolor.verification.verdict import Verdict

OnProgress = Callable[[Progress], None]

_OURS = ("gap", "timestamp", "text", "no color")
"""Damage that is told of the source, and not of how the target was written."""


class VideoCheck:
    """A colored video beside its source."""

    def __init__(
        self,
        target: VideoReader,
        source: VideoReader,
        report: Report | None,
        verdict: Verdict,
        least: float = LEAST,
    ) -> None:
        """Get ready.

        Args:
            target: Freshly opened.
            source: Freshly opened, with the cuts that the target was made with.
            report: Of the run that made it; None where there is none.
            verdict: Gets what is found.
            least: As of `LumaTally.tell`.
        """
        self._target, self._source = target, source
        self._report, self._verdict = report, verdict
        self._least = least
        self._luma = self._tally()
        self._missing: list[Fraction] = []
        self._extra: list[Fraction] = []
        self._shifts: list[tuple[Fraction, Fraction]] = []
        self.begin = Fraction(0)
        """Time of the first frame by the clock of the source's container, in seconds."""
        self.shift: Fraction | None = None
        """How much later than in the source the first frame comes, by the containers' clocks, in
        seconds; None before the first pair of frames."""

    def run(self, on_progress: OnProgress | None = None) -> None:
        """Decode both, and write down what is found.

        Raises:
            FilmError: One of them cannot be decoded.
        """
        counts = [0, 0]
        total = expected_frames(self._source.info, self._source.settings)
        with ExitStack() as stack:
            theirs = stack.enter_context(closing(prefetch(self._wanted())))
            mine = stack.enter_context(closing(prefetch(decode(self._target))))
            for found, wanted in self._pairs(mine, theirs):
                counts[0] += found is not None
                counts[1] += wanted is not None
                if found and wanted:
                    self._see(found, wanted)
                if on_progress and wanted:
                    on_progress(Progress(counts[1], total, float(wanted.seconds)))
        self._tell_frames(*counts)
        self._tell_times()
        if self._luma:
            report = self._report
            lossless = report.lossless if report else self._target.info.codec in ALWAYS_LOSSLESS
            self._luma.tell(self._verdict, lossless, self._least)
        known = {*self._source.log.damage_counts}
        if counts[0] == counts[1]:  # all is there, however long the container says that it is
            known.add("truncated")
        tell_damage(self._target, known, self._verdict)

    def _tally(self) -> LumaTally | None:
        """What compares luma; None where it cannot be compared, which is written down."""
        found, wanted = self._target.info, self._source.info
        sizes = [f"{info.width}x{info.height}" for info in (found, wanted)]
        if sizes[0] != sizes[1]:
            self._verdict.deny("luma", f"the picture is {sizes[0]}, that of the source {sizes[1]}")
            return None
        bits = found.layout.bits, wanted.layout.bits
        if bits[0] < bits[1]:
            self._verdict.deny("luma", f"it has {bits[0]} bits, that of the source {bits[1]}")
            return None
        exact = self._report.luma == "exact" if self._report else bits[0] == bits[1]
        return LumaTally(bits[0], 0 if exact else 1)

    def _wanted(self) -> Iterator[Frame]:
        """The frames of the source, with luma as the encoder got it."""
        layout = self._source.info.layout
        if self._luma:
            ours = self._target.info.layout
            layout = replace(
                layout,
                format=ours.format,
                bits=ours.bits,
                sub_x=ours.sub_x,
                sub_y=ours.sub_y,
                full_range=layout.full_range and ours.full_range,
            )
        return decode(self._source, layout)

    def _pairs(
        self, mine: Iterator[Frame], theirs: Iterator[Frame]
    ) -> Iterator[tuple[Frame | None, Frame | None]]:
        """Frames that are shown at one time; None where one of both has none.

        Times count from the first frame: containers move all streams alike.
        """
        found, wanted = next(mine, None), next(theirs, None)
        begins = [frame.seconds if frame else Fraction(0) for frame in (found, wanted)]
        if found and wanted:
            self.begin = self._moment(self._source, wanted)
            self.shift = self._moment(self._target, found) - self.begin
        slack = self._slack()
        while found or wanted:
            apart = Fraction(0)
            if found and wanted:
                apart = found.seconds - begins[0] - (wanted.seconds - begins[1])
            if wanted is None or (found and apart < -slack):
                assert found
                self._extra.append(found.seconds)
                yield found, None
                found = next(mine, None)
            elif found is None or apart > slack:
                self._missing.append(wanted.seconds)
                yield None, wanted
                wanted = next(theirs, None)
            else:
                yield found, wanted
                found, wanted = next(mine, None), next(theirs, None)

    def _slack(self) -> Fraction:
        """Seconds that a time may be off: what rounding to the target's clock takes."""
        ours, theirs = self._target.info.time_base, self._source.info.time_base
        return Fraction(0) if (theirs / ours).denominator == 1 else ours

    @staticmethod
    def _moment(film: VideoReader, frame: Frame) -> Fraction:
        """When a frame is shown by the clock of its container."""
        return frame.moment + film.info.start

    def _see(self, found: Frame, wanted: Frame) -> None:
        if self._luma:
            self._luma.see(found.seconds, found.luma, wanted.luma)

    def _tell_frames(self, found: int, wanted: int) -> None:
        verdict, report = self._verdict, self._report
        verdict.judge(
            found == wanted,
            "frames",
            f"{found}, as the source has",
            f"the file has {found}, the source {wanted}",
        )
        if report and report.frames != found:
            verdict.deny("frames", f"the file has {found}, the report tells of {report.frames}")

    def _tell_times(self) -> None:
        for where, words in ((self._missing, "no frame at"), (self._extra, "a frame too many at")):
            if where:
                more = f" and {len(where) - 1} more" if len(where) > 1 else ""
                self._verdict.deny("times", f"{words} {timecode(where[0])}{more}")
        if not self._missing and not self._extra and self.shift is not None:
            tick = self._slack()
            how = (
                f"to within {float(tick * 1000):g} ms, the file's clock" if tick else "to the tick"
            )
            self._verdict.holds("times", f"those of the source, {how}")


def tell_damage(target: VideoReader, before: Container[str], verdict: Verdict) -> None:
    """Write down what a decoder met in a colored video, where its source has nothing like it.

    Args:
        target: Decoded.
        before: Kinds of damage of its source.
        verdict: Gets it.
    """
    for kind, count in target.log.damage_counts.items():
        if kind in before or kind in _OURS:
            continue
        first = next(one for one in target.log.damage if one.kind == kind)
        more = f" and {count - 1} more" if count > 1 else ""
        verdict.deny("file", f"{kind} at {timecode(first.seconds)}: {first.text}{more}")


def decode_alone(target: VideoReader, report: Report | None, verdict: Verdict) -> None:
    """Decode a colored video that there is no source to compare with.

    Raises:
        FilmError: It cannot be decoded.
    """
    found = sum(1 for _ in decode(target))
    if report:
        verdict.judge(
            found == report.frames,
            "frames",
            f"{found}, as the report tells",
            f"the file has {found}, the report tells of {report.frames}",
        )
    tell_damage(target, report.damage_counts if report else {}, verdict)
