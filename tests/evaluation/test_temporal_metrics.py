from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from shared import write_film
from synthetic import texture
from torch import Tensor

from vidcolor.cli.main import main
from vidcolor.color.lab import lab_to_rgb
from vidcolor.errors import NotComparable
from vidcolor.evaluation import temporal_metrics as steadiness
from vidcolor.evaluation.evaluate import Scores, evaluate
from vidcolor.evaluation.metrics import gray_version
from vidcolor.evaluation.temporal_metrics import Steadiness, SteadinessMeter
from vidcolor.media.images.files import write_rgb

H, W = 144, 192


pytestmark = pytest.mark.usefixtures("no_alexnet")


def colored(light: Tensor, a: float | Tensor, b: float | Tensor = 0.0) -> Tensor:
    """``(3, H, W)`` uint8: a texture as L* 45..65, where a little color fits, with this ab."""
    L = 45 + 20 * light
    lab = torch.stack([L, torch.zeros_like(L) + a, torch.zeros_like(L) + b])
    return (lab_to_rgb(lab) * 255).round().to(torch.uint8)


def measure(
    truth: Sequence[Tensor],
    result: Sequence[Tensor],
    per_frame: Sequence[Tensor] | None = None,
    cuts: Sequence[int] = (0,),
) -> Steadiness:
    meter = SteadinessMeter()
    for i, (true, made) in enumerate(zip(truth, result, strict=True)):
        pictures = {"truth": true, "result": made, "gray": gray_version(true)}
        if per_frame is not None:
            pictures["per_frame"] = per_frame[i]
        meter.add(f"frame {i + 1}", i in cuts, pictures)
    return meter.read()


def pan(seed: int, frames: int, right: int = 3, down: int = 1) -> list[Tensor]:
    """A view that moves over a larger picture."""
    large = texture(seed, H + 64, W + 64)
    starts = [(i * down, i * right) for i in range(frames)]
    return [large[y : y + H, x : x + W] for y, x in starts]


def write_folder(folder: Path, names: Sequence[str], frames: Sequence[Tensor]) -> Path:
    folder.mkdir()
    for name, rgb in zip(names, frames, strict=True):
        write_rgb(rgb, folder / f"{name}.png")
    return folder


def plain_cdc(frames: Sequence[Tensor]) -> float:
    """As Liu et al.'s program does it: lists of histograms, scipy's entropy written out."""

    def entropy(p: np.ndarray, q: np.ndarray) -> float:
        kept = p > 0
        return float(np.sum(p[kept] * np.log(p[kept] / q[kept])))

    channels = []
    for channel in range(3):
        tables = []
        for rgb in frames:
            codes = rgb[channel].numpy().ravel()
            tables.append(np.histogram(codes, bins=256, range=(0, 256))[0] / codes.size)
        steps = []
        for step in (1, 2, 4):
            found = []
            for p, q in zip(tables, tables[step:], strict=False):
                m = (p + q) / 2
                found.append(entropy(p, m) / 2 + entropy(q, m) / 2)
            steps.append(np.mean(found))
        channels.append(np.mean(steps))
    return float(np.mean(channels))


def test_cdc_is_the_published_one() -> None:
    truth = [colored(view, 6, -9) for view in pan(1, 9)]
    draw = torch.Generator().manual_seed(2)
    shifts = torch.randn(9, generator=draw) * 8
    result = [colored(view, 5 + float(s)) for view, s in zip(pan(1, 9), shifts, strict=True)]
    found = measure(truth, result)
    assert found.cdc == pytest.approx(plain_cdc(result), rel=1e-9)
    assert found.cdc_truth == pytest.approx(plain_cdc(truth), rel=1e-9)
    assert found.cdc_gray == pytest.approx(plain_cdc([gray_version(t) for t in truth]), rel=1e-9)
    change = abs(plain_cdc(result) - plain_cdc(truth))
    assert found.cdc_distance == pytest.approx(change, rel=1e-9)
    assert change > 0.01


def test_cdc_pools_pairs_of_each_shot_and_needs_five_frames() -> None:
    frames = [colored(texture(1, 40, 48), a) for a in (0, 3, 9, 2, 12, 4)]
    two = measure([*frames, *frames], [*frames, *frames], cuts=(0, 6))
    assert two.cdc == pytest.approx(plain_cdc(frames), rel=1e-9)
    short = measure(frames[:4], frames[:4])
    assert short.cdc is None
    assert short.warp_error is not None


def test_a_frame_that_stands_has_no_warp_error() -> None:
    frame = colored(texture(3, H, W), 12, 8)
    found = measure([frame] * 5, [frame] * 5)
    still = (found.warp_error, found.chroma_warp_error, found.chroma_jump)
    assert still == pytest.approx((0, 0, 0), abs=1e-6)
    assert (found.shots, found.pairs, found.cdc) == (1, 4, 0)


def test_colors_that_move_with_the_picture_have_next_to_none() -> None:
    hues = [texture(8, H + 64, W + 64)[i : i + H, 3 * i : 3 * i + W] for i in range(6)]
    moving = [colored(v, 40 * h - 20) for v, h in zip(pan(4, 6), hues, strict=True)]
    stays = [colored(v, 40 * hues[0] - 20) for v in pan(4, 6)]
    found = measure(moving, stays)
    assert found.chroma_warp_error is not None
    assert found.chroma_warp_error_truth is not None
    assert found.chroma_warp_error_truth < 0.1 * found.chroma_warp_error
    assert found.chroma_jump is not None
    assert found.chroma_jump_truth is not None
    assert found.chroma_jump_truth < 0.2 * found.chroma_jump


@pytest.mark.parametrize("limit", [H * W, H * W // 4])
def test_a_step_of_all_colors_has_its_size(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # The second time the frames are larger than what flow is followed on.
    monkeypatch.setattr(steadiness, "MAX_PIXELS", limit)
    light = texture(5, H, W)
    truth = [colored(light, 4, 4)] * 6
    result = [colored(light, 4, 4)] * 3 + [colored(light, 10, -4)] * 3
    found = measure(truth, result)
    assert found.chroma_warp_error == pytest.approx((6**2 + 8**2) / 2 / 5, rel=0.02)
    assert found.chroma_jump == pytest.approx(10, rel=0.02)
    assert found.chroma_jump_at == "frame 4"
    before, after = (frame.double() / 255 for frame in (result[0], result[3]))
    if limit == H * W:
        expected = float(((after - before) ** 2).mean()) / 5
        assert found.warp_error == pytest.approx(expected, rel=1e-4)
    still = (found.chroma_jump_truth, found.warp_error_truth, found.warp_error_gray)
    assert still == pytest.approx((0, 0, 0), abs=1e-6)


def test_a_pop_of_a_large_area_is_found_among_noise() -> None:
    draw = torch.Generator().manual_seed(6)
    result = []
    for i, view in enumerate(pan(6, 8)):
        ab = torch.randn(2, H, W, generator=draw) * 4
        if i >= 5:
            ab[0, 20:80, 40:100] += 12  # an eighth of the picture
        result.append(colored(view, *ab))
    found = measure([colored(view, 4, 4) for view in pan(6, 8)], result)
    assert found.chroma_jump_at == "frame 6"
    assert found.chroma_jump == pytest.approx(12, rel=0.2)


def test_what_a_thing_hides_counts_for_less(monkeypatch: pytest.MonkeyPatch) -> None:
    behind, front = texture(7, H, W), texture(9, 60, 60)
    frames = []
    for i in range(5):
        light, a = behind.clone(), torch.full((H, W), -15.0)
        light[40:100, 20 + 8 * i : 80 + 8 * i] = front
        a[40:100, 20 + 8 * i : 80 + 8 * i] = 15
        frames.append(colored(light, a))
    found = measure(frames, frames).chroma_warp_error
    monkeypatch.setattr(steadiness, "visible", lambda flow, _back: flow[:, :1] > -1e9)
    everywhere = measure(frames, frames).chroma_warp_error
    assert found is not None
    assert everywhere is not None
    assert found < 0.7 * everywhere  # the rest is the edge of the thing, between two pixels


def test_what_is_hidden_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    light, a = texture(7, H, W), torch.zeros(H, W)
    a[:, : W // 2] = 20
    truth, result = [colored(light, 0)] * 6, [colored(light, 0), colored(light, a)] * 3
    seen = torch.ones(1, 1, H, W, dtype=torch.bool)
    seen[..., : W // 2] = False
    monkeypatch.setattr(steadiness, "visible", lambda _flow, _back: seen)
    half = measure(truth, result)
    values = (half.warp_error, half.chroma_warp_error, half.chroma_jump)
    assert values == pytest.approx((0, 0, 0), abs=1e-6)
    seen.logical_not_()
    assert measure(truth, result).chroma_jump == pytest.approx(20, rel=0.02)
    seen.zero_()
    nowhere = measure(truth, result)
    assert nowhere.warp_error is nowhere.chroma_warp_error is nowhere.chroma_jump is None
    assert nowhere.pairs == 5


def test_light_is_a_floor_that_gray_has_too() -> None:
    draw = torch.Generator().manual_seed(8)
    lights = [v + 0.1 * torch.randn(H, W, generator=draw) for v in pan(2, 5)]
    truth = [colored(light, 8, 8) for light in lights]
    gray = measure(truth, [gray_version(frame) for frame in truth])
    assert gray.warp_error == gray.warp_error_gray
    assert gray.cdc == gray.cdc_gray
    assert gray.chroma_warp_error == pytest.approx(0, abs=1e-6)
    assert gray.warp_error_gray is not None
    assert gray.warp_error_truth is not None
    assert 0.7 < gray.warp_error_truth / gray.warp_error_gray < 1.3


def test_ratios_to_colors_found_frame_by_frame() -> None:
    light = texture(5, H, W)

    def flicker(size: float) -> list[Tensor]:
        return [colored(light, 10 + size * (i % 2)) for i in range(8)]

    truth, result, per_frame = flicker(0), flicker(3), flicker(12)
    found = measure(truth, result, per_frame)
    assert found.chroma_warp_ratio == pytest.approx(1 / 16, rel=0.1)
    assert found.chroma_jump_ratio == pytest.approx(1 / 4, rel=0.05)
    alone, other = measure(truth, result), measure(truth, per_frame)
    assert (found.cdc_per_frame, found.warp_error_per_frame) == (other.cdc, other.warp_error)
    assert alone.cdc_distance is not None
    assert other.cdc_distance is not None
    assert found.cdc_distance_ratio == alone.cdc_distance / other.cdc_distance
    # The light stands still, so all of the warp error is above gray's.
    assert found.warp_excess_ratio == pytest.approx(found.warp_error_ratio)
    assert found.warp_error_ratio == pytest.approx(1 / 16, rel=0.1)
    assert alone.chroma_warp_ratio is alone.cdc_per_frame is None
    assert measure(truth, result, truth).chroma_warp_ratio is None  # 0 is no base


@pytest.mark.usefixtures("quick")
def test_nothing_is_compared_across_a_cut(tmp_path: Path) -> None:
    one, other = colored(texture(3, H, W), 20), colored(texture(4, H, W) + 1.3, -10, 20)
    shots = [one] * 9, [other] * 12
    film = write_film(tmp_path / "a.mkv", [*shots[0], *shots[1]])
    scores = evaluate(film, film)
    assert (scores.shots, scores.pairs) == (2, 8 + 11)
    values = (scores.cdc, scores.warp_error, scores.chroma_warp_error, scores.chroma_jump)
    assert values == pytest.approx((0, 0, 0, 0), abs=1e-6)


@pytest.mark.usefixtures("quick")
def test_an_album_has_no_measures_over_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = [colored(texture(seed, 48, 64), 9) for seed in range(3)]
    album = write_folder(tmp_path / "album", ["dog", "cat", "hen"], frames)
    scores = evaluate(album, album, per_frame=album)
    assert (scores.shots, scores.pairs) == (3, 0)
    for name in (*steadiness.OVER_TIME, *steadiness.RATIOS):
        assert getattr(scores, name) is None
        assert scores.notes[name].startswith("skipped: no two frames follow")
    assert scores.colorfulness_kept == 1
    assert main(["evaluate", str(album), str(album)]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("cdc ")]
    assert line.split()[1:3] == ["-", "skipped:"]


@pytest.mark.usefixtures("quick")
def test_the_command_tells_what_smoothing_gains(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    light = texture(5, 48, 64)
    films = {}
    for name, size in (("truth", 0), ("result", 3), ("per_frame", 12)):
        frames = [colored(light, 10 + size * (i % 2)) for i in range(8)]
        films[name] = str(write_film(tmp_path / f"{name}.mkv", frames))
    words = [films["truth"], films["result"], "--per-frame", films["per_frame"]]
    assert main(["evaluate", *words, "--json", str(tmp_path / "scores.json")]) == 0
    out = capsys.readouterr().out
    scores = Scores(**json.loads((tmp_path / "scores.json").read_text()))
    assert scores == evaluate(films["truth"], films["result"], per_frame=films["per_frame"])
    alone = evaluate(films["truth"], films["per_frame"])
    assert scores.psnr_per_frame == alone.psnr
    assert scores.psnr_gain == scores.psnr - alone.psnr > 0
    assert scores.colorfulness_kept == scores.colorfulness / alone.colorfulness
    assert f"compared with {films['per_frame']}" in out
    for name in steadiness.RATIOS:
        assert f"{name:20}{getattr(scores, name):9.3f}" in out
    assert f"chroma_jump              {scores.chroma_jump:.2f}  ab, at frame" in out


@pytest.mark.usefixtures("quick")
def test_a_per_frame_result_must_match(tmp_path: Path) -> None:
    frames = [colored(texture(seed, 48, 64), 9) for seed in range(3)]
    film = write_film(tmp_path / "truth.mkv", frames)
    short = write_film(tmp_path / "short.mkv", frames[:2])
    wide = write_film(tmp_path / "wide.mkv", [colored(texture(1, 48, 66), 9)] * 3)
    with pytest.raises(NotComparable, match=r"short\.mkv ends after 2 frames, but truth\.mkv"):
        evaluate(film, film, per_frame=short)
    with pytest.raises(NotComparable, match="64x48, the per-frame result 66x48"):
        evaluate(film, film, per_frame=wide)
    album = write_folder(tmp_path / "album", ["1"], frames[:1])
    other = write_folder(tmp_path / "other", ["2"], frames[:1])
    with pytest.raises(NotComparable, match="one of the three is a folder"):
        evaluate(film, film, per_frame=album)
    with pytest.raises(NotComparable, match="other: has no picture named 1"):
        evaluate(album, album, per_frame=other)
