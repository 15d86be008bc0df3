"""scripts/measure/speed.py: what is worse than the figures that are kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from figures import benchmark, one_round
from measure import speed
from measure.speed import FIGURES, Kept, complaints, is_better, is_worse, kind_of, main

from vidcolor.benchmark.results import RATIOS, Benchmark, Spread

CASE = ["--case", "mini-480p"]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the kept figures; the machine measures what `found` says."""
    measures(monkeypatch, benchmark([one_round()] * 3))
    return tmp_path / "figures.json"


def measures(monkeypatch: pytest.MonkeyPatch, found: Benchmark) -> None:
    monkeypatch.setattr(speed, "measure_case", lambda *_: found)


def slower(**parts: tuple[float, float]) -> Benchmark:
    return benchmark([one_round(**parts)] * 3)


def test_five_ratios_are_compared_and_two_figures() -> None:
    assert len([name for name in FIGURES if name in RATIOS]) == 5
    assert [name for name in FIGURES if name not in RATIOS] == ["first_frame", "peak_bytes"]


@pytest.mark.parametrize(
    ("name", "worse", "fine", "better"),
    [("whole_to_floor", 1.27, 1.25, 0.9), ("net_to_matmul", 0.94, 0.96, 1.3)],
)
def test_worse_is_beyond_the_range_and_the_tolerance(
    name: str, worse: float, fine: float, better: float
) -> None:
    figure, kept = FIGURES[name], Spread(1.1, 1.0, 1.2)
    assert is_worse(figure, worse, kept)
    assert not is_worse(figure, fine, kept)
    assert not is_better(figure, fine, kept)
    assert is_better(figure, better, kept)
    assert not is_worse(figure, better, kept)


def test_a_complaint_has_the_figures_of_both() -> None:
    found = {"whole_to_floor": Spread(1.5, 1.4, 1.6), "first_frame": Spread(9.0, 8.9, 9.9)}
    kept = {"whole_to_floor": Spread(1.1, 1.0, 1.2), "first_frame": Spread(8.9, 8.0, 9.0)}
    (line,) = complaints("mini-480p", found, kept)
    assert line == (
        "worse: mini-480p: whole / floor is 1.500, was 1.100 (1.000..1.200, 5% beyond tolerated)"
    )


def test_an_unknown_machine_is_told_and_no_fault(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(CASE, path) == 0
    out = capsys.readouterr().out
    assert "no figures are kept for this kind of machine" in out
    assert "whole / floor" in out
    assert "1.200" in out
    assert "0 of 1 cases compared" in out
    assert not path.exists()


def test_what_was_kept_is_compared(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*CASE, "--write"], path) == 0
    assert main(CASE, path) == 0
    assert "no figure got worse; 1 of 1 cases compared" in capsys.readouterr().out
    measures(monkeypatch, slower(whole=(50, 90), smooth=(5, 12)))
    assert main(CASE, path) == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("worse: ")]
    assert [line.split(": ")[2].split(" is ")[0] for line in lines] == [
        "whole / floor",
        "speed of a transcode",
        "smooth / transcode",
    ]
    measures(monkeypatch, slower(whole=(38, 70)))
    assert main(CASE, path) == 0
    assert "better" in capsys.readouterr().out


def test_writing_replaces_one_case_and_keeps_the_others(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["--write"], path) == 0
    measures(monkeypatch, slower(whole=(84, 160)))
    assert main([*CASE, "--write"], path) == 0, "what is kept is not complained about"
    (machine,) = json.loads(path.read_text())["machines"]
    whole = {name: one["figures"]["whole_to_floor"] for name, one in machine["cases"].items()}
    assert set(whole) == set(speed.CASES)
    assert whole.pop("mini-480p")["median"] == 2.4
    assert all(one["median"] == 1.2 for one in whole.values())


def test_another_machine_has_figures_of_its_own(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*CASE, "--write"], path) == 0
    other = slower(whole=(84, 160))
    other.facts["machine"]["amx"] = False
    measures(monkeypatch, other)
    assert main(CASE, path) == 0
    assert "no figures are kept" in capsys.readouterr().out
    assert main([*CASE, "--write"], path) == 0
    assert len(json.loads(path.read_text())["machines"]) == 2


def test_memory_and_system_make_no_kind_of_machine() -> None:
    machine = benchmark([one_round()]).facts["machine"]
    later = machine | {"free_memory_bytes": 5, "system": "Linux 9"}
    assert kind_of(machine) == kind_of(later)
    assert kind_of(machine) != kind_of(machine | {"gpu": "A GPU"})


def test_figures_of_another_film_are_not_compared(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*CASE, "--write"], path) == 0
    changed: Any = replace(speed.CASES["mini-480p"], frames=100)
    monkeypatch.setitem(speed.CASES, "mini-480p", changed)
    measures(monkeypatch, slower(whole=(84, 160)))
    assert main(CASE, path) == 0
    assert "no figures of this case" in capsys.readouterr().out


def test_other_versions_and_busy_cores_are_told(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*CASE, "--write"], path) == 0
    busy = benchmark([replace(one_round(), others=0.2)] * 3)
    busy.facts["versions"]["torch"] = "3.0"
    measures(monkeypatch, busy)
    assert main(CASE, path) == 0
    out = capsys.readouterr().out
    assert "torch: 3.0 now, 2.4 when" in out
    assert "other programs took 20% of the cores" in out


def test_two_rounds_make_no_median(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--repeat", "2"], path)
    assert "3 or more" in capsys.readouterr().err


def test_memory_that_the_system_does_not_tell_is_left_out() -> None:
    one = one_round()
    silent = replace(one, fresh=replace(one.fresh, peak_bytes=0))
    assert "peak_bytes" not in speed.figures_of(benchmark([silent] * 3))
    assert Kept(Path("no such file")).figures({}, "mini-480p") is None


def test_a_call_that_is_cut_off_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, rounds = tmp_path / "figures.json", tmp_path / "rounds.json"
    words = [*CASE, "--rounds", str(rounds), "--write"]
    walls = iter([42.0, 48.0, 0.0, 45.0])

    def measure(*_: Any) -> Benchmark:
        if not (wall := next(walls)):
            raise KeyboardInterrupt
        return benchmark([one_round(whole=(wall, 90))])

    monkeypatch.setattr(speed, "measure", measure)
    monkeypatch.setattr(speed, "make_film", lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        main(words, kept)
    assert not kept.exists()
    assert main(words, kept) == 0
    (machine,) = json.loads(kept.read_text())["machines"]
    figures = machine["cases"]["mini-480p"]["figures"]["speed_of_transcode"]
    assert figures == {"median": 0.2222, "least": 0.2083, "most": 0.2381}
    assert "earlier calls that are used: 2" in capsys.readouterr().out
    assert main(words, kept) == 0, "all rounds are there: nothing is measured"
    told = json.loads(rounds.read_text())
    told["mini-480p"][0]["facts"]["versions"]["torch"] = "1.0"
    rounds.write_text(json.dumps(told))
    with pytest.raises(SystemExit, match="another machine"):
        main(words, kept)
