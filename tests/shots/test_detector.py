from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from synthetic import make_frame, make_layout, texture
from torch import Tensor

from vidcolor.core.frames import Frame, Shot
from vidcolor.errors import SettingsError
from vidcolor.settings import ShotSettings
from vidcolor.shots.detector import detect_shots, mark_shots
from vidcolor.shots.similarity import Thumbnail, distance, histograms, thumbnail, tones

H, W = 144, 192


def film(pictures: list[Tensor], bits: int = 8) -> list[Frame]:
    layout = make_layout(bits)
    return [make_frame(unit, layout, pts) for pts, unit in enumerate(pictures)]


def cuts(pictures: list[Tensor], bits: int = 8) -> list[int]:
    frames = mark_shots(film(pictures, bits), ShotSettings())
    return [frame.pts for frame in frames if frame.starts_shot]


def outliers(pictures: list[Tensor]) -> list[int]:
    return [frame.pts for frame in mark_shots(film(pictures), ShotSettings()) if frame.outlier]


def scene(seed: int, frames: int) -> list[Tensor]:
    return [texture(seed, H, W)] * frames


def moving(seed: int, frames: int) -> list[Tensor]:
    """A scene that drifts by a pixel a frame."""
    wide = texture(seed, H, W + frames)
    return [wide[:, i : i + W] for i in range(frames)]


def blend(pictures: list[Tensor], code: float, shares: Tensor) -> list[Tensor]:
    return [torch.lerp(p, torch.tensor(code), s) for p, s in zip(pictures, shares, strict=True)]


def faded(one: list[Tensor], other: list[Tensor], frames: int, code: float) -> list[Tensor]:
    """``one`` fades wholly to black or white in so many frames, ``other`` comes out of it."""
    share = torch.arange(1, frames + 1) / frames
    out = blend(one[-frames:], code, share)
    return [*one[:-frames], *out, *blend(other[:frames], code, 1 - share), *other[frames:]]


def noisy(pictures: list[Tensor], sigma: float) -> list[Tensor]:
    draw = torch.Generator().manual_seed(9)
    return [p + sigma * torch.randn(p.shape, generator=draw) for p in pictures]


@pytest.mark.parametrize("bits", [8, 10, 16])
def test_cuts_are_found_exactly(bits: int) -> None:
    pictures = scene(3, 8) + scene(4, 12) + scene(5, 7) + scene(6, 9)
    assert cuts(pictures, bits) == [0, 8, 20, 27]


def test_cuts_are_found_under_grain() -> None:
    pictures = noisy(scene(3, 8) + scene(4, 12) + scene(5, 7), 0.04)
    assert cuts(pictures) == [0, 8, 20]


def test_a_cut_between_equally_bright_views_is_found() -> None:
    # The same tones in other places: a histogram of the whole picture sees nothing.
    view = texture(0, H, W)
    assert cuts([view] * 8 + [view.flip(0)] * 8) == [0, 8]


def test_the_first_frame_starts_a_shot_and_a_still_film_has_one() -> None:
    assert cuts(scene(1, 1)) == [0]
    assert cuts(scene(1, 40)) == [0]


@pytest.mark.parametrize("share", [0.05, 0.1, 0.15])
def test_projector_flicker_is_no_cut(share: float) -> None:
    draw = torch.Generator().manual_seed(4)
    factors = 1 + share * (2 * torch.rand(40, generator=draw) - 1)
    factors[10], factors[11] = 1 - share, 1 + share  # the worst that can follow each other
    assert cuts([texture(6, H, W) * factor for factor in factors]) == [0]


def test_flicker_of_a_bright_scene_is_no_cut() -> None:
    bright = 0.6 + 0.3 * texture(6, H, W)
    assert cuts([bright * (0.9 if i % 2 else 1.1) for i in range(20)]) == [0]


@pytest.mark.parametrize("speed", [0.03, 0.05, 0.08])
def test_a_pan_is_no_cut(speed: float) -> None:
    step = round(speed * W)
    wide = texture(7, H, W + 40 * step)
    pictures = [wide[:, step * i : step * i + W] for i in range(40)]
    assert cuts(pictures) == [0]
    assert outliers(pictures) == []


def panned(seed: int, frames: int, step: int) -> list[Tensor]:
    wide = texture(seed, H, W).repeat(1, 2 + frames * step // W)
    return [wide[:, step * i : step * i + W] for i in range(frames)]


@pytest.mark.parametrize("step", [9, 15])
def test_cuts_between_fast_pans_are_found_and_no_others(step: int) -> None:
    pictures = panned(3, 20, step) + panned(4, 20, step) + panned(5, 20, step)
    assert cuts(pictures) == [0, 20, 40]
    assert outliers(pictures) == []


@pytest.mark.parametrize("length", [1, 2, 3])
def test_another_picture_in_a_pan_is_an_outlier(length: int) -> None:
    pictures = panned(7, 30, 6)
    pictures[12 : 12 + length] = scene(4, length)
    assert cuts(pictures) == [0]
    assert outliers(pictures) == list(range(12, 12 + length))


@pytest.mark.parametrize("length", [1, 2])
def test_a_picture_of_its_own_before_a_cut_is_an_outlier(length: int) -> None:
    pictures = moving(3, 20) + moving(4, 20)
    pictures[20 - length : 20] = scene(5, length)
    assert cuts(pictures) == [0, 20]
    assert outliers(pictures) == list(range(20 - length, 20))


def test_grain_and_a_slow_fade_are_no_cuts() -> None:
    assert cuts(noisy(scene(8, 20), 0.08)) == [0]
    assert cuts([texture(8, H, W) * (1 - i / 24) for i in range(25)]) == [0]


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("code", [0.0, 1.0])
@pytest.mark.parametrize("share", [0.8, 1.0])
def test_a_flash_is_no_shot_but_an_outlier(length: int, code: float, share: float) -> None:
    pictures = moving(1, 30)
    flash = slice(12, 12 + length)
    pictures[flash] = blend(pictures[flash], code, torch.full((length,), share))
    assert cuts(pictures) == [0]
    assert outliers(pictures) == list(range(12, 12 + length))


@pytest.mark.parametrize(("length", "found"), [(5, [0]), (6, [0, 12, 18]), (7, [0, 12, 19])])
def test_a_view_that_is_gone_too_soon_is_taken_for_a_flash(length: int, found: list[int]) -> None:
    pictures = scene(3, 12) + scene(4, length) + scene(3, 12)
    assert cuts(pictures) == found
    assert outliers(pictures) == (list(range(12, 17)) if length == 5 else [])


def test_two_cuts_close_to_each_other_are_both_found() -> None:
    pictures = moving(3, 12) + moving(4, 6) + moving(5, 6) + moving(6, 12)
    assert cuts(pictures) == [0, 12, 18, 24]
    assert outliers(pictures) == []


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_cut_right_after_a_flash_is_at_its_frame(length: int) -> None:
    pictures = moving(3, 12) + moving(4, 12)
    pictures[12 - length : 12] = [torch.ones(H, W)] * length
    assert cuts(pictures) == [0, 12]
    assert outliers(pictures) == list(range(12 - length, 12))


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("after", [1, 3, 5])
def test_a_flash_soon_after_a_cut_does_not_hide_it(length: int, after: int) -> None:
    pictures = moving(3, 12) + moving(4, 20)
    pictures[12 + after : 12 + after + length] = [torch.ones(H, W)] * length
    assert cuts(pictures) == [0, 12]
    assert outliers(pictures) == list(range(12 + after, 12 + after + length))


@pytest.mark.parametrize("frames", [6, 12, 20])
@pytest.mark.parametrize("code", [0.0, 1.0])
@pytest.mark.parametrize("blank", [0, 1, 9])
def test_a_fade_is_one_cut(frames: int, code: float, blank: int) -> None:
    pictures = faded(moving(3, 30), moving(4, 30), frames, code)
    pictures[30:30] = [torch.full((H, W), code)] * blank
    first, cut = cuts(pictures)
    assert first == 0
    assert 29 <= cut < 30 + blank + frames
    assert outliers(pictures) == []


def test_a_film_that_fades_in_again_goes_on() -> None:
    assert cuts(faded(moving(3, 60)[:30], moving(3, 60)[30:], 10, 0.0)) == [0]


@pytest.mark.parametrize("code", [0.0, 1.0])
def test_scratches_and_dust_are_neither(code: float) -> None:
    draw = torch.Generator().manual_seed(5)
    pictures = [picture.clone() for picture in moving(3, 12) + moving(4, 20)]
    for picture in pictures:
        left = int(torch.randint(60, 66, (1,), generator=draw))
        picture[:, left : left + 3] = code
        for y, x in torch.randint(0, H, (20, 2), generator=draw).tolist():
            picture[y : y + 6, x : x + 6] = 1 - code
    assert cuts(pictures) == [0, 12]
    assert outliers(pictures) == []


@pytest.mark.parametrize("pixels", [2, 5])
def test_an_unsteady_gate_is_no_cut(pixels: int) -> None:
    draw = torch.Generator().manual_seed(6)
    shifts = torch.randint(-pixels, pixels + 1, (40, 2), generator=draw).tolist()
    pictures = [p.roll(s, (0, 1)) for p, s in zip(scene(3, 20) + scene(4, 20), shifts, strict=True)]
    assert cuts(pictures) == [0, 20]
    assert outliers(pictures) == []


def test_a_torn_frame_is_an_outlier() -> None:
    draw = torch.Generator().manual_seed(7)
    pictures = [picture.clone() for picture in moving(3, 20) + moving(4, 12)]
    blocks = torch.rand(H // 16, W // 16, generator=draw)
    pictures[9][32:] = blocks.repeat_interleave(16, 0).repeat_interleave(16, 1)[32:]
    assert cuts(pictures) == [0, 20]
    assert outliers(pictures) == [9]


def test_something_dark_that_passes_is_no_cut() -> None:
    pictures = [picture.clone() for picture in moving(3, 30)]
    for i in range(10):
        right = round((i + 1) * (W + 120) / 11)
        pictures[10 + i][:, max(0, right - 120) : right] = 0.05
    assert cuts(pictures) == [0]


@pytest.mark.parametrize("times", [2, 3])
def test_repeated_frames_are_no_outliers(times: int) -> None:
    wide = texture(7, H, 3 * W)
    pictures = [wide[:, 9 * (i - i % times) :][:, :W] for i in range(40)]
    assert cuts(pictures) == [0]
    assert outliers(pictures) == []


@pytest.mark.parametrize(("left", "found"), [(5, [0]), (6, [0, 20]), (7, [0, 20])])
def test_a_cut_needs_a_shot_after_it(left: int, found: list[int]) -> None:
    assert cuts(scene(3, 20) + scene(4, left)) == found


def test_a_frame_waits_for_those_it_is_judged_by_and_no_longer() -> None:
    pulled = []
    frames = (pulled.append(frame.pts) or frame for frame in film(scene(3, 20)))  # type: ignore[func-returns-value]
    assert [(frame.pts, len(pulled)) for frame in mark_shots(frames, ShotSettings())] == [
        (i, min(i + 9, 20)) for i in range(20)
    ]


def test_marks_of_others_are_replaced_and_damage_is_left() -> None:
    frames = film(moving(3, 20))
    for frame in frames:
        frame.starts_shot = frame.outlier = frame.damaged = True
    marked = list(mark_shots(frames, ShotSettings()))
    assert [frame.starts_shot for frame in marked] == [True] + [False] * 19
    assert not any(frame.outlier for frame in marked)
    assert all(frame.damaged for frame in marked)


def test_detect_shots_and_mark_shots_agree() -> None:
    pictures = faded(moving(3, 30), moving(4, 40), 8, 0.0) + moving(5, 9)
    pictures = noisy(faded(pictures, moving(6, 30), 6, 1.0), 0.02)
    for at, length in ((10, 1), (50, 4), (85, 2)):
        pictures[at : at + length] = [torch.ones(H, W)] * length
    starts = cuts(pictures)
    assert len(starts) == 4
    shots = list(detect_shots(film(pictures)))
    assert [shot.start * 25 for shot in shots] == starts
    ends = [*starts[1:], len(pictures)]
    assert [shot.frames for shot in shots] == [b - a for a, b in zip(starts, ends, strict=True)]


@pytest.mark.parametrize("fields", [{"threshold": 0}, {"threshold": 1.5}, {"min_frames": 1}])
def test_settings_out_of_range_are_refused(fields: dict[str, float]) -> None:
    with pytest.raises(SettingsError):
        ShotSettings(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("shortest", [2, 3, 12])
def test_the_shortest_shot_can_be_chosen(shortest: int) -> None:
    frames = film(scene(3, 20) + scene(4, shortest) + scene(5, 20))
    shots = detect_shots(frames, ShotSettings(min_frames=shortest))
    assert [shot.frames for shot in shots] == [20, shortest, 20]


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (3, 200), (1080, 4)])
def test_films_of_strange_sizes_have_histograms(size: tuple[int, int]) -> None:
    table = histograms(thumbnail(make_frame(torch.rand(size))))
    assert table.shape == (16, 32)
    assert table.isfinite().all()
    assert table.max() <= 1


def test_codes_beyond_the_declared_bits_are_survived() -> None:
    # A damaged or badly written 10-bit film may hold any 16-bit word.
    frame = make_frame(torch.rand(16, 16), make_layout(10))
    frame.luma[3, 3] = 65535
    assert histograms(thumbnail(frame)).shape == (16, 32)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (3, 200)])
def test_films_of_strange_sizes_are_followed(size: tuple[int, int]) -> None:
    frames = [make_frame(torch.rand(size), pts=pts) for pts in range(15)]
    assert len(list(mark_shots(frames, ShotSettings()))) == 15


def look(unit: Tensor) -> Thumbnail:
    return Thumbnail(thumbnail(make_frame(unit)))


def test_tones_of_black_and_white_are_1_apart() -> None:
    black, white = (look(torch.full((H, W), code)) for code in (0.0, 1.0))
    assert tones(black, black) == 0
    assert tones(black, white) == 1


def test_distance_needs_other_tones_and_other_shapes() -> None:
    one = texture(3, H, W)
    assert distance(look(one), look(one)) == 0
    assert distance(look(one.roll(12, 1)), look(one)) < 0.15
    assert distance(look(one * 0.6), look(one)) < 0.15
    for seed in range(4, 12):
        assert distance(look(texture(seed, H, W)), look(one)) > 0.3


def test_detect_shots_gives_times_and_lengths() -> None:
    frames = film(scene(3, 8) + scene(4, 12) + scene(5, 7))
    assert list(detect_shots(frames)) == [
        Shot(Fraction(0), 8),
        Shot(Fraction(8, 25), 12),
        Shot(Fraction(20, 25), 7),
    ]
    assert list(detect_shots([])) == []


@pytest.mark.parametrize("leader", [0.02, 0.98])
def test_a_cut_to_leader_is_no_flash(leader: float) -> None:
    pictures = scene(3, 20) + [torch.full((H, W), leader)] * 20
    frames = list(mark_shots(film(pictures), ShotSettings()))
    assert not any(frame.outlier for frame in frames)
