from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
import torch
from synthetic import make_frame, make_layout, texture

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.core.files import file_sha256
from vidcolor.core.system import pick_device, pick_dtype
from vidcolor.errors import SettingsError, WeightsNotFound
from vidcolor.nets.colornet import ColorNet, ColorNetConfig, DistributionNet, NetInput
from vidcolor.nets.registry import build_net
from vidcolor.settings import ColorizerSettings

CPU = ColorizerSettings(device="cpu", size=64)


@pytest.mark.parametrize("name", ["gpu", "", "cuda:99", "cuda:x", "xpu", "meta", "cpu:0:0"])
def test_a_device_that_is_not_there_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(SettingsError, match="auto") as caught:
        pick_device(name)
    assert "\n" not in str(caught.value)


def test_auto_finds_a_device_and_a_type_for_it() -> None:
    device = pick_device("auto")
    assert device.type in ("cpu", "cuda", "mps")
    assert pick_dtype(device) in (torch.float32, torch.bfloat16)


def test_from_weights_knows_what_it_loaded(tiny_weights: Path) -> None:
    colorizer = Colorizer.from_weights(tiny_weights, CPU)
    assert colorizer.name == str(tiny_weights)
    assert colorizer.sha256 == file_sha256(tiny_weights)
    assert not colorizer.net.training
    settings = ColorizerSettings(weights=str(tiny_weights), device="cpu")
    assert Colorizer.from_weights(settings=settings).sha256 == colorizer.sha256


def test_from_weights_without_weights() -> None:
    with pytest.raises(WeightsNotFound):
        Colorizer.from_weights("no such weights", CPU)


def test_the_net_sees_the_shape_that_is_displayed(tiny: ColorNet) -> None:
    colorizer = Colorizer(tiny, CPU)
    frame = make_frame(texture(1, 96, 96))
    assert colorizer.lightness_of(frame, Fraction(1)).shape == (64, 64)
    assert colorizer.lightness_of(frame, Fraction(3, 2)).shape == (64, 96)
    assert colorizer.lightness_of(frame, Fraction(1, 2)).shape == (128, 64)


@pytest.mark.parametrize("bits", [8, 10, 16])
@pytest.mark.parametrize("full", [False, True])
def test_lightness_is_what_the_luma_means(bits: int, full: bool, tiny: ColorNet) -> None:
    colorizer = Colorizer(tiny, CPU)
    frame = make_frame(torch.full((48, 64), 0.5), make_layout(bits, full_range=full))
    L = colorizer.lightness_of(frame, Fraction(1))
    expected = 116 * (0.5**2.4) ** (1 / 3) - 16
    assert L.dtype == torch.float32
    assert float(L.mean()) == pytest.approx(expected, abs=0.3)


@pytest.mark.parametrize("unit", [-0.06, 1.08])
def test_lightness_beyond_black_and_white_is_clipped(unit: float, tiny: ColorNet) -> None:
    L = Colorizer(tiny, CPU).lightness_of(make_frame(torch.full((32, 32), unit)), Fraction(1))
    assert L.min() >= 0
    assert L.max() <= 100


def test_pictures_get_color_and_blank_frames_none(tiny: ColorNet) -> None:
    frames = [make_frame(texture(1, 48, 64)), make_frame(torch.full((48, 64), 0.5))]
    picture, blank = Colorizer(tiny, CPU).colorize(frames)
    assert picture.ab.mean((1, 2)).min() > 10
    assert (picture.share, blank.share) == (1, 0)
    assert picture.ab.dtype == torch.float32


def test_results_are_the_same_each_time(tiny: ColorNet) -> None:
    frames = [make_frame(texture(i, 48, 64)) for i in range(3)]
    first, second = (list(Colorizer(tiny, CPU).colorize(frames)) for _ in range(2))
    assert all(torch.equal(a.ab, b.ab) for a, b in zip(first, second, strict=True))


def test_the_dial_goes_from_safe_to_vivid(tiny: ColorNet) -> None:
    assert isinstance(tiny, DistributionNet)
    L = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(2)) * 100

    def found(vivid: float | None) -> torch.Tensor:
        return Colorizer(tiny, ColorizerSettings(device="cpu", vivid=vivid)).predict(NetInput(L))

    safe, bold = found(0.0), found(1.0)
    assert (safe - bold).abs().max() > 5
    assert torch.equal(found(None), found(tiny.config.vivid))


def test_a_net_without_a_dial_says_so() -> None:
    with torch.device("meta"):
        book = build_net(ColorNetConfig(preset="book", embedding=512))
    with pytest.raises(SettingsError, match="--saturation"):
        Colorizer(book, ColorizerSettings(device="cpu", vivid=0.3), name="book")
