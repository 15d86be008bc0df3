"""Hints outside of the part that is colored: they hold in the shots that the part cuts."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from company import Company
from guided import RATE, guided_settings, write_shots
from hinted import point

import vidcolor.run.shot_scan as shot_scan
from vidcolor.cluster.task_queue import Step, Task
from vidcolor.guidance.plan import Guidance, PartEnds, ShotRange
from vidcolor.guidance.types import ColorSheet, Hint
from vidcolor.media.open import open_video
from vidcolor.preview.compare import side_by_side
from vidcolor.run.inputs import BatchItem
from vidcolor.run.shot_scan import find_ends, plan_with_shots, scan_shots
from vidcolor.run.video import colorize_video
from vidcolor.settings import EncodeSettings, InputSettings, Settings

pytestmark = pytest.mark.usefixtures("quick_guide")
F = Fraction
LONG = 16
"""Frames of a shot."""
PART = InputSettings(start=F(LONG + 6, RATE), end=F(3 * LONG + 8, RATE))
"""From within the second shot of five into the fourth."""
EARLY, LATE = point((0.3, 0.5), frame=LONG + 3), point((0.6, 0.5), "red", 4 * LONG - 4)
NONE = "outside of the colored part and its shots: without effect"


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_shots(tmp_path / "film.mkv", shots=5, frames=LONG)


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    lossless = EncodeSettings(lossless=True)
    return guided_settings(quick_weights, open=PART, encode=lossless)


def sheet(*hints: Hint) -> ColorSheet:
    return ColorSheet(hints=hints)


def chroma(path: Path) -> list[bytes]:
    """Of each frame."""
    with av.open(str(path)) as container:
        return [
            b"".join(bytes(plane) for plane in frame.planes[1:])
            for frame in container.decode(video=0)
        ]


def changed_shots(plain: Path, hinted: Path) -> set[int]:
    """Numbers of the shots in which two results of the part differ; in these every frame does."""
    one, other = chroma(plain), chroma(hinted)
    assert len(one) == len(other) == 2 * LONG + 2
    numbers = [(place + LONG + 6) // LONG for place in range(len(one))]
    pairs = zip(numbers, one, other, strict=True)
    changed = [number for number, before, after in pairs if before != after]
    assert changed == [number for number in numbers if number in changed]
    return set(changed)


@pytest.mark.parametrize(
    ("hints", "touched", "note"),
    [
        ((EARLY,), {1}, ""),
        pytest.param((LATE,), {3}, "", marks=pytest.mark.slow),
        pytest.param((EARLY, LATE), {1, 3}, "", marks=pytest.mark.slow),
        ((point((0.5, 0.5), frame=LONG - 2),), set(), f"1 hint lies {NONE}"),
        pytest.param(
            (EARLY, point((0.5, 0.5), frame=4 * LONG + 2)),
            {1},
            f"1 hint lies {NONE}",
            marks=pytest.mark.slow,
        ),
        (
            (point((0.5, 0.5), frame=2), point((0.5, 0.5), frame=4 * LONG)),
            set(),
            f"2 hints lie {NONE}",
        ),
    ],
)
def test_a_hint_holds_for_the_part_of_its_shot_that_is_colored(
    hints: tuple[Hint, ...],
    touched: set[int],
    note: str,
    film: Path,
    settings: Settings,
    tmp_path: Path,
) -> None:
    colorize_video(film, tmp_path / "plain.mp4", settings=settings)
    target = tmp_path / "out.mp4"
    report = colorize_video(film, target, settings=settings, colors=sheet(*hints))
    assert changed_shots(tmp_path / "plain.mp4", target) == touched
    assert [text for text in report.notes if "effect" in text] == ([note] if note else [])
    item = BatchItem(film.name, film, tmp_path / "shared.mp4", colors=sheet(*hints))
    (outcome,) = Company(settings).color(item)
    assert outcome.report, outcome.error
    assert outcome.report.notes == report.notes
    assert item.target.read_bytes() == target.read_bytes()


def test_an_edit_outside_of_the_part_colors_only_its_shot_again(
    film: Path, settings: Settings, tmp_path: Path
) -> None:
    edited = sheet(EARLY, replace(LATE, color="lime"), point((0.5, 0.5), frame=2))
    fresh = tmp_path / "fresh.mp4"
    colorize_video(film, fresh, settings=settings, colors=edited)
    target = tmp_path / "out.mp4"
    whole = colorize_video(film, target, settings=settings, colors=sheet(EARLY, LATE))
    again = colorize_video(film, target, settings=settings, colors=edited)
    assert (whole.chunks, again.resumed) == (3, 2)
    assert target.read_bytes() == fresh.read_bytes()

    def stop(task: Task, *_: object) -> bool:
        return task.step is Step.FINISH

    item = BatchItem(film.name, film, tmp_path / "shared.mp4", colors=sheet(EARLY, LATE))
    assert not Company(settings).color(item, stop=stop)
    (outcome,) = Company(settings).color(replace(item, colors=edited))
    assert outcome.report, outcome.error
    assert outcome.report.resumed == 2
    assert item.target.read_bytes() == fresh.read_bytes()


def test_a_pipe_and_a_comparison_know_the_whole_shot(film: Path, settings: Settings) -> None:
    with open_video(film, settings.open) as video:
        found = plan_with_shots(video, video.info.layout, settings, sheet(EARLY, LATE))
    assert found
    assert found.shots == tuple(
        ShotRange(F(number * LONG, RATE), F((number + 1) * LONG, RATE)) for number in (1, 2, 3)
    )


def test_a_comparison_tells_what_has_no_effect(
    film: Path, settings: Settings, tmp_path: Path
) -> None:
    colors = sheet(point((0.5, 0.5), frame=2))
    report = side_by_side(film, None, tmp_path / "out.mp4", settings=settings, colors=colors)
    assert f"1 hint lies {NONE}" in report.notes


def ends_of(film: Path, part: InputSettings, *frames: int) -> PartEnds | None:
    with open_video(film) as video:
        info = video.info
    said = Guidance(sheet(*(point((0.5, 0.5), frame=frame) for frame in frames)), info.frame_rate)
    return find_ends(info, Settings(open=part), info.layout, said).ends


def test_nothing_is_read_where_all_is_said_of_the_part(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shot_scan, "scan_shots", lambda *_: pytest.fail("it was read"))
    assert ends_of(film, PART, LONG + 10, 3 * LONG + 6) is None
    assert ends_of(film, InputSettings(), 2, 4 * LONG) is None


def test_a_long_shot_is_read_only_as_far_as_something_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = write_shots(tmp_path / "film.mkv", shots=1, frames=30 * RATE)
    read: list[tuple[Fraction | None, Fraction | None]] = []

    def watch(source: Path, settings: Settings, *rest: object) -> object:
        read.append((settings.open.start, settings.open.end))
        return scan_shots(source, settings, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(shot_scan, "scan_shots", watch)
    part = InputSettings(start=F(14), end=F(16))
    found = ends_of(film, part, 11 * RATE, 18 * RATE)
    assert read == [(F(6), F(15)), (F(15), F(24))]
    assert found
    assert found.before == ShotRange(F(6), F(14))
    assert found.after == ShotRange(F(399, RATE), F(24))
    assert ends_of(film, part, 1) == PartEnds(ShotRange(F(0), F(14)))


@pytest.mark.parametrize("spare", [3, 10])
def test_a_cut_that_the_part_is_too_short_to_show_ends_what_is_said(spare: int, film: Path) -> None:
    """A run of the part takes a few frames before a cut for frames of the next shot."""
    part = InputSettings(start=F(2 * LONG - spare, RATE), end=F(3 * LONG + spare, RATE))
    found = ends_of(film, part, LONG + 2, 4 * LONG - 2)
    assert found
    first, last = part.start, F(3 * LONG + spare - 1, RATE)
    assert found.before == ShotRange(first if spare == 3 else F(LONG, RATE), first)
    assert found.after == ShotRange(last, part.end if spare == 3 else F(4 * LONG, RATE))
