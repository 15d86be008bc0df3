"""Runs that train a guide, from end to end."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
import torch
from hinted import SMALL
from safetensors import safe_open
from shared import stopper
from synthetic import photo

from vidcolor.cli.main import main
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.core.files import file_sha256
from vidcolor.errors import SettingsError, TrainingError
from vidcolor.media.images.files import write_rgb
from vidcolor.nets.colornet import ColorNetConfig
from vidcolor.nets.registry import build_net
from vidcolor.nets.weights import read_guide, save_weights
from vidcolor.training.data.takes import is_kept
from vidcolor.training.guide.features import NEAREST, load_pictures
from vidcolor.training.guide.validation import GUIDE_SCORES
from vidcolor.training.logs import RunLog
from vidcolor.training.loop import train
from vidcolor.training.settings import TrainSettings

STEPS = 8  # six of hints, two of pairs


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four clips as folders of frames that pan, one of them kept for validation."""
    folder = tmp_path_factory.mktemp("reels")
    names = [f"reel{i}" for i in range(40)]
    chosen = [n for n in names if is_kept(n)][:1] + [n for n in names if not is_kept(n)][:3]
    for number, name in enumerate(chosen):
        (folder / name).mkdir()
        wide = photo(50 + number, 100, 150)
        for frame in range(NEAREST + 4):
            write_rgb(wide[:, :, frame : frame + 110], folder / name / f"{frame:02d}.png")
    return folder


def run_settings(album: Path, items: Path, teacher: Path, **fields: object) -> TrainSettings:
    base: dict[str, object] = {"stills": (str(album),), "clips": (str(items),), "preset": "guide"}
    base |= {"teacher": str(teacher), "steps": STEPS, "batch": 2, "sides": (64,)}
    base |= {"learning_rate": 0.01, "seed": 3, "device": "cpu", "pictures": 8}
    return TrainSettings(**base | fields)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def whole_run(
    album: Path, items: Path, quick_weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[dict[str, float]], list[str]]:
    """The folder, the losses and the notes of a run that nobody interrupted."""
    run, losses, notes = tmp_path_factory.mktemp("guide") / "whole", [], []
    train(
        run_settings(album, items, quick_weights),
        run,
        on_step=lambda at, told: losses.append(told),
        on_note=notes.append,
    )
    return run, losses, notes


@pytest.fixture(autouse=True)
def no_plot(monkeypatch: pytest.MonkeyPatch) -> None:
    """`whole_run`, made before, has one."""
    monkeypatch.setattr(RunLog, "draw", lambda log: None)


def test_a_stopped_run_ends_with_the_very_bits_of_one_that_went_through(
    whole_run: tuple[Path, list[dict[str, float]], list[str]],
    album: Path,
    items: Path,
    quick_weights: Path,
    tmp_path: Path,
) -> None:
    run, losses, _ = whole_run
    settings = run_settings(album, items, quick_weights, checkpoint_minutes=0.0)

    def stop_recording(seen: int, found: int) -> None:
        if (tmp_path / "features").is_dir() and seen == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(settings, tmp_path, on_index=stop_recording)
    recorded = {path: path.stat().st_mtime_ns for path in (tmp_path / "features").iterdir()}
    assert len(recorded) == 1 + 5
    halved: list[float] = []
    for stop in (3, 7):  # in each of the two parts
        with pytest.raises(KeyboardInterrupt):
            train(settings, tmp_path, on_step=stopper(halved, stop))
    path = train(settings, tmp_path, on_step=stopper(halved, 0))
    assert halved == [told["total"] for told in losses]
    assert all(path.stat().st_mtime_ns == time for path, time in recorded.items())
    one, other = (torch.load(r / "last.pt", weights_only=True) for r in (run, tmp_path))
    assert one["position"]["step"] == other["position"]["step"] == STEPS
    for part in ("recipe", "average"):
        assert all(torch.equal(one[part][key], other[part][key]) for key in one[part])
    (written,) = run.glob("guide-*.safetensors")
    first, second = (read_guide(each)[0].state_dict() for each in (written, path))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_hints_come_first_and_then_pairs_which_leave_the_embedding_alone(
    whole_run: tuple[Path, list[dict[str, float]], list[str]],
    album: Path,
    items: Path,
    quick_weights: Path,
    tmp_path: Path,
) -> None:
    run, losses, _ = whole_run
    assert [set(told) for told in losses] == [{"hints", "total"}] * 6 + [{"pairs", "total"}] * 2
    settings = run_settings(album, items, quick_weights, checkpoint_minutes=0.0)
    shutil.copytree(run / "features", tmp_path / "features")
    with pytest.raises(KeyboardInterrupt):
        train(settings, tmp_path, on_step=stopper([], 7))
    before, after = (
        torch.load(folder / "last.pt", weights_only=True)["recipe"] for folder in (tmp_path, run)
    )
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert changed == {key for key in before if ".between." in key or ".unlike" in key}


def test_the_run_folder_tells_what_happened(
    whole_run: tuple[Path, list[dict[str, float]], list[str]], items: Path, quick_weights: Path
) -> None:
    run, _, notes = whole_run
    (kept,) = [path.name for path in items.iterdir() if is_kept(path.name)]
    assert notes[0].startswith("8 pictures and ")
    assert "pairs of frames from 3 clips to train on" in notes[0]
    assert notes[1] == f"clips to validate on: {kept}"
    assert notes[2].startswith("learned: hints_1 ")
    lines = (run / "log.csv").read_text().splitlines()
    assert len(set(lines[0].split(","))) == len(lines[0].split(","))
    (row,) = csv.DictReader(lines)
    assert all(row[name] for name in GUIDE_SCORES if name != "leak")
    assert (run / "log.png").is_file()
    (best,) = run.glob("best-*.safetensors")
    with safe_open(best, "pt") as file:
        assert '"pictures": 8' in file.metadata()["training"]
    assert read_guide(best)[0].config.net == file_sha256(quick_weights)


def test_the_guide_that_was_learned_serves_the_weights_that_it_lies_beside(
    whole_run: tuple[Path, list[dict[str, float]], list[str]], quick_weights: Path, tmp_path: Path
) -> None:
    (guide,) = whole_run[0].glob("guide-*.safetensors")
    shutil.copy(guide, tmp_path)
    weights = shutil.copy(quick_weights, tmp_path / "mine.safetensors")
    colorizer = Colorizer.from_weights(weights, SMALL)
    colorizer.listen()
    assert colorizer.guide_sha256 == file_sha256(guide)
    seen = colorizer.examine(torch.full((64, 64), 50.0))
    assert seen.embedding.isfinite().all()


def test_a_finished_run_has_nothing_left_to_do(
    whole_run: tuple[Path, list[dict[str, float]], list[str]],
    album: Path,
    items: Path,
    quick_weights: Path,
) -> None:
    run = whole_run[0]
    (before,) = run.glob("guide-*.safetensors")
    threads = torch.get_num_threads()
    assert train(run_settings(album, items, quick_weights), run) == before
    assert torch.get_num_threads() == threads
    with pytest.raises(TrainingError, match=r"other settings \(pictures\)"):
        train(run_settings(album, items, quick_weights, pictures=7), run)


def test_another_colornet_in_the_same_file_has_its_features_recorded_anew(
    album: Path, items: Path, quick_weights: Path, tmp_path: Path
) -> None:
    teacher = Path(shutil.copy(quick_weights, tmp_path / "net.safetensors"))
    settings = run_settings(album, items, teacher, steps=1)

    def stop(seen: int, found: int) -> None:
        if (tmp_path / "run" / "features").is_dir() and seen == 2:
            raise KeyboardInterrupt

    first = tmp_path / "run" / "features" / "picture-00000.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train(settings, tmp_path / "run", on_index=stop)
    (before,) = load_pictures(first)
    torch.manual_seed(5)
    other = build_net(ColorNetConfig(preset="mini", width=24, blocks=(0, 0), heads=2, bin_size=20))
    save_weights(other, teacher, training={}, scores={}).replace(teacher)
    path = train(settings, tmp_path / "run")
    assert not torch.equal(load_pictures(first)[0].fine, before.fine)
    assert read_guide(path)[0].config.net == file_sha256(teacher)


def test_what_was_recorded_and_broke_is_named(
    whole_run: tuple[Path, list[dict[str, float]], list[str]],
    album: Path,
    items: Path,
    quick_weights: Path,
    tmp_path: Path,
) -> None:
    shutil.copytree(whole_run[0] / "features", tmp_path / "features")
    (tmp_path / "features" / "picture-00001.safetensors").write_bytes(b"no picture")
    with pytest.raises(TrainingError, match=r"picture-00001\.safetensors is damaged"):
        train(run_settings(album, items, quick_weights), tmp_path)


def test_too_little_to_learn_from_is_told(
    album: Path, items: Path, quick_weights: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "clips" / "short"
    folder.mkdir(parents=True)
    write_rgb(photo(3), folder / "0.png")
    settings = run_settings(album, tmp_path / "clips", quick_weights)
    with pytest.raises(TrainingError, match=r"no pair of frames is left.*--clips"):
        train(settings, tmp_path / "run")
    kept = ("towns", "woods")
    settings = run_settings(album, items, quick_weights, kept_sources=kept)
    with pytest.raises(TrainingError, match=r"no picture is left.*--stills"):
        train(settings, tmp_path / "other")


def test_a_net_that_predicts_no_distribution_has_no_guide(
    album: Path, items: Path, tmp_path: Path
) -> None:
    net = build_net(ColorNetConfig(preset="book", embedding=512))
    teacher = save_weights(net, tmp_path / "book.safetensors", training={}, scores={})
    with pytest.raises(SettingsError, match="must be a film or a mini"):
        train(run_settings(album, items, teacher), tmp_path / "run")


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"perceptual": 1.0}, "--perceptual has no effect on a guide"),
        ({"adversarial": 0.5}, "--adversarial"),
        ({"start": "default"}, "--start"),
        ({"accumulate": 2}, "--accumulate"),
        ({"source_weights": (("a", 2.0),)}, "--source-weight "),
        ({"augment": "strong"}, "--augment"),
        ({"motions": 3}, "--motions"),
        ({"sides": (64, 96)}, "a guide is trained on one size"),
        ({"clips": ()}, "give both"),
        ({"stills": ()}, "give both"),
        ({"pictures": 0}, "--pictures must be 1 or more"),
        ({"preset": "mini", "pictures": 7}, "--pictures"),
        ({"preset": "gate", "pictures": 7}, "--pictures"),
    ],
)
def test_what_means_nothing_to_a_guide_is_refused(
    fields: dict[str, object], word: str, tmp_path: Path
) -> None:
    usual = {"pictures": 900} if "preset" not in fields else {}
    with pytest.raises(SettingsError, match=word):
        run_settings(tmp_path, tmp_path, tmp_path, **usual | fields)


def test_sources_may_be_kept_from_a_guide(tmp_path: Path) -> None:
    settings = run_settings(tmp_path, tmp_path, tmp_path, kept_sources=("a",), cache="c")
    assert settings.kept_sources == ("a",)


def test_the_command_trains_a_guide(
    album: Path,
    items: Path,
    quick_weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["train", "--preset", "guide", "--clips", str(items), "--stills", str(album)]
    words += ["--teacher", str(quick_weights), "--out", str(tmp_path / "run"), "--steps", "1"]
    words += ["--sides", "64", "--pictures", "4", "--device", "cpu"]
    assert main(words) == 0
    told = capsys.readouterr().err
    assert "4 pictures and " in told
    assert "clips to validate on" in told
    (path,) = (tmp_path / "run").glob("guide-*.safetensors")
    assert f"{path}; lay them beside the file of their colornet" in " ".join(told.split())
    read_guide(path)
