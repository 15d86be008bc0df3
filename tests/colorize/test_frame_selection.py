"""What the net need not see, and that nobody can tell."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from synthetic import bits_of, make_frame, texture
from torch import Tensor

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.frame_selection import SAME_MEAN, SAME_SPOT, FrameSelector, PendingFrame
from vidcolor.colorize.paint import paint
from vidcolor.core.frames import ColorizedFrame, Frame
from vidcolor.nets.colornet import ColorNet, NetInput
from vidcolor.settings import ColorizerSettings, PaintSettings, TemporalSettings
from vidcolor.temporal.smoother import smooth

H, W = 48, 64
BLACK = torch.full((H, W), 0.1)


class Quick(Colorizer):
    """A colorizer whose net is no more than a mean."""

    def __init__(self, net: ColorNet, **settings: Any) -> None:
        super().__init__(net, ColorizerSettings(device="cpu", size=64, **settings))

    def predict(self, inputs: NetInput, vivid: float | None = None) -> Tensor:
        small = F.avg_pool2d(inputs.lightness, 4)
        return torch.cat([small - 20, 70 - small], 1)


def film(order: str) -> list[Frame]:
    """A frame a letter, equal letters are equal pictures; a space is black."""
    pictures = {name: texture(ord(name), H, W) for name in set(order)} | {" ": BLACK}
    return [make_frame(pictures[name], pts=pts) for pts, name in enumerate(order)]


def alone(net: ColorNet, frames: Sequence[Frame]) -> list[Tensor]:
    """ab of each frame when the net sees it."""
    made = Quick(net)
    maps = torch.stack([made.lightness_of(frame, Fraction(1)) for frame in frames])
    return list(made.predict(NetInput(maps[:, None])))


@pytest.mark.parametrize(
    ("order", "inferred"),
    [
        ("aaaaaaaaaaaaaaaaaaaaaa", 1),
        ("aabbccddee", 5),
        ("aaabbbcccddd", 4),
        ("aabccddefff", 6),
        ("abacadae", 5),
        ("abcdabcd", 4),
        ("abcdeabcde", 10),
        ("a          a   b", 2),
    ],
)
def test_what_repeats_is_seen_once(order: str, inferred: int, quick: ColorNet) -> None:
    frames = film(order)
    made = Quick(quick, batch=2)
    found = list(made.colorize(frames))
    assert made.inferred == inferred
    for item, frame, ab in zip(found, frames, alone(quick, frames), strict=True):
        assert item.frame is frame
        assert torch.equal(item.ab, ab if item.share else torch.zeros_like(ab))


def test_a_colorizer_counts_each_film_from_zero(quick: ColorNet) -> None:
    made = Quick(quick)
    for order in ("abc", "ab"):
        list(made.colorize(film(order)))
        assert made.inferred == len(order)


def test_black_frames_leave_the_bits_of_a_film_as_they_were(quick: ColorNet) -> None:
    order = "  abc   de   "
    found = list(Quick(quick).colorize(film(order)))
    seen = [ColorizedFrame(f, item.lightness, ab, item.share) for f, item, ab in zip(
        film(order), found, alone(quick, film(order)), strict=True)]  # fmt: skip
    settings = TemporalSettings(look_ahead=4)
    spared, whole = (list(paint(smooth(i, settings), PaintSettings())) for i in (found, seen))
    for one, other in zip(spared, whole, strict=True):
        assert [bits_of(p) for p in one.chroma] == [bits_of(p) for p in other.chroma]
    for pts, name in enumerate(order):
        assert all((plane == 128).all() == (name == " ") for plane in spared[pts].chroma)


def sources(maps: Sequence[Tensor], **fields: Any) -> list[Tensor]:
    """The lightness that the net sees for each of these."""
    items = (PendingFrame(make_frame(BLACK, **fields), one, 1.0) for one in maps)
    answers = [item.answer for item in FrameSelector(1, 4).select(items)]
    return [answer.lightness for answer in answers if answer]


def test_what_coding_leaves_of_a_held_picture_is_the_same() -> None:
    draw = torch.Generator().manual_seed(3)
    still = 100 * texture(1, 64, 96)
    held = [still + 0.8 * SAME_MEAN * torch.randn(64, 96, generator=draw) for _ in range(30)]
    assert all(source is held[0] for source in sources(held))


@pytest.mark.parametrize("step", [0.02, 0.09, 0.5])
def test_a_slow_fade_is_not_held_back(step: float) -> None:
    picture = 100 * texture(1, 64, 96)
    fade = [picture - step * n for n in range(60)]
    for one, source in zip(fade, sources(fade), strict=True):
        assert (one - source).abs().mean() <= SAME_MEAN + 1e-6


def test_a_slow_pan_is_not_held_back() -> None:
    fine = 100 * texture(1, 64, 96).repeat_interleave(8, 1)  # an eighth of a sample a frame
    pan = [fine[:, n : n + 512].reshape(64, 64, 8).mean(2) for n in range(40)]
    for n, source in enumerate(sources(pan)):
        assert any(source is one for one in pan[max(0, n - 1) : n + 1])


def test_what_moves_in_one_place_is_not_held_back() -> None:
    still = 100 * texture(1, 256, 352)
    moving = [still.clone() for _ in range(10)]
    for n, one in enumerate(moving):
        one[100:106, 10 + 8 * n : 16 + 8 * n] += 2 * SAME_SPOT
    for one, source in zip(moving, sources(moving), strict=True):
        assert source is one


@pytest.mark.parametrize("border", [{"starts_shot": True}, {"resumed": True}, {"chunk": 1}])
def test_nothing_is_remembered_from_before_a_border(border: dict[str, Any]) -> None:
    lightness = 100 * texture(1, 64, 96)
    frames = make_frame(BLACK), make_frame(BLACK), make_frame(BLACK, **border)
    items = [PendingFrame(frame, lightness, 1.0) for frame in frames]
    first, again, behind = (item.answer for item in FrameSelector(1, 4).select(iter(items)))
    assert again is first
    assert behind is not first


def test_pictures_of_another_size_are_others() -> None:
    assert len({id(one) for one in sources([50 * torch.rand(64, w) for w in (64, 96, 64)])}) == 3


def test_frames_that_wait_are_few(quick: ColorNet) -> None:
    # Two pictures by turns never fill a batch of four.
    taken = 0

    def counted(frames: list[Frame]) -> Any:
        nonlocal taken
        for frame in frames:
            taken += 1
            yield frame

    made = Quick(quick, batch=4)
    for given, _ in enumerate(made.colorize(counted(film("ab" * 20)))):
        assert taken - given <= 8
    assert made.inferred == 2
