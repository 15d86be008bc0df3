"""The yardstick of the model card: curves with intervals, on pictures of sources never seen."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from shared import save_quick_net
from synthetic import photo

from vidcolor.errors import TrainingError
from vidcolor.evaluation.metrics import colorfulness
from vidcolor.media.images.files import read_rgb, write_rgb

sys.path.append(str(Path(__file__).parents[2] / "scripts" / "measure"))
kept_sources: Any = import_module("kept_sources")
curves: Any = import_module("resampled_curves")
draw_curve: Any = import_module("draw_curve")


def scores_of(count: int, gain: Callable[[float], float], noise: float = 1.0) -> Any:
    """Three turns at 40, 60 and 80 % of the truth's colorfulness, with a gain for each."""
    draw = np.random.default_rng(count)
    gray = 20 + draw.normal(size=count)
    luck = noise * draw.normal(size=count)
    truth = 40 + 5 * noise * draw.normal(size=count)
    return kept_sources.SourceScores(
        psnr=[
            [g + e + gain(share) for share in (40, 60, 80)] for g, e in zip(gray, luck, strict=True)
        ],
        psnr_gray=gray.tolist(),
        colorfulness=[[share / 100 * t for share in (40, 60, 80)] for t in truth],
        colorfulness_truth=truth.tolist(),
    )


def falling(share: float) -> float:
    return 3 - share / 40


def test_between_turns_the_curve_is_a_straight_line() -> None:
    curve = curves.curves_of({"a": scores_of(9, falling, noise=0)})["a"]
    assert curve.gain.shape == curve.share.shape == (curves.RESAMPLES + 1, 3)
    for share in (40, 47.5, 60, 66, 80):
        assert curves.gain_at(curve, share) == pytest.approx(np.full(2001, falling(share)))
    assert curves.gain_at(curve, 39) is None
    assert curves.gain_at(curve, 81) is None


def test_a_resample_that_ends_before_the_share_is_continued() -> None:
    curve = curves.Curve(np.array([[2.0, 1.0], [2.0, 1.0]]), np.array([[50.0, 70.0], [40.0, 60.0]]))
    assert curves.gain_at(curve, 70).tolist() == [1.0, 0.5]


def test_a_net_without_a_dial_is_a_point() -> None:
    curve = curves.Curve(np.full((3, 2), 1.5), np.full((3, 2), 60.0))
    assert curves.gain_at(curve, 60).tolist() == [1.5] * 3
    assert curves.gain_at(curve, 61) is None


def test_the_interval_of_a_mean_is_that_of_theory() -> None:
    scores = scores_of(300, falling)
    gain = curves.curves_of({"a": scores})["a"].gain[:, 0]
    each = np.array(scores.psnr)[:, 0] - np.array(scores.psnr_gray)
    assert gain[0] == pytest.approx(each.mean())
    low, high = curves.interval_of(gain)
    half = 1.96 * each.std() / 300**0.5
    assert (high - low) / 2 == pytest.approx(half, rel=0.08)
    assert (high + low) / 2 == pytest.approx(each.mean(), abs=half / 8)


def test_a_difference_is_paired() -> None:
    one = curves.curves_of({"a": scores_of(20, falling)})["a"]
    other = curves.curves_of({"a": scores_of(20, lambda share: falling(share) + 0.25)})["a"]
    low, high = curves.interval_of(curves.gain_at(one, 66))
    assert high - low > 0.5
    difference = curves.gain_at(other, 66) - curves.gain_at(one, 66)
    assert difference == pytest.approx(np.full(2001, 0.25))


def test_sources_weigh_the_same_and_are_resampled_each_on_its_own() -> None:
    large, small = scores_of(400, lambda _: 1.0, noise=0), scores_of(10, lambda _: 3.0)
    found = curves.curves_of({"large": large, "small": small})
    mean, own = found[curves.MEAN].gain[:, 0], found["small"].gain[:, 0]
    assert mean[0] == pytest.approx((1 + own[0]) / 2)
    # All the doubt is that of the small source, at half its weight.
    assert mean.std() == pytest.approx(own.std() / 2)
    assert found["large"].gain.std() == pytest.approx(0, abs=1e-9)


def test_a_factor_for_equal_colorfulness_is_found_in_spite_of_clipping() -> None:
    factor = kept_sources.solve_factor(lambda x: 20 * min(x, 1.5) + 4 * max(x - 1.5, 0), 36.0)
    assert factor == pytest.approx(3.0, rel=0.02)
    assert kept_sources.solve_factor(lambda x: 20 * x, 10.0) == 0.5
    assert kept_sources.solve_factor(lambda _: 0.0, 36.0) == kept_sources.MOST_CHROMA


def test_chroma_is_scaled_to_the_mean_of_the_truth() -> None:
    L = torch.full((1, 64, 64), 60.0)
    seen = [(L, torch.full((2, 16, 16), value)) for value in (5.0, 15.0)]
    factor = kept_sources.find_factor(seen, 20.0)
    made = [kept_sources.compose(L[None], ab[None] * factor)[0] for L, ab in seen]
    assert sum(map(colorfulness, made)) / 2 == pytest.approx(20, rel=0.01)


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    """Two sources of four pictures, and one picture that is gray."""
    for seed in range(8):
        folder = tmp_path / "kept" / ("fair", "zoo")[seed % 2]
        folder.mkdir(parents=True, exist_ok=True)
        write_rgb(photo(seed), folder / f"{seed}.png")
    dull = photo(0)[:1].expand(3, -1, -1).contiguous()
    write_rgb(dull, tmp_path / "kept" / "zoo" / "dull.png")
    return tmp_path / "kept"


@pytest.fixture
def run_script(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """Runs the script, with pictures of 64 pixels; gives what it said."""
    monkeypatch.setattr(kept_sources, "SIDE", 64)

    def run(*arguments: object) -> Any:
        monkeypatch.setattr(sys, "argv", ["draw_curve.py", *map(str, arguments)])
        draw_curve.main()
        return capsys.readouterr()

    return run


def test_weights_are_measured_once_and_compared(
    gallery: Path,
    quick_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run_script: Callable[..., Any],
) -> None:
    monkeypatch.setattr(kept_sources, "FRECHET_MIN_FRAMES", 6)
    monkeypatch.setattr("vidcolor.evaluation.evaluate.FRECHET_SIDE", 32)
    other, out = save_quick_net(tmp_path / "other", seed=5), tmp_path / "out"
    first = run_script(gallery, quick_weights, other, "--out", out, "--most", 3)
    assert first.err.count("measuring") == 2
    assert "left out: 1 dull" in first.out
    assert "fair: 3 pictures, gray has" in first.out
    assert f"| {curves.MEAN} | 0.5 (default) |" in first.out
    assert f"{other.stem} compared with {quick_weights.stem} at equal" in first.out
    assert "| gray | " in first.out
    assert read_rgb(out / "curve.png").shape[2] == 1000
    for weights in (quick_weights, other):
        # Six pictures in rows of three; each is five pictures of half the size.
        assert read_rgb(out / f"sheet-{weights.stem}.png").shape == (3, 64, 480)

    monkeypatch.setattr(draw_curve, "measure", None)
    again = run_script(gallery, quick_weights, other, "--out", out, "--most", 3)
    assert again.out == first.out
    write_rgb(photo(77), min((gallery / "fair").iterdir()))
    with pytest.raises(TypeError):  # with another picture all is measured anew
        run_script(gallery, quick_weights, "--out", out, "--most", 3)
    known = json.loads((out / "curve.json").read_text())["weights"]
    assert [len(each["sources"]["zoo"]["psnr"]) for each in known.values()] == [3, 3]


def test_a_few_pictures_have_no_frechet_distance(
    gallery: Path, quick_weights: Path, tmp_path: Path, run_script: Callable[..., Any]
) -> None:
    said = run_script(gallery, quick_weights, "--out", tmp_path / "out").out
    assert "no Fréchet distance: 8 pictures, but it needs 64" in said


def test_the_pictures_that_a_run_kept(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    stills = [["p/zoo/1.png", "zoo", 1, None], ["p/fair/2.png", "fair", 2, None]]
    (tmp_path / "stills.json").write_text(json.dumps({"stills": stills}))
    frames = [["00000-00.png", "clips", 3, 3]]
    (tmp_path / "clips" / "clips.json").write_text(json.dumps({"stills": frames}))
    (tmp_path / "settings.json").write_text(json.dumps({"kept_sources": ["clips", "zoo"]}))
    sources, _ = kept_sources.kept_pictures(tmp_path, tmp_path / "cache", None)
    assert {name: [still.path for still in each] for name, each in sources.items()} == {
        "zoo": [str(tmp_path / "p/zoo/1.png")],
        "clips": [str(tmp_path / "clips" / "00000-00.png")],
    }
    # Without the cache, too, and as they are.
    still = ["/cache/.reduced/ab/c.jpg", "zoo", 1, None, 1, 9, str(tmp_path / "1.png")]
    (tmp_path / "stills.json").write_text(json.dumps({"stills": [still]}))
    sources, _ = kept_sources.kept_pictures(tmp_path, tmp_path / "cache", None)
    assert [still.path for still in sources["zoo"]] == [str(tmp_path / "1.png")]
    (tmp_path / "settings.json").write_text("{}")
    with pytest.raises(TrainingError, match="kept no source"):
        kept_sources.kept_pictures(tmp_path, tmp_path / "cache", None)


def test_the_pictures_of_a_folder_are_measured_and_not_their_copies(tmp_path: Path) -> None:
    (tmp_path / "kept" / "zoo").mkdir(parents=True)
    large = tmp_path / "kept" / "zoo" / "large.png"
    write_rgb(photo(1, 400, 500), large)
    sources, _ = kept_sources.kept_pictures(tmp_path / "kept", tmp_path / "cache", None)
    assert [still.path for still in sources["zoo"]] == [str(large)]


def test_what_another_version_measured_is_measured_anew(
    gallery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources, _ = kept_sources.kept_pictures(gallery, tmp_path / "cache", None)
    first = kept_sources.digest_of(sources)
    assert kept_sources.digest_of(sources) == first
    monkeypatch.setattr(kept_sources, "VERSION", kept_sources.VERSION + 1)
    assert kept_sources.digest_of(sources) != first
