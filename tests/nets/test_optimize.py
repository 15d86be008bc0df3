"""Nets made ready to run: the same colors, on any machine the same decision."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from synthetic import texture
from torch import Tensor, nn

from vidcolor.color.lab import rgb_to_lab
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.errors import SettingsError
from vidcolor.media.images.files import read_rgb
from vidcolor.nets import layers
from vidcolor.nets.colornet import ColorNet, ColorNetConfig, NetInput
from vidcolor.nets.int8 import Int8Block, Int8VGG, int8_is_fast, max_pool
from vidcolor.nets.optimize import measure_ranges, pick_precision, prepare_net
from vidcolor.nets.registry import build_net
from vidcolor.nets.vgg_fused import FilmNet
from vidcolor.nets.weights import available_weights, load_weights
from vidcolor.settings import ColorizerSettings

CPU = torch.device("cpu")
PICTURE = Path(__file__).parent.parent.parent / "docs" / "pictures.jpg"

vnni = pytest.mark.skipif(not int8_is_fast(), reason="no fast 8-bit integers here")


def lightness(count: int = 2) -> Tensor:
    return torch.stack([texture(i, 64, 96) for i in range(count)])[:, None] * 100


def checks(side: int) -> Tensor:
    """(128, 128) L* of black and white squares of ``side`` pixels."""
    place = torch.arange(128) // side
    return ((place[:, None] + place) % 2) * 100.0


GRAIN = torch.randn(128, 128, generator=torch.Generator().manual_seed(5))

UNUSUAL = {
    "white": torch.full((128, 128), 100.0),
    "black": torch.zeros(128, 128),
    "fine checks": checks(1),
    "coarse checks": checks(8),
    "hard black and white": (texture(1, 128, 128) > 0.5) * 100.0,
    "heavy grain": (texture(1, 128, 128) * 100 + 30 * GRAIN).clamp(0, 100),
}
"""Lightness that no photograph has."""


@pytest.fixture(scope="module")
def mini() -> ColorNet:
    """A mini net whose batch norms have something to fold."""
    torch.manual_seed(3)
    return with_norms(build_net(ColorNetConfig(preset="mini", width=48, blocks=(1, 1))))


@pytest.fixture(scope="module")
def lite() -> ColorNet:
    """A film net with EfficientNet-Lite2, whose colors depend on it, and with fading."""
    torch.manual_seed(4)
    config = ColorNetConfig(width=8, blocks=(1, 1), heads=2, lite=True, agreement=1.0)
    net = build_net(config)
    assert isinstance(net, FilmNet)
    for ends in (net.lite_map, net.lite_overall):
        nn.init.normal_(ends[-1].weight, std=0.3)  # type: ignore[arg-type]
    return with_norms(net)


@pytest.fixture(scope="module")
def narrow() -> ColorNet:
    """A film net of fewer channels, whose attention looks at means."""
    torch.manual_seed(6)
    shape = {"stem": (8, 12, 16, 20), "lifts": (6, 4), "pooled": True}
    net = build_net(ColorNetConfig(width=16, blocks=(1, 1), heads=2, **shape))  # type: ignore[arg-type]
    return with_norms(net)


def with_norms(net: ColorNet) -> ColorNet:
    """The net in eval mode, its batch norms as if trained."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.3, 0.3)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.3, 2)  # type: ignore[arg-type]
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return net.eval()


@pytest.mark.parametrize("name", ["tiny", "mini", "lite", "narrow"])
@torch.no_grad()
def test_a_prepared_net_gives_the_same_colors(name: str, request: pytest.FixtureRequest) -> None:
    net: ColorNet = request.getfixturevalue(name)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    ready, expected = prepare_net(net, torch.float32), net(NetInput(lightness()))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in ready.modules())
    assert torch.allclose(ready(NetInput(lightness())), expected, atol=1e-3)
    reduced = prepare_net(net, torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        found = reduced(NetInput(lightness()))
    assert found.dtype == torch.float32
    assert (found - expected).abs().mean() < 0.02 * expected.abs().mean()
    assert before.keys() == net.state_dict().keys()
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


@vnni
@pytest.mark.parametrize("name", ["tiny", "mini", "narrow"])
@torch.no_grad()
def test_integers_give_nearly_the_same_colors(name: str, request: pytest.FixtureRequest) -> None:
    net: ColorNet = request.getfixturevalue(name)
    ranges = measure_ranges(net, [lightness(6)])
    assert not net.ranges
    net.ranges = ranges
    try:
        ready = prepare_net(net, torch.float32, int8=True)
    finally:
        net.ranges = {}
    kinds = [type(module) for module in ready.modules()]
    assert (Int8VGG in kinds) == (name != "mini")
    assert Int8Block in kinds
    found, expected = ready(NetInput(lightness())), net(NetInput(lightness()))
    assert (found - expected).abs().mean() < 0.06 * expected.std()


@vnni
def test_in_integers_no_bit_depends_on_the_batch(
    tiny: ColorNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny, "ranges", measure_ranges(tiny, [lightness(6)]))
    colorizer = Colorizer(tiny, ColorizerSettings(device="cpu"))
    assert colorizer.precision.startswith("int8 and ")
    found = colorizer.predict(NetInput(lightness(3)))
    for number, one in enumerate(lightness(3)):
        assert torch.equal(colorizer.predict(NetInput(one[None]))[0], found[number])


def test_the_ranges_of_default_are_those_of_its_convolutions() -> None:
    net, _ = load_weights("default")
    assert net.ranges == available_weights()["default"].ranges
    found = measure_ranges(net, [lightness(1)])
    assert net.ranges.keys() == found.keys()
    for conv, (low, high) in found.items():
        assert net.ranges[conv][1] < 20 * high, f"{conv} does not go with these weights"
        assert (low < 0) == (net.ranges[conv][0] < 0)


@pytest.fixture(scope="module")
def both() -> tuple[Colorizer, Colorizer]:
    """The default net in float32 and in 8-bit integers."""
    exact, fast = (ColorizerSettings(device="cpu", precision=n) for n in ("float32", "int8"))
    return Colorizer.from_weights("default", exact), Colorizer.from_weights("default", fast)


@vnni
def test_integers_do_not_change_what_is_seen(both: tuple[Colorizer, Colorizer]) -> None:
    rgb = F.interpolate(read_rgb(PICTURE)[None] / 255, (256, 256), mode="area")
    exact, fast = (one.predict(NetInput(rgb_to_lab(rgb)[:, :1])) for one in both)
    difference = (exact - fast).abs()
    assert 0 < difference.mean() < 0.5
    assert difference.flatten().kthvalue(int(0.99 * difference.numel())).values < 4


@vnni
@pytest.mark.parametrize("name", UNUSUAL)
def test_integers_make_no_color_out_of_what_is_beyond_their_ranges(
    name: str, both: tuple[Colorizer, Colorizer]
) -> None:
    exact, fast = (one.predict(NetInput(UNUSUAL[name][None, None])) for one in both)
    added = fast.norm(dim=1) - exact.norm(dim=1)
    assert added.mean() < 1
    assert added.max() < 15
    if name != "fine checks":  # of which a net in any numbers can make nothing; integers are duller
        difference = (exact - fast).abs()
        assert difference.mean() < 3
        assert difference.max() < 15


@torch.no_grad()
def test_attention_in_pieces_is_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(4)
    q, k, v = torch.randn(3, 2, 3, 50, 8).bfloat16()
    monkeypatch.setattr(layers, "SCORES", 50 * 7)
    found = layers.attention(q, k, v)
    expected = F.scaled_dot_product_attention(q.float(), k.float(), v.float())
    assert torch.allclose(found.float(), expected, atol=0.03)


@torch.no_grad()
def test_of_places_that_are_alike_the_mean_says_all() -> None:
    torch.manual_seed(5)
    each, means = layers.AttentionBlock(16, 2), layers.AttentionBlock(16, 2, pooled=True)
    nn.init.zeros_(each.position.weight)  # or neighbours would differ again
    means.load_state_dict(each.state_dict())
    x = torch.randn(2, 16, 3, 5).repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.allclose(means(x), each(x), atol=1e-5)
    assert not torch.allclose(means(x := torch.randn(2, 16, 6, 10)), each(x), atol=1e-2)


def test_halved_takes_the_largest_of_four() -> None:
    codes = torch.randint(0, 256, (2, 5, 7, 9), dtype=torch.uint8)
    assert torch.equal(max_pool(codes).float(), F.max_pool2d(codes.float(), 2))


def test_integers_are_taken_only_where_they_are_known_and_fast(
    tiny: ColorNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    floats = torch.bfloat16
    assert pick_precision("auto", tiny, CPU, floats) == floats, "no ranges"
    with pytest.raises(SettingsError, match="--precision auto"):
        pick_precision("int8", tiny, CPU, floats)
    monkeypatch.setattr(tiny, "ranges", {"bridge.0": (0.0, 1.0)})
    for fast, expected in ((True, torch.int8), (False, floats)):
        monkeypatch.setattr("vidcolor.nets.optimize.int8_is_fast", lambda fast=fast: fast)
        assert pick_precision("auto", tiny, CPU, floats) == expected
    assert pick_precision("auto", tiny, torch.device("cuda"), floats) == floats
    assert pick_precision("float32", tiny, CPU, floats) == torch.float32


def test_numbers_that_there_are_not() -> None:
    with pytest.raises(SettingsError, match="int8, bfloat16, float32"):
        ColorizerSettings(precision="int4")
