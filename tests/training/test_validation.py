"""Scores on kept pictures: which are looked at, and what a mean is taken over."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from synthetic import photo

from vidcolor.evaluation.metrics import colorfulness
from vidcolor.media.images.files import write_rgb
from vidcolor.nets.colornet import ColorNet
from vidcolor.training import validation
from vidcolor.training.data.stills import Still, squash
from vidcolor.training.validation import choose_pictures, validate


def stills_of(**counts: int) -> list[Still]:
    return [Still(f"{name}{i}", name, i) for name, count in counts.items() for i in range(count)]


@pytest.mark.parametrize(
    ("counts", "most", "found"),
    [
        ({"large": 100, "small": 10}, 40, {"large": 20, "small": 10}),
        ({"large": 100, "small": 10}, 7, {"large": 3, "small": 3}),
        ({"only": 5}, 200, {"only": 5}),
        ({"a": 3, "b": 3, "c": 3, "d": 3}, 2, {"a": 1, "c": 1}),
    ],
)
def test_evenly_many_pictures_of_each_source(
    counts: dict[str, int], most: int, found: dict[str, int]
) -> None:
    chosen = choose_pictures(stills_of(**counts), most)
    sources = [still.source for still in chosen]
    assert {name: sources.count(name) for name in sources} == found
    assert len(set(chosen)) == len(chosen) <= most


def test_those_of_a_source_are_taken_from_all_of_it() -> None:
    looks = [still.look for still in choose_pictures(stills_of(a=100), 4)]
    assert looks == [0, 25, 50, 75]


def test_a_large_source_does_not_drown_a_small_one(
    quick: ColorNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "SIDE", 64)
    stills, truths = [], []
    for seed, source in ((1, "large"), (2, "large"), (3, "large"), (4, "small")):
        path = tmp_path / f"{seed}.png"
        dull = source == "small"
        rgb = photo(seed)
        write_rgb(rgb // 4 + 90 if dull else rgb, path)
        stills.append(Still(str(path), source, seed))
        truths.append(colorfulness(squash(rgb // 4 + 90 if dull else rgb, 64).float()))
    found = validate(quick, stills)
    expected = (sum(truths[:3]) / 3 + truths[3]) / 2
    assert found.scores["colorfulness_truth"] == pytest.approx(expected, rel=1e-5)
    assert abs(expected - sum(truths) / 4) > 1  # the mean over all pictures is another
    gain = found.scores["psnr"] - found.scores["psnr_grey"]
    missed = abs(found.scores["colorfulness"] - found.scores["colorfulness_truth"])
    assert found.scores["score"] == pytest.approx(gain - 0.05 * missed)


def test_the_sheet_shows_all_sources(
    quick: ColorNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "SIDE", 64)
    monkeypatch.setattr(validation, "ON_SHEET", 2)
    stills = []
    for seed in range(4):
        write_rgb(photo(seed), tmp_path / f"{seed}.png")
        stills.append(Still(str(tmp_path / f"{seed}.png"), "ab"[seed // 2], seed))
    first, second = validate(quick, stills).triptychs
    assert torch.equal(first[:, :, -64:], squash(photo(0), 64))
    assert torch.equal(second[:, :, -64:], squash(photo(2), 64))


def test_pictures_that_went_away_are_passed_over(
    quick: ColorNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "SIDE", 64)
    stills = [Still(str(tmp_path / f"{seed}.png"), "a", seed) for seed in range(10)]
    write_rgb(photo(9), Path(stills[9].path))
    found = validate(quick, stills)
    assert found.scores == validate(quick, stills[9:]).scores
    assert len(found.triptychs) == 1
    assert validate(quick, stills[:9]) == validation.Validation({}, [])
