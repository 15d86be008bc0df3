"""What a run is made of: settings, crops of each step, average, log."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from vidcolor.errors import SettingsError
from vidcolor.nets.colornet import ColorNetConfig
from vidcolor.nets.registry import build_net
from vidcolor.nets.vgg_fused import FilmNet
from vidcolor.nets.weights import load_weights
from vidcolor.training.checkpoints import Average, Position
from vidcolor.training.data import crops as batches
from vidcolor.training.data.crops import Order, micro_numbers, readers, side_at
from vidcolor.training.distributed import Team
from vidcolor.training.logs import RunLog, read_log
from vidcolor.training.loop import Pace
from vidcolor.training.net_start import start_net
from vidcolor.training.recipes import FilmRecipe, make_recipe
from vidcolor.training.settings import TrainSettings

ALONE = Team(0, 1, torch.device("cpu"))


@pytest.mark.parametrize("first", [0, 7, 19, 39])
def test_the_rate_is_true_after_a_resume(first: int) -> None:
    at = Position(first, 10.0)
    pace = Pace(at, pictures=32)
    told = []
    for step in range(first + 1, 101):
        at.step, at.minutes = step, at.minutes + 0.5 / 60  # two steps a second
        if step % 20 == 0:
            told.append(round(pace.rate(at), 6))
    assert told == [64.0] * len(told)
    assert len(told) == 5 - first // 20


def test_larger_crops_come_in_the_last_fifths() -> None:
    done = (0, 0.5, 0.59, 0.61, 0.79, 0.81, 0.99, 1)
    assert [side_at((64, 128, 192), d) for d in done] == [64, 64, 64, 128, 128, 192, 192, 192]
    assert side_at((64,), 0.99) == 64


@pytest.mark.parametrize(
    "fields",
    [
        {"minutes": 0},
        {"minutes": float("nan")},
        {"minutes": float("inf")},
        {"steps": -1},
        {"batch": 1},
        {"accumulate": 0},
        {"views": 0},
        {"workers": -1},
        {"sides": ()},
        {"sides": (100,)},
        {"sides": (0,)},
        {"preset": "opera"},
        {"source_weights": (("a", -1.0),)},
        {"stills": ()},
        {"teacher": "default"},
        {"perceptual": 1.0, "preset": "mini"},
        {"colorful": -1.0},
        {"colorful": 1.0, "preset": "book"},
        {"adversarial": 1.5},
        {"thawed": 6},
    ],
)
def test_settings_that_make_no_run_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        TrainSettings(**{"stills": ("a",), "minutes": 5.0} | fields)  # type: ignore[arg-type]


def test_the_average_follows_what_learns_and_keeps_what_is_frozen() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    net[0].weight.requires_grad_(False)
    average = Average(net, 0.5)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += 1
    frozen, bias = average.state["0.weight"].clone(), average.state["0.bias"].clone()
    net[1].num_batches_tracked += 3
    average.update(net, 1000)
    assert torch.equal(average.state["0.weight"], frozen)
    torch.testing.assert_close(average.state["0.bias"], bias + 0.5)
    assert average.state["1.num_batches_tracked"] == 3


def test_an_average_that_starts_trained_is_not_thrown_away() -> None:
    net = torch.nn.Linear(2, 2)
    fresh, trained = Average(net, 0.99), Average(net, 0.99, trained=True)
    with torch.no_grad():
        net.bias += 1
    before = trained.state["bias"].clone()
    fresh.update(net, 0)
    trained.update(net, 0)
    torch.testing.assert_close(fresh.state["bias"], before + 0.9)
    torch.testing.assert_close(trained.state["bias"], before + 0.01)


def test_two_processes_work_on_the_batches_of_one_that_accumulates() -> None:
    def first(settings: TrainSettings, team: Team, count: int) -> list[int]:
        numbers = micro_numbers(settings, team, 5)
        return [next(numbers) for _ in range(count)]

    def settings(accumulate: int) -> TrainSettings:
        return TrainSettings(stills=("a",), steps=9, accumulate=accumulate)

    one = first(settings(4), ALONE, 4)
    two = [first(settings(2), Team(rank, 2, ALONE.device), 2) for rank in (0, 1)]
    assert one == [20, 21, 22, 23]
    assert sorted(two[0] + two[1]) == one
    assert not set(two[0]) & set(two[1])


@pytest.mark.parametrize(("gpus", "processes", "found"), [(1, 1, 15), (4, 4, 3), (4, 8, 3)])
def test_a_gpu_is_fed_by_all_cores_that_training_leaves(
    gpus: int, processes: int, found: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "usable_cores", lambda: 16)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    settings = TrainSettings(stills=("a",), steps=9)
    beside_gpu = Team(0, processes, torch.device("cuda", 0))
    assert readers(settings, beside_gpu) == found
    assert readers(settings, ALONE) == 1
    assert readers(replace(settings, workers=0), beside_gpu) == 0


def test_a_student_sees_each_batch_several_times() -> None:
    settings = TrainSettings(
        stills=("a",), steps=9, batch=2, preset="mini", teacher="default", views=3
    )
    items = iter(Order(settings, ALONE, 2))
    assert [next(items) for _ in range(10)] == [0, 1, 2, 3, 2, 3, 2, 3, 4, 5]


def test_a_log_forgets_what_a_crash_made_undone(tmp_path: Path) -> None:
    log = RunLog(tmp_path, 0)
    for step in (20, 40, 60):
        log.write(step, step / 10, {"total": 1.0 / step, "psnr": 20.0})
    log.close()
    with (tmp_path / "log.csv").open("a") as file:
        file.write("80,8")  # cut short by a crash
    log = RunLog(tmp_path, 40)
    log.write(60, 7.0, {"total": 0.5})
    log.draw()
    log.close()
    rows = read_log(tmp_path / "log.csv")
    assert [row["step"] for row in rows] == ["20", "40", "60"]
    assert rows[-1]["total"] == "0.5"
    assert rows[-1]["psnr"] == ""


def test_frozen_blocks_keep_nothing_for_a_backward_pass() -> None:
    settings = TrainSettings(stills=("a",), steps=1)
    net = build_net(ColorNetConfig(width=32, blocks=(1, 1)))
    assert isinstance(net, FilmNet)
    for thawed in (0, 1, 2):
        net.requires_grad_(True)
        FilmRecipe(net, replace(settings, thawed=thawed))
        maps = net.vgg(torch.zeros(1, 1, 32, 32))
        assert [each.grad_fn is not None for each in maps] == [i >= 5 - thawed for i in range(5)]


def test_a_short_run_warms_up_soon() -> None:
    recipe = make_recipe(TrainSettings(stills=("a",), preset="mini", steps=100))
    rates = [recipe.schedule(step / 100, step) for step in range(100)]
    assert rates[0] < 0.02
    assert rates.index(max(rates)) == 5
    assert max(rates) > 0.99
    long = [recipe.schedule(step / 100_000, step) for step in (0, 99, 199, 400)]
    assert long == pytest.approx([1 / 200, 0.5, 1.0, 1.0], abs=1e-3)


def test_a_start_with_fading_is_about_as_strong(tiny_weights: Path) -> None:
    """The factor on the regressed color makes up for the mean agreement of hues."""
    settings = TrainSettings(stills=("a",), start=str(tiny_weights), agreement=2.0, steps=1)
    net, before = start_net(settings), load_weights(tiny_weights)[0]
    assert isinstance(net, FilmNet)
    assert isinstance(before, FilmNet)
    assert net.config.agreement == 2.0
    assert net.training
    torch.testing.assert_close(net.regress.weight, before.regress.weight / 0.6**2)
    torch.testing.assert_close(net.classify.weight, before.classify.weight)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"preset": "mini", "lite": "f"}, "--lite"),
        ({"preset": "book", "agreement": 1.0}, "--agreement"),
        ({"preset": "book", "log_error": 1.0}, "--log-error"),
        ({"agreement": 5.0}, "--agreement"),
        ({"log_error": -1.0}, "weights of losses"),
    ],
)
def test_settings_that_have_no_place(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        TrainSettings(stills=("a",), steps=1, **fields)
