"""Smoothing: the colour of a thing is the mean of what the net found for it, before and after.

Frames wait until those after them are known; then each gets the mean of its past and its future.
What a shot knows at the border of a chunk can be kept, so that an interrupted film goes on with the
same colours.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812
from safetensors.torch import load, save
from torch import Tensor

from vidcolor.effort import firm
from vidcolor.flow import motion_between, reduced_motion
from vidcolor.frames import Colored, Frame
from vidcolor.model.gate import Gate
from vidcolor.model.weights import load_gate
from vidcolor.settings import SmoothSettings
from vidcolor.streams import close
from vidcolor.traces import Link, add, from_past, link, revived, settle, with_energy

MAX_HELD = 768 << 20
"""Bytes of frames that may wait; very large ones get less look-ahead."""


@dataclass
class Handover:
    """What a frame takes over from those before it in its shot."""

    lightness: Tensor
    """``(h, w)`` of the last frame before it that others lean on."""
    ab: Tensor
    """``(2, h', w')`` of the same, as the net found it."""
    trace: Tensor
    """``(1, 4, h', w')`` as it is after that frame: means of ab and its energy, and the weight."""

    def to_bytes(self) -> bytes:
        """The handover as safetensors."""
        return save({name: value.contiguous() for name, value in vars(self).items()})

    @classmethod
    def from_bytes(cls, data: bytes) -> Handover:
        """The handover that `to_bytes` wrote down."""
        return cls(**load(data))


class Handovers(Protocol):
    """Where handovers are kept, by the number of the chunk that takes them over; as a dict."""

    def get(self, chunk: int, /) -> Handover | None:
        """What is kept for a chunk."""

    def __setitem__(self, chunk: int, handover: Handover, /) -> None:
        """Keep it."""


@dataclass
class _Held:
    """A frame that waits for those after it."""

    item: Colored
    L: Tensor
    """``(1, 1, h, w)`` at the size of ab."""
    maps: Tensor
    """``(1, 3, h, w)`` ab and its energy."""
    link: Link | None
    """With the last frame before it that others lean on."""

    @property
    def leaned_on(self) -> bool:
        """Whether other frames may take colour from this one."""
        return firm(self.item.frame, self.item.share)


def smooth(
    colored: Iterable[Colored],
    settings: SmoothSettings,
    gate: Gate | None = None,
    handovers: Handovers | None = None,
) -> Iterator[Colored]:
    """Steady the colour.

    Results rest on the whole shot before a frame and on ``settings.look_ahead`` frames after it, or
    fewer where frames are very large. Flashes and damaged frames take colour from the frame before
    them, where it can still be seen, and give none. Holds `context` frames and speaks that late.

    Args:
        colored: Frames of one film with ab, in order.
        settings: Strength and look-ahead; strength 0 passes everything through.
        gate: Decides how far carried colour is trusted; None loads the one that ships.
        handovers: Gets what a chunk that begins within a shot takes over, and is asked for it where
            a frame has ``resumed`` set.

    Yields:
        The same frames with steadier ab.
    """
    if not settings.strength:
        yield from colored
        return
    run = _Run(gate or load_gate()[0], settings, {} if handovers is None else handovers)
    try:
        for item in colored:
            if run.breaks_off(item):
                yield from run.settle_all()
                run.start(item)
            run.take(item)
            ahead = _affordable(item.frame, settings.look_ahead)
            if run.waiting >= context(ahead):
                yield from run.settle(run.waiting - ahead)
        yield from run.settle_all()
    finally:
        close(colored)


class _Run:
    """The state of one pass: frames that wait, and what those before them hand on."""

    def __init__(self, gate: Gate, settings: SmoothSettings, handovers: Handovers) -> None:
        self._gate = gate
        self._strength = settings.strength
        self._handovers = handovers
        self._held: list[_Held] = []
        self._last: Colored | None = None
        """The last frame that others lean on."""
        self._settled: Colored | None = None
        """The last of these that is settled, and the trace after it."""
        self._trace: Tensor | None = None
        self._chunk = 0
        """The chunk of the last frame that is settled."""

    @property
    def waiting(self) -> int:
        """How many frames wait."""
        return len(self._held)

    def breaks_off(self, item: Colored) -> bool:
        """Whether ``item`` has nothing to do with the frames that wait."""
        resized = self._last is not None and self._last.lightness.shape != item.lightness.shape
        return item.frame.starts_shot or item.frame.resumed or resized

    def start(self, item: Colored) -> None:
        """Begin with ``item`` where a shot begins, or where an earlier run left it."""
        self._last = self._settled = self._trace = None
        resumes = item.frame.resumed and not item.frame.starts_shot
        handover = self._handovers.get(item.frame.chunk) if resumes else None
        if handover is not None:
            self._trace = handover.trace
            self._last = Colored(item.frame, handover.lightness, handover.ab)
            self._settled = self._last
            self._chunk = item.frame.chunk

    def take(self, item: Colored) -> None:
        """Let ``item`` wait."""
        if not self._held and self._chunk != item.frame.chunk:
            self._hand_over(item.frame.chunk)
        held = _joined(self._gate, self._last, item, self._strength)
        self._held.append(held)
        if held.leaned_on:
            self._last = item

    def settle(self, count: int) -> Generator[Colored, None, None]:
        """Let the first ``count`` frames go with their results, or fewer where a chunk ends."""
        chunks = [one.item.frame.chunk for one in self._held]
        self._chunk = chunks[0]
        count = next((i for i in range(1, count) if chunks[i] != chunks[0]), count)
        steady, self._trace = _settled(self._held, count, self._trace)
        firm = [one.item for one in self._held[:count] if one.leaned_on]
        self._settled = firm[-1] if firm else self._settled
        if count < len(chunks) and chunks[count] != chunks[0]:
            self._hand_over(chunks[count])
        for ab in steady:  # frames that are done with are let go one by one
            item = self._held.pop(0).item
            yield Colored(item.frame, item.lightness, ab, item.share)

    def settle_all(self) -> Generator[Colored, None, None]:
        """Let all frames that wait go with their results."""
        while self.waiting:
            yield from self.settle(self.waiting)

    def _hand_over(self, chunk: int) -> None:
        if self._settled is not None and self._trace is not None:
            before = self._settled
            self._handovers[chunk] = Handover(before.lightness, before.ab, self._trace)


def context(look_ahead: int) -> int:
    """Frames that wait at most; also how many after a frame its result can rest on."""
    return look_ahead + block(look_ahead)


def block(look_ahead: int) -> int:
    """Frames that are settled at once: the future of many costs little more than that of one."""
    return max(1, look_ahead // 3)


def _affordable(frame: Frame, look_ahead: int) -> int:
    """Frames to look ahead when as many as the stage holds have to fit into `MAX_HELD`."""
    size = sum(plane.numel() * plane.element_size() for plane in (frame.luma, *frame.chroma))
    return min(look_ahead, int(MAX_HELD // size * 3 / 4))


@torch.inference_mode()
def _joined(gate: Gate, last: Colored | None, item: Colored, strength: float) -> _Held:
    L, maps = _reduced_L(item), with_energy(item.ab[None])
    if last is None or not item.share:  # of which nothing will be seen
        return _Held(item, L, maps, None)
    motion = item.motion
    if motion is None or motion.other is not last.lightness:
        motion = reduced_motion(motion_between(item.lightness, last.lightness), item.ab.shape[1:])
    others = _reduced_L(last), last.ab[None]
    flows = motion.flow[None], motion.back[None]
    return _Held(item, L, maps, link(gate, others, (L, item.ab[None]), flows, strength))


def _reduced_L(item: Colored) -> Tensor:  # noqa: N802
    """``(1, 1, h, w)`` L at the size of ab."""
    return F.interpolate(item.lightness[None, None], item.ab.shape[1:], mode="area")


@torch.inference_mode()
def _settled(
    held: Sequence[_Held], count: int, state: Tensor | None
) -> tuple[list[Tensor], Tensor | None]:
    """``(2, h, w)`` steady ab of the first ``count``, and the trace that goes on from there."""
    firm = [one for one in held if one.leaned_on]
    wanted = sum(one.leaned_on for one in held[:count])
    steady, pasts = settle([one.maps for one in firm], [one.link for one in firm], wanted, state)
    settled = iter(zip(steady, pasts, strict=True))
    results = []
    for one in held[:count]:
        if one.leaned_on:
            mean, state = next(settled)
        else:
            mean = add(from_past(state, one.link), one.maps)[:, :-1]
        results.append(revived(mean)[0])
    return results, state
