"""Color that is carried to frames which the net did not see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from shared import slow_but
from synthetic import make_frame, texture
from torch import Tensor

from vidcolor.colorize.chain import skip_chunks
from vidcolor.colorize.frame_selection import (
    FrameSelector,
    PendingFrame,
    Prediction,
    find_motion,
    group_for_net,
)
from vidcolor.colorize.interpolation import interpolate_color
from vidcolor.core.frames import ColorizedFrame, Frame
from vidcolor.errors import SettingsError
from vidcolor.media.encode.chunk_file import ChunkFileInfo
from vidcolor.run.chunking import plan_chunks, skip_finished
from vidcolor.settings import ChunkSettings, ColorizerSettings, TemporalSettings
from vidcolor.temporal.smoother import TemporalState, context, smooth

H, W = 64, 96
FRAME = torch.full((2, 2), 0.5)
Net = Callable[[Tensor], Tensor]


def pan(length: int, step: int = 2, seed: int = 1) -> list[Tensor]:
    """``(H, W)`` L* of a picture that moves by ``step`` samples a frame."""
    wide = 100 * texture(seed, H, W + step * length)
    return [wide[:, step * n : step * n + W] for n in range(length)]


def net(lightness: Tensor) -> Tensor:
    """ab that belongs to the things of a picture: it follows their lightness."""
    small = F.interpolate(lightness[None, None], (H // 4, W // 4), mode="area")[0]
    return torch.cat([small - 50, 50 - small])


def colored(
    pairs: Iterable[tuple[Frame, Tensor]],
    stride: int,
    ask: Callable[[Sequence[Prediction]], None],
    batch: int,
) -> Iterator[ColorizedFrame]:
    """What the colorizer does with frames whose lightness is known."""
    items = (PendingFrame(frame, L, 1.0 if L.std() > 1 else 0.0) for frame, L in pairs)
    select = FrameSelector(stride, 4).select(find_motion(items, None, 4))

    def answered() -> Iterator[PendingFrame]:
        for group in group_for_net(select, lambda: batch, max(2, stride)):
            ask(group.asked)
            yield from group.items

    return interpolate_color(answered(), 4)


def run(
    maps: Sequence[Tensor], stride: int, asked: Net = net, frames: Sequence[Frame] | None = None
) -> tuple[list[ColorizedFrame], list[int]]:
    """The frames with ab, and which of them the net saw."""
    frames = frames or [make_frame(FRAME, pts=n, starts_shot=n == 0) for n in range(len(maps))]
    seen: list[int] = []

    def ask(answers: Sequence[Prediction]) -> None:
        for answer in answers:
            seen.append(next(n for n, one in enumerate(maps) if one is answer.lightness))
            answer.ab = asked(answer.lightness)

    return list(colored(zip(frames, maps, strict=True), stride, ask, 4)), seen


def test_the_net_sees_every_third_frame_and_the_last() -> None:
    found, seen = run(pan(11), 3)
    assert seen == [0, 3, 6, 9, 10]
    assert [item.frame.pts for item in found] == list(range(11))


def test_color_moves_with_the_things() -> None:
    maps = pan(9)
    found, _ = run(maps, 4)
    inner = slice(4, -4)
    for item, lightness in zip(found, maps, strict=True):
        off = (item.ab - net(lightness))[..., inner].abs()
        unmoved = (net(maps[item.frame.pts // 4 * 4]) - net(lightness))[..., inner].abs()
        assert off.mean() < 1
        assert item.frame.pts % 4 == 0 or off.mean() < unmoved.mean() / 2


def test_color_is_blended_by_the_time_to_both_sides() -> None:
    # The light grows a little, so that no frame is a repeat of another; nothing moves.
    maps = [90 * texture(1, H, W) + n / 2 for n in range(9)]
    values = iter([10.0, 30.0, 0.0])
    found, seen = run(maps, 4, lambda _: torch.full((2, H // 4, W // 4), next(values)))
    assert seen == [0, 4, 8]
    means = [float(item.ab.mean()) for item in found]
    assert means == pytest.approx([10, 15, 20, 25, 30, 22.5, 15, 7.5, 0], abs=0.01)


def test_nothing_is_carried_across_a_cut() -> None:
    maps = [*pan(6), *pan(6, seed=2)]
    cut = [make_frame(FRAME, pts=n, starts_shot=n in (0, 6)) for n in range(12)]
    for frames in (cut, [replace(frame, starts_shot=frame.pts == 0) for frame in cut]):
        found, seen = run(maps, 4, frames=frames)
        assert seen == [0, 4, 5, 6, 10, 11]
        assert found[6].motion is None
        for n in (3, 9):
            other, _ = run(maps[n // 6 * 6 : n // 6 * 6 + 6], 4)
            assert torch.equal(found[n].ab, other[3].ab)


@pytest.mark.parametrize("spoilt", [{"damaged": True}, {"outlier": True}])
def test_nothing_is_carried_across_a_frame_that_tells_nothing(spoilt: dict[str, Any]) -> None:
    frames = [make_frame(FRAME, pts=n, starts_shot=n == 0) for n in range(10)]
    frames[5] = replace(frames[5], **spoilt)
    found, seen = run(pan(10), 4, frames=frames)
    assert seen == [0, 4, 5, 6, 9]
    assert [item.frame.pts for item in found if item.motion] == [1, 2, 3, 4, 7, 8, 9]


@pytest.mark.parametrize(
    ("lost", "colorless"), [([0], [0]), ([3], [3]), ([6], [6]), ([8], [8]), ([6, 8], [6, 7, 8])]
)
def test_where_the_net_gave_no_number_color_comes_from_the_other_side(
    lost: list[int], colorless: list[int]
) -> None:
    maps = pan(9)

    def asked(lightness: Tensor) -> Tensor:
        ab = net(lightness)
        return ab * float("nan") if any(lightness is maps[n] for n in lost) else ab

    found, _ = run(maps, 3, asked)
    assert [item.frame.pts for item in found if item.frame.colorless] == colorless
    for item in found:
        if not item.frame.colorless:
            assert (item.ab - net(item.lightness))[..., 4:-4].abs().mean() < 1


def test_the_smoother_finds_the_same_motion_itself() -> None:
    frames = [make_frame(FRAME, pts=n, starts_shot=n in (0, 8)) for n in range(16)]
    found, _ = run([*pan(8), *pan(8, seed=2)], 3, frames=frames)
    assert sum(item.motion is not None for item in found) == 14
    bare = [replace(item, motion=None) for item in found]
    settings = TemporalSettings(look_ahead=4)
    for one, other in zip(smooth(found, settings), smooth(bare, settings), strict=True):
        assert torch.equal(one.ab, other.ab)


@pytest.mark.parametrize("stride", [0, -1, 99])
def test_strides_that_make_no_sense(stride: int) -> None:
    with pytest.raises(SettingsError, match="--stride"):
        ColorizerSettings(stride=stride)


RATE = 25
AHEAD = 4
CHUNKS = ChunkSettings(seconds=0.4, longest=0.48)
"""At 25 frames a second, 40 frames make chunks of 12, 12, 12 and 4 where there is no cut."""


class Pictures:
    """A film of 40 frames that pans, stands still and repeats itself, colored by its lightness."""

    def __init__(self, shots: tuple[int, ...], stride: int, strength: float) -> None:
        self.maps = pan(40)
        for n in (3, 11, 12, 13, 14, 22, 23, 25, 26, 35):
            self.maps[n] = self.maps[n - 1] + 0.01  # the same, and the net would differ
        self.maps[24] = self.maps[22]
        self.shots, self.stride = shots, stride
        self.settings = TemporalSettings(strength, AHEAD)
        self.ahead = stride - 1 + (context(AHEAD) if strength else 0)

    def planned(self) -> Iterator[Frame]:
        frames = (make_frame(FRAME, pts=n, starts_shot=n in self.shots) for n in range(40))
        return plan_chunks(frames, CHUNKS)

    def color(self, frames: Iterable[Frame]) -> Iterator[ColorizedFrame]:
        def ask(answers: Sequence[Prediction]) -> None:
            for answer in answers:
                noise = torch.Generator().manual_seed(int(1000 * answer.lightness.mean()))
                answer.ab = net(answer.lightness) + torch.randn(2, 16, 24, generator=noise)

        pairs = ((frame, self.maps[frame.pts]) for frame in frames)
        return colored(pairs, self.stride, ask, 3)

    def steady(
        self, done: dict[int, ChunkFileInfo], handovers: dict[int, TemporalState]
    ) -> dict[int, Tensor]:
        colored = self.color(skip_finished(self.planned(), done, self.ahead))
        steady = smooth(colored, self.settings, None, handovers)
        return {item.frame.pts: item.ab for item in skip_chunks(steady, done)}


@pytest.mark.parametrize("strength", [0.95, 0.0])
@pytest.mark.parametrize("stride", slow_but([3], [1, 3]))
@pytest.mark.parametrize("shots", [pytest.param((0,), marks=pytest.mark.slow), (0, 11, 27)])
def test_colors_do_not_depend_on_where_a_film_was_interrupted(
    shots: tuple[int, ...], stride: int, strength: float
) -> None:
    pictures = Pictures(shots, stride, strength)
    chunks: dict[int, list[int]] = {}
    for frame in pictures.planned():
        chunks.setdefault(frame.chunk, []).append(frame.pts)
    handovers: dict[int, TemporalState] = {}
    whole = pictures.steady({}, handovers)
    assert sorted(whole) == list(range(40))
    assert len(chunks) == 4
    for done in [(0,), (1,), (2,), (0, 1), (0, 2), (1, 3), (0, 2, 3)]:
        facts = {n: ChunkFileInfo(len(p), p[0], p[-1], 0, 0, "", "") for n, p in chunks.items()}
        parts = pictures.steady({n: facts[n] for n in done}, dict(handovers))
        assert sorted(parts) == [pts for n, p in chunks.items() if n not in done for pts in p]
        for pts, ab in parts.items():
            assert torch.equal(ab, whole[pts]), f"frame {pts}, done {done}"
