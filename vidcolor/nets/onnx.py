"""The net as an ONNX file, for other programs."""

from __future__ import annotations

import os
import warnings
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from vidcolor.core.paths import follow_link, part_path
from vidcolor.core.target import check_target, claim, output_errors, publish
from vidcolor.errors import OutputError, SettingsError
from vidcolor.nets.book import BookNet
from vidcolor.nets.colornet import ColorNet, NetInput
from vidcolor.settings import OutputSettings

TOLERANCE = 0.05
"""ab units by which the file may differ from the net anywhere."""

CHECKED = ((1, 64, 96), (3, 96, 64), (1, 48, 80))
"""Frames, height and width that the file is checked with; none is what it was traced with."""


def export_onnx(
    net: ColorNet, target: Path, settings: OutputSettings | None = None
) -> float | None:
    """Write a net as ONNX: ``lightness`` (B, 1, h, w) L* 0..100 -> ``ab`` (B, 2, h/4, w/4).

    float32 throughout, at the dial's default; batch, height and width are free, the sides multiples
    of 16, at least 32. A film's frames are brought to their working size before the net sees them.

    Args:
        net: In eval mode, float32, on the CPU.
        target: The file.
        settings: Whether an existing file may be replaced.

    Returns:
        The largest difference from the net, ab units; None where onnxruntime, which tells, is not
        installed.

    Raises:
        SettingsError: the packages for it are not installed, or the net has one size only.
        OutputError: the file cannot be written, or does not do what the net does.
    """
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
                _export(net, part)
            except RuntimeError as error:  # what torch's exporter raises comes from there
                words = str(error).split("\n")[0]
                raise OutputError(f"{target}: torch cannot export this net ({words})") from error
            difference = _difference(net, part) if find_spec("onnxruntime") else None
            if difference is not None and not difference <= TOLERANCE:
                raise OutputError(
                    f"{target}: the ONNX file differs from the net by {difference:.2g} ab units "
                    "and is not kept; use another version of torch"
                )
            publish(file, part, target)
    finally:
        part.unlink(missing_ok=True)
        os.close(file)
    return difference


class _OfLightness(nn.Module):
    """The net with a plain tensor for its input, as other programs have it."""

    def __init__(self, net: ColorNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, lightness: Tensor) -> Tensor:
        ab: Tensor = self.net(NetInput(lightness))
        return ab


def _export(net: ColorNet, part: Path) -> None:
    batch, rows, columns = (torch.export.Dim(name) for name in ("batch", "rows", "columns"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's, about its own parts
        program = torch.onnx.export(
            _OfLightness(net),
            (torch.rand(2, 1, 80, 112) * 100,),
            dynamo=True,
            verbose=False,
            input_names=["lightness"],
            output_names=["ab"],
            dynamic_shapes=({0: batch, 2: 16 * rows, 3: 16 * columns},),
        )
    assert program is not None
    program.save(part)


@torch.inference_mode()
def _difference(net: ColorNet, path: Path) -> float:
    from onnxruntime import InferenceSession

    session = InferenceSession(path, providers=["CPUExecutionProvider"])
    found = []
    for frames, h, w in CHECKED:
        lightness = torch.linspace(0, 100, frames * h * w).view(frames, 1, h, w)
        ab: Tensor = torch.from_numpy(session.run(None, {"lightness": lightness.numpy()})[0])
        found.append(float((ab - net(NetInput(lightness))).abs().max()))
    return max(found)
