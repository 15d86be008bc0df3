"""A net as an ONNX file."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from vidcolor.cli.main import main
from vidcolor.errors import OutputError, OutputExists, SettingsError
from vidcolor.nets import onnx as export
from vidcolor.nets.colornet import ColorNet, ColorNetConfig
from vidcolor.nets.frame_net import FrameColors, FrameNet
from vidcolor.nets.onnx import OnnxForm, export_onnx
from vidcolor.nets.registry import build_net
from vidcolor.nets.vgg_fused import FilmNet
from vidcolor.settings import OutputSettings

INSTALLED = all(find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime"))


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the packages were there; the file is no real one."""
    monkeypatch.setattr(export, "find_spec", lambda _: True)
    monkeypatch.setattr(export, "_export", lambda _, part, _form: part.write_bytes(b"net"))
    monkeypatch.setattr(export, "_difference", lambda *_: 0.001)


@pytest.mark.slow  # 10 s, most of it the exporter's
@pytest.mark.skipif(not INSTALLED, reason="onnx, onnxscript or onnxruntime is not installed")
def test_the_file_does_what_the_net_does(
    tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "tiny.onnx"
    assert main(["weights", str(tiny_weights), "--export", str(target)]) == 0
    assert "checked with onnxruntime" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.slow  # 30 s
@pytest.mark.skipif(not INSTALLED, reason="onnx, onnxscript or onnxruntime is not installed")
def test_a_net_with_more_features_goes_into_a_file(tmp_path: Path) -> None:
    torch.manual_seed(4)
    net = build_net(ColorNetConfig(width=8, blocks=(1, 1), heads=2, lite=True, agreement=1.0))
    assert isinstance(net, FilmNet)
    torch.nn.init.normal_(net.lite_map[-1].weight, std=0.3)  # type: ignore[arg-type]
    difference = export_onnx(net.eval(), tmp_path / "lite.onnx")
    assert difference is not None
    assert difference < 0.05


@pytest.mark.slow  # 10 to 20 s each, most of it the exporter's
@pytest.mark.skipif(not INSTALLED, reason="onnx, onnxscript or onnxruntime is not installed")
@pytest.mark.parametrize(("colors", "half"), [("rgb", False), ("gray", True)])
def test_the_file_colors_frames_as_the_net_does(
    colors: FrameColors,
    half: bool,
    tiny_weights: Path,
    tiny: ColorNet,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    target = tmp_path / "tiny.onnx"
    words = ["--as", colors, "--size", "64", *(["--half"] if half else [])]
    assert main(["weights", str(tiny_weights), "--export", str(target), *words]) == 0
    assert "8-bit codes of the net" in capsys.readouterr().err

    from onnxruntime import InferenceSession

    # What frame servers and FFmpeg hand over: float32 0..1, planes behind one another.
    session = InferenceSession(target, providers=["CPUExecutionProvider"])
    (given,), (taken,) = session.get_inputs(), session.get_outputs()
    channels = 3 if colors == "rgb" else 1
    assert (given.name, given.type, given.shape[1]) == ("frames", "tensor(float)", channels)
    assert (taken.name, taken.type, taken.shape[1]) == ("colored", "tensor(float)", 3)
    module = FrameNet(tiny, colors, 64)
    torch.manual_seed(2)
    for frames, height, width in ((1, 72, 128), (2, 135, 77), (1, 270, 482)):
        shown = torch.rand(frames, channels, height, width)
        found = torch.from_numpy(session.run(None, {"frames": shown.numpy()})[0])
        with torch.inference_mode():
            off = (found - module(shown)).abs()
        assert found.shape == (frames, 3, height, width)
        assert off.mean() < (0.004 if half else 1e-5)
        assert half or off.max() < 1e-3


def test_without_the_packages(
    tiny: ColorNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"vidcolor\[onnx\]"):
        export_onnx(tiny, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("pretend")
def test_a_file_that_exists_is_kept_unless_forced(tiny: ColorNet, tmp_path: Path) -> None:
    target = tmp_path / "net.onnx"
    target.write_bytes(b"old")
    with pytest.raises(OutputExists, match="--force"):
        export_onnx(tiny, target)
    assert target.read_bytes() == b"old"
    assert export_onnx(tiny, target, OutputSettings(force=True)) == 0.001
    assert target.read_bytes() == b"net"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.usefixtures("pretend")
@pytest.mark.parametrize("difference", [1.0, float("nan")])
def test_a_file_that_differs_from_the_net_is_not_kept(
    difference: float, tiny: ColorNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_difference", lambda *_: difference)
    with pytest.raises(OutputError, match="differs from the net"):
        export_onnx(tiny, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("pretend")
def test_a_net_of_one_size_is_refused(tmp_path: Path) -> None:
    book = build_net(ColorNetConfig(preset="book", embedding=512))
    with pytest.raises(SettingsError, match="book"):
        export_onnx(book, tmp_path / "net.onnx")


@pytest.mark.usefixtures("pretend")
def test_a_half_net_that_differs_is_told_how_to_go_on(
    tiny: ColorNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_difference", lambda *_: 3.0)
    with pytest.raises(OutputError, match=r"3 8-bit codes.* without --half"):
        export_onnx(tiny, tmp_path / "net.onnx", form=OnnxForm("rgb", half=True))
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("pretend")
@pytest.mark.parametrize(
    ("words", "form"),
    [
        ("", OnnxForm()),
        ("--half", OnnxForm(half=True)),
        ("--as rgb", OnnxForm("rgb")),
        ("--as gray --size 320 --half", OnnxForm("gray", 320, True)),
    ],
)
def test_options_say_what_goes_in_and_out(
    words: str,
    form: OnnxForm,
    tiny_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forms = []

    def note(_net: ColorNet, part: Path, form: OnnxForm) -> None:
        forms.append(form)
        part.write_bytes(b"net")

    monkeypatch.setattr(export, "_export", note)
    target = str(tmp_path / "net.onnx")
    assert main(["weights", str(tiny_weights), "--export", target, *words.split()]) == 0
    assert forms == [form]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("mini --as rgb", "need --export"),
        ("--half", "need --export"),
        ("mini --export {} --size 256", "--size needs --as rgb or gray"),
        ("mini --export {} --as lab --size 256", "--size needs --as rgb or gray"),
        ("mini --export {} --as rgb --size 250", "not a multiple of 16"),
        ("mini --export {} --as yuv", "invalid choice"),
    ],
)
def test_options_that_do_not_go_together(
    words: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["weights", *words.format(tmp_path / "net.onnx").split()]) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_name_without_a_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "mini"]) == 2
    assert "--export" in capsys.readouterr().err
