from __future__ import annotations

import pytest
import torch
from synthetic import bits_of, make_frame, make_layout, texture

from vidcolor.color.chroma import KR_KB, exact_chroma
from vidcolor.color.yuv import chroma_codes, neutral_code
from vidcolor.colorize.paint import paint, paint_frame, paint_planes
from vidcolor.core.frames import ColorizedFrame, Frame
from vidcolor.settings import PaintSettings

ORANGE = torch.tensor([25.0, 40.0])


def painted(frame: Frame, ab: torch.Tensor, saturation: float = 1.0) -> Frame:
    item = ColorizedFrame(frame, torch.zeros(64, 64), ab)
    (result,) = paint([item], PaintSettings(saturation))
    return result


def flat(ab: torch.Tensor = ORANGE) -> torch.Tensor:
    return ab[:, None, None].expand(2, 16, 16)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("sub", [(1, 1), (1, 0), (0, 0)])
def test_flat_color_becomes_the_exact_code(
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


def test_saturation_scales_the_color() -> None:
    offsets = []
    for saturation in (0.0, 0.5, 1.0):
        frame = painted(make_frame(torch.full((16, 16), 0.6)), flat(), saturation)
        offsets.append(float((frame.chroma[1].float() - 128).mean()))
    assert offsets[0] == 0
    # ab and chroma are not quite proportional.
    assert offsets[1] == pytest.approx(offsets[2] / 2, rel=0.2)
    assert offsets[2] > 10


def test_black_bars_stay_neutral_between_colored_rows() -> None:
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


@pytest.mark.parametrize("interlaced", [False, True])
def test_threads_do_not_change_a_bit(interlaced: bool) -> None:
    found = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            frame = make_frame(texture(4, 720, 1280), interlaced=interlaced)
            paint_frame(frame, 40 * torch.stack([texture(5, 64, 112), -texture(6, 64, 112)]))
            found.append([bits_of(plane) for plane in frame.chroma])
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1] == found[2]


def test_what_a_user_said_is_painted_cell_by_cell_as_it_was_said() -> None:
    luma = torch.full((64, 64), 0.6)
    ab = torch.zeros(2, 16, 16)
    ab[:, 8, 8] = ORANGE  # one cell alone, of 4 x 4 samples
    said = torch.zeros(1, 16, 16)
    said[:, 8, 8] = 1.0
    layout = make_layout(sub=(0, 0), siting=(0.0, 0.0))
    exact = exact_chroma(torch.tensor([0.6]), ORANGE[:, None], layout.matrix, layout.transfer)
    found = {}
    for name, where in (("asked for", said), ("found", None)):
        frame = make_frame(luma, layout)
        paint_frame(frame, ab, where)
        middle = torch.stack([plane[33:35, 33:35].float().mean() for plane in frame.chroma])
        found[name] = float(((middle - 128) / 224).norm() / exact.norm())
    assert found["asked for"] > 0.7  # linear from the middle of one cell to that of the next
    assert found["found"] < 0.5 * found["asked for"]


def test_of_what_nobody_spoke_of_no_bit_changes() -> None:
    ab = 40 * torch.stack([texture(5, 16, 16), -texture(6, 16, 16)])
    frames = [make_frame(texture(4, 64, 64)) for _ in range(2)]
    paint_frame(frames[0], ab)
    paint_frame(frames[1], ab, torch.zeros(1, 16, 16))
    assert [bits_of(plane) for plane in frames[0].chroma] == [
        bits_of(plane) for plane in frames[1].chroma
    ]


@pytest.mark.parametrize("level", [0.02, 0.3, 0.97])
def test_a_color_that_was_said_meets_its_luma_also_at_the_ends(level: float) -> None:
    layout = make_layout(sub=(0, 0))
    frame = make_frame(torch.full((64, 64), level), layout)
    paint_frame(frame, flat(), torch.ones(1, 16, 16))
    plain = make_frame(torch.full((64, 64), level), layout)
    paint_frame(plain, flat())
    for plane, other in zip(frame.chroma, plain.chroma, strict=True):
        assert (plane.int() - other.int()).abs().max() <= 1


def test_specks_take_no_color_where_there_is_none_to_show() -> None:
    # They are smaller than a block, whose color is worked out for its mean luma.
    unit = torch.full((256, 256), 0.55)
    unit[64:68, 64:68], unit[160:164, 160:164] = 0.0, 1.0
    frame = painted(make_frame(unit), flat())
    for plane in frame.chroma:
        assert plane[33, 33] == 128
        assert abs(int(plane[81, 81]) - 128) <= 1
        assert abs(int(plane[100, 20]) - 128) > 10


@pytest.mark.parametrize("ab", [(60.0, 45.0), (20.0, -60.0), (-50.0, 50.0), (20.0, 20.0)])
@pytest.mark.parametrize("pattern", ["stripes", "checks", "letters", "grain"])
@pytest.mark.parametrize("said", [None, torch.ones(1, 16, 16)])
def test_fine_light_and_dark_stay_within_what_a_screen_can_show(
    ab: tuple[float, float], pattern: str, said: torch.Tensor | None
) -> None:
    # A cell is looked up once; samples much darker or lighter than it must not leave the gamut.
    H, W = 128, 128
    y, x = torch.arange(H)[:, None], torch.arange(W)[None]
    codes = {
        "stripes": torch.where(x % 4 < 2, 220, 50).expand(H, W),
        "checks": torch.where((y // 3 + x // 3) % 2 == 0, 45, 225),
        "letters": torch.where(x % 9 == 0, 45, 210).expand(H, W),
        "grain": torch.randint(40, 236, (H, W), generator=torch.Generator().manual_seed(1)),
    }[pattern]
    luma = codes.to(torch.uint8).contiguous()
    layout = make_layout(sub=(0, 0))
    u, v = torch.empty_like(luma), torch.empty_like(luma)
    paint_planes(luma, (u, v), layout, torch.tensor(ab)[:, None, None].expand(2, 16, 16), said)
    kr, kb = KR_KB[layout.matrix]
    unit = (luma.float() - 16) / 219
    red = unit + 2 * (1 - kr) * (v.float() - 128) / 224
    blue = unit + 2 * (1 - kb) * (u.float() - 128) / 224
    green = (unit - kr * red - kb * blue) / (1 - kr - kb)
    for channel in (red, green, blue):
        assert channel.min() > -0.06
        assert channel.max() < 1.06
        assert ((channel < -0.02) | (channel > 1.02)).float().mean() < 0.03
