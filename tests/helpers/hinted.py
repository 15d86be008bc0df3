"""A guide without training for small nets, and what is said with it."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from guided import guided_settings, write_shots
from torch import Tensor, nn

from vidcolor.color.parse import color_ab
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.guidance.entries import Color, Hint, Point
from vidcolor.nets.colornet import ColorNet, DistributionNet, NetInput
from vidcolor.nets.guide_net import GuideConfig, GuideNet
from vidcolor.run.video import colorize_video
from vidcolor.settings import ColorizerSettings, ScriptSettings

NAVY = "#27324f"
SMALL = ColorizerSettings(device="cpu", size=64, batch=1, precision="float32")


def small_guide(net: ColorNet) -> GuideNet:
    """For a net: lightness alone tells its things apart."""
    assert isinstance(net, DistributionNet)
    with torch.no_grad():
        fine, coarse = net.fuse(net.encode(NetInput(torch.full((1, 1, 64, 64), 50.0))))
        draw = torch.Generator().manual_seed(4)
        guide = GuideNet(GuideConfig("", fine.shape[1], coarse.shape[1], embedding=4, width=8))
        for value in guide.parameters():
            if value.ndim == 4:
                value.copy_(torch.randn(value.shape, generator=draw) / value[0].numel() ** 0.5)
        for part in (guide.embedding.fine, guide.embedding.coarse):
            last = part[-1]
            assert isinstance(last, nn.Conv2d)
            last.weight.mul_(0.01)
        for kernel in (guide.wide, guide.narrow, guide.between):
            kernel.lightness.fill_(math.log(4.0))
            kernel.reach.fill_(math.log(3.0))
        guide.unlike.fill_(math.log(0.2))
    return guide.eval().requires_grad_(False)


@contextmanager
def guided_by(guide: GuideNet) -> Iterator[None]:
    """Every net in this process has this guide."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vidcolor.colorize.colorizer.load_guide", lambda *_: (guide, "cc"))
        yield


def color_shots(net: ColorNet, weights: Path, folder: Path, shots: int = 4) -> bytes:
    """The film that one run makes of `write_shots` with a color script, guided by `small_guide`."""
    film = write_shots(folder / "film.mkv", shots=shots)
    settings = guided_settings(weights, script=ScriptSettings("auto"))
    with guided_by(small_guide(net)):
        colorize_video(film, folder / "alone.mp4", settings=settings)
    return (folder / "alone.mp4").read_bytes()


def listener(net: ColorNet, settings: ColorizerSettings = SMALL) -> Colorizer:
    """A colorizer that listens to `small_guide`; the net is left as it is."""
    own = copy.deepcopy(net)
    colorizer = Colorizer(own, settings, name="small", sha256="aa")
    colorizer.listen(small_guide(own), "bb")
    return colorizer


def scene(left: float = 0.3, right: float = 0.7, H: int = 48, W: int = 64) -> Tensor:
    """``(H, W)`` 0..1: two things side by side."""
    picture = torch.full((H, W), left)
    picture[:, W // 2 :] = right
    return picture


def point(place: Point, color: Color = NAVY, frame: int | None = 0, size: float = 0.1) -> Hint:
    """A hint at a frame, at 25 frames a second; None is for an image."""
    time = None if frame is None else Fraction(frame, 25)
    return Hint(point=place, color=color, time=time, size=size)


def ab_of(color: str | tuple[int, int, int]) -> Tensor:
    """``(2, 1, 1)``."""
    return torch.tensor(color_ab(color)).view(2, 1, 1)
