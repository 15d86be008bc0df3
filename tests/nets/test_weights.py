from __future__ import annotations

import json
import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from vidcolor.cli.main import main
from vidcolor.core.files import file_sha256
from vidcolor.errors import (
    TrainingError,
    VidcolorError,
    WeightsCorrupt,
    WeightsMismatch,
    WeightsNotFound,
)
from vidcolor.nets import weights
from vidcolor.nets.colornet import NetInput
from vidcolor.nets.trust_gate import CLUES, Gate, GateConfig
from vidcolor.nets.vgg import VGG16Features, load_imagenet
from vidcolor.nets.weights import (
    available_weights,
    find_weights,
    load_features,
    load_gate,
    load_weights,
    save_weights,
)
from vidcolor.training.checkpoints import Average, load_checkpoint


def metadata_of(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return dict(file.metadata())


def changed(
    source: Path,
    target: Path,
    state: Callable[[dict[str, torch.Tensor]], Any] | None = None,
    metadata: Callable[[dict[str, str]], Any] | None = None,
) -> Path:
    """A copy of a weights file with something changed in place."""
    tensors, words = load_file(source), metadata_of(source)
    if state:
        state(tensors)
    if metadata:
        metadata(words)
    save_file(tensors, target, words)
    return target


def config_with(**fields: Any) -> Callable[[dict[str, str]], None]:
    def change(words: dict[str, str]) -> None:
        words["config"] = json.dumps(json.loads(words["config"]) | fields)

    return change


def check_refused(path: Path | str, error: type[VidcolorError], word: str = "") -> None:
    with pytest.raises(error) as caught:
        load_weights(path)
    message = str(caught.value)
    assert "\n" not in message
    assert word in message


def test_what_is_saved_is_loaded(tiny_weights: Path, tmp_path: Path) -> None:
    net, _ = load_weights(tiny_weights)
    assert not net.training
    again, _ = load_weights(save_weights(net, tmp_path / "x.safetensors", training={}, scores={}))
    assert again.config == net.config
    assert isinstance(again.config.blocks, tuple)
    for key, value in net.state_dict().items():
        assert value.dtype in (torch.float32, torch.int64)
        assert torch.equal(value, again.state_dict()[key]), key
    L = torch.rand(1, 1, 32, 32) * 100
    with torch.inference_mode():
        assert torch.equal(net(NetInput(L)), again(NetInput(L)))


def test_the_name_tells_the_sha256(tiny_weights: Path) -> None:
    sha256 = file_sha256(tiny_weights)
    assert tiny_weights.name == f"tiny-{sha256[:8]}.safetensors"
    assert load_weights(tiny_weights)[1] == sha256
    assert not list(tiny_weights.parent.glob("*.part"))


def test_metadata_tells_what_the_net_learned(tiny_weights: Path) -> None:
    words = metadata_of(tiny_weights)
    assert json.loads(words["training"]) == {"made": "in a test"}
    assert json.loads(words["scores"]) == {"psnr": 1}
    assert json.loads(words["config"])["width"] == 32


@pytest.mark.parametrize("size", [0, 5, 200, 1_000_000, -1])
def test_a_truncated_file_is_corrupt(tiny_weights: Path, tmp_path: Path, size: int) -> None:
    path = tmp_path / "cut.safetensors"
    path.write_bytes(tiny_weights.read_bytes()[:size])
    check_refused(path, WeightsCorrupt, "cut.safetensors")


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "sprung",)

    path = tmp_path / "model.pt"
    path.write_bytes(pickle.dumps(Trap()))
    check_refused(path, WeightsCorrupt, "model.pt")
    torch.save({"w": torch.ones(2)}, path)
    check_refused(path, WeightsCorrupt)
    named = tmp_path / "model.safetensors"
    torch.save({"state_dict": Trap()}, named)
    check_refused(named, WeightsCorrupt)
    with pytest.raises(WeightsCorrupt):
        load_gate(named)
    with pytest.raises(WeightsCorrupt):
        load_imagenet(VGG16Features(), named)
    assert not (tmp_path / "sprung").exists()
    torch.save({"position": Trap()}, tmp_path / "last.pt")
    with pytest.raises(TrainingError, match="damaged"):
        load_checkpoint(tmp_path, {}, Average(Gate(), 0.9))
    assert not (tmp_path / "sprung").exists()
    torch.load(tmp_path / "last.pt", weights_only=False)  # it is a trap indeed
    assert (tmp_path / "sprung").exists()


def test_a_header_that_lies_about_its_size_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "big.safetensors"
    path.write_bytes((1 << 62).to_bytes(8, "little") + b"{}")
    check_refused(path, WeightsCorrupt)


def test_a_huge_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "MAX_BYTES", 100)
    path = tmp_path / "big.safetensors"
    path.write_bytes(bytes(101))
    check_refused(path, WeightsCorrupt, "larger")


def test_ten_sparse_gigabytes_are_refused_at_once(tmp_path: Path, tiny_weights: Path) -> None:
    path = tmp_path / "sparse.safetensors"
    path.write_bytes(tiny_weights.read_bytes())
    os.truncate(path, 10 << 30)
    began = time.monotonic()
    check_refused(path, WeightsCorrupt, "larger")
    with pytest.raises(WeightsCorrupt, match="larger"):
        load_gate(path)
    assert time.monotonic() - began < 1, "it was read"


def test_other_shapes_do_not_fit(tiny_weights: Path, tmp_path: Path) -> None:
    def shrink(tensors: dict[str, torch.Tensor]) -> None:
        tensors["regress.weight"] = torch.zeros(2, 3, 1, 1)

    check_refused(changed(tiny_weights, tmp_path / "a", shrink), WeightsMismatch, "regress.weight")


@pytest.mark.parametrize("extra", [True, False])
def test_a_tensor_too_many_or_too_few_does_not_fit(
    tiny_weights: Path, tmp_path: Path, extra: bool
) -> None:
    def change(tensors: dict[str, torch.Tensor]) -> None:
        if extra:
            tensors["surprise"] = torch.zeros(3)
        else:
            del tensors["regress.bias"]

    word = "surprise" if extra else "regress.bias"
    check_refused(changed(tiny_weights, tmp_path / "a", change), WeightsMismatch, word)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_corrupt(
    tiny_weights: Path, tmp_path: Path, number: float
) -> None:
    def spoil(tensors: dict[str, torch.Tensor]) -> None:
        tensors["classify.bias"][7] = number

    check_refused(changed(tiny_weights, tmp_path / "a", spoil), WeightsCorrupt, "classify.bias")


def test_tensors_of_a_strange_type_are_refused(tiny_weights: Path, tmp_path: Path) -> None:
    def convert(tensors: dict[str, torch.Tensor]) -> None:
        tensors["classify.bias"] = tensors["classify.bias"].to(torch.float8_e4m3fn)

    check_refused(changed(tiny_weights, tmp_path / "a", convert), WeightsMismatch, "float8")


@pytest.mark.parametrize(
    "change",
    [
        lambda words: words.clear(),
        lambda words: words.update(format="vidcolor-99"),
        lambda words: words.pop("config"),
        lambda words: words.update(config="{broken"),
        lambda words: words.update(config="[1, 2]"),
        config_with(color_of_the_sky="blue"),
        config_with(preset="opera"),
        config_with(blocks=5),
        config_with(blocks=[1]),
        config_with(width="wide"),
        config_with(width=1 << 30),
        config_with(heads=0),
        config_with(bin_size=0),
        lambda words: words.update(config="[" * 200_000),
        lambda words: words.update(config='{"width": ' + "9" * 5_000 + "}"),
    ],
)
def test_an_unknown_config_is_a_mismatch(
    tmp_path: Path, tiny_weights: Path, change: Callable[[dict[str, str]], Any]
) -> None:
    words = metadata_of(tiny_weights)
    change(words)
    path = tmp_path / "a.safetensors"
    save_file({"only": torch.zeros(1)}, path, words)
    check_refused(path, WeightsMismatch, "a.safetensors")


@pytest.mark.parametrize("name", ["no-such-weights", "/no/such/file", ".", "", "nul\0byte"])
def test_missing_weights_name_what_there_is(name: str) -> None:
    with pytest.raises(WeightsNotFound, match=r"give a \.safetensors file") as caught:
        load_weights(name)
    assert isinstance(caught.value, FileNotFoundError)


@pytest.fixture
def shelf(
    tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """Puts the tiny weights on a list of shipped weights of their own."""
    monkeypatch.setattr(weights, "models_folder", lambda: tmp_path)

    def fill(sha256: str | None = None, present: bool = True) -> Path:
        if present:
            (tmp_path / "net.safetensors").write_bytes(tiny_weights.read_bytes())
        (tmp_path / "weights.toml").write_text(
            '[[weights]]\nname = "default"\nfile = "net.safetensors"\n'
            f'sha256 = "{sha256 or file_sha256(tiny_weights)}"\n'
            'licence = "MIT"\ntraining_data = "made up"\nscores = { psnr = 24.5 }\n'
        )
        return tmp_path

    return fill


def test_listed_weights_are_found_by_name(shelf: Callable[..., Path]) -> None:
    folder = shelf()
    info = available_weights()["default"]
    assert (info.path, info.licence, info.scores) == (
        folder / "net.safetensors",
        "MIT",
        {"psnr": 24.5},
    )
    assert find_weights("default") == (info.path, info.sha256)
    assert load_weights("default")[1] == info.sha256


def test_listed_weights_with_another_sha256_are_corrupt(shelf: Callable[..., Path]) -> None:
    shelf(sha256="0" * 64)
    check_refused("default", WeightsCorrupt, "sha256")


def test_listed_weights_that_are_gone_are_not_found(shelf: Callable[..., Path]) -> None:
    shelf(present=False)
    check_refused("default", WeightsNotFound, "install vidcolor again")


@pytest.mark.parametrize("text", ["", "broken [", "[other]\nx = 1"])
def test_a_damaged_list_says_so(shelf: Callable[..., Path], text: str) -> None:
    (shelf() / "weights.toml").write_text(text)
    check_refused("default", WeightsCorrupt, "install vidcolor again")


def test_vgg_weights_are_checked_too(tmp_path: Path) -> None:
    vgg = VGG16Features()
    with pytest.raises(WeightsNotFound):
        load_imagenet(vgg, tmp_path / "none")
    (tmp_path / "junk").write_bytes(b"junk" * 9)
    with pytest.raises(WeightsCorrupt):
        load_imagenet(vgg, tmp_path / "junk")
    save_file({"features.0.weight": torch.zeros(1)}, tmp_path / "other")
    with pytest.raises(WeightsMismatch):
        load_imagenet(vgg, tmp_path / "other")


def test_weights_lists_what_ships(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "models_folder", lambda: tmp_path)
    (tmp_path / "net.safetensors").write_bytes(bytes(2_000_000))
    (tmp_path / "weights.toml").write_text(
        '[[weights]]\nname = "small"\nfile = "net.safetensors"\nsha256 = "12ab"\n'
        'licence = "MIT"\ntraining_data = "made up"\nscores = { psnr = 24.5 }\n'
    )
    assert main(["weights"]) == 0
    out = capsys.readouterr().out
    for word in ("small", "2.00 MB", "12ab", "MIT", "made up", "24.5"):
        assert word in out


def test_a_gate_is_saved_and_loaded(tmp_path: Path) -> None:
    gate = Gate(GateConfig(width=8))
    path = save_weights(gate, tmp_path / "gate.safetensors", training={}, scores={})
    again, sha256 = load_gate(path)
    assert sha256 == file_sha256(path)
    assert again.config == gate.config
    pair_features = torch.randn(1, CLUES, 9, 9)
    torch.testing.assert_close(
        again(pair_features), gate(pair_features), atol=1e-3, rtol=0
    )  # float16


def test_a_gate_is_no_colornet_and_the_other_way_round(tmp_path: Path, tiny_weights: Path) -> None:
    path = save_weights(Gate(), tmp_path / "gate.safetensors", training={}, scores={})
    check_refused(path, WeightsMismatch, "holds a gate for the smoother, not a colornet")
    with pytest.raises(WeightsMismatch, match="holds a colornet, not a gate"):
        load_gate(tiny_weights)


@pytest.mark.parametrize("width", [0, -1, 10_000, "16", None, [3]])
def test_a_gate_that_cannot_be_built_is_refused(tmp_path: Path, width: Any) -> None:
    path = save_weights(Gate(), tmp_path / "gate.safetensors", training={}, scores={})
    spoilt = changed(path, tmp_path / "spoilt.safetensors", None, config_with(width=width))
    with pytest.raises(WeightsMismatch, match="config"):
        load_gate(spoilt)


def test_the_gate_that_ships_is_found() -> None:
    assert load_gate()[1] == available_weights()["gate"].sha256


def test_features_are_told_from_nets() -> None:
    with pytest.raises(WeightsMismatch, match="measure for vidcolor evaluate, not a colornet"):
        load_weights("vgg16")
    with pytest.raises(WeightsMismatch, match="colornet, not a measure"):
        load_features("mini")
