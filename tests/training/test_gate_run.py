"""Runs that train a gate, from end to end."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from shared import stopper
from synthetic import photo

from vidcolor.cli.main import main
from vidcolor.errors import SettingsError, TrainingError
from vidcolor.media.images.files import write_rgb
from vidcolor.nets.weights import load_gate
from vidcolor.training.data.sequences import LENGTH
from vidcolor.training.data.takes import Stills, find_takes, is_kept
from vidcolor.training.logs import RunLog
from vidcolor.training.loop import train
from vidcolor.training.settings import TrainSettings


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips as folders of frames that pan, one of them kept for validation."""
    folder = tmp_path_factory.mktemp("reels")
    names = [f"reel{i}" for i in range(40)]
    chosen = [n for n in names if is_kept(n)][:1] + [n for n in names if not is_kept(n)][:2]
    for number, name in enumerate(chosen):
        (folder / name).mkdir()
        wide = photo(50 + number, 100, 150)
        for frame in range(LENGTH):
            write_rgb(wide[:, :, frame : frame + 110], folder / name / f"{frame:02d}.png")
    return folder


def run_settings(album: Path, items: Path, teacher: Path, **fields: object) -> TrainSettings:
    base: dict[str, object] = {"stills": (str(album),), "clips": (str(items),), "preset": "gate"}
    base |= {"teacher": str(teacher), "steps": 4, "batch": 2, "sides": (32,), "motions": 3}
    base |= {"learning_rate": 0.01, "seed": 3, "device": "cpu"}
    return TrainSettings(**base | fields)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def whole_run(
    album: Path, items: Path, quick_weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[float], list[str]]:
    """The folder, the losses and the notes of a run of 4 steps that nobody interrupted."""
    run, losses, notes = tmp_path_factory.mktemp("gate") / "whole", [], []
    train(
        run_settings(album, items, quick_weights),
        run,
        on_step=lambda at, told: losses.append(told["total"]),
        on_note=notes.append,
    )
    return run, losses, notes


@pytest.fixture(autouse=True)
def no_plot(monkeypatch: pytest.MonkeyPatch) -> None:
    """`whole_run`, made before, has one."""
    monkeypatch.setattr(RunLog, "draw", lambda log: None)


def test_a_stopped_run_ends_with_the_very_bits_of_one_that_went_through(
    whole_run: tuple[Path, list[float], list[str]],
    album: Path,
    items: Path,
    quick_weights: Path,
    tmp_path: Path,
) -> None:
    run, losses, _ = whole_run
    settings = run_settings(album, items, quick_weights, checkpoint_minutes=0.0)

    def stop_looking(seen: int, found: int) -> None:
        if seen == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(settings, tmp_path, on_index=stop_looking)
    prepared = {path: path.stat().st_mtime_ns for path in (tmp_path / "sequences").iterdir()}
    assert len(prepared) == 1 + 4
    halved: list[float] = []
    for stop in (2, 4):
        with pytest.raises(KeyboardInterrupt):
            train(settings, tmp_path, on_step=stopper(halved, stop))
    path = train(settings, tmp_path, on_step=stopper(halved, 0))
    assert halved == losses
    assert all(path.stat().st_mtime_ns == time for path, time in prepared.items())
    one, other = (torch.load(r / "last.pt", weights_only=True) for r in (run, tmp_path))
    assert one["position"]["step"] == other["position"]["step"] == 4
    for part in ("recipe", "average"):
        assert all(torch.equal(one[part][key], other[part][key]) for key in one[part])
    (written,) = run.glob("gate-*.safetensors")
    first, second = (load_gate(each)[0].state_dict() for each in (written, path))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_the_run_folder_tells_what_happened(
    whole_run: tuple[Path, list[float], list[str]], items: Path
) -> None:
    run, _, notes = whole_run
    assert notes[0] == (
        "2 sequences from clips and 2 made from stills to train on, 2 to validate on"
    )
    (kept_clip,) = [path.name for path in items.iterdir() if is_kept(path.name)]
    assert notes[1] == f"clips to validate on: {kept_clip}"
    assert notes[2] == "nothing to train on in: none"
    assert notes[3].startswith("by formula: short_ratio ")
    assert notes[4].startswith("learned: short_ratio ")
    (row,) = csv.DictReader((run / "log.csv").read_text().splitlines())
    assert 0 < float(row["short_ratio"]) <= 1.5
    assert (run / "log.png").is_file()
    (best,) = run.glob("best-*.safetensors")
    with safe_open(best, "pt") as file:
        assert '"scenes": 2' in file.metadata()["training"]
    assert load_gate(best)[0].config.width == 16


def test_a_finished_run_has_nothing_left_to_do(
    whole_run: tuple[Path, list[float], list[str]],
    album: Path,
    items: Path,
    quick_weights: Path,
) -> None:
    (before,) = whole_run[0].glob("gate-*.safetensors")
    assert train(run_settings(album, items, quick_weights), whole_run[0]) == before
    with pytest.raises(TrainingError, match=r"other settings \(motions\)"):
        train(run_settings(album, items, quick_weights, motions=4), whole_run[0])


def test_sequences_of_other_clips_are_made_anew(
    album: Path, items: Path, quick_weights: Path, tmp_path: Path
) -> None:
    settings = run_settings(album, items, quick_weights, motions=0, stills=(), steps=1)
    train(settings, tmp_path / "run")
    looked: list[int] = []
    train(settings, tmp_path / "run", on_index=lambda seen, found: looked.append(seen))
    assert not looked
    extra = items / "extra"
    extra.mkdir()
    try:
        write_rgb(photo(3), extra / "0.png")  # too short to learn from
        notes: list[str] = []
        train(
            settings, tmp_path / "run", on_index=lambda s, f: looked.append(s), on_note=notes.append
        )
        assert looked == [0, 1, 2, 3]
        assert notes[2] == "nothing to train on in: extra"
    finally:
        (extra / "0.png").unlink()
        extra.rmdir()


def test_nothing_of_what_is_validated_on_is_learned_from(
    album: Path, items: Path, quick_weights: Path, tmp_path: Path
) -> None:
    settings = run_settings(album, items, quick_weights, motions=10)
    takes = find_takes(settings, tmp_path)
    assert [take.validation for take in takes if not take.files] == [True, *[False] * 4] * 2
    for take in takes:
        if take.files:
            assert take.validation == is_kept(take.files[0].parent.name)
    stills = Stills([album], tmp_path)
    sides = [{p.name for ps in stills.sources[side].values() for p in ps} for side in (True, False)]
    assert not sides[0] & sides[1]
    assert all(is_kept(name) for name in sides[0])
    share = sum(is_kept(f"{i}.jpg") for i in range(2000)) / 2000
    assert 0.17 < share < 0.23


def test_what_a_run_writes_is_no_still(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    for path in (tmp_path / "a.png", tmp_path / "run" / "log.png"):
        write_rgb(photo(3), path)
    stills = Stills([tmp_path], tmp_path / "run")
    found = [path for side in stills.sources.values() for paths in side.values() for path in paths]
    assert found == [tmp_path / "a.png"]


def test_too_little_to_learn_from_is_told(album: Path, quick_weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clips" / "short"
    folder.mkdir(parents=True)
    write_rgb(photo(3), folder / "0.png")
    settings = run_settings(album, tmp_path / "clips", quick_weights, stills=())
    with pytest.raises(TrainingError, match="no sequence is left"):
        train(settings, tmp_path / "run")


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"perceptual": 1.0}, "--perceptual"),
        ({"adversarial": 0.5}, "--adversarial"),
        ({"start": "default"}, "--start"),
        ({"accumulate": 2}, "--accumulate"),
        ({"source_weights": (("a", 2.0),)}, "--source-weight "),
        ({"kept_sources": ("a",)}, "--keep "),
        ({"sides": (64, 96)}, "--sides"),
        ({"motions": -1}, "--motions"),
        ({"clips": (), "motions": 0}, "--motions"),
        ({"preset": "mini", "motions": 7}, "--motions"),
    ],
)
def test_what_means_nothing_to_a_gate_is_refused(
    fields: dict[str, object], word: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=word):
        run_settings(tmp_path, tmp_path, tmp_path, **fields)


def test_the_command_trains_a_gate(
    album: Path,
    items: Path,
    quick_weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["train", "--preset", "gate", "--clips", str(items), "--stills", str(album)]
    words += ["--teacher", str(quick_weights), "--out", str(tmp_path / "run"), "--steps", "1"]
    words += ["--sides", "32", "--motions", "2", "--device", "cpu"]
    assert main(words) == 0
    told = capsys.readouterr().err
    assert "clips to validate on" in told
    (path,) = (tmp_path / "run").glob("gate-*.safetensors")
    assert str(path) in told
    load_gate(path)
