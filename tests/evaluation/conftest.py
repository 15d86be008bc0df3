"""What the tests of measures share: the shipped features, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from vidcolor.evaluation import evaluate
from vidcolor.nets.vgg import VGG16Features
from vidcolor.nets.weights import load_features


@pytest.fixture
def no_alexnet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same on every machine, whatever its torchvision has fetched."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))


@pytest.fixture(scope="module")
def shipped() -> VGG16Features:
    return load_features()


@pytest.fixture
def quick(shipped: VGG16Features, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped features, read once, on small pictures."""
    monkeypatch.setattr(evaluate, "load_features", lambda: shipped)
    monkeypatch.setattr(evaluate, "FRECHET_SIDE", 48)
