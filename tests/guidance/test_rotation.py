"""Points and references are of the picture as players show it, however it is stored."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
import torch
from hinted import NAVY, ab_of, listener, point

from vidcolor.colorize.painter import FramePainter
from vidcolor.core.frames import Frame, PixelLayout
from vidcolor.media.display import turn_back, turn_upright
from vidcolor.nets.colornet import ColorNet

ONE = 1 << 16
MATRICES = [
    *((a * ONE, 0, 0, 0, b * ONE, 0, 0, 0, 1) for a, b in product((1, -1), repeat=2)),
    *((0, a * ONE, 0, b * ONE, 0, 0, 0, 0, 1) for a, b in product((1, -1), repeat=2)),
]
LAYOUT = PixelLayout("yuv444p", 8, 0, 0, True, "bt601", "srgb", (0.0, 0.0))


@pytest.mark.parametrize("matrix", MATRICES)
def test_turning_back_undoes_turning_upright(matrix: tuple[int, ...]) -> None:
    samples = torch.rand(3, 4, 6)
    assert torch.equal(turn_back(turn_upright(samples, matrix), matrix), samples)


def test_what_is_stored_upright_is_not_turned() -> None:
    samples = torch.rand(2, 4, 6)
    assert turn_back(samples, None) is samples


@pytest.mark.parametrize("matrix", MATRICES)
def test_a_point_is_where_players_show_it(matrix: tuple[int, ...], quick: ColorNet) -> None:
    luma = torch.full((64, 96), 100, dtype=torch.uint8)
    frame = Frame(luma, (luma.clone(), luma.clone()), LAYOUT, 0, 1, Fraction(1))
    painter = FramePainter(frame, listener(quick), rotation=matrix)
    ab, _ = painter.paint([point((0.2, 0.1), NAVY, None, size=0.05)])
    shown = turn_upright(ab, matrix)
    height, width = shown.shape[1:]
    y, x = int(0.1 * height), int(0.2 * width)
    torch.testing.assert_close(shown[:, y, x], ab_of(NAVY).flatten(), atol=0.01, rtol=0)
    assert painter.pick((0.2, 0.1), ab) == painter.pick(
        (0.2, 0.1), painter.paint([point((0.2, 0.1), NAVY, None)])[0]
    )
