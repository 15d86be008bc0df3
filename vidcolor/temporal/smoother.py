"""Smoothing: the color of a thing is the mean of what the net found for it, before and after.

Frames wait until those after them are known; then each gets the mean of its past and its future.
What a shot knows at the border of a chunk can be kept, so that an interrupted film goes on with the
same colors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from vidcolor.core.frames import ColorizedFrame, Frame
from vidcolor.core.iterators import close
from vidcolor.core.optical_flow import motion_between
from vidcolor.core.resample import reduce_map
from vidcolor.core.threads import WorkerThreads, map_ordered
from vidcolor.nets.trust_gate import Gate, quicken
from vidcolor.nets.weights import load_gate
from vidcolor.settings import TemporalSettings
from vidcolor.temporal.propagation import (
    FramePair,
    add,
    average_along_flow,
    from_past,
    is_reference,
    link,
    restore_saturation,
    starts_segment,
    with_energy,
)

SURE = 0.95
"""Weight from which a painted frame is not smoothed."""

MAX_HELD = 768 << 20
"""Bytes of frames that may wait; very large ones get less look-ahead."""


@dataclass
class TemporalState:
    """What a frame takes over from those before it in its shot."""

    lightness: Tensor
    """``(h, w)`` of the last frame before it that others lean on."""
    ab: Tensor
    """``(2, h', w')`` of the same, as the net found it."""
    trace: Tensor
    """``(1, 4, h', w')`` as it is after that frame: means of ab and its energy, and the weight."""
    guide: Tensor | None = None
    """``(1, 4, h', w')`` the same of what the user asked for: means of ab times its weight and of
    the weight, and the number of frames; None where nothing is said of the shot."""

    def to_bytes(self) -> bytes:
        """The handover as safetensors."""
        parts = {name: value for name, value in vars(self).items() if value is not None}
        return save({name: value.contiguous() for name, value in parts.items()})

    @classmethod
    def from_bytes(cls, data: bytes) -> TemporalState:
        """The handover that `to_bytes` wrote down.

        Raises:
            ValueError: It is none.
        """
        try:
            found = cls(**load(data))
        except (SafetensorError, TypeError, KeyError) as error:
            raise ValueError("is not a handover") from error
        dims = [value.ndim for value in vars(found).values() if value is not None]
        if dims not in ([2, 3, 4], [2, 3, 4, 4]):
            raise ValueError("is not a handover")
        return found


class StateStore(Protocol):
    """Where handovers are kept, by the number of the chunk that takes them over; as a dict."""

    def get(self, chunk: int, /) -> TemporalState | None:
        """What is kept for a chunk."""

    def __setitem__(self, chunk: int, handover: TemporalState, /) -> None:
        """Keep it."""


@dataclass
class _View:
    """What is compared of a frame that others lean on."""

    lightness: Tensor
    ab: Tensor


@dataclass
class _Arrival:
    """A frame, and what it is to be joined with."""

    item: ColorizedFrame
    last: _View | None
    """The last frame before it that others lean on."""
    breaks_off: bool
    """Whether it has nothing to do with the frames that wait."""
    taken_over: TemporalState | None
    """What an earlier run left for it."""


@dataclass
class _Held:
    """A frame that waits for those after it."""

    arrival: _Arrival
    maps: Tensor
    """``(1, 3, h, w)`` ab and its energy."""
    link: FramePair | None
    """With the last frame before it that others lean on."""
    strength: float
    """0 leaves it as it is."""

    @property
    def item(self) -> ColorizedFrame:
        """The frame."""
        return self.arrival.item

    @property
    def context_frames(self) -> bool:
        """Whether other frames may take color from this one."""
        return self.strength > 0 and is_reference(self.item.frame, self.item.share)


def smooth(
    colored: Iterable[ColorizedFrame],
    settings: TemporalSettings,
    gate: Gate | None = None,
    handovers: StateStore | None = None,
    pool: WorkerThreads | None = None,
    varies: bool = False,
) -> Iterator[ColorizedFrame]:
    """Steady the color.

    Results rest on the whole shot before a frame and on ``settings.look_ahead`` frames after it, or
    fewer where frames are very large. Flashes and damaged frames take color from the frame before
    them, where it can still be seen, and give none. A stretch that is not smoothed parts what lies
    before it from what lies after it. Holds `context` frames and those that the worker threads have
    in hand, and speaks that late.

    Args:
        colored: Frames of one film with ab, in order.
        settings: Strength and look-ahead; strength 0 passes everything through.
        gate: Decides how far carried color is trusted; None loads the one that ships.
        handovers: Gets what a chunk that begins within a shot takes over, and is asked for it where
            a frame has ``resumed`` set.
        pool: Who finds the flow; None finds it here.
        varies: Whether frames may be smoothed by their own `Dials` although ``strength`` is 0.

    Yields:
        The same frames with steadier ab.
    """
    if not settings.strength and not varies:
        try:
            yield from map(obey, colored)
        finally:
            close(colored)
        return
    handovers = {} if handovers is None else handovers
    joined = partial(_join_pair, quicken(gate or load_gate()[0]), settings)
    run = _Run(handovers)
    arrivals = map_ordered("smooth", joined, _arrivals(colored, settings, handovers), pool)
    try:
        for held in arrivals:
            if held.arrival.breaks_off:
                yield from run.settle_all()
                run.start(held.arrival)
            run.take(held)
            ahead = _affordable(held.item.frame, settings.look_ahead)
            if run.waiting >= context(ahead):
                with pool.clock("smooth") if pool else nullcontext():
                    steady = run.average_along_flow(run.waiting - ahead)
                yield from steady
        yield from run.settle_all()
    finally:
        close(arrivals)


def strength_of(frame: Frame, settings: TemporalSettings) -> float:
    """That of the frame's stretch, else that of the settings."""
    own = frame.dials.smooth
    return settings.strength if own is None else own


def _arrivals(
    colored: Iterable[ColorizedFrame], settings: TemporalSettings, handovers: StateStore
) -> Iterator[_Arrival]:
    """Each frame with the one that it is joined with."""
    last: _View | None = None
    try:
        for item in colored:
            frame = item.frame
            resized = last is not None and _sizes(last) != _sizes(item)
            breaks_off = starts_segment(frame) or resized
            handover = None
            if breaks_off:
                resumes = frame.resumed and not frame.starts_shot
                handover = handovers.get(frame.chunk) if resumes else None
                last = _View(handover.lightness, handover.ab) if handover else None
            yield _Arrival(item, last, breaks_off, handover)
            if not strength_of(frame, settings):
                last = None
            elif is_reference(frame, item.share):
                last = _View(item.lightness, item.ab)
    finally:
        close(colored)


def _sizes(item: ColorizedFrame | _View) -> tuple[torch.Size, torch.Size]:
    return item.lightness.shape, item.ab.shape


class _Run:
    """The state of one pass: frames that wait, and what those before them hand on."""

    def __init__(self, handovers: StateStore) -> None:
        self._handovers = handovers
        self._held: list[_Held] = []
        self._settled: _View | None = None
        """The last frame that others lean on and that is settled, and the trace after it."""
        self._trace: Tensor | None = None
        self._guide: Tensor | None = None
        """The trace of what the user asked for."""
        self._chunk = 0
        """The chunk of the last frame that is settled."""

    @property
    def waiting(self) -> int:
        """How many frames wait."""
        return len(self._held)

    def start(self, arrival: _Arrival) -> None:
        """Begin with a frame where a shot begins, or where an earlier run left it."""
        self._settled = self._trace = self._guide = None
        handover = arrival.taken_over
        if handover is not None:
            self._trace, self._settled = handover.trace, arrival.last
            self._guide = handover.guide
            self._chunk = arrival.item.frame.chunk

    def take(self, held: _Held) -> None:
        """Let a frame wait."""
        if not self._held and self._chunk != held.item.frame.chunk:
            self._hand_over(held.item.frame.chunk)
        self._held.append(held)

    def average_along_flow(self, count: int) -> list[ColorizedFrame]:
        """The first ``count`` frames with their results, or fewer where a chunk ends."""
        chunks = [one.item.frame.chunk for one in self._held]
        self._chunk = chunks[0]
        count = next((i for i in range(1, count) if chunks[i] != chunks[0]), count)
        steady, self._trace = _smooth_held(self._held, count, self._trace)
        guides, self._guide = _smooth_guides(self._held, count, self._guide)
        for one in self._held[:count]:
            if one.context_frames:
                self._settled = _View(one.item.lightness, one.item.ab)
            elif not one.strength:
                self._settled = None
        if count < len(chunks) and chunks[count] != chunks[0]:
            self._hand_over(chunks[count])
        items = [one.item for one in self._held[:count]]
        del self._held[:count]
        return [
            obey(
                ColorizedFrame(
                    *(item.frame, item.lightness, ab, item.share),
                    guide=guide,
                    saturation=item.saturation,
                )
            )
            for item, ab, guide in zip(items, steady, guides, strict=True)
        ]

    def settle_all(self) -> Iterator[ColorizedFrame]:
        """All frames that wait, with their results."""
        while self.waiting:
            yield from self.average_along_flow(self.waiting)

    def _hand_over(self, chunk: int) -> None:
        if self._settled is not None and self._trace is not None:
            before = self._settled
            state = TemporalState(before.lightness, before.ab, self._trace, self._guide)
            self._handovers[chunk] = state


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
def _join_pair(gate: Gate, settings: TemporalSettings, arrival: _Arrival) -> _Held:
    item, last = arrival.item, arrival.last
    strength = strength_of(item.frame, settings)
    maps = with_energy(item.ab[None])
    if last is None or not item.share or not strength:  # of which nothing will be seen, or taken
        return _Held(arrival, maps, None, strength)
    motion = item.motion
    if motion is None or motion.other is not last.lightness:
        motion = motion_between(item.lightness, last.lightness, item.ab.shape[1:])
    flows = motion.flow[None], motion.back[None]
    others = _reduced_L(last), last.ab[None]
    both = link(gate, others, (_reduced_L(item), item.ab[None]), flows, strength)
    return _Held(arrival, maps, both, strength)


def _reduced_L(item: ColorizedFrame | _View) -> Tensor:  # noqa: N802
    """``(1, 1, h, w)`` L at the size of ab."""
    return reduce_map(item.lightness, item.ab.shape[1:])[None, None]


@torch.inference_mode()
def _smooth_held(
    held: Sequence[_Held], count: int, state: Tensor | None
) -> tuple[list[Tensor], Tensor | None]:
    """``(2, h, w)`` steady ab of the first ``count``, and the trace that goes on from there."""
    means, state = _average(held, count, state, [one.maps for one in held], [1.0] * len(held))
    results = [
        one.item.ab if mean is None else restore_saturation(mean)[0]
        for one, mean in zip(held, means, strict=False)
    ]
    return results, state


@torch.inference_mode()
def _smooth_guides(
    held: Sequence[_Held], count: int, state: Tensor | None
) -> tuple[Sequence[Tensor | None], Tensor | None]:
    """``(3, h, w)`` steady guide of the first ``count``, and the trace that goes on from there.

    None where nothing is said of any frame.
    """
    if state is None and not any(one.item.guide is not None for one in held):
        return [None] * count, None
    maps = [_guide_of(one.item) for one in held]
    means, state = _average(held, count, state, maps, [one.item.keyed for one in held])
    results: list[Tensor | None] = []
    for one, own, mean in zip(held, maps, means, strict=False):
        if mean is not None and one.item.keyed > 1:
            mean = torch.lerp(mean, own, _is_painted(own))
        results.append(one.item.guide if mean is None else mean[0])
    return results, state


def _average(
    held: Sequence[_Held],
    count: int,
    state: Tensor | None,
    maps: Sequence[Tensor],
    counts: Sequence[float],
) -> tuple[list[Tensor | None], Tensor | None]:
    """Means of maps of the first ``count``, and the trace that goes on from there.

    Args:
        held: The frames.
        count: How many results are asked for.
        state: The trace of the frame before; None at a cut.
        maps: ``(1, C, h, w)`` of each frame.
        counts: For how many frames each of them counts.

    Returns:
        ``(1, C, h, w)`` each; None for a frame that is left as it is.
    """
    some = [n for n, one in enumerate(held) if one.context_frames]
    steady, pasts = average_along_flow(
        [maps[n] for n in some],
        [held[n].link for n in some],
        sum(n < count for n in some),
        state,
        [counts[n] for n in some],
    )
    settled = iter(zip(steady, pasts, strict=True))
    means: list[Tensor | None] = []
    for one, own, own_count in zip(held[:count], maps, counts, strict=False):
        mean: Tensor | None = None
        if one.context_frames:
            mean, state = next(settled)
        elif not one.strength:
            state = None
        else:
            mean = add(from_past(state, one.link), own, own_count)[:, :-1]
        means.append(mean)
    return means, state


def _is_painted(guide: Tensor) -> Tensor:
    """``(1, 1, h, w)`` 0..1: where a key frame comes back exactly as it was painted.

    Only where the user has the whole say: what was spread with doubt would flash for one frame.
    """
    return ((guide[:, 2:] - SURE) / (1 - SURE)).clamp(0, 1)


def _guide_of(item: ColorizedFrame) -> Tensor:
    """``(1, 3, h, w)`` what the user asked for, or that nothing was said."""
    if item.guide is not None:
        return item.guide[None]
    return item.ab.new_zeros(1, 3, *item.ab.shape[1:])


def obey(item: ColorizedFrame) -> ColorizedFrame:
    """The frame with what the user asked for in place of the automatic color, by its weight."""
    guide, said = item.guide, item.said
    if guide is None or said is None:
        return item
    return replace(item, ab=item.ab * (1 - said) + guide[:2] / item.saturation)
