from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch.nn.functional import conv2d

from vidcolor.errors import WeightsCorrupt, WeightsMismatch, WeightsNotFound
from vidcolor.nets.colornet import ColorNet, NetInput
from vidcolor.nets.efficientnet_lite import LiteFeatures, SameConv, load_imagenet_lite
from vidcolor.nets.registry import build_net
from vidcolor.nets.vgg_fused import FilmNet

SAME = [(3, 16, (0, 1)), (3, 15, (1, 1)), (5, 16, (1, 2)), (5, 15, (2, 2))]
"""Kernel, size and what "SAME" pads: ceil(n / 2) * 2 + side - 2 - n in all, the less in front."""


@pytest.fixture(scope="module")
def lite() -> LiteFeatures:
    torch.manual_seed(3)
    return LiteFeatures()


@pytest.fixture
def lite_file(lite: LiteFeatures, tmp_path: Path) -> Path:
    """As the package has it: other names in the same order, and the head of 1000 classes."""
    state = {f"_{name}": value for name, value in lite.state_dict().items()}
    state |= {"_conv_head.weight": torch.zeros(4, 4), "_bn1.bias": torch.zeros(4)}
    torch.save(state | {"_fc.weight": torch.zeros(4, 4)}, tmp_path / "lite.pth")
    return tmp_path / "lite.pth"


@pytest.mark.parametrize(("side", "length", "pads"), SAME)
def test_a_step_of_two_is_padded_as_tensorflow_does(
    side: int, length: int, pads: tuple[int, int]
) -> None:
    conv = SameConv(4, 4, side, 2, 4)
    x = torch.rand(1, 4, length, length)
    wanted = conv2d(F.pad(x, pads * 2), conv.weight, stride=2, groups=4)
    assert wanted.shape[2] == -(-length // 2)
    torch.testing.assert_close(conv(x), wanted)


def test_the_features_lie_at_a_sixteenth_and_a_thirty_second(lite: LiteFeatures) -> None:
    with torch.inference_mode():
        middle, deep = lite(torch.rand(2, 1, 64, 96) * 100)
    assert middle.shape == (2, 120, 4, 6)
    assert deep.shape == (2, 352, 2, 3)
    # 6.1 million parameters in all, of which the head and its classes have 1.7 (Tan, 2020).
    assert sum(p.numel() for p in lite.parameters()) == pytest.approx(4.36e6, rel=0.01)


def test_training_leaves_its_statistics_alone(lite: LiteFeatures) -> None:
    before = {name: value.clone() for name, value in lite.state_dict().items()}
    lite.train()(torch.rand(2, 1, 64, 64) * 100)
    assert all(torch.equal(before[name], value) for name, value in lite.state_dict().items())


def test_imagenet_weights_fill_it_in_order(lite: LiteFeatures, lite_file: Path) -> None:
    other = LiteFeatures()
    load_imagenet_lite(other, lite_file)
    for name, value in lite.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name


def test_files_that_are_none_are_refused(lite: LiteFeatures, tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFound, match=r"--lite"):
        load_imagenet_lite(lite, tmp_path / "none.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(WeightsCorrupt):
        load_imagenet_lite(lite, tmp_path / "text.pth")
    for strange in ({"a": torch.zeros(3)}, [1, 2], torch.zeros(3)):
        torch.save(strange, tmp_path / "other.pth")
        with pytest.raises(WeightsMismatch):
            load_imagenet_lite(lite, tmp_path / "other.pth")


def test_a_trained_net_gives_the_same_colors_until_it_learns(tiny: ColorNet) -> None:
    wider = build_net(replace(tiny.config, lite=True))
    assert isinstance(wider, FilmNet)
    missing, unknown = wider.load_state_dict(tiny.state_dict(), strict=False)
    assert not unknown
    assert all(name.startswith("lite") for name in missing)
    L = torch.rand(1, 1, 64, 96) * 100
    with torch.inference_mode():
        # Not to the bit: what is added is 0, but the sum may lie otherwise in memory.
        torch.testing.assert_close(
            wider.eval()(NetInput(L)), tiny(NetInput(L)), atol=1e-3, rtol=1e-3
        )
