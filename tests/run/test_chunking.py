"""Chunks: how a film is divided, and that it is the same wherever it was interrupted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

import pytest
import torch
from shared import slow_but
from synthetic import make_frame, texture
from torch import Tensor

from vidcolor.colorize.chain import skip_chunks
from vidcolor.core.frames import ColorizedFrame, Frame
from vidcolor.errors import ChunkDiffers, SettingsError
from vidcolor.media.encode.chunk_file import ChunkFileInfo
from vidcolor.run.chunking import plan_chunks, skip_finished
from vidcolor.settings import ChunkSettings, TemporalSettings
from vidcolor.temporal.smoother import TemporalState, context, smooth

RATE = 25
"""Frames per second of `make_frame`."""
AHEAD = 6


def film(length: int, cuts: Iterable[int] = (0,)) -> Iterator[Frame]:
    for pts in range(length):
        yield make_frame(torch.full((2, 2), 0.5), pts=pts, starts_shot=pts in cuts)


def begins(frames: Iterable[Frame]) -> list[int]:
    """pts of the first frame of each chunk; their numbers must be 0, 1, 2..."""
    found: list[int] = []
    for frame in frames:
        if frame.chunk == len(found):
            found.append(frame.pts)
        assert frame.chunk == len(found) - 1
    return found


def test_a_chunk_is_a_run_of_whole_shots() -> None:
    cuts = (0, 20, 45, 60, 110, 111, 150)
    settings = ChunkSettings(seconds=2, longest=6)
    assert begins(plan_chunks(film(200, cuts), settings)) == [0, 60, 110]


def test_a_long_shot_is_split() -> None:
    settings = ChunkSettings(seconds=1, longest=2)
    assert begins(plan_chunks(film(180, (0, 10, 130)), settings)) == [0, 50, 100, 130]


def test_a_film_without_frames_has_no_chunks() -> None:
    assert begins(plan_chunks(film(0), ChunkSettings())) == []


def test_times_count_not_frames() -> None:
    frames = (make_frame(torch.zeros(2, 2), pts=7 + 100 * n, starts_shot=True) for n in range(4))
    assert begins(plan_chunks(frames, ChunkSettings(seconds=6, longest=60))) == [7, 207]


@pytest.mark.parametrize(("seconds", "longest"), [(0, 60), (-1, 60), (20, 10)])
def test_lengths_that_make_no_sense(seconds: float, longest: float) -> None:
    with pytest.raises(SettingsError):
        ChunkSettings(seconds, longest)


def facts(first: int, last: int) -> ChunkFileInfo:
    return ChunkFileInfo(last - first + 1, first, last, 0, 0, "", "")


LONG = ChunkSettings(seconds=1, longest=1.2)
SHOTS = (0, 70)
"""With `LONG`, 100 frames make the chunks 0..29, 30..59, 60..89, 90..99."""
DONE = {0: facts(0, 29), 1: facts(30, 59), 2: facts(60, 89), 3: facts(90, 99)}


def left(done: Iterable[int], shots: Iterable[int] = SHOTS) -> tuple[list[int], list[int]]:
    """pts that are colored again, and those of frames that begin after a gap."""
    finished = {number: DONE[number] for number in done}
    frames = list(skip_finished(plan_chunks(film(100, shots), LONG), finished, context(AHEAD)))
    return [f.pts for f in frames], [f.pts for f in frames if f.resumed]


def test_nothing_done() -> None:
    assert left([]) == (list(range(100)), [])


def test_everything_done() -> None:
    assert left([0, 1, 2, 3]) == ([], [])


def test_what_is_done_first_is_left_out() -> None:
    assert left([0, 1]) == (list(range(60, 100)), [60])


def test_behind_an_unfinished_chunk_come_frames_that_it_leans_on() -> None:
    assert left([0, 2, 3]) == (list(range(30, 60 + context(AHEAD))), [30])
    assert left([1, 3]) == ([*range(30 + context(AHEAD)), *range(60, 90 + 8)], [60])


def test_they_end_with_the_shot() -> None:
    assert left([1, 2, 3], shots=(0, 33)) == (list(range(33)), [])
    assert left([1, 2, 3], shots=(0, 30)) == (list(range(30)), [])


def test_a_done_chunk_must_have_the_frames_it_had() -> None:
    for wrong in (
        facts(0, 28),
        facts(1, 29),
        facts(-1, 29),
        ChunkFileInfo(29, 0, 29, 0, 0, "", ""),
    ):
        with pytest.raises(ChunkDiffers, match="chunk 0 no longer has the frames it had"):
            list(skip_finished(plan_chunks(film(40), LONG), {0: wrong}, 8))
    with pytest.raises(ChunkDiffers, match="chunk 1 no longer has the frames it had"):
        list(skip_finished(plan_chunks(film(55), LONG), {0: DONE[0], 1: DONE[1]}, 8))


class Pictures:
    """Colors of a film of 100 frames, noisy as those of a net; damaged frames among them."""

    def __init__(self, shots: Iterable[int], ahead: int = AHEAD) -> None:
        self.ahead = ahead
        draw = torch.Generator().manual_seed(5)
        self.shots = tuple(shots)
        self.ab = 20 + 8 * torch.randn(100, 2, 12, 16, generator=draw)
        self.light = torch.stack(
            [100 * texture(1, 48, 96)[:, n // 4 :][:, :64] for n in range(100)]
        )
        self.odd = {28, 29, 31, 59}

    def color(self, frames: Iterable[Frame]) -> Iterator[ColorizedFrame]:
        for frame in frames:
            frame.outlier = frame.pts in self.odd
            yield ColorizedFrame(frame, self.light[frame.pts], self.ab[frame.pts])

    def steady(
        self, done: Iterable[int], handovers: dict[int, TemporalState] | None = None
    ) -> dict[int, Tensor]:
        """ab of the frames of chunks that are not done, by pts."""
        finished = {number: DONE[number] for number in done}
        frames = plan_chunks(film(100, self.shots), LONG)
        colored = self.color(skip_finished(frames, finished, context(self.ahead)))
        steady = smooth(colored, TemporalSettings(look_ahead=self.ahead), None, handovers)
        return {item.frame.pts: item.ab for item in skip_chunks(steady, finished)}


@pytest.mark.parametrize(
    ("shots", "ahead"),
    slow_but(
        [((0,), AHEAD), ((0, 52, 64, 91), AHEAD), ((0, 33), 0)],
        product([(0,), (0, 70), (0, 33), (0, 30, 60), (0, 52, 64, 91)], [AHEAD, 1, 0]),
    ),
)
def test_colors_do_not_depend_on_where_a_film_was_interrupted(
    shots: tuple[int, ...], ahead: int
) -> None:
    pictures = Pictures(shots, ahead)
    handovers: dict[int, TemporalState] = {}
    whole = pictures.steady((), handovers)
    assert sorted(whole) == list(range(100))
    within = [number for number, f in DONE.items() if f.first_pts not in shots]
    assert sorted(handovers) == within
    for done in [(0,), (0, 1), (0, 1, 2), (1,), (1, 3), (0, 2, 3), (2,), (0, 3), (1, 2, 3)]:
        parts = pictures.steady(done, dict(handovers))
        kept = [
            pts
            for n, f in DONE.items()
            if n not in done
            for pts in range(f.first_pts, f.last_pts + 1)
        ]
        assert sorted(parts) == kept
        for pts in kept:
            assert torch.equal(parts[pts], whole[pts]), f"frame {pts}, done {done}"


def test_without_what_is_handed_on_the_colors_would_be_others() -> None:
    pictures = Pictures((0,))
    whole = pictures.steady(())
    alone = pictures.steady((0,), {})
    assert not torch.equal(alone[30], whole[30])


def test_a_handover_is_kept_to_the_bit() -> None:
    handovers: dict[int, TemporalState] = {}
    Pictures((0,)).steady((), handovers)
    again = TemporalState.from_bytes(handovers[1].to_bytes())
    for name, value in vars(handovers[1]).items():
        same = getattr(again, name)
        assert same is value is None or torch.equal(same, value)
