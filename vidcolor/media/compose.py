"""Two pictures in one: side by side, or one on either side of a line."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from av.video.frame import VideoFrame
from torch import Tensor

from vidcolor.color.yuv import luma_scale, neutral_code
from vidcolor.core.frames import PixelLayout
from vidcolor.media.planes import planes
from vidcolor.settings import CompareSettings

_LINE = 540
"""A line is two pixels wide for every so many of the height."""


class SideBySide:
    """Makes pictures that show two.

    Attributes:
        size: (width, height) of what is made.
    """

    def __init__(
        self, shown: tuple[int, int], layout: PixelLayout, settings: CompareSettings
    ) -> None:
        """Say what comes.

        Args:
            shown: (width, height) that is shown of each picture, both even.
            layout: Of both, and of what is made.
            settings: How they are shown.
        """
        width, height = shown
        self.size = (2 * width, height) if settings.look == "side" else shown
        self._width, self._height = shown
        self._layout = layout
        self._settings = settings
        self._step = 1 << layout.sub_x
        self._line = self._even(2 * round(height / _LINE)) or max(2, self._step)

    def __call__(
        self, first: Iterable[Tensor], second: Iterable[Tensor], moment: Fraction
    ) -> VideoFrame:
        """One picture of two.

        Args:
            first: Planes of one, at least as large as what is shown.
            second: Planes of the other.
            moment: Seconds since the first picture.
        """
        result = VideoFrame(*self.size, self._layout.format)
        at, line = self._width, 0
        if self._settings.look != "side":
            at, line = self.edge(moment), self._line
        black, span = luma_scale(self._layout)
        codes = [int(black + span), *[neutral_code(self._layout)] * 2]
        for number, (plane, one, other) in enumerate(
            zip(planes(result), first, second, strict=True)
        ):
            x = self._layout.sub_x if number else 0
            rows = plane.shape[0]
            left, right = at >> x, (at + line) >> x
            begin = right if line else 0
            plane[:, :left] = one[:rows, :left]
            plane[:, left:right] = codes[number]
            plane[:, right:] = other[:rows, begin : begin + plane.shape[1] - right]
        return result

    def edge(self, moment: Fraction) -> int:
        """Where the line begins; what lies left of it is of the first picture."""
        room = self._width - self._line
        if self._settings.look == "split":
            return self._even(room / 2)
        # To the left edge and back: the film begins with the whole of the first picture.
        phase = moment / Fraction(self._settings.period) % 1
        return self._even(room * abs(1 - 2 * phase))

    def _even(self, pixels: Fraction | float) -> int:
        """The number of whole chroma samples next to this, in pixels."""
        return round(pixels / self._step) * self._step
