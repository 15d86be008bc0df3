from __future__ import annotations

import pytest
import torch
from synthetic import make_frame, texture
from torch import Tensor

from vidcolor.frames import Colored
from vidcolor.settings import SmoothSettings
from vidcolor.smoothing import shot_around, smooth, weighted_mean

RADIUS = SmoothSettings().radius


def colored(L: Tensor, ab: Tensor, pts: int = 0, starts_shot: bool = False) -> Colored:
    """``L`` ``(64, 64)`` 0..100, ab ``(2, 16, 16)``."""
    frame = make_frame(L / 100, pts=pts, starts_shot=starts_shot)
    return Colored(frame, L, ab)


def flat(a: float) -> Tensor:
    return torch.tensor([a, -a / 2])[:, None, None].expand(2, 16, 16).clone()


def run(items: list[Colored], **settings: object) -> list[Colored]:
    return list(smooth(items, SmoothSettings(**settings)))  # type: ignore[arg-type]


def test_flicker_of_a_still_scene_is_reduced() -> None:
    L = 100 * texture(1, 64, 64)
    draw = torch.Generator().manual_seed(2)
    noise = 12 * torch.randn(30, generator=draw)
    items = [colored(L, flat(30 + float(n)), i, i == 0) for i, n in enumerate(noise)]
    before = torch.stack([item.ab for item in items])
    after = torch.stack([item.ab for item in run(items)])
    assert after.diff(dim=0).abs().mean() < 0.3 * before.diff(dim=0).abs().mean()
    torch.testing.assert_close(after.mean(), before.mean(), atol=0.5, rtol=0)


def test_constant_colour_stays() -> None:
    L = 100 * texture(1, 64, 64)
    for item in run([colored(L, flat(25), i, i == 0) for i in range(9)]):
        torch.testing.assert_close(item.ab, flat(25))


@pytest.mark.parametrize("cut", [1, 2, 5, 8])
def test_no_colour_crosses_a_cut(cut: int) -> None:
    # The same luma on both sides: only the mark of the cut keeps the two shots apart.
    L = 100 * texture(3, 64, 64)
    items = [colored(L, flat(40 if i < cut else -40), i, i in (0, cut)) for i in range(10)]
    for i, item in enumerate(run(items)):
        torch.testing.assert_close(item.ab, flat(40 if i < cut else -40))


def moving_edge(x: int) -> tuple[Tensor, Tensor]:
    """A bright red thing left of column ``x`` before a dark blue ground."""
    L = torch.full((64, 64), 30.0)
    L[:, :x] = 75.0
    ab = flat(-40)
    ab[:, :, : x // 4] = flat(50)[:, :, : x // 4]
    return L, ab


def test_what_moves_drags_no_colour_behind_it() -> None:
    steps = [moving_edge(8 + 4 * i) for i in range(10)]
    items = [colored(L, ab, i, i == 0) for i, (L, ab) in enumerate(steps)]
    for item, (_, ab) in zip(run(items), steps, strict=True):
        edge = int((ab[0, 0] > 0).sum())
        # Lightness is blurred a little, so the cells at the edge itself may mix.
        clear = [x for x in range(16) if x not in (edge - 1, edge)]
        torch.testing.assert_close(item.ab[:, :, clear], ab[:, :, clear], atol=1.0, rtol=0)


def test_grain_is_not_taken_for_motion() -> None:
    L = torch.full((64, 64), 50.0)
    draw = torch.Generator().manual_seed(7)
    lumas = [L + 6 * torch.randn(64, 64, generator=draw) for _ in range(15)]
    items = [colored(grain, flat(30 + 10 * (i % 2)), i, i == 0) for i, grain in enumerate(lumas)]
    after = torch.stack([item.ab for item in run(items)])
    assert after[5:10].diff(dim=0).abs().mean() < 3


def test_each_result_keeps_its_frame_and_lightness() -> None:
    items = [colored(100 * texture(i, 64, 64), flat(i), i, i == 0) for i in range(8)]
    for before, after in zip(items, run(items), strict=True):
        assert after.frame is before.frame
        assert after.lightness is before.lightness


def test_the_input_is_not_changed() -> None:
    L = 100 * texture(1, 64, 64)
    items = [colored(L, flat(10 * (i % 3)), i, i == 0) for i in range(8)]
    kept = [item.ab.clone() for item in items]
    run(items)
    assert all(torch.equal(item.ab, ab) for item, ab in zip(items, kept, strict=True))


@pytest.mark.parametrize("settings", [{"enabled": False}, {"radius": 0}])
def test_disabled_passes_through(settings: dict[str, object]) -> None:
    L = 100 * texture(1, 64, 64)
    items = [colored(L, flat(10 * (i % 3)), i) for i in range(5)]
    found = run(items, **settings)
    assert len(found) == len(items)
    assert all(a is b for a, b in zip(found, items, strict=True))


def test_radius_bounds_how_far_colour_travels() -> None:
    L = 100 * texture(1, 64, 64)
    items = [colored(L, flat(70 if i == 6 else 0), i, i == 0) for i in range(13)]
    touched = [i for i, item in enumerate(run(items)) if item.ab.abs().max() > 0.01]
    assert touched == list(range(6 - RADIUS, 6 + RADIUS + 1))


@pytest.mark.parametrize(
    ("starts", "centre", "expected"),
    [
        ([True, False, False], 1, (0, 3)),
        ([False, False, True, False, False], 1, (0, 2)),
        ([False, False, True, False, False], 2, (2, 5)),
        ([False, True, True, True], 2, (2, 3)),
        ([False], 0, (0, 1)),
    ],
)
def test_shot_around(starts: list[bool], centre: int, expected: tuple[int, int]) -> None:
    assert shot_around(starts, centre) == expected


def test_weights_fall_with_the_change_of_lightness() -> None:
    lumas = torch.tensor([50.0, 54.0, 90.0]).view(3, 1, 1)
    abs_ = torch.tensor([0.0, 100.0, 1000.0]).view(3, 1, 1, 1).expand(3, 2, 1, 1)
    share = torch.exp(torch.tensor(-1.0))
    expected = (100 * share / (1 + share)).expand(2, 1, 1)
    torch.testing.assert_close(weighted_mean(lumas[0], lumas, abs_, 4.0), expected)
