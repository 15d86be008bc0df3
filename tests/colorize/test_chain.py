"""The rule that every stage of the way of a frame keeps; decode and encode: tests/media."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from synthetic import bits_of, make_frame, make_layout, texture

from vidcolor.colorize.chain import skip_chunks
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.paint import paint, paint_frame
from vidcolor.core.frames import ColorizedFrame, Frame
from vidcolor.core.threads import WorkerThreads
from vidcolor.errors import FilmUnreadable
from vidcolor.nets.colornet import ColorNet
from vidcolor.run.chunking import plan_chunks, skip_finished
from vidcolor.settings import (
    ChunkSettings,
    ColorizerSettings,
    PaintSettings,
    ShotSettings,
    TemporalSettings,
    TitleSettings,
)
from vidcolor.shots.detector import mark_shots
from vidcolor.shots.titles import AHEAD, mark_titles
from vidcolor.temporal.smoother import block, smooth

BATCH = 4
N = 11


@dataclass
class Stage:
    run: Callable[[Iterator[Any], ColorNet], Iterator[Any]]
    colored: bool
    """Whether it takes `ColorizedFrame` items, else frames."""
    holds: int
    """Frames alive in the stage when it has just yielded one, by its docstring."""


def colorizer(net: ColorNet, batch: int = BATCH, stride: int = 1) -> Colorizer:
    made = Colorizer(net, ColorizerSettings(device="cpu", size=64, batch=batch, stride=stride))
    made.dtype = torch.float32  # the same on every machine
    return made


def crewed(stage: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """A stage whose work is done by a crew of two, that is gone when the stage is closed."""

    def run(items: Iterator[Any], net: ColorNet) -> Iterator[Any]:
        with WorkerThreads(2) as pool:
            yield from stage(items, pool, net)

    return run


CHUNKS = ChunkSettings(seconds=0.1, longest=0.15)
"""At the 25 frames a second of `make_frame`: a chunk of three or four frames."""

STAGES = {
    "shots": Stage(
        lambda items, _: mark_shots(items, ShotSettings()), False, ShotSettings().min_frames + 3
    ),
    "titles": Stage(lambda items, _: mark_titles(items, TitleSettings()), False, AHEAD + 1),
    "color": Stage(lambda items, net: colorizer(net).colorize(items), False, 2 * BATCH),
    "color, stride 3": Stage(
        lambda items, net: colorizer(net, stride=3).colorize(items), False, 3 * BATCH + 3
    ),
    "smooth": Stage(
        lambda items, _: smooth(items, TemporalSettings(look_ahead=6)), True, 6 + block(6)
    ),
    "chunks": Stage(lambda items, _: plan_chunks(items, CHUNKS), False, 1),
    "unfinished": Stage(lambda items, _: skip_finished(items, {}, 8), False, 1),
    "without": Stage(lambda items, _: skip_chunks(items, ()), True, 1),
    "smooth off": Stage(lambda items, _: smooth(items, TemporalSettings(strength=0)), True, 1),
    "paint": Stage(lambda items, _: paint(items, PaintSettings()), True, 1),
    "color by a crew": Stage(
        crewed(lambda items, pool, net: colorizer(net, 1).colorize(items, None, pool)), False, 9
    ),
    "smooth by a crew": Stage(
        crewed(lambda items, pool, _: smooth(items, TemporalSettings(look_ahead=3), pool=pool)),
        True,
        4 + 3 + block(3),
    ),
    "paint by a crew": Stage(
        crewed(lambda items, pool, _: paint(items, PaintSettings(), pool)), True, 5
    ),
}


def frame_of(item: Frame | ColorizedFrame) -> Frame:
    return item.frame if isinstance(item, ColorizedFrame) else item


class Upstream:
    """Makes items, and watches how many of its frames are still alive."""

    def __init__(self, length: int, colored: bool, fail_at: int | None = None) -> None:
        self.length, self.colored, self.fail_at = length, colored, fail_at
        self.frames: list[weakref.ref[Frame]] = []
        self.lumas: list[bytes] = []
        self.closed = False
        self.most_alive = 0

    def alive(self) -> int:
        return sum(ref() is not None for ref in self.frames)

    def make(self, pts: int) -> Frame | ColorizedFrame:
        if pts == self.fail_at:
            raise FilmUnreadable("made to fail")
        frame = make_frame(texture(pts // 4, 48, 64), pts=pts, starts_shot=pts % 5 == 0)
        self.frames.append(weakref.ref(frame))
        self.lumas.append(bits_of(frame.luma))
        self.most_alive = max(self.most_alive, self.alive())
        if not self.colored:
            return frame
        return ColorizedFrame(frame, 100 * texture(pts // 4, 64, 80), 30 * torch.randn(2, 16, 20))

    def __iter__(self) -> Iterator[Frame | ColorizedFrame]:
        try:
            for pts in range(self.length):
                yield self.make(pts)
        finally:
            self.closed = True


@pytest.fixture(params=STAGES, ids=str)
def stage(request: pytest.FixtureRequest) -> Stage:
    return STAGES[request.param]


@pytest.mark.parametrize("length", [0, 1, 2, N])
def test_a_stage_keeps_the_rule(
    stage: Stage, length: int, quick: ColorNet, capfd: pytest.CaptureFixture[str]
) -> None:
    upstream = Upstream(length, stage.colored)
    places: list[int] = []
    for place, item in enumerate(stage.run(iter(upstream), quick)):
        frame = frame_of(item)
        places.append(frame.pts)
        assert frame is upstream.frames[place](), "another frame, or another order"
        assert bits_of(frame.luma) == upstream.lumas[place], "luma was written to"
        del item, frame
        assert upstream.alive() <= stage.holds
    assert places == list(range(length))
    # While it pulls the next frames, a stage may still hold what it has just handed on.
    assert upstream.most_alive <= 2 * stage.holds
    assert upstream.alive() == 0
    assert upstream.closed
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("taken", [1, 3])
def test_a_stage_that_is_closed_early_closes_its_upstream(
    stage: Stage, taken: int, quick: ColorNet
) -> None:
    upstream = Upstream(N, stage.colored)
    source = iter(upstream)  # held here, so that only an explicit close can end it
    items = stage.run(source, quick)
    for _ in range(taken):
        next(items)
    items.close()  # type: ignore[attr-defined]
    assert upstream.closed
    assert next(source, None) is None


def test_an_error_passes_through_a_stage(stage: Stage, quick: ColorNet) -> None:
    upstream = Upstream(N, stage.colored, fail_at=6)
    places: list[int] = []
    with pytest.raises(FilmUnreadable, match="made to fail"):
        places.extend(frame_of(item).pts for item in stage.run(iter(upstream), quick))
    assert places == list(range(len(places)))
    assert upstream.closed


def test_the_stages_together_paint_every_frame(tiny: ColorNet) -> None:
    upstream = Upstream(N, colored=False)
    frames: Iterator[Any] = mark_shots(iter(upstream), ShotSettings())
    frames = smooth(colorizer(tiny).colorize(frames), TemporalSettings())
    for place, frame in enumerate(paint(frames, PaintSettings())):
        assert frame.pts == place
        assert bits_of(frame.luma) == upstream.lumas[place]
        # The tiny weights paint orange: less blue, more red.
        assert frame.chroma[0].float().mean() < 120
        assert frame.chroma[1].float().mean() > 136


@pytest.mark.parametrize("batch", [1, 3])
def test_batches_do_not_change_the_result(batch: int, tiny: ColorNet) -> None:
    frames = [make_frame(texture(i, 48, 64), pts=i) for i in range(7)]
    found = list(colorizer(tiny, batch).colorize(frames))
    expected = list(colorizer(tiny, 4).colorize(frames))
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.lightness, other.lightness)
        assert torch.equal(one.ab, other.ab)


def test_where_a_film_is_cut_into_batches_does_not_change_a_bit(tiny: ColorNet) -> None:
    # The last batch is padded for this: a frame alone and one among others run the same kernels.
    frames = [make_frame(texture(i, 48, 64), pts=i) for i in range(7)]
    whole = list(colorizer(tiny).colorize(frames))
    parts = [*colorizer(tiny).colorize(frames[:2]), *colorizer(tiny).colorize(frames[2:])]
    for one, other in zip(whole, parts, strict=True):
        assert torch.equal(one.ab, other.ab)


def test_how_many_work_does_not_change_a_bit(tiny: ColorNet) -> None:
    def film(pool: WorkerThreads | None) -> list[tuple[bytes, bytes]]:
        colored = colorizer(tiny, 1).colorize(Upstream(N, colored=False), None, pool)
        steady = smooth(colored, TemporalSettings(look_ahead=3), pool=pool)
        painted = paint(steady, PaintSettings(), pool)
        return [(bits_of(frame.chroma[0]), bits_of(frame.chroma[1])) for frame in painted]

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    expected = film(None)
    torch.set_num_threads(before)
    for size in (1, 3):
        with WorkerThreads(size) as pool:
            assert film(pool) == expected


@pytest.mark.parametrize("sub", [(1, 1), (1, 0), (0, 0)])
def test_the_fields_of_an_interlaced_frame_are_painted_apart(sub: tuple[int, int]) -> None:
    # One field is black, the other a light gray: black must not take color from its neighbour
    # rows, nor the gray lose any to them.
    H, W = 32, 48
    unit = torch.zeros(H, W)
    unit[1::2] = 0.6
    ab = torch.tensor([25.0, 40.0])[:, None, None].expand(2, 16, 16)
    woven = make_frame(unit, make_layout(sub=sub), interlaced=True)
    gray = make_frame(torch.full((H, W), 0.6), make_layout(sub=sub))
    paint_frame(woven, ab)
    paint_frame(gray, ab)
    for plane, alone in zip(woven.chroma, gray.chroma, strict=True):
        assert (plane[0::2] == 128).all()
        assert torch.equal(plane[1::2], alone[1::2])
        assert (alone.int() - 128).abs().min() > 5


def test_two_pictures_in_two_fields_get_two_chromas() -> None:
    H, W = 64, 96
    one, other = texture(1, H, W), texture(2, H, W)
    unit = one.clone()
    unit[1::2] = other[1::2]
    ab = torch.stack([40 * texture(3, 16, 24), -40 * texture(4, 16, 24)])
    woven = make_frame(unit, interlaced=True)
    paint_frame(woven, ab)
    fields = []
    for first, picture in enumerate((one, other)):
        layout = make_layout(siting=(0.0, 0.25 + 0.5 * first))
        field = make_frame(picture[first::2].contiguous(), layout)
        paint_frame(field, ab)
        for plane, alone in zip(woven.chroma, field.chroma, strict=True):
            assert torch.equal(plane[first::2], alone)
        fields.append(field.chroma[0].int())
    assert (fields[0] - fields[1]).abs().max() > 3


@pytest.mark.parametrize("height", [1, 2, 3, 5, 6])
def test_interlaced_frames_of_few_rows_are_painted(height: int) -> None:
    frame = make_frame(torch.full((height, 8), 0.6), interlaced=True)
    paint_frame(frame, torch.full((2, 16, 16), 25.0))
    assert (frame.chroma[0] != 128).all()
