"""A net as an ONNX file, in VapourSynth's onnxruntime plugin; skipped where these are missing.

pip install vapoursynth vapoursynth-mlrt-ort 'vidcolor[onnx]'
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from synthetic import texture

from vidcolor.nets.colornet import ColorNet
from vidcolor.nets.frame_net import FrameNet
from vidcolor.nets.onnx import OnnxForm, export_onnx

vs = pytest.importorskip("vapoursynth", reason="VapourSynth is not installed")

pytestmark = [
    pytest.mark.slow,  # 20 s each, most of it the exporter's
    pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning"),
    pytest.mark.skipif(not hasattr(vs.core, "ort"), reason="vapoursynth-mlrt-ort is not installed"),
    pytest.mark.skipif(not find_spec("onnxscript"), reason="onnxscript is not installed"),
]


def clip(width: int, height: int) -> Any:
    blank = vs.core.std.BlankClip(
        format=vs.YUV420P8, width=width, height=height, length=2, color=[16, 128, 128]
    ).std.SetFrameProps(_Matrix=1, _Range=0)

    def fill(n: int, f: Any) -> Any:
        made = f.copy()
        np.asarray(made[0])[:] = (texture(n, height, width) * 219 + 16).round().numpy()
        return made

    return blank.std.ModifyFrame(blank, fill)


def planes(frame: Any) -> torch.Tensor:
    return torch.stack(
        [torch.from_numpy(np.array(frame[p])) for p in range(frame.format.num_planes)]
    )


@pytest.mark.parametrize(("colors", "half"), [("rgb", False), ("gray", True)])
def test_the_plugin_colors_as_the_net_does(
    colors: Any, half: bool, tiny: ColorNet, tmp_path: Path
) -> None:
    target = tmp_path / "tiny.onnx"
    export_onnx(tiny, target, form=OnnxForm(colors, 64, half))
    for size in ((128, 72), (90, 134)):
        source = clip(*size)
        shown = source.resize.Bicubic(format=vs.RGBS if colors == "rgb" else vs.GRAYS)
        found = shown.ort.Model(network_path=str(target), provider="CPU")
        assert found.format.id == vs.RGBS
        with torch.inference_mode():
            wanted = FrameNet(tiny, colors, 64)(planes(shown.get_frame(1))[None])[0]
        off = (planes(found.get_frame(1)) - wanted).abs()
        assert off.mean() < (0.004 if half else 1e-5)
        # As docs/onnx.md goes on from there: luma comes back within a code.
        back = found.std.SetFrameProps(_Matrix=0, _Range=1).resize.Bicubic(
            format=vs.YUV444P8, matrix_s="709", range_s="limited"
        )
        y, own = (torch.from_numpy(np.array(one.get_frame(1)[0])).int() for one in (back, source))
        assert (y - own).abs().float().mean() < 0.5
