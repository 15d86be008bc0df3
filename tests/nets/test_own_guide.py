"""Guides of a user's own, which lie beside the weights that they were trained for."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hinted import SMALL

import vidcolor.nets.weights
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.core.files import file_sha256
from vidcolor.errors import WeightsCorrupt, WeightsError, WeightsMismatch, WeightsNotFound
from vidcolor.nets.colornet import ColorNet, DistributionNet, NetInput
from vidcolor.nets.guide_net import GuideConfig, GuideNet
from vidcolor.nets.weights import WeightsInfo, load_guide, save_weights


@pytest.fixture
def weights(quick_weights: Path, tmp_path: Path) -> Path:
    """A colornet in a folder of its own."""
    return Path(shutil.copy(quick_weights, tmp_path / "mine.safetensors"))


def guide_for(net: ColorNet, sha256: str, seed: int = 0) -> GuideNet:
    assert isinstance(net, DistributionNet)
    with torch.no_grad():
        fine, coarse = net.fuse(net.encode(NetInput(torch.zeros(1, 1, 64, 64))))
    torch.manual_seed(seed)
    return GuideNet(GuideConfig(sha256, fine.shape[1], coarse.shape[1], embedding=4, width=8))


def write(guide: GuideNet, path: Path) -> Path:
    return save_weights(guide, path, training={}, scores={})


def test_a_guide_beside_its_weights_is_found(weights: Path, quick: ColorNet) -> None:
    path = write(guide_for(quick, file_sha256(weights)), weights.with_name("guide.safetensors"))
    write(guide_for(quick, "0" * 64), weights.with_name("guide-other.safetensors"))
    weights.with_name("guide-list.safetensors").write_bytes(b"no weights")
    colorizer = Colorizer.from_weights(weights, SMALL)
    assert colorizer.listen().config.net == file_sha256(weights)
    assert colorizer.guide_sha256 == file_sha256(path)


def test_weights_without_a_guide_beside_them_say_what_to_do(weights: Path, quick: ColorNet) -> None:
    write(guide_for(quick, "0" * 64), weights.with_name("guide.safetensors"))
    colorizer = Colorizer.from_weights(weights, SMALL)
    with pytest.raises(WeightsNotFound, match="--preset guide --teacher") as error:
        colorizer.listen()
    assert str(weights) in str(error.value)
    assert colorizer.guide is None


def test_a_damaged_file_may_be_the_guide(weights: Path) -> None:
    weights.with_name("guide-bad.safetensors").write_bytes(b"no weights")
    with pytest.raises(WeightsCorrupt, match="guide-bad"):
        load_guide(file_sha256(weights), weights)


def test_two_guides_for_the_same_weights_are_refused(weights: Path, quick: ColorNet) -> None:
    for seed in (0, 1):
        guide = guide_for(quick, file_sha256(weights), seed)
        write(guide, weights.with_name("guide.safetensors"))
    with pytest.raises(WeightsMismatch, match=r"2 guides for .*guide-.*, guide-.*move all but one"):
        load_guide(file_sha256(weights), weights)


def test_a_guide_of_another_shape_than_it_says_is_refused(weights: Path, quick: ColorNet) -> None:
    guide = guide_for(quick, file_sha256(weights))
    guide.config = replace(guide.config, width=2048)
    write(guide, weights.with_name("guide.safetensors"))
    with pytest.raises(WeightsMismatch, match="does not fit its net"):
        load_guide(file_sha256(weights), weights)


def test_own_guides_go_before_the_one_that_ships(
    weights: Path, quick: ColorNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = file_sha256(weights)
    (tmp_path / "shipped").mkdir()
    shipped = write(guide_for(quick, sha256, 1), tmp_path / "shipped" / "guide.safetensors")
    info = WeightsInfo("guide-x", shipped, file_sha256(shipped), "", "", {}, {}, guides=sha256)
    net = WeightsInfo("x", weights, sha256, "", "", {}, {})
    monkeypatch.setattr(
        vidcolor.nets.weights, "available_weights", lambda: {"guide-x": info, "x": net}
    )
    weights.with_name("guide-bad.safetensors").write_bytes(b"no weights")
    assert load_guide(sha256, weights)[1] == info.sha256
    own = write(guide_for(quick, sha256), weights.with_name("guide.safetensors"))
    assert load_guide(sha256, weights)[1] == file_sha256(own)
    assert load_guide(sha256, "x")[1] == info.sha256
    assert load_guide(sha256)[1] == info.sha256
    with pytest.raises(WeightsError, match="these weights have none"):
        load_guide("")
