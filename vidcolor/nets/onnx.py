"""The net as an ONNX file, for other programs."""

from __future__ import annotations

import copy
import os
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from vidcolor.core.paths import follow_link, part_path
from vidcolor.core.platform import remove_open
from vidcolor.core.target import check_target, claim, output_errors, publish
from vidcolor.errors import OutputError, SettingsError
from vidcolor.nets.book import BookNet
from vidcolor.nets.colornet import ColorNet, DistributionNet, NetInput
from vidcolor.nets.frame_net import FrameNet
from vidcolor.settings import ColorizerSettings, OutputSettings

Colors = Literal["lab", "rgb", "gray"]


@dataclass(frozen=True)
class OnnxForm:
    """What goes into the file's net and what comes out, both float32 (B, channels, h, w)."""

    colors: Colors = "lab"
    """``lab``: L* 0..100 to ab at a quarter of its size; ``rgb``: R'G'B' 0..1 to R'G'B'; ``gray``:
    luma 0..1 to R'G'B'."""
    size: int = ColorizerSettings().size
    """Short side that the net looks at, of whatever comes in (rgb, gray)."""
    half: bool = False
    """Whether the net itself is float16."""

    @property
    def unit(self) -> str:
        """What differences are told in."""
        return "ab units" if self.colors == "lab" else "8-bit codes"


TOLERANCE = 0.05
"""Units by which the file may differ from the net anywhere."""

HALF_TOLERANCE = 1.0
"""The same on average, in float16, where single places may differ by more."""

CHECKED = ((1, 64, 96), (3, 96, 64), (1, 48, 80))
"""Frames, height and width that the file is checked with; none is what it was traced with."""

CHECKED_FRAMES = ((1, 90, 131), (3, 135, 76), (1, 50, 240))
"""The same where frames of any size go in."""


def export_onnx(
    net: ColorNet,
    target: Path,
    settings: OutputSettings | None = None,
    form: OnnxForm | None = None,
) -> float | None:
    """Write a net as ONNX: by default ``lightness`` (B, 1, h, w) to ``ab`` (B, 2, h/4, w/4).

    At the dial's default; batch, height and width are free. What takes lightness wants sides that
    are multiples of 16, at least 32: a film's frames are brought to their working size before. As
    ``rgb`` or ``gray``, ``frames`` of any size give ``colored`` ones.

    Args:
        net: In eval mode, float32, on the CPU.
        target: The file.
        settings: Whether an existing file may be replaced.
        form: What goes in and comes out.

    Returns:
        The largest difference from the net, `OnnxForm.unit`, of a half net the mean one; None
        where onnxruntime, which tells, is not installed.

    Raises:
        SettingsError: the packages for it are not installed, or the net has one size only.
        OutputError: the file cannot be written, or does not do what the net does.
    """
    form = form or OnnxForm()
    if target.suffix != ".onnx":
        raise SettingsError(f"{target.name}: the name of an ONNX file must end in .onnx")
    if isinstance(net, BookNet):
        raise SettingsError("a net of the preset book takes only one size; export film or mini")
    if not find_spec("onnx") or not find_spec("onnxscript"):
        raise SettingsError("ONNX is not installed; run: pip install 'vidcolor[onnx]'")
    check_target(None, target, settings or OutputSettings())
    target = follow_link(target)
    part = part_path(target)
    file = claim(part, target)
    try:
        with output_errors(target):
            os.ftruncate(file, 0)
            try:
                _export(net, part, form)
            except RuntimeError as error:  # what torch's exporter raises comes from there
                words = str(error).split("\n")[0]
                raise OutputError(f"{target}: torch cannot export this net ({words})") from error
            difference = _difference(net, part, form) if find_spec("onnxruntime") else None
            tolerance = HALF_TOLERANCE if form.half else TOLERANCE
            if difference is not None and not difference <= tolerance:
                raise OutputError(
                    f"{target}: the ONNX file differs from the net by {difference:.2g} {form.unit} "
                    "and is not kept; "
                    + ("export it without --half" if form.half else "use another version of torch")
                )
            publish(file, part, target)
    finally:
        remove_open(file, part)
        os.close(file)
    return difference


class _OfLightness(nn.Module):
    """The net with a plain tensor for its input, as other programs have it."""

    def __init__(self, net: ColorNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, lightness: Tensor) -> Tensor:
        ab: Tensor = self.net(NetInput(lightness.to(next(self.net.parameters()).dtype)))
        return ab.float()


def _module(net: ColorNet, form: OnnxForm) -> nn.Module:
    if form.colors == "lab":
        return _OfLightness(net).eval()
    return FrameNet(net, form.colors, form.size).eval()


def _in_half(net: ColorNet) -> ColorNet:
    """A copy in float16, but for the colors of the bins, whose means are always float32."""
    net = copy.deepcopy(net).half()
    if isinstance(net, DistributionNet):
        net.bins = net.bins.float()
    return net


def _export(net: ColorNet, part: Path, form: OnnxForm) -> None:
    batch = torch.export.Dim("batch")
    if form.colors == "lab":
        rows, columns = (16 * torch.export.Dim(name) for name in ("rows", "columns"))
        example, names = torch.rand(2, 1, 80, 112) * 100, ("lightness", "ab")
    else:
        rows, columns = (torch.export.Dim(name, min=16) for name in ("height", "width"))
        channels = 1 if form.colors == "gray" else 3
        example, names = torch.rand(2, channels, 90, 130), ("frames", "colored")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's, about its own parts
        program = torch.onnx.export(
            _module(_in_half(net) if form.half else net, form),
            (example,),
            dynamo=True,
            verbose=False,
            input_names=names[:1],
            output_names=names[1:],
            dynamic_shapes=({0: batch, 2: rows, 3: columns},),
        )
    assert program is not None
    program.save(part)


@torch.inference_mode()
def _difference(net: ColorNet, path: Path, form: OnnxForm) -> float:
    from onnxruntime import InferenceSession

    session = InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    module = _module(net, form)
    lab = form.colors == "lab"
    channels, peak, unit = (1, 100, 1) if lab else (3 if form.colors == "rgb" else 1, 1, 255)
    found = []
    for frames, h, w in CHECKED if lab else CHECKED_FRAMES:
        shown = torch.linspace(0, peak, frames * channels * h * w).view(frames, channels, h, w)
        given: Tensor = torch.from_numpy(session.run(None, {name: shown.numpy()})[0])
        off = (given - module(shown)).abs() * unit
        found.append(float(off.mean() if form.half else off.max()))
    return max(found)
