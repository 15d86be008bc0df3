"""``vidcolor bench`` as it is run, with a tiny net and a tiny film."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import Command, listing

QUICK = ("--size", "64", "--repeat", "1", "-q", "--preset", "ultrafast")
ALONE = {"decode", "shots", "lightness", "colornet", "smooth", "paint", "encode gray", "encode"}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.slow  # test_benchmark has its parts
def test_bench_measures_the_film_it_makes(command: Command, temporary: Path) -> None:
    path = temporary / "found.json"
    words = ("--weights", str(command.weights), "--synthetic", "128x96", "--frames", "24")
    outcome = command.run("bench", *words, *QUICK, "--json", str(path))
    assert (outcome.code, outcome.err) == (0, "")
    assert listing(temporary) == [b"found.json"], "nothing else is kept"
    found = json.loads(path.read_text())
    assert found["film"]["made"]
    assert (found["film"]["width"], found["film"]["frames"]) == (128, 24)
    assert found["net"]["size"] == [64, 80]
    assert found["encoder"]["options"]["preset"] == "ultrafast"
    assert found["versions"]["ffmpeg"]
    parts = found["rounds"][0]["parts"]
    assert set(parts) == ALONE | {"transcode", "whole"}
    assert all(part["frames"] == 24 and part["wall"] > 0 for part in parts.values())
    # The whole does what the transcode does, and more.
    assert parts["whole"]["cpu"] > parts["encode"]["cpu"]
    inside = found["rounds"][0]["inside"]
    assert set(inside) >= {"decode", "color", "smooth", "paint", "encode", "stitch"}
    threads = found["machine"]["usable_cores"] + 3  # a crew's, and those that lead, code and write
    assert max(inside.values()) * 24 <= parts["whole"]["wall"] * threads
    fresh = found["rounds"][0]["fresh"]
    assert 0 < fresh["help"] < fresh["first_frame"] < fresh["total"]
    assert 100 << 20 < fresh["peak_bytes"] < 4 << 30
    net = parts["colornet"]["wall"] + parts["smooth"]["wall"]
    floor = parts["transcode"]["wall"] + net
    whole = parts["whole"]["wall"] / floor
    assert found["ratios"]["whole_to_floor"]["median"] == pytest.approx(whole)
    assert "whole / (transcode + net)" in outcome.out
    assert "synthetic: 128x96" in outcome.out
