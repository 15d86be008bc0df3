"""Frames that are looked at have the color that the whole film gives them, or nearly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from shared import slow_but
from synthetic import texture
from torch import Tensor

from vidcolor import contact_sheet, still_at
from vidcolor.colorize.chain import find_color, mark_frames
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.session import Session
from vidcolor.errors import SettingsError
from vidcolor.media.decode.decoder import decode
from vidcolor.media.images.files import write_rgb
from vidcolor.media.open import open_video
from vidcolor.nets.colornet import NetInput
from vidcolor.preview.previews import Variant, frames_at, sweep
from vidcolor.preview.viewer import AS_SET, Context, Viewer
from vidcolor.settings import ColorizerSettings, PaintSettings, Settings, TemporalSettings

RATE = Fraction(24)
CUT, FRAMES = 20, 44


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shots, each a view that moves slowly."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(FRAMES):
            view = texture(3 if number < CUT else 8, 64, 160)[:, number : number + 96]
            codes = (view * 219 + 16).numpy().astype(np.uint8)
            gray = np.full((32, 96), 128, np.uint8)
            picture = av.VideoFrame.from_ndarray(np.concatenate([codes, gray]), "yuv420p")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def settings(quick_weights: Path) -> Settings:
    return Settings(colorizer=ColorizerSettings(weights=str(quick_weights), size=64, device="cpu"))


@pytest.fixture(scope="module")
def colorizer(settings: Settings) -> Colorizer:
    return Colorizer.from_weights(settings=settings.colorizer)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Torch's threads wait for each other where others work, too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


Whole = Callable[[float], list[Tensor]]


@pytest.fixture(scope="module")
def whole(film: Path, settings: Settings, colorizer: Colorizer) -> Whole:
    """ab of every frame, as the film is colored with some strength of smoothing."""

    @cache
    def made(strength: float) -> list[Tensor]:
        smoothed = replace(settings, smooth=TemporalSettings(strength))
        with open_video(film) as opened:
            session = Session.load(smoothed, colorizer)
            marked = mark_frames(decode(opened), smoothed)
            items = find_color(marked, session, opened.info.sample_aspect)
            return [item.ab * item.share for item in items]

    return made


def at(number: int) -> Fraction:
    """A moment at which a frame is on screen; Matroska counts in thousandths."""
    return (number + Fraction(1, 2)) / RATE


@pytest.mark.parametrize(
    ("number", "strength"),
    slow_but(
        [(0, 0.95), (CUT - 1, 0.95), (CUT, 0.95), (30, 0.0)],
        product((0, 5, CUT - 1, CUT, 30, FRAMES - 1), (0.95, 0.0)),
    ),
)
def test_with_all_frames_around_it_is_the_color_of_the_film(
    number: int,
    strength: float,
    film: Path,
    settings: Settings,
    colorizer: Colorizer,
    whole: Whole,
) -> None:
    settings = replace(settings, smooth=TemporalSettings(strength))
    wanted = whole(strength)[number]
    with Viewer(film, settings, colorizer) as viewer:
        (found,) = viewer.found([at(number)], settings, Context(24, 0))
    assert abs(found.seconds - number / RATE) < Fraction(1, 1000)
    # What is settled in other groups is summed in another order.
    torch.testing.assert_close(found.ab, wanted, atol=0.05, rtol=0)


def test_a_few_frames_around_come_near(
    film: Path, settings: Settings, colorizer: Colorizer, whole: Whole
) -> None:
    moments = [at(number) for number in range(6, FRAMES, 12)]
    wanted = torch.stack(whole(settings.smooth.strength)[6::12])
    errors = []
    for context in (Context(0, 1), Context(18, 6), Context(18, 0)):
        with Viewer(film, settings, colorizer) as viewer:
            ab = torch.stack([found.ab for found in viewer.found(moments, settings, context)])
        errors.append(float((ab - wanted).norm(dim=1).mean()))
    alone, near, all_seen = errors
    assert all_seen < 0.5 * alone
    assert near < 0.8 * alone


def test_the_net_sees_few_frames(
    film: Path, settings: Settings, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watched(colorizer, monkeypatch)
    with Viewer(film, settings, colorizer) as viewer:
        list(viewer.found([at(CUT + 12)], settings, Context(12, 12)))
        assert len(seen) == 3  # the first of the window, the frame itself, the last
        seen.clear()
        # Behind the cut nothing is looked at.
        list(viewer.found([at(CUT - 1)], settings, Context(12, 12)))
        assert len(seen) == 2
        seen.clear()
        list(viewer.found([at(CUT + 12)], settings, AS_SET))
        assert len(seen) == 24


def watched(colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """Every frame that the net is shown from here on."""
    seen: list[Tensor] = []
    predict = colorizer.predict

    def watch(inputs: NetInput, vivid: float | None = None) -> Tensor:
        seen.extend(inputs.lightness)
        return predict(inputs, vivid)

    monkeypatch.setattr(colorizer, "predict", watch)
    return seen


def test_runs_of_the_net_overlap(
    film: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The colorizer knows its batch before it begins; else it has one run in hand at a time."""
    seen: list[int] = []
    plain = Colorizer.colorize

    def colorize(self: Colorizer, *args: Any) -> Any:
        seen.append(self.ahead)
        return plain(self, *args)

    monkeypatch.setattr(Colorizer, "colorize", colorize)
    with Viewer(film, settings) as viewer:
        list(viewer.found([Fraction(1, 2)]))
    assert seen[0] > 1


def test_moments_that_show_the_same_frame(
    film: Path, settings: Settings, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watched(colorizer, monkeypatch)
    moments = [at(3), at(3) + Fraction(1, 100), at(3) + Fraction(1, 99), at(30)]
    with Viewer(film, settings, colorizer) as viewer:
        found = list(viewer.found(moments, settings, Context(0, 1)))
    assert [one.seconds for one in found] == [found[0].seconds] * 3 + [found[3].seconds]
    assert found[3].seconds > 1
    assert len(seen) == 2


def test_saturation_asks_the_net_once(
    film: Path, settings: Settings, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watched(colorizer, monkeypatch)
    values = (0.0, 0.5, 1.0, 2.0)
    ways = [
        Variant(f"saturation {value:g}", replace(settings, paint=PaintSettings(value)))
        for value in values
    ]
    with Viewer(film, settings, colorizer) as viewer:
        moments = [at(30), at(10)]
        list(viewer.found(sorted(moments), settings, ways[0].context))
        once, _ = len(seen), seen.clear()
        preview = sweep(viewer, moments, ways, "after")
        assert len(seen) == once
    assert [float(seconds) > 1 for seconds in preview.seconds] == [True] * 4 + [False] * 4
    chroma = cell_chroma(preview.picture, 4, 2)
    for row in chroma:
        assert row[0] < 1
        assert row == sorted(row)
        assert row[3] > row[1] + 5


def cell_chroma(picture: Tensor, columns: int, rows: int) -> list[list[float]]:
    """Mean difference of red and blue in the upper half of each cell of a sweep of 96 x 64."""
    found = []
    for row in range(rows):
        y = picture.shape[1] - 16 - (rows - row) * 70 + 6
        cells = [picture[:, y : y + 30, 16 + 102 * n : 112 + 102 * n] for n in range(columns)]
        found.append([float((c[0].float() - c[2].float()).abs().mean()) for c in cells])
    return found


def test_still_at(film: Path, settings: Settings, colorizer: Colorizer) -> None:
    pair = still_at(film, at(30), colorizer=colorizer, settings=settings)
    assert pair.before.shape == pair.after.shape == (3, 64, 96)
    assert pair.before.dtype == torch.uint8
    assert abs(pair.seconds - 30 / RATE) < Fraction(1, 1000)
    assert torch.equal(pair.before[0], pair.before[2])
    assert not torch.equal(pair.after[0], pair.after[2])
    strong = replace(settings, paint=PaintSettings(0.0))
    gray = still_at(film, at(30), colorizer=colorizer, settings=strong)
    assert torch.equal(gray.after, gray.before)


@pytest.mark.parametrize("moment", [FRAMES / RATE + Fraction(1, 100), Fraction(-1)])
def test_there_is_nothing_beyond_a_film(moment: Fraction, film: Path, settings: Settings) -> None:
    with pytest.raises(SettingsError, match=r"film\.mkv: the video ends at 0:00:01\.833"):
        still_at(film, moment, settings=settings)


def test_frames_at_are_in_the_order_asked_for(film: Path) -> None:
    moments = [at(30), at(2), at(30), Fraction(99)]
    found = frames_at(film, moments, height=32)
    seconds = [round(when * RATE) for when, _ in found]
    assert seconds == [30, 2, 30, FRAMES - 1]
    assert all(picture.shape == (3, 32, 48) for _, picture in found)
    assert torch.equal(found[0][1], found[2][1])
    assert frames_at(film, [at(2)])[0][1].shape == (3, 64, 96)


def test_contact_sheet(film: Path, settings: Settings, colorizer: Colorizer) -> None:
    told: list[Any] = []
    preview = contact_sheet(
        film,
        columns=3,
        rows=2,
        look="after",
        colorizer=colorizer,
        settings=settings,
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(n, 6) for n in range(1, 7)]
    middles = [Fraction(FRAMES * (2 * n + 1), 12) / RATE for n in range(6)]
    for shown, middle in zip(preview.seconds, middles, strict=True):
        assert middle - 1 / RATE - Fraction(1, 500) < shown <= middle
    assert preview.damage == []
    assert preview.picture.shape[2] == 2 * 16 + 3 * 96 + 2 * 6


def test_a_picture(
    tmp_path: Path, settings: Settings, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(colorizer, "batch", 16)  # as on a GPU
    monkeypatch.setattr(colorizer, "_most", 16)
    path = tmp_path / "photo.png"
    write_rgb((texture(5, 64, 96) * 255).to(torch.uint8).expand(3, -1, -1), path)
    pair = still_at(path, Fraction(0), colorizer=colorizer, settings=settings)
    assert colorizer.batch == 1
    assert pair.seconds == 0
    assert torch.equal(pair.before[0], pair.before[2])
    assert not torch.equal(pair.after[0], pair.after[2])
    ((seconds, picture),) = frames_at(path, [Fraction(5)])
    assert seconds == 0
    assert torch.equal(picture, pair.before)
    with pytest.raises(SettingsError, match=r"photo\.png: is a picture"):
        contact_sheet(path, colorizer=colorizer, settings=settings)
