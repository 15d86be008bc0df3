from __future__ import annotations

import pytest
import torch

from vidcolor.color.difference import delta_e_2000, nearest_shown
from vidcolor.color.lab import lab_to_linear, rgb_to_lab

# Sharma, Wu and Dalal (2005), table 1: L1 a1 b1 L2 a2 b2 and the difference.
SHARMA = """
50 2.6772 -79.7751 50 0 -82.7485 2.0425
50 3.1571 -77.2803 50 0 -82.7485 2.8615
50 2.8361 -74.0200 50 0 -82.7485 3.4412
50 -1.3802 -84.2814 50 0 -82.7485 1.0000
50 -1.1848 -84.8006 50 0 -82.7485 1.0000
50 -0.9009 -85.5211 50 0 -82.7485 1.0000
50 0 0 50 -1 2 2.3669
50 -1 2 50 0 0 2.3669
50 2.49 -0.0010 50 -2.49 0.0009 7.1792
50 2.49 -0.0010 50 -2.49 0.0010 7.1792
50 2.49 -0.0010 50 -2.49 0.0011 7.2195
50 2.49 -0.0010 50 -2.49 0.0012 7.2195
50 -0.0010 2.49 50 0.0009 -2.49 4.8045
50 -0.0010 2.49 50 0.0010 -2.49 4.8045
50 -0.0010 2.49 50 0.0011 -2.49 4.7461
50 2.5 0 50 0 -2.5 4.3065
50 2.5 0 73 25 -18 27.1492
50 2.5 0 61 -5 29 22.8977
50 2.5 0 56 -27 -3 31.9030
50 2.5 0 58 24 15 19.4535
50 2.5 0 50 3.1736 0.5854 1.0000
50 2.5 0 50 3.2972 0 1.0000
50 2.5 0 50 1.8634 0.5757 1.0000
50 2.5 0 50 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""


def test_the_difference_is_that_of_the_published_pairs() -> None:
    rows = [[float(word) for word in line.split()] for line in SHARMA.strip().splitlines()]
    table = torch.tensor(rows, dtype=torch.float64).T
    assert table.shape == (7, 34)
    for first, second in ((table[:3], table[3:6]), (table[3:6], table[:3])):
        found = delta_e_2000(first, second)
        torch.testing.assert_close(found, table[6], atol=5e-5, rtol=0)


def test_the_difference_keeps_the_shape_of_planes() -> None:
    lab = torch.rand(3, 4, 5) * 50
    assert delta_e_2000(lab, lab + 1).shape == (4, 5)
    assert delta_e_2000(lab, lab).abs().max() == 0


def test_what_can_be_shown_comes_back_as_it_was() -> None:
    draw = torch.Generator().manual_seed(1)
    lab = rgb_to_lab(torch.rand(3, 1, 500, generator=draw, dtype=torch.float64))
    assert torch.equal(nearest_shown(lab[0], lab[1:]), lab[1:])


def test_what_cannot_keeps_its_hue_and_reaches_the_edge() -> None:
    draw = torch.Generator().manual_seed(2)
    lightness = torch.rand(500, generator=draw, dtype=torch.float64) * 90 + 5
    angle = torch.rand(500, generator=draw, dtype=torch.float64) * 6.3
    ab = torch.stack([angle.cos(), angle.sin()]) * 200
    shown = nearest_shown(lightness, ab)
    torch.testing.assert_close(torch.atan2(shown[1], shown[0]), torch.atan2(ab[1], ab[0]))
    light = lab_to_linear(torch.cat([lightness[None], shown])[:, None])
    assert light.min() > -2e-4
    assert light.max() < 1 + 2e-4
    more = lab_to_linear(torch.cat([lightness[None], shown * 1.01 + 1e-6])[:, None])
    outside = ((more < -1e-4) | (more > 1 + 1e-4)).any(0)
    assert outside.all()


@pytest.mark.parametrize("lightness", [0.0, 100.0, -3.0, 104.0])
def test_black_and_white_have_no_color(lightness: float) -> None:
    shown = nearest_shown(torch.tensor(lightness), torch.tensor([60.0, -40.0]))
    assert shown.shape == (2,)
    assert shown.norm() < 0.6
