"""``vidcolor doctor``: what it finds, what it finds broken."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from vidcolor.benchmark import check_up as subject
from vidcolor.benchmark.check_up import EXTRAS, Finding, check_up
from vidcolor.cli.main import main
from vidcolor.nets.weights import available_weights

Captured = pytest.CaptureFixture[str]


def find(findings: list[Finding], name: str) -> list[Finding]:
    return [finding for finding in findings if finding.name == name]


@pytest.fixture
def without_color(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is colored: seconds that most of these tests need not wait for."""
    monkeypatch.setattr(subject, "_color_something", lambda *_: iter(()))


def test_a_whole_installation_has_no_fault_and_colors(capsys: Captured, tmp_path: Path) -> None:
    assert main(["doctor", "--json", "--device", "cpu", "--folder", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ok"]
    (test,) = (one for one in told["findings"] if one["name"] == "self-test")
    assert test["text"].startswith("32 frames colored in ")
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_damaged_or_missing_are_named(
    without_color: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Captured
) -> None:
    listed = available_weights()
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"no weights")
    changed = {
        "default": replace(listed["default"], path=damaged),
        "mini": replace(listed["mini"], path=tmp_path / "gone.safetensors"),
    }
    monkeypatch.setattr(subject, "available_weights", lambda: changed)
    first, second = find(list(check_up()), "weights")
    assert (first.state, second.state) == ("FAIL", "FAIL")
    assert "is damaged; install vidcolor again" in first.text
    assert "is missing; install vidcolor again" in second.text
    assert main(["doctor"]) == 2
    assert capsys.readouterr().out.endswith("2 faults\n")


def test_a_result_without_color_or_with_other_luma_is_a_fault(tmp_path: Path) -> None:
    from vidcolor.benchmark.synthetic_video import RATE, pictures
    from vidcolor.media.encode.synthetic import make_film

    film = tmp_path / "film.mkv"
    make_film(film, pictures(*subject._SIZE, subject._FRAMES), RATE)
    assert subject._compare(film, film) == "the result is gray"
    other = tmp_path / "other.mkv"
    make_film(other, (255 - one for one in pictures(*subject._SIZE, subject._FRAMES)), RATE)
    assert subject._compare(film, other) == "luma of frame 0 differs"


def test_a_fault_in_one_thing_stops_no_other(
    without_color: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> dict[str, object]:
        raise ValueError("broken")

    monkeypatch.setattr(subject, "available_weights", fail)
    found = list(check_up())
    assert [one.text for one in found if one.state == "FAIL"] == ["ValueError('broken')"]
    assert find(found, "extra")


def test_an_encoder_that_is_not_there_is_named(
    without_color: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("av.codecs_available", {"ffv1"})
    (found,) = find(list(check_up()), "encoders")
    assert found.state == "FAIL"
    assert "libx264, libx265" in found.text


def test_a_device_that_is_not_there_is_told(without_color: None, capsys: Captured) -> None:
    assert main(["doctor", "--device", "cuda:9"]) == 2
    assert "FAIL  machine   cuda:9 is not available here" in capsys.readouterr().out
    assert main(["doctor", "--device", "tpu"]) == 2
    assert "use auto, cpu" in capsys.readouterr().err


def test_all_extras_of_the_package_are_looked_for() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    assert set(EXTRAS) == set(extras) - {"test"}
