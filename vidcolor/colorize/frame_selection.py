"""Effort: which frames the net has to see. The others get their color without it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.core.frames import Frame, Motion
from vidcolor.core.iterators import close
from vidcolor.core.optical_flow import motion_between, round_trip
from vidcolor.core.threads import WorkerThreads, map_ordered
from vidcolor.temporal.propagation import is_reference, starts_segment

REMEMBERED = 4
"""Frames that a later one may repeat: enough for flashes between two pictures, for animation on
twos and for films at 24 frames a second that were stretched to 30."""

SAME_MEAN, SAME_SPOT = 0.1, 4.0
"""Two frames are the same where |L* - L*| is no more than the first on the mean, and than the
second on the mean of any spot: the samples that one sample of color stands for.
In an old film whose transfer doubled frames, 27 of 89 are the same as the one before; the default
net's answers to 8 such pairs differ by 0.15 ab units on the mean, to 3 others by 1.3. Still scenes
in which little moves differ by 6 and more in a spot.
"""

BROKEN = 1 / 3
"""Share of a picture whose flow does not return, from which nothing is carried: 0.09 at most was
found within shots of fast motion, 0.86 at least from one shot to another."""


@dataclass(eq=False)
class Prediction:
    """What the net says to what it is shown of a frame, once it has seen it."""

    lightness: Tensor
    """``(h, w)`` L* 0..100."""
    vivid: float | None = None
    """As of `Dials`."""
    palette: str | None = None
    """As of `Dials`."""
    ab: Tensor | None = None
    """``(2, h', w')``; None until the net has run."""
    asked: bool = False
    """Whether the net is asked for it already."""

    def fits(self, frame: PendingFrame, spot: int) -> bool:
        """Whether it is the answer to another frame, too."""
        return is_same_lightness(frame.lightness, self.lightness, spot)


@dataclass
class PendingFrame:
    """A frame whose color is on its way."""

    frame: Frame
    lightness: Tensor
    """``(h, w)`` L* 0..100 at working size."""
    share: float
    """As of `ColorizedFrame`."""
    answer: Prediction | None = None
    """Where its color comes from; None where it is carried from frames around it."""
    motion: Motion | None = None
    """Between it and the frame before, at the size of ab; None where nothing is carried."""


@dataclass
class NetBatch:
    """Frames that one run of the net is enough for."""

    items: list[PendingFrame]
    asked: list[Prediction]
    """Answers that the net is to give."""


class FrameSelector:
    """Decides frame by frame, from its shot so far within its chunk.

    What a frame repeats or is carried from never lies before its chunk, so that a film that is
    resumed at a chunk gets the same decisions.
    """

    def __init__(self, stride: int, output_stride: int) -> None:
        """Blank frames and repeats the net never sees.

        Args:
            stride: Above 1, the net sees one of so many frames where things can be followed.
            output_stride: Of the net.
        """
        self._stride, self._output_stride = stride, output_stride
        self._chunk, self._size = -1, torch.Size()
        self._known: deque[Prediction] = deque(maxlen=REMEMBERED)
        self._since = 0
        """Frames since the last one with an answer."""
        self._dials: tuple[float | None, str | None] = None, None
        """Those of the last frame by which the net colors."""

    def select(self, items: Iterable[PendingFrame]) -> Iterator[PendingFrame]:
        """Decide what the net has to see of a film.

        Color is carried between two frames that the net saw: the last one before a cut is seen,
        too.

        Args:
            items: Frames of the film in order.

        Yields:
            The same, with an answer but for those that are to be carried; one of them is held until
            the next is known.
        """
        held: PendingFrame | None = None
        try:
            for item in items:
                self._decide(item)
                if held:
                    held.answer = None if item.motion else _ask(held)
                    yield held
                held = None if item.answer else item
                if item.answer:
                    yield item
            if held:
                held.answer = _ask(held)
                yield held
        finally:
            close(items)

    def _decide(self, item: PendingFrame) -> None:
        frame, lightness = item.frame, item.lightness
        if starts_segment(frame) or lightness.shape != self._size or frame.chunk != self._chunk:
            self._known.clear()
        dials = frame.dials.vivid, frame.dials.palette
        if dials != self._dials:  # nothing is repeated or carried from there
            self._known.clear()
            item.motion = None
        self._chunk, self._size, self._dials = frame.chunk, lightness.shape, dials
        self._since += 1
        if not item.share:  # nothing of it will be seen
            blank = no_color(lightness, self._output_stride)
            item.answer = Prediction(lightness, ab=blank)
            return
        item.answer = self._repeated(item)
        interpolate_color = item.motion and self._known and self._since < self._stride
        if not item.answer and not interpolate_color:
            item.answer = _ask(item)
            self._known.append(item.answer)
        if item.answer:
            self._since = 0

    def _repeated(self, item: PendingFrame) -> Prediction | None:
        """The answer to a frame that is the same, which is then remembered longest."""
        for answer in reversed(self._known):
            if answer.fits(item, self._output_stride):
                self._known.remove(answer)
                self._known.append(answer)
                return answer
        return None


def _ask(frame: PendingFrame) -> Prediction:
    dials = frame.frame.dials
    return Prediction(frame.lightness, dials.vivid, dials.palette)


def find_motion(
    items: Iterable[PendingFrame], pool: WorkerThreads | None, output_stride: int
) -> Iterator[PendingFrame]:
    """Find the motion from frame to frame, where both give and take color.

    Args:
        items: Frames of one film in order.
        pool: Who finds it; None finds it here.
        output_stride: Of the net.

    Yields:
        The same with their motion, but for frames that show other things than the one before.
    """
    follow = partial(_follow, output_stride)
    return map_ordered("color", follow, _pairs(items), pool)


def _pairs(items: Iterable[PendingFrame]) -> Iterator[tuple[PendingFrame, Tensor | None]]:
    """Each frame with the lightness of the one before, where there may be motion between them."""
    last: Tensor | None = None
    try:
        for item in items:
            here = item.lightness if is_reference(item.frame, item.share) else None
            linked = here is not None and last is not None and last.shape == here.shape
            yield item, last if linked and not starts_segment(item.frame) else None
            last = here
    finally:
        close(items)


def _follow(output_stride: int, pair: tuple[PendingFrame, Tensor | None]) -> PendingFrame:
    item, last = pair
    if last is not None:
        h, w = last.shape
        motion = motion_between(item.lightness, last, (h // output_stride, w // output_stride))
        item.motion = None if is_broken(motion) else motion
    return item


def group_for_net(
    items: Iterable[PendingFrame], batch: Callable[[], int], spread: int
) -> Iterator[NetBatch]:
    """Collect frames until as many need the net as a run of it takes.

    Args:
        items: Frames of one film in order, about which it is decided.
        batch: Tells how many frames a run of the net has.
        spread: Frames that may wait for each of these.
    """
    group = NetBatch([], [])
    try:
        for item in items:
            group.items.append(item)
            answer = item.answer
            if answer and answer.ab is None and not answer.asked:
                answer.asked = True
                group.asked.append(answer)
            if len(group.asked) >= batch() or len(group.items) >= spread * batch():
                yield group
                group = NetBatch([], [])
        if group.items:
            yield group
    finally:
        close(items)


def no_color(lightness: Tensor, output_stride: int) -> Tensor:
    """``(2, h', w')`` ab of a frame that is painted neutral, as large as the net's."""
    h, w = lightness.shape
    return lightness.new_zeros(2, h // output_stride, w // output_stride)


def is_same_lightness(lightness: Tensor, other: Tensor, spot: int) -> bool:
    """Whether two pictures ``(h, w)`` differ by no more than coding leaves of one."""
    difference = (lightness - other).abs()
    if difference.mean() > SAME_MEAN:
        return False
    return float(F.avg_pool2d(difference[None, None], spot).max()) <= SAME_SPOT


def is_broken(motion: Motion) -> bool:
    """Whether the two frames show different things, as at a cut that was not found."""
    missed = round_trip(motion.flow[None], motion.back[None])
    return float((missed > 1).float().mean()) > BROKEN
