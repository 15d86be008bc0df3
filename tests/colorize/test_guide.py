"""The guide of frames: what is said of a shot, for each of its frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hinted import NAVY, ab_of, listener, point, scene
from PIL import Image
from synthetic import bits_of, make_frame
from torch import Tensor

from vidcolor.colorize.chain import colorize_by_dials, colorize_marked
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.guide import load_image, make_key, read_look
from vidcolor.colorize.session import Session
from vidcolor.core.frames import ColorizedFrame, Frame
from vidcolor.core.threads import WorkerThreads
from vidcolor.errors import SettingsError
from vidcolor.guidance.entries import Hint, Reference, SheetContent, Stretch
from vidcolor.guidance.key_frame import KEYED, View
from vidcolor.guidance.plan import Guidance, ShotRange
from vidcolor.guidance.types import ColorSheet
from vidcolor.nets.book import BookNet
from vidcolor.nets.colornet import ColorNet, ColorNetConfig
from vidcolor.nets.registry import build_net
from vidcolor.settings import ColorizerSettings, Settings, TemporalSettings

F = Fraction
CUT, N = 6, 10
"""Frames of the first shot, and of the video."""
LEFT, RIGHT = (0.25, 0.5), (0.75, 0.5)
SHOTS = (ShotRange(F(0), F(CUT, 25)), ShotRange(F(CUT, 25), None))


@pytest.fixture(scope="module")
def colorizer(quick: ColorNet) -> Colorizer:
    return listener(quick)


def video() -> list[Frame]:
    """Two shots that look alike, but for a little light, so that only the cut parts them."""
    return [
        make_frame(scene() + 0.002 * n, pts=n, starts_shot=n in (0, CUT), share=1.0)
        for n in range(N)
    ]


class Source:
    """Gives key frames, and remembers which were asked for."""

    def __init__(self) -> None:
        self.asked: list[Fraction] = []

    def __call__(self, moments: Sequence[Fraction]) -> Iterator[tuple[Fraction, Frame]]:
        assert list(moments) == sorted(moments)
        frames = video()
        for moment in moments:
            self.asked.append(moment)
            shown = [frame for frame in frames if frame.moment <= moment]
            yield shown[-1].moment, shown[-1]


def session(
    colorizer: Colorizer, *said: Hint | Reference | Stretch, smooth: float = 0.0
) -> Session:
    def some(kind: type) -> tuple[object, ...]:
        return tuple(one for one in said if isinstance(one, kind))

    sheet = ColorSheet(hints=some(Hint), references=some(Reference), stretches=some(Stretch))  # type: ignore[arg-type]
    settings = Settings(smooth=TemporalSettings(smooth, look_ahead=4))
    made = Session(settings, colorizer, Guidance(sheet, F(25), SHOTS))
    made.source = Source()
    return made


def guided(colorizer: Colorizer, *said: Hint | Reference | Stretch) -> list[ColorizedFrame]:
    return list(colorize_by_dials(video(), session(colorizer, *said)))


def plain(colorizer: Colorizer) -> list[ColorizedFrame]:
    return list(colorizer.colorize(video()))


def sample(item: ColorizedFrame, place: tuple[float, float]) -> Tensor:
    """The guide of a place: ab and weight."""
    assert item.guide is not None
    h, w = item.guide.shape[1:]
    return item.guide[:, int(place[1] * h), int(place[0] * w)]


def test_what_is_said_holds_for_its_shot_forward_and_backward(colorizer: Colorizer) -> None:
    items = guided(colorizer, point(LEFT, frame=3))
    for item in items[:CUT]:
        found = sample(item, LEFT)
        assert found[2] > 0.9
        torch.testing.assert_close(found[:2] / found[2], ab_of(NAVY).flatten(), atol=2, rtol=0)
        assert sample(item, RIGHT)[2] < 0.1
    assert [item.keyed for item in items] == [KEYED if n == 3 else 1.0 for n in range(N)]


def test_nothing_crosses_a_cut(colorizer: Colorizer) -> None:
    items = guided(colorizer, point(LEFT, frame=CUT - 1))
    for item, untouched in zip(items[CUT:], plain(colorizer)[CUT:], strict=True):
        assert item.guide is None
        assert torch.equal(item.ab, untouched.ab)


def test_frames_of_a_shot_without_a_word_keep_their_bits(
    colorizer: Colorizer, quick: ColorNet
) -> None:
    def chroma(session: Session) -> list[bytes]:
        frames = colorize_marked(video(), session)
        return [bits_of(frame.chroma[0]) + bits_of(frame.chroma[1]) for frame in frames]

    deaf = Session(
        Settings(smooth=TemporalSettings(0.9, look_ahead=4)), Colorizer(quick, colorizer.settings)
    )
    hinted = chroma(session(colorizer, point(LEFT, frame=1), smooth=0.9))
    untouched = chroma(deaf)
    assert hinted[CUT:] == untouched[CUT:]
    assert all(one != other for one, other in zip(hinted[:CUT], untouched[:CUT], strict=True))


def test_the_painted_frame_is_exactly_as_it_was_painted(colorizer: Colorizer) -> None:
    hint = point(LEFT, frame=2)
    frame = video()[2]
    lightness = colorizer.lightness_of(frame, F(1))
    view = View.of(colorizer.examine(lightness), lightness)
    painted = make_key(view, F(2, 25), [hint], colorizer, SheetContent()).guide
    item = guided(colorizer, hint)[2]
    assert item.guide is not None
    torch.testing.assert_close(item.guide, painted, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(
        sample(item, LEFT), torch.tensor([*ab_of(NAVY).flatten().tolist(), 1.0])
    )


def test_key_frames_are_read_once_and_only_those_of_shots_that_are_colored(
    colorizer: Colorizer,
) -> None:
    made = session(colorizer, point(LEFT, frame=1), point(LEFT, frame=4), point(LEFT, frame=8))
    list(colorize_by_dials(video()[:CUT], made))
    assert isinstance(made.source, Source)
    assert [int(moment * 25) for moment in made.source.asked] == [1, 4]


def test_two_key_frames_of_a_shot_blend(colorizer: Colorizer) -> None:
    items = guided(colorizer, point(LEFT, "red", 0), point(LEFT, "blue", CUT - 1))
    red, blue = ab_of("red").flatten(), ab_of("blue").flatten()
    way = (blue - red) / (blue - red).norm()
    shares = [
        float((sample(item, LEFT)[:2] / sample(item, LEFT)[2] - red) @ way / (blue - red).norm())
        for item in items[:CUT]
    ]
    assert shares[0] < 0.01
    assert shares[-1] > 0.99
    assert shares == sorted(shares)
    assert 0.4 < shares[2] < 0.6


def test_hints_of_one_frame_at_different_times_are_one_key_frame(colorizer: Colorizer) -> None:
    """A frame is on screen for a while; several moments of it may be named."""
    early = point(LEFT, frame=2)
    late = replace(point(RIGHT, "red"), time=F(2, 25) + F(1, 100))
    item = guided(colorizer, early, late)[2]
    assert item.keyed == KEYED
    for place, color in ((LEFT, NAVY), (RIGHT, "red")):
        found = sample(item, place)
        torch.testing.assert_close(
            found[:2] / found[2], ab_of(color).flatten(), atol=3.0, rtol=0.05
        )


def colors_of(items: list[Frame]) -> list[Tensor]:
    return [torch.stack([plane.float() for plane in frame.chroma]) for frame in items]


@pytest.mark.parametrize("smooth", [0.0, 0.95])
@pytest.mark.parametrize("saturation", [0.25, 0.5, 2.0])
def test_the_saturation_dial_does_not_change_a_hinted_color(
    saturation: float, smooth: float, colorizer: Colorizer
) -> None:
    def run(*more: Stretch) -> list[Tensor]:
        made = session(colorizer, point(LEFT, frame=2), *more, smooth=smooth)
        return colors_of(list(colorize_marked(video(), made)))

    dial = Stretch(F(0), None, saturation=saturation)
    for one, other in zip(run()[:CUT], run(dial)[:CUT], strict=True):
        w = one.shape[2]
        assert (one - other)[..., 2 : w // 2 - 3].abs().max() <= 3
        assert (one - other)[..., w // 2 + 3 :].abs().max() > 3, "the dial moved nothing else"


@pytest.mark.parametrize("saturation", [0.0, 0.3, 3.0])
def test_a_dial_that_turns_within_a_shot_does_not_change_a_hinted_color(
    saturation: float, colorizer: Colorizer
) -> None:
    """Smoothing takes color from frames with another dial."""

    def run(*more: Stretch) -> list[Tensor]:
        made = session(colorizer, point(LEFT, frame=0), *more, smooth=0.95)
        return colors_of(list(colorize_marked(video(), made)))

    dial = Stretch(F(3, 25), None, saturation=saturation)
    before, after = run(), run(dial)
    for n, (one, other) in enumerate(zip(before[:CUT], after[:CUT], strict=True)):
        if n >= 3 and not saturation:
            assert (other == 128).all(), "gray was asked for"
            continue
        assert (one - other)[..., 2 : one.shape[2] // 2 - 3].abs().max() <= 3, n


def test_what_stays_gray_stays_gray_whatever_is_said(colorizer: Colorizer) -> None:
    stretch = Stretch(F(0), F(3, 25), keep_gray=True)
    made = session(colorizer, point(LEFT, frame=1), stretch, smooth=0.9)
    colors = colors_of(list(colorize_marked(video(), made)))
    assert all((each == 128).all() for each in colors[:3])
    assert all((each != 128).any() for each in colors[3:])


def test_threads_change_no_bit(colorizer: Colorizer) -> None:
    made = session(colorizer, point(LEFT, frame=2), point(RIGHT, "red", 7))
    with WorkerThreads(2) as pool:
        threaded = list(colorize_by_dials(video(), made, None, pool))
    for one, other in zip(
        threaded, guided(colorizer, point(LEFT, frame=2), point(RIGHT, "red", 7)), strict=True
    ):
        assert one.guide is not None
        assert other.guide is not None
        assert torch.equal(one.guide, other.guide)


def test_frames_that_are_carried_along_are_guided_too(quick: ColorNet) -> None:
    strided = listener(quick, ColorizerSettings(device="cpu", size=64, batch=1, stride=3))
    made = session(strided, point(LEFT, frame=2))
    items = list(colorize_by_dials(video(), made))
    assert strided.inferred < N or made.inferred < N
    assert all(item.guide is not None for item in items[:CUT])


def picture(left: str | None, right: str | None) -> np.ndarray:
    """``(48, 64, 4)``: two colors side by side; None is transparent, and black below that."""
    image = Image.new("RGBA", (64, 48))
    for color, x in ((left, 0), (right, 32)):
        image.paste(color or (0, 0, 0, 0), (x, 0, x + 32, 48))
    return np.asarray(image)


def test_a_reference_is_the_frame_itself_where_it_is_opaque(colorizer: Colorizer) -> None:
    shown = Reference(picture("red", None), time=F(2, 25))
    item = guided(colorizer, shown)[2]
    assert item.guide is not None
    w = item.guide.shape[2]
    assert torch.equal(item.guide[2, :, : w // 2], torch.ones(item.guide[2, :, : w // 2].shape))
    torch.testing.assert_close(
        item.guide[:2, :, : w // 2], ab_of("red").expand(2, item.guide.shape[1], w // 2)
    )
    assert not item.guide[:, :, w // 2 :].any()


def test_below_transparency_no_color_counts(colorizer: Colorizer) -> None:
    """Along the edge samples are half transparent; the color is that of the opaque half."""
    image = picture("red", None).copy()
    image[:, :34] = image[0, 0]  # the edge lies within a sample
    item = guided(colorizer, Reference(image, time=F(2, 25)))[2]
    assert item.guide is not None
    weight = item.guide[2]
    edge = (weight > 0.05) & (weight < 0.95)
    assert edge.any()
    colors = item.guide[:2, edge] / weight[edge]
    torch.testing.assert_close(colors, ab_of("red")[:, 0].expand_as(colors), atol=1.0, rtol=0)


def test_hints_lie_over_references(colorizer: Colorizer) -> None:
    shown = Reference(picture("red", "lime"), time=F(2, 25))
    item = guided(colorizer, shown, point(LEFT, frame=2))[2]
    torch.testing.assert_close(
        sample(item, LEFT), torch.tensor([*ab_of(NAVY).flatten().tolist(), 1.0])
    )
    assert sample(item, RIGHT)[2] == pytest.approx(1, abs=1e-3)


def test_a_look_gives_color_to_what_looks_alike_in_every_shot(colorizer: Colorizer) -> None:
    gray = make_frame(scene(0.7, 0.3)).luma.numpy()
    rgb = np.repeat(np.asarray(gray)[..., None], 3, 2).astype(float)
    rgb[:, :32] += (30, 0, -30)
    items = guided(colorizer, Reference(np.clip(rgb, 0, 255).astype(np.uint8)))
    for item in items:
        light, dark = sample(item, RIGHT), sample(item, LEFT)
        assert light[0] > 2
        assert light[1] > 5
        assert dark[:2].abs().max() < 2
        assert item.keyed == 1


def test_a_look_holds_from_its_beginning_to_its_end(colorizer: Colorizer) -> None:
    """Also within a shot."""
    look = Reference(picture("red", "blue"), start=F(2, 25), end=F(4, 25))
    items = guided(colorizer, look)
    assert [item.guide is not None for item in items] == [2 <= n < 4 for n in range(len(items))]


def test_a_look_is_read_once(colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[object] = []

    def counted(*given: object) -> object:
        reads.append(given)
        return read_look(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("vidcolor.colorize.guide.read_look", counted)
    guided(colorizer, Reference(picture("red", "blue")))
    assert len(reads) == 1


def test_images_lie_beside_the_sheet(colorizer: Colorizer, tmp_path: Path) -> None:
    Image.fromarray(picture("red", None)).save(tmp_path / "a.png")
    reference = Reference("a.png", time=F(0))
    found = load_image(reference, ColorSheet(references=(reference,), path=tmp_path / "x.toml"))
    assert found.shape == (4, 48, 64)
    torch.testing.assert_close(found[:, 0, 0], torch.tensor([1.0, 0, 0, 1]))
    assert not found[3, :, 32:].any()


def test_an_image_that_says_nothing_is_refused(colorizer: Colorizer) -> None:
    with pytest.raises(SettingsError, match="transparent all over"):
        guided(colorizer, Reference(picture(None, None), time=F(2, 25)))


def test_a_net_that_takes_no_hints_says_so(colorizer: Colorizer) -> None:
    book = build_net(ColorNetConfig(preset="book", embedding=512))
    assert isinstance(book, BookNet)
    deaf = Colorizer(book, ColorizerSettings(device="cpu", size=64), name="book")
    with pytest.raises(SettingsError, match="book takes no hints and references"):
        deaf.listen(colorizer.listen())
