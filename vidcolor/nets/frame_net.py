"""A net that takes whole frames and gives them back in color, for programs that know no Lab."""

from __future__ import annotations

from typing import Literal, cast

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vidcolor.color.chroma import KR_KB, shadow_fade
from vidcolor.color.lab import XYZ_FROM_RGB, lab_f_inverse
from vidcolor.color.transfer import lightness
from vidcolor.nets.colornet import ColorNet, NetInput

FrameColors = Literal["rgb", "gray"]
LONGEST = 4
"""Long sides are at most so many short ones to the net."""


class FrameNet(nn.Module):
    """Lightness, the net at its working size, and the way back to R'G'B', in one module.

    Luma is the film's, to rounding: a color that does not fit the gamut at its luma fades until it
    does. All frames are taken for BT.709 with the curve of BT.1886.
    """

    rgb_from_xyz: Tensor
    luma_weights: Tensor

    def __init__(self, net: ColorNet, colors: FrameColors, size: int) -> None:
        super().__init__()
        self.net = net
        self.colors = colors
        self.size = size
        matrix = torch.tensor(XYZ_FROM_RGB["bt709"], dtype=torch.float64)
        from_xyz = torch.linalg.inv(matrix) * matrix.sum(1)  # of X, Y, Z over those of white
        self.register_buffer("rgb_from_xyz", from_xyz.float().view(3, 3, 1, 1), persistent=False)
        kr, kb = KR_KB["bt709"]
        weights = torch.tensor([kr, 1 - kr - kb, kb])
        self.register_buffer("luma_weights", weights.view(1, 3, 1, 1), persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        """Color frames.

        Args:
            frames: ``(B, 3, h, w)`` R'G'B' or ``(B, 1, h, w)`` luma, float32 0..1.

        Returns:
            ``(B, 3, h, w)`` R'G'B', float32 0..1.
        """
        luma = (frames if self.colors == "gray" else self._luma(frames)).clamp(0, 1)
        L = lightness(luma, "bt1886")
        rows, columns = self._working_size(luma.shape[2], luma.shape[3])
        small = F.interpolate(L, (rows, columns), mode="bilinear", antialias=True)
        dtype = next(self.net.parameters()).dtype
        ab: Tensor = self.net(NetInput(small.clamp(0, 100).to(dtype))).float()
        ab = F.interpolate(ab, (luma.shape[2], luma.shape[3]), mode="bilinear", align_corners=False)
        return self._paint(luma, L, ab * shadow_fade(L))

    def _working_size(self, height: int, width: int) -> tuple[int, int]:
        """As `ColorNet.working_size`, in whole numbers, which an exporter can follow."""
        step = self.net.size_multiple
        short = torch.sym_min(height, width)
        most = LONGEST * self.size // step

        def near(side: int) -> int:
            steps = (2 * side * self.size + step * short) // (2 * step * short)
            # `int` would fix the size to the one that is traced.
            return cast(int, torch.sym_min(steps, most)) * step

        return near(height), near(width)

    def _luma(self, rgb: Tensor) -> Tensor:
        return (rgb * self.luma_weights).sum(1, keepdim=True)

    def _rgb(self, L: Tensor, ab: Tensor) -> Tensor:
        """R'G'B' ``(B, 3, h, w)``, in gamut or not."""
        y = (L + 16) / 116
        a, b = ab[:, :1], ab[:, 1:]
        xyz = lab_f_inverse(torch.cat([y + a / 500, y, y - b / 200], 1))
        light = F.conv2d(xyz, self.rgb_from_xyz)
        # `from_light` of BT.1886, but for how it keeps the sign, which ONNX has no word for.
        code = light.abs().clamp(min=1e-12) ** (1 / 2.4)
        return torch.where(light < 0, -code, code)

    def _paint(self, luma: Tensor, gray: Tensor, ab: Tensor) -> Tensor:
        """R'G'B' of this luma; ``gray`` is the L* of a gray of it."""
        # A saturated color has other luma than a gray of its L*. One step of the search that the
        # program makes brings chroma to within a code or so of it; what is left goes to all three.
        reached = self._luma(self._rgb(gray, ab)).clamp(0, 1)
        L = (2 * gray - lightness(reached, "bt1886")).clamp(0, 100)
        rgb = self._rgb(L, ab)
        offset = rgb - self._luma(rgb)
        room = torch.where(offset > 0, 1 - luma, luma) / offset.abs().clamp(min=1e-6)
        fits = room.amin(1, keepdim=True).clamp(max=1)
        return (luma + offset * fits).clamp(0, 1)
