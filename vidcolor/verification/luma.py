"""Compares luma, frame by frame, and says where it differs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from vidcolor.core.files import printable
from vidcolor.core.timecode import timecode
from vidcolor.verification.verdict import Verdict

SHOWN = 10
"""Stretches that are named."""
LEAST = 20.0
"""dB: a lossy file whose luma is farther from the source shows something else."""


@dataclass
class Stretch:
    """Frames in a row whose luma differs."""

    first: int
    """Number of the first one, from 0."""
    begin: Fraction
    """Its time in the target, in seconds."""
    last: int
    end: Fraction
    """Time of the last one."""
    most: int
    """The largest difference of a sample, in codes."""
    names: tuple[str, str] = ("", "")
    """The files of the first and the last one, where each has its own."""

    def __str__(self) -> str:
        """``at 0:01:02.300 (frame 1490), by up to 3 codes``."""
        codes = f"by up to {self.most} code{'s' * (self.most != 1)}"
        if self.names[0]:
            first, last = map(printable, self.names)
            return f"in {first}{f' to {last}' * (first != last)}, {codes}"
        if self.first == self.last:
            return f"at {timecode(self.begin)} (frame {self.first}), {codes}"
        where = f"from {timecode(self.begin)} (frame {self.first})"
        return f"{where} to {timecode(self.end)} (frame {self.last}), {codes}"


class LumaTally:
    """How far the luma of a file is from that of its source."""

    def __init__(self, bits: int, allowed: int = 0) -> None:
        """Begin.

        Args:
            bits: Of a sample.
            allowed: Codes that a sample may be off where nothing was lost: what rounding takes.
        """
        self._top = (1 << bits) - 1
        self._allowed = allowed
        self.frames = 0
        self._most = 0
        self._rounded = False
        self._errors = 0.0
        self._worst = (0.0, Fraction(0))
        self._stretches: list[Stretch] = []
        self._count = 0

    def see(self, seconds: Fraction, found: Tensor, wanted: Tensor, name: str = "") -> None:
        """Compare one frame; both are (H, W), of the same size and type.

        Args:
            seconds: Its time in the target.
            found: Luma of the target.
            wanted: Luma of the source.
            name: Of its file, where each frame has its own.
        """
        number, self.frames = self.frames, self.frames + 1
        if torch.equal(found, wanted):
            return
        apart = (found.to(torch.int32) - wanted.to(torch.int32)).abs()
        most = int(apart.max())
        error = float(apart.to(torch.float32).square().mean())
        self._errors += error
        self._most = max(self._most, most)
        self._worst = max(self._worst, (error, seconds))
        if most <= self._allowed:
            self._rounded = True
            return
        self._count += 1
        last = self._stretches[-1] if self._stretches else None
        if last and last.last == number - 1:
            last.last, last.end, last.most = number, seconds, max(last.most, most)
            last.names = last.names[0], name
        else:
            names = name, name
            self._stretches.append(Stretch(number, seconds, number, seconds, most, names))

    def tell(
        self, verdict: Verdict, lossless: bool, least: float = LEAST, one: bool = False
    ) -> None:
        """Write down what was found.

        Args:
            verdict: Gets it.
            lossless: Whether luma has to be equal.
            least: dB that a lossy file has to have.
            one: Whether it is a picture, which has no time.
        """
        where = "" if one else f" in all {self.frames} frames"
        if not self.frames:
            verdict.skip("luma", "no frame could be compared")
        elif not self._count:
            how = f"equal to within {self._allowed} code" if self._rounded else "equal"
            verdict.holds("luma", f"{how}{where}")
        elif lossless:
            for stretch in self._stretches[:SHOWN]:
                text = str(stretch) if not one else f"by up to {stretch.most} codes"
                verdict.deny("luma", text)
            if (more := len(self._stretches) - SHOWN) > 0:
                verdict.deny("luma", f"in {more} more stretches; {self._count} frames in all")
        else:
            mean = self._decibels(self._errors / self.frames)
            text = f"lossy: PSNR {mean:.1f} dB"
            if not one:
                error, seconds = self._worst
                text += f", at least {self._decibels(error):.1f} dB ({timecode(seconds)})"
            text += f", by up to {self._most} codes"
            limit = f"; less than {least:g} dB is not the same picture"
            verdict.judge(mean >= least, "luma", text, text + limit)

    def _decibels(self, error: float) -> float:
        return 10 * math.log10(self._top**2 / error) if error else math.inf
