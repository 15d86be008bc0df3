"""Whole runs with hints and references, with a small net and a guide that learned nothing."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from guided import RATE, SHOT, guided_settings, write_shots
from hinted import NAVY, ab_of, point, small_guide
from PIL import Image

import vidcolor.colorize.colorizer
import vidcolor.colorize.guide
import vidcolor.run.video
from vidcolor.colorize.guide import Guide
from vidcolor.colorize.session import Session
from vidcolor.core.frames import ColorizedFrame
from vidcolor.errors import SettingsError, WeightsNotFound
from vidcolor.guidance.entries import Hint, Reference
from vidcolor.guidance.key_frame import KEYED
from vidcolor.guidance.plan import Guidance
from vidcolor.guidance.types import ColorSheet
from vidcolor.nets.colornet import ColorNet
from vidcolor.run.video import colorize_video
from vidcolor.settings import EncodeSettings, InputSettings, Settings

pytestmark = pytest.mark.usefixtures("quick_guide")
F = Fraction


class Stopped(Exception):
    """A run was stopped."""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_shots(tmp_path / "film.mkv", shots=3)


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    return guided_settings(quick_weights, encode=EncodeSettings(lossless=True))


def sheet(*said: Hint | Reference, path: Path | None = None) -> ColorSheet:
    return ColorSheet(
        hints=tuple(one for one in said if isinstance(one, Hint)),
        references=tuple(one for one in said if isinstance(one, Reference)),
        path=path,
    )


def chroma(path: Path) -> list[bytes]:
    """Of each frame."""
    with av.open(str(path)) as container:
        return [
            b"".join(bytes(plane) for plane in frame.planes[1:])
            for frame in container.decode(video=0)
        ]


MIDDLE = point((0.5, 0.5), frame=SHOT + 3)


def test_a_hint_colors_its_shot_and_no_other_frame(
    film: Path, settings: Settings, tmp_path: Path
) -> None:
    colorize_video(film, tmp_path / "a.mkv", settings=settings)
    report = colorize_video(film, tmp_path / "b.mkv", settings=settings, colors=sheet(MIDDLE))
    plain, hinted = chroma(tmp_path / "a.mkv"), chroma(tmp_path / "b.mkv")
    assert len(plain) == len(hinted) == 3 * SHOT
    changed = [one != other for one, other in zip(plain, hinted, strict=True)]
    assert changed == [n // SHOT == 1 for n in range(3 * SHOT)]
    assert report.clean


def watch(monkeypatch: pytest.MonkeyPatch) -> list[ColorizedFrame]:
    """The frames that are guided from now on."""
    seen: list[ColorizedFrame] = []
    guide = Guide.guide_frame

    def watched(self: Guide, item: ColorizedFrame) -> ColorizedFrame:
        seen.append(guide(self, item))
        return seen[-1]

    monkeypatch.setattr(vidcolor.colorize.guide.Guide, "guide_frame", watched)
    return seen


@pytest.mark.parametrize("start", [None, F(SHOT + 2, RATE)])
@pytest.mark.parametrize("late", [0, 1000])
def test_the_key_frame_is_known_again_wherever_a_run_begins(
    late: int,
    start: Fraction | None,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its time in the source: also where the container's clock does not begin at 0."""
    seen = watch(monkeypatch)
    film = write_shots(tmp_path / "film.mkv", shots=3, start=late)
    settings = replace(settings, open=InputSettings(start=start))
    colorize_video(film, tmp_path / "a.mkv", settings=settings, colors=sheet(MIDDLE))
    (key,) = [item for item in seen if item.keyed == KEYED]
    assert round(key.frame.moment * RATE) == SHOT + 3
    assert key.guide is not None
    h, w = key.guide.shape[1:]
    wanted = torch.tensor([*ab_of(NAVY).flatten().tolist(), 1.0])
    torch.testing.assert_close(key.guide[:, h // 2, w // 2], wanted)


def stop(film: Path, target: Path, settings: Settings, colors: ColorSheet, after: int) -> None:
    """A run that is stopped when so many chunks are done."""
    record = vidcolor.run.video.record_chunk
    done: list[int] = []

    def count(*given: object) -> object:
        if len(done) == after:
            raise Stopped
        done.append(0)
        return record(*given)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vidcolor.run.video, "record_chunk", count)
        with pytest.raises(Stopped):
            colorize_video(film, target, settings=settings, colors=colors)


@pytest.mark.parametrize("after", [1, pytest.param(2, marks=pytest.mark.slow), 4])
@pytest.mark.parametrize("strength", [pytest.param(0.0, marks=pytest.mark.slow), 0.95])
def test_a_run_that_is_resumed_within_a_hinted_shot_gives_equal_bytes(
    strength: float, after: int, quick_weights: Path, tmp_path: Path
) -> None:
    film = write_shots(tmp_path / "film.mkv", shots=2, frames=18)
    settings = guided_settings(quick_weights, 0.1)
    smooth = replace(settings.smooth, strength=strength, look_ahead=3)
    settings = replace(settings, smooth=smooth)
    colors = sheet(
        point((0.3, 0.4), frame=10), point((0.7, 0.6), "red", 3), point((0.5, 0.5), "lime", 25)
    )
    whole, target = tmp_path / "whole.mp4", tmp_path / "out.mp4"
    report = colorize_video(film, whole, settings=settings, colors=colors)
    assert report.chunks > 4
    stop(film, target, settings, colors, after)
    assert colorize_video(film, target, settings=settings, colors=colors).resumed == after
    assert target.read_bytes() == whole.read_bytes()


def test_an_edit_of_a_hint_colors_its_shot_again(
    film: Path, settings: Settings, tmp_path: Path
) -> None:
    target = tmp_path / "out.mkv"
    stop(film, target, settings, sheet(MIDDLE), 2)
    edited = sheet(replace(MIDDLE, color="red"))
    report = colorize_video(film, target, settings=settings, colors=edited)
    assert report.resumed == 1
    fresh = tmp_path / "fresh.mkv"
    colorize_video(film, fresh, settings=settings, colors=edited)
    assert chroma(target) == chroma(fresh)


def test_other_weights_of_the_guide_color_only_what_hints_touch_again(
    film: Path,
    settings: Settings,
    tmp_path: Path,
    quick: ColorNet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = tmp_path / "out.mkv"
    stop(film, target, settings, sheet(MIDDLE), 2)
    monkeypatch.setattr(
        vidcolor.colorize.colorizer, "load_guide", lambda *_: (small_guide(quick), "dd")
    )
    report = colorize_video(film, target, settings=settings, colors=sheet(MIDDLE))
    assert report.resumed == 1
    assert report.spec is not None
    assert report.spec.net.guides == "dd"


def test_nets_of_another_film_do_not_count(
    settings: Settings, quick_weights: Path, tiny_weights: Path
) -> None:
    """A session that colored another film with more nets tells the same of this one."""
    used = Session.load(settings, None, Guidance(sheet(MIDDLE)))
    alone = used.guides
    assert alone == "cc"
    used.colorizer_for(str(tiny_weights)).listen()
    assert used.with_guidance(used.guidance).guides == alone
    assert used.with_guidance(Guidance(sheet())).guides == ""


def test_a_reference_beside_the_sheet_is_the_frame(
    film: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (96, 64), "teal").save(tmp_path / "still.png")
    seen = watch(monkeypatch)
    reference = Reference("still.png", time=F(SHOT + 3, RATE))
    colors = sheet(reference, path=tmp_path / "film.colors.toml")
    colorize_video(film, tmp_path / "a.mkv", settings=settings, colors=colors)
    (key,) = [item for item in seen if item.keyed == KEYED]
    assert key.guide is not None
    torch.testing.assert_close(key.guide[:2], ab_of("teal").expand_as(key.guide[:2]))
    guided = [item.guide is not None for item in sorted(seen, key=lambda one: one.frame.moment)]
    assert guided == [n // SHOT == 1 for n in range(3 * SHOT)]


@pytest.mark.parametrize("data", [b"no image", None])
def test_an_image_that_cannot_be_read_is_refused_and_leaves_no_target(
    data: bytes | None, film: Path, settings: Settings, tmp_path: Path
) -> None:
    if data:
        (tmp_path / "still.png").write_bytes(data)
    reference = Reference("still.png", time=F(SHOT + 3, RATE))
    colors = sheet(reference, path=tmp_path / "film.colors.toml")
    target = tmp_path / "a.mkv"
    target.write_bytes(b"mine")
    settings = replace(settings, output=replace(settings.output, force=True))
    with pytest.raises(SettingsError, match=r"still\.png"):
        colorize_video(film, target, settings=settings, colors=colors)
    assert target.read_bytes() == b"mine"


def test_weights_without_a_guide_are_refused_before_a_frame_is_read(
    film: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: str) -> object:
        raise WeightsNotFound("these weights have none")

    monkeypatch.setattr(vidcolor.colorize.colorizer, "load_guide", none)
    monkeypatch.setattr(vidcolor.run.video, "scan_shots", lambda *_: pytest.fail("it was read"))
    with pytest.raises(WeightsNotFound, match="have none"):
        colorize_video(
            film,
            tmp_path / "a.mkv",
            settings=settings,
            colors=sheet(MIDDLE),
            on_progress=lambda _: pytest.fail("a frame was colored"),
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mkv"]


def test_a_picture_takes_hints_from_its_sheet(settings: Settings, tmp_path: Path) -> None:
    gray = np.full((64, 96), 90, np.uint8)
    gray[:, 48:] = 180
    source = tmp_path / "a.png"
    Image.fromarray(gray).save(source)
    colors = sheet(point((0.25, 0.5), frame=None))
    colorize_video(source, tmp_path / "plain.png", settings=settings)
    colorize_video(source, tmp_path / "hinted.png", settings=settings, colors=colors)
    with Image.open(tmp_path / "plain.png") as one, Image.open(tmp_path / "hinted.png") as two:
        plain, hinted = np.asarray(one).astype(int), np.asarray(two).astype(int)
    assert (hinted[32, 24, 2] - hinted[32, 24, 0]) > 15, "navy is blue"
    assert np.abs(plain - hinted)[:, 52:].max() <= 6
