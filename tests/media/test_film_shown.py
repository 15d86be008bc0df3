"""Frames as they look on a screen: colors, shape, orientation."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from films import Spec, make_film
from torch import Tensor

from vidcolor.core.frames import Frame
from vidcolor.media.decode.decoder import decode
from vidcolor.media.display import DisplayConverter, canvas
from vidcolor.media.open import open_video

ONE = 1 << 16
TURNS = {
    (ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30): lambda p: p,
    (0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30): lambda p: p.rot90(-1, (1, 2)),
    (-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30): lambda p: p.rot90(2, (1, 2)),
    (0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30): lambda p: p.rot90(1, (1, 2)),
    (-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30): lambda p: p.flip(2),
    (ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30): lambda p: p.flip(1),
    (0, ONE, 0, ONE, 0, 0, 0, 0, 1 << 30): lambda p: p.transpose(1, 2),
}
"""Display matrices, and what they do to a picture: turns are clockwise for (0, 1, -1, 0)."""


def first(path: Path, **changes: object) -> tuple[DisplayConverter, Frame]:
    """The first frame of a film of one value, or of the moving pattern."""
    make_film(path, Spec(frames=1, **changes))  # type: ignore[arg-type]
    with open_video(path) as film:
        frames = decode(film)
        frame = next(frames)
        frames.close()  # type: ignore[attr-defined]
        return DisplayConverter(film.info.width, film.info.height, film.info), frame


def colored(frame: Frame, codes: tuple[int, int]) -> Frame:
    painted = canvas(frame)
    for plane, code in zip(painted.chroma, codes, strict=True):
        plane.fill_(code << (painted.layout.bits - 8))
    return painted


def middle(picture: Tensor) -> list[int]:
    return picture[:, picture.shape[1] // 2, picture.shape[2] // 2].tolist()


@pytest.mark.parametrize(
    ("changes", "codes", "rgb"),
    [
        # Pure red: BT.601 (81, 90, 240), BT.709 (63, 102, 240) of limited range.
        ({"brightness": 81, "tags": (1, 6, 6, 6)}, (90, 240), (255, 0, 0)),
        ({"brightness": 63, "tags": (1, 1, 1, 1)}, (102, 240), (255, 0, 0)),
        ({"brightness": 63 * 4, "tags": (1, 1, 1, 1), "pix_fmt": "yuv422p10le"}, (102, 240),
         (255, 0, 0)),
        ({"brightness": 76, "tags": (2, 6, 6, 6), "pix_fmt": "yuv444p"}, (85, 255), (254, 0, 0)),
        ({"brightness": 16}, (128, 128), (0, 0, 0)),
        ({"brightness": 235}, (128, 128), (255, 255, 255)),
        ({"brightness": 128, "pix_fmt": "gray"}, (128, 128), (128, 128, 128)),
        ({"brightness": 512, "pix_fmt": "gray10le"}, (128, 128), (128, 128, 128)),
    ],
)  # fmt: skip
def test_colors(
    changes: dict[str, object], codes: tuple[int, int], rgb: tuple[int, ...], tmp_path: Path
) -> None:
    screen, frame = first(tmp_path / "in.mkv", **changes)
    shown = screen(colored(frame, codes))
    assert shown.shape == (3, 64, 96)
    assert shown.dtype == torch.uint8
    assert middle(shown) == pytest.approx(rgb, abs=2)


def test_a_gray_film_is_shown_as_it_is(tmp_path: Path) -> None:
    screen, frame = first(tmp_path / "in.mkv", pix_fmt="gray")
    assert torch.equal(screen(frame), frame.luma.expand(3, -1, -1))


def test_the_color_of_a_film_that_has_some_is_shown(tmp_path: Path) -> None:
    screen, frame = first(tmp_path / "in.mkv", color="tint", brightness=120)
    red, _, blue = middle(screen(frame))
    assert blue > red + 20
    red, green, blue = middle(screen(canvas(frame)))
    assert red == green == blue


@pytest.mark.parametrize("matrix", TURNS)
def test_orientation(matrix: tuple[int, ...], tmp_path: Path) -> None:
    screen, frame = first(tmp_path / "in.mkv")
    plain = screen(frame)
    with open_video(tmp_path / "in.mkv") as film:
        turned = DisplayConverter(96, 64, replace(film.info, rotation=matrix))
    wanted = TURNS[matrix](plain)
    assert turned.size == (wanted.shape[2], wanted.shape[1])
    assert torch.equal(turned(frame), wanted)
    width, height = turned.size
    assert turned(frame, (width // 2, height // 2)).shape == (3, height // 2, width // 2)


def test_a_film_that_lies_on_its_side_is_upright(tmp_path: Path) -> None:
    matrix = (0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30)
    screen, frame = first(tmp_path / "in.mp4", codec="libx264", matrix=matrix)
    assert screen.size == (64, 96)
    bright = screen(frame)[0, :, 40:].float().mean()
    assert bright != screen(frame)[0, :, :24].float().mean()


@pytest.mark.parametrize(
    ("aspect", "width"), [(Fraction(4, 3), 128), (Fraction(1, 2), 48), (Fraction(500), 96)]
)
def test_pixels_are_square(aspect: Fraction, width: int, tmp_path: Path) -> None:
    screen, frame = first(tmp_path / "in.mkv")
    with open_video(tmp_path / "in.mkv") as film:
        screen = DisplayConverter(96, 64, replace(film.info, sample_aspect=aspect))
    assert screen.size == (width, 64)
    assert screen(frame).shape == (3, 64, width)


def test_a_canvas_is_a_copy(tmp_path: Path) -> None:
    _, frame = first(tmp_path / "in.mkv", color="tint")
    before = frame.luma.clone(), frame.chroma[0].clone()
    copy = canvas(frame)
    assert torch.equal(copy.luma, frame.luma)
    assert set(copy.chroma[0].flatten().tolist()) == {128}
    copy.luma.fill_(0)
    copy.chroma[0].fill_(7)
    assert torch.equal(frame.luma, before[0])
    assert torch.equal(frame.chroma[0], before[1])


@pytest.mark.parametrize("size", [(97, 65), (33, 1), (3, 3)])
def test_odd_sizes(size: tuple[int, int], tmp_path: Path) -> None:
    screen, frame = first(tmp_path / "in.mkv", width=size[0], height=size[1], pix_fmt="yuv444p")
    assert screen(frame).shape == (3, size[1], size[0])
    assert screen(canvas(frame), (200, 100)).shape == (3, 100, 200)
