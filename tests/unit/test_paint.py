from __future__ import annotations

import pytest
import torch
from synthetic import bits_of, make_frame, make_layout, texture

from vidcolor.color.chroma import exact_chroma
from vidcolor.color.planes import chroma_codes, neutral_code
from vidcolor.frames import Colored, Frame
from vidcolor.paint import paint, paint_frame
from vidcolor.settings import PaintSettings

ORANGE = torch.tensor([25.0, 40.0])


def painted(frame: Frame, ab: torch.Tensor, saturation: float = 1.0) -> Frame:
    item = Colored(frame, torch.zeros(64, 64), ab)
    (result,) = paint([item], PaintSettings(saturation))
    return result


def flat(ab: torch.Tensor = ORANGE) -> torch.Tensor:
    return ab[:, None, None].expand(2, 16, 16)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("sub", [(1, 1), (1, 0), (0, 0)])
def test_flat_colour_becomes_the_exact_code(
    sub: tuple[int, int], bits: int, matrix: str, full: bool
) -> None:
    layout = make_layout(bits, sub, full, matrix)
    frame = painted(make_frame(torch.full((15, 22), 0.6), layout), flat())
    chroma = exact_chroma(torch.tensor([0.6]), ORANGE[:, None], layout.matrix, layout.transfer)
    for plane, code in zip(frame.chroma, chroma_codes(chroma, layout).int(), strict=True):
        assert (plane.int() - code).abs().max() <= 1 << (bits - 8)


@pytest.mark.parametrize("bits", [8, 10])
def test_no_ab_is_neutral_on_any_luma(bits: int) -> None:
    layout = make_layout(bits)
    frame = painted(make_frame(texture(1, 40, 60), layout), torch.zeros(2, 16, 16))
    assert all((plane == neutral_code(layout)).all() for plane in frame.chroma)


def test_saturation_scales_the_colour() -> None:
    offsets = []
    for saturation in (0.0, 0.5, 1.0):
        frame = painted(make_frame(torch.full((16, 16), 0.6)), flat(), saturation)
        offsets.append(float((frame.chroma[1].float() - 128).mean()))
    assert offsets[0] == 0
    # ab and chroma are not quite proportional.
    assert offsets[1] == pytest.approx(offsets[2] / 2, rel=0.2)
    assert offsets[2] > 10


def test_black_bars_stay_neutral_between_coloured_rows() -> None:
    unit = torch.full((48, 64), 0.6)
    unit[:12] = unit[-12:] = 0.0
    frame = painted(make_frame(unit), flat())
    for plane in frame.chroma:
        assert (plane[:6] == 128).all()
        assert (plane[-6:] == 128).all()
        assert (plane[7:-7] != 128).all()


def test_old_chroma_is_overwritten_and_luma_kept() -> None:
    frame = make_frame(texture(2, 41, 57), make_layout(10))
    before = bits_of(frame.luma)
    for plane in frame.chroma:
        plane.fill_(1000)
    painted(frame, torch.zeros(2, 16, 16))
    assert bits_of(frame.luma) == before
    assert all((plane == 512).all() for plane in frame.chroma)


def test_paint_writes_into_the_planes_it_was_given() -> None:
    # The planes are views of the picture that goes to the encoder.
    frame = make_frame(torch.full((16, 16), 0.6))
    planes = frame.chroma
    paint_frame(frame, flat())
    assert frame.chroma is planes
    assert (planes[0] < 120).all()
