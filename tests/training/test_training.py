from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from shared import stopper
from synthetic import photo

from vidcolor.errors import SettingsError, TrainingError, WeightsNotFound
from vidcolor.media.images.files import read_rgb, write_rgb
from vidcolor.nets.colornet import ColorNetConfig
from vidcolor.nets.weights import load_weights
from vidcolor.training import loop, recipes
from vidcolor.training.checkpoints import Position, Run
from vidcolor.training.data.picture_index import index_stills
from vidcolor.training.distributed import Team
from vidcolor.training.logs import RunLog
from vidcolor.training.loop import train
from vidcolor.training.settings import TrainSettings


def log_of(run: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((run / "log.csv").read_text().splitlines()))


def run_settings(album: Path, **fields: object) -> TrainSettings:
    """Three steps of a mini, the quickest of the nets."""
    base: dict[str, object] = {"stills": (str(album),), "preset": "mini", "steps": 3, "batch": 2}
    base |= {"sides": (32,), "seed": 3, "workers": 0}
    return TrainSettings(**base | fields)  # type: ignore[arg-type]


@pytest.fixture(scope="module", autouse=True)
def small_mini() -> Iterator[None]:
    """A mini of a thirtieth of the parameters, in the same code."""
    with pytest.MonkeyPatch.context() as patch:
        small = ColorNetConfig(preset="mini", width=48, blocks=(1, 1))
        patch.setattr("vidcolor.training.net_start.MINI", small)
        yield


@pytest.fixture(autouse=True)
def little_to_look_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation of small pictures and no plot; `whole_run`, made before, has them as users do."""
    monkeypatch.setattr("vidcolor.training.validation.SIDE", 64)
    monkeypatch.setattr(RunLog, "draw", lambda log: None)


def test_the_film_net_learns_with_every_loss(album: Path, vgg_file: Path, tmp_path: Path) -> None:
    told: list[dict[str, float]] = []
    settings = run_settings(
        album,
        preset="film",
        vgg=str(vgg_file),
        steps=1,
        perceptual=0.5,
        colorful=0.1,
        adversarial=1.0,
    )
    path = train(settings, tmp_path / "run", on_step=lambda at, losses: told.append(losses))
    terms = {"classify", "regress", "perceptual", "colorful", "deceive", "total", "critic"}
    assert set(told[0]) == terms
    net = load_weights(path)[0]
    assert net.config.preset == "film"
    # The lower blocks of VGG16 stay ImageNet's, the last one has moved.
    start, now = load_file(vgg_file), net.state_dict()
    assert torch.equal(now["vgg.features.21.weight"], start["features.21.weight"].float())
    assert not torch.equal(now["vgg.features.28.weight"], start["features.28.weight"].float())


def test_a_net_learns_from_strongly_changed_crops(album: Path, tmp_path: Path) -> None:
    told: dict[str, list[float]] = {}
    for name, augment in (("one", "strong"), ("two", "strong"), ("plain", "plain")):
        losses = told.setdefault(name, [])
        settings = run_settings(album, steps=2, augment=augment)
        train(settings, tmp_path / name, on_step=stopper(losses, 0))
    assert told["one"] == told["two"]
    assert told["one"] != told["plain"]


@pytest.mark.slow
def test_the_book_learns_too(album: Path, vgg_file: Path, tmp_path: Path) -> None:
    steps: list[int] = []
    path = train(
        run_settings(album, preset="book", vgg=str(vgg_file), steps=2),
        tmp_path / "run",
        on_step=lambda at, losses: steps.append(at.step),
    )
    assert steps == [1, 2]
    assert load_weights(path)[0].config.preset == "book"


@pytest.fixture(scope="module")
def whole_run(album: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    """The folder and the losses of a run of 4 steps that nobody interrupted."""
    run, losses = tmp_path_factory.mktemp("run") / "whole", []
    torch.manual_seed(77)  # what is left of the caller's randomness must not matter
    train(
        run_settings(album, steps=4, sides=(32, 64), colorful=0.1, adversarial=0.5),
        run,
        on_step=lambda at, told: losses.append(told["total"]),
    )
    return run, losses


def test_a_stopped_run_ends_with_the_very_bits_of_one_that_went_through(
    whole_run: tuple[Path, list[float]], album: Path, tmp_path: Path
) -> None:
    run, losses = whole_run
    settings = run_settings(
        album,
        steps=4,
        sides=(32, 64),
        colorful=0.1,
        adversarial=0.5,
        checkpoint_minutes=0.0,  # after every step
    )
    halved: list[float] = []
    for stop in (2, 4):
        with pytest.raises(KeyboardInterrupt):
            train(settings, tmp_path / "run", on_step=stopper(halved, stop))
    path = train(settings, tmp_path / "run", on_step=stopper(halved, 0))
    assert halved == losses
    one, other = (torch.load(r / "last.pt", weights_only=True) for r in (run, tmp_path / "run"))
    assert one["position"]["step"] == other["position"]["step"] == 4
    for part in ("recipe", "average", "critic"):
        assert one[part].keys() == other[part].keys()
        assert all(torch.equal(one[part][key], other[part][key]) for key in one[part])
    for optimizer in ("optimizer", "critic_optimizer"):
        for key, state in one[optimizer]["state"].items():
            for name, value in state.items():
                assert torch.equal(value, other[optimizer]["state"][key][name])
    (written,) = run.glob("net-*.safetensors")
    first, second = (load_weights(p)[0].state_dict() for p in (written, path))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_the_critic_has_learned_in_its_share_of_the_run(
    whole_run: tuple[Path, list[float]], album: Path, tmp_path: Path
) -> None:
    told: list[dict[str, float]] = []
    settings = run_settings(album, steps=2, colorful=0.1, adversarial=0.5)
    train(settings, tmp_path / "run", on_step=lambda at, losses: told.append(losses))
    assert "deceive" not in told[0]
    assert told[1]["critic"] > 0
    expected = sum(value for key, value in told[1].items() if key not in ("total", "critic"))
    assert told[1]["total"] == pytest.approx(expected, rel=1e-5)
    state = torch.load(whole_run[0] / "last.pt", weights_only=True)["critic_optimizer"]["state"]
    assert state[0]["step"] == 2


def test_the_run_folder_tells_what_happened(
    whole_run: tuple[Path, list[float]], tmp_path: Path
) -> None:
    run, _ = whole_run
    (row,) = log_of(run)  # fewer steps than between two lines of losses: the scores alone
    log = RunLog(tmp_path, 0)
    log.close()
    assert set(row) == set(log.columns)
    assert float(row["psnr_grey"]) > 5
    missed = abs(float(row["colorfulness"]) - float(row["colorfulness_truth"]))
    gain = float(row["psnr"]) - float(row["psnr_grey"])
    assert float(row["score"]) == pytest.approx(gain - 0.05 * missed, abs=2e-3)
    assert read_rgb(run / "sheet-000004.png").shape[2] == 2 * 3 * 256
    assert read_rgb(run / "log.png").shape == (3, 700, 900)
    assert list((run / "tensorboard").iterdir())
    for name in ("net", "best"):
        (path,) = run.glob(f"{name}-*.safetensors")
        assert load_weights(path)[0].config.preset == "mini"


def test_a_finished_run_has_nothing_left_to_do(
    whole_run: tuple[Path, list[float]], album: Path
) -> None:
    told: list[float] = []
    settings = run_settings(
        album, steps=4, sides=(32, 64), colorful=0.1, adversarial=0.5, workers=1
    )
    (before,) = whole_run[0].glob("net-*.safetensors")
    after = train(settings, whole_run[0], on_step=lambda at, losses: told.append(1.0))
    assert after == before
    assert not told
    with pytest.raises(TrainingError, match=r"other settings \(batch, seed\)"):
        train(
            run_settings(
                album, steps=4, sides=(32, 64), colorful=0.1, adversarial=0.5,
                seed=4, batch=4,
            ),
            whole_run[0],
        )  # fmt: skip


def test_a_run_by_the_clock_ends_by_the_clock(album: Path, tmp_path: Path) -> None:
    at: list[Position] = []
    settings = run_settings(album, steps=0, minutes=0.003)
    train(settings, tmp_path / "run", on_step=lambda position, _: at.append(position))
    assert 0.003 <= at[-1].minutes < 0.5


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_bf16_is_used_only_where_the_machine_is_fast_in_it(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidcolor.training.distributed.pick_dtype", lambda device: dtype)
    with Team(0, 1, torch.device("cpu")).autocast():
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == dtype


@pytest.mark.slow
def test_accumulated_batches_weigh_the_same(album: Path, vgg_file: Path, tmp_path: Path) -> None:
    def losses(name: str, **fields: object) -> list[float]:
        told: list[float] = []
        settings = run_settings(album, preset="book", vgg=str(vgg_file), **fields)
        train(settings, tmp_path / name, on_step=lambda at, losses: told.append(losses["mse"]))
        return told

    # The book has no batch norm, so two halves are the same as the whole.
    together = losses("a", batch=4, steps=2)
    halves = losses("b", batch=2, accumulate=2, steps=2)
    assert together == pytest.approx(halves, rel=2e-2)


def test_training_goes_on_from_weights_and_not_from_those_of_another_net(
    album: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    # The first step of the warm-up alone is too small for float16.
    settings = run_settings(
        album, preset="film", start=str(tiny_weights), steps=1, learning_rate=0.2
    )
    path = train(settings, tmp_path / "run")
    net, _ = load_weights(path)
    start, _ = load_weights(tiny_weights)
    assert net.config == start.config
    moved = (net.state_dict()["classify.bias"] - start.state_dict()["classify.bias"]).abs().max()
    assert 0 < moved < 0.1
    with pytest.raises(SettingsError, match="--preset film"):
        train(
            run_settings(album, start=str(tiny_weights), preset="mini", steps=1),
            tmp_path / "other",
        )


@pytest.mark.slow
def test_a_teacher_looks_again_when_crops_grow_between_two_agings(
    album: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    # Steps 5 and 6 share their crops; the last one has the larger side.
    settings = run_settings(album, teacher=str(tiny_weights), steps=6, sides=(32, 64), views=4)
    steps: list[int] = []
    train(settings, tmp_path / "run", on_step=lambda at, losses: steps.append(at.step))
    assert steps == [1, 2, 3, 4, 5, 6]


def test_a_mini_learns_from_a_teacher(album: Path, tmp_path: Path, tiny_weights: Path) -> None:
    told: list[dict[str, float]] = []
    settings = run_settings(album, teacher=str(tiny_weights), steps=6, learning_rate=0.01)
    path = train(settings, tmp_path / "run", on_step=lambda at, losses: told.append(losses))
    assert set(told[0]) == {"distil", "regress", "hint", "total"}
    assert told[-1]["distil"] < told[0]["distil"]
    assert load_weights(path)[0].config.preset == "mini"


def test_missing_vgg_weights_are_told_before_anything_is_learned(
    album: Path, tmp_path: Path
) -> None:
    with pytest.raises(WeightsNotFound, match="--vgg"):
        train(run_settings(album, preset="film", vgg=str(tmp_path / "none")), tmp_path / "run")


def test_a_damaged_checkpoint_is_told(
    whole_run: tuple[Path, list[float]], album: Path, tmp_path: Path
) -> None:
    settings = run_settings(album, steps=1)
    train(settings, tmp_path / "run")
    checkpoint = tmp_path / "run" / "last.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(TrainingError, match=r"last\.pt is damaged"):
        train(settings, tmp_path / "run")


def test_a_loss_that_is_no_number_stops_the_run(album: Path, tmp_path: Path) -> None:
    settings = run_settings(album, learning_rate=1e38, steps=50)
    with pytest.raises(TrainingError, match="lower --learning-rate"):
        train(settings, tmp_path / "run")


def test_a_gradient_that_is_no_number_harms_no_checkpoint(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss may be finite where its slope is not."""
    real, steps = recipes.truth_losses, []

    def steep(*parts: torch.Tensor) -> dict[str, torch.Tensor]:
        steps.append(1)
        found = real(*parts)
        if len(steps) == 3:
            found["regress"] = found["regress"] + (parts[1].mean() * 0).sqrt()
        return found

    monkeypatch.setattr(recipes, "truth_losses", steep)
    settings = run_settings(album, steps=5, checkpoint_minutes=0.0)
    with pytest.raises(TrainingError, match=r"gradient of step 3 is nan.*--learning-rate"):
        train(settings, tmp_path / "run")
    saved = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    assert saved["position"]["step"] == 2
    assert all(value.isfinite().all() for value in saved["average"].values())


@pytest.mark.parametrize("often", ["checkpoint_minutes", "validate_minutes"])
def test_weights_that_are_not_finite_are_not_saved(
    often: str, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU a step is not waited for, so its weights may be lost before that is known."""
    real = loop.train_step

    def ruin(trainer: loop.Trainer, batches: list[Any]) -> dict[str, float]:
        values = real(trainer, batches)
        if trainer.run.at.step == 2:
            next(trainer.recipe.parameters()).data[:] = float("nan")
        return values

    monkeypatch.setattr(loop, "train_step", ruin)
    settings = run_settings(album, steps=5, **{often: 1e-9})
    with pytest.raises(TrainingError, match="weights are not finite after step 3"):
        train(settings, tmp_path / "run")
    assert torch.load(tmp_path / "run" / "last.pt", weights_only=True)["position"]["step"] == 2
    for file in (tmp_path / "run").glob("*.safetensors"):
        assert all(value.isfinite().all() for value in load_file(file).values())


def test_clips_join_the_stills(album: Path, tmp_path: Path) -> None:
    for frame in range(3):
        folder = tmp_path / "clips" / "walk"
        folder.mkdir(parents=True, exist_ok=True)
        write_rgb(photo(100 + frame), folder / f"{frame}.png")
    notes: list[str] = []
    settings = run_settings(album, steps=1, clips=(str(tmp_path / "clips"),))
    train(settings, tmp_path / "run", on_note=notes.append)
    alone: list[str] = []
    train(run_settings(album, steps=1), tmp_path / "alone", on_note=alone.append)
    assert sum_of(notes[0]) == sum_of(alone[0]) + 3
    assert "1 unreadable" in notes[1]
    assert "1 tiny" in notes[1]
    assert "1 dull" in notes[1]


def sum_of(note: str) -> int:
    return sum(int(word) for word in note.split() if word.isdigit())


def test_settings_are_written_for_people(whole_run: tuple[Path, list[float]]) -> None:
    fields = json.loads((whole_run[0] / "settings.json").read_text())
    assert fields["steps"] == 4
    assert fields["seed"] == 3


def test_a_kept_source_is_what_is_validated_on(album: Path, tmp_path: Path) -> None:
    notes: list[str] = []
    settings = run_settings(album, steps=1, kept_sources=("woods",))
    path = train(settings, tmp_path / "run", on_note=notes.append)
    stills, _ = index_stills([album], tmp_path / "cache")
    towns, woods = ([s for s in stills if s.source == name] for name in ("towns", "woods"))
    assert f"{len(towns)} pictures to train on, {len(woods)} to validate on" in notes
    assert "sources to validate on: woods" in notes
    with safe_open(path, "pt") as file:
        training = json.loads(file.metadata()["training"])
    assert training["kept_sources"] == ["woods"]
    assert training["pictures"] == len(towns)
    with pytest.raises(TrainingError, match=r"other settings \(kept_sources\)"):
        train(run_settings(album, steps=1), tmp_path / "run")


def test_a_source_of_twins_alone_may_have_a_weight(album: Path, tmp_path: Path) -> None:
    folder = tmp_path / "album"
    shutil.copytree(album, folder)
    shutil.copytree(folder / "woods", folder / "woods again")
    settings = run_settings(folder, steps=1, source_weights=(("woods again", 2.0),))
    train(settings, tmp_path / "run")
    settings = run_settings(folder, steps=1, source_weights=(("wood", 2.0),))
    with pytest.raises(TrainingError, match="no source 'wood'"):
        train(settings, tmp_path / "other")


def test_copies_follow_the_largest_crops(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def note(*arguments: Any) -> Any:
        asked.append(arguments[4])
        arguments = (arguments[0], tmp_path / "cache", *arguments[2:])
        return index_stills(*arguments)

    monkeypatch.setattr(recipes, "index_stills", note)
    settings = run_settings(album, steps=1)
    team = Team(0, 1, torch.device("cpu"))
    for sides in ((64, 96), (64, 512)):
        run = Run(replace(settings, sides=sides), tmp_path / "run", team)
        run.folder.mkdir(exist_ok=True)
        found, _ = recipes.find_pictures(run)
        assert all(Path(still.original).is_file() for still in found)
    assert asked == [384, 768]


def test_a_run_from_before_sources_were_kept_goes_on(album: Path, tmp_path: Path) -> None:
    settings = run_settings(album, steps=1)
    path = train(settings, tmp_path / "run")
    file = tmp_path / "run" / "settings.json"
    fields = json.loads(file.read_text())
    del fields["kept_sources"]
    file.write_text(json.dumps(fields))
    assert train(settings, tmp_path / "run") == path
