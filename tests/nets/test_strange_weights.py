"""Weights of strangers whose config asks for a net that they do not hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from test_weights import check_refused, metadata_of

from vidcolor.errors import WeightsMismatch
from vidcolor.nets.colornet import ColorNet, ColorNetConfig
from vidcolor.nets.registry import build_net


@pytest.mark.parametrize("preset", ["film", "mini"])
def test_a_large_net_that_the_file_does_not_hold_is_never_made(
    preset: str, tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = metadata_of(tiny_weights)
    large = {"preset": preset, "width": 2040, "blocks": [16, 16], "heads": 4}
    words["config"] = json.dumps(json.loads(words["config"]) | large)
    path = tmp_path / "a.safetensors"
    save_file({"only": torch.zeros(1)}, path, words)
    made: list[str] = []

    def build(config: ColorNetConfig) -> ColorNet:
        net = build_net(config)
        made.extend(str(value.device) for value in net.parameters())
        return net

    monkeypatch.setattr("vidcolor.nets.weights.build_net", build)
    check_refused(path, WeightsMismatch, "does not fit its net")
    assert set(made) == {"meta"}, "no memory was taken for it"
