from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from synthetic import texture
from torch import Tensor
from torchvision.transforms.v2.functional import resize

from vidcolor.errors import SettingsError, TrainingError, WeightsNotFound
from vidcolor.film.still import read_rgb, write_rgb
from vidcolor.model.weights import load_weights
from vidcolor.training import trainer
from vidcolor.training.checkpoints import Average, Position
from vidcolor.training.datasets import (
    NEAR,
    RandomCrops,
    Still,
    centre_square,
    index_stills,
    look_of,
    split_stills,
)
from vidcolor.training.trainer import TrainSettings, schedule, side_at, train


def photo(seed: int, H: int = 120, W: int = 150) -> Tensor:
    """``(3, H, W)`` uint8: colourful blobs."""
    rgb = torch.stack([texture(3 * seed + channel, H, W) for channel in range(3)])
    return (rgb * 255).to(torch.uint8)


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sources of six pictures, one of them kept for validation, and some that are no good."""
    folder = tmp_path_factory.mktemp("album")
    for source in ("towns", "woods"):
        (folder / source).mkdir()
    seed = kept = 0
    while kept == 0 or seed < 11:
        picture = photo(seed)
        validation = Still("", "", look_of(picture)).validation
        if seed < 11 or validation:
            kept += validation
            write_rgb(picture, folder / ("towns", "woods")[seed % 2] / f"{seed}.jpg")
        seed += 1
    write_rgb(photo(0, 60, 300), folder / "towns" / "tiny.png")
    dull = photo(0)[:1].expand(3, -1, -1).contiguous()
    write_rgb(dull, folder / "towns" / "dull.png")
    (folder / "woods" / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (folder / "woods" / "notes.txt").write_text("no picture either")
    return folder


def test_bad_tiny_and_dull_pictures_are_left_out_and_counted(album: Path, tmp_path: Path) -> None:
    stills, skipped = index_stills([album], tmp_path / "index.json")
    assert skipped == {"unreadable": 1, "tiny": 1, "dull": 1}
    assert len(stills) == len(list(album.rglob("*.jpg"))) - 1
    assert {still.source for still in stills} == {"towns", "woods"}
    assert all("tiny" not in still.path and "dull" not in still.path for still in stills)


def test_the_index_is_remembered_but_not_for_other_folders(album: Path, tmp_path: Path) -> None:
    cache = tmp_path / "index.json"
    first = index_stills([album], cache)
    seen: list[int] = []
    assert index_stills([album], cache, lambda done, _all: seen.append(done)) == first
    assert not seen
    other, _ = index_stills([album / "woods"], cache, lambda done, _all: seen.append(done))
    assert seen
    assert {still.source for still in other} == {""}


def test_folders_without_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="not a folder"):
        index_stills([tmp_path / "none"], tmp_path / "a.json")
    with pytest.raises(TrainingError, match="no usable"):
        index_stills([tmp_path], tmp_path / "b.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("seed", range(8))
def test_near_duplicates_look_the_same(seed: int, tmp_path: Path) -> None:
    picture = photo(seed, 240, 320)
    write_rgb(picture, tmp_path / "a.jpg")
    smaller = resize(picture, [150, 200], antialias=True)
    look = look_of(picture)
    for other in (read_rgb(tmp_path / "a.jpg"), smaller):
        assert (look_of(other) ^ look).bit_count() <= NEAR
    for other_seed in range(100, 110):
        assert (look_of(photo(other_seed)) ^ look).bit_count() > NEAR


def test_near_duplicates_do_not_cross_the_split() -> None:
    looks = torch.randint(0, 1 << 62, (400,), generator=torch.Generator().manual_seed(2)).tolist()
    stills = [Still(f"{look}", "", look) for look in looks]
    # Of each picture two more copies that recompression changed in a bit or in three.
    copies = [Still(s.path, "", s.look ^ bits) for s in stills for bits in (1 << 9, 0b10101)]
    chosen, kept = split_stills(stills + copies)
    assert chosen
    assert kept
    assert not {still.path for still in chosen} & {still.path for still in kept}
    assert all(still.validation for still in kept)
    # Nothing else is lost.
    assert {still.path for still in chosen + kept} == {still.path for still in stills}


def test_one_look_in_forty_is_kept_from_training() -> None:
    draw = torch.Generator().manual_seed(1)
    looks = torch.randint(0, 1 << 62, (8000,), generator=draw).tolist()
    share = sum(Still("", "", look).validation for look in looks) / len(looks)
    assert 0.8 / 40 < share < 1.2 / 40


def crops_of(album: Path, tmp_path: Path, seed: int = 5) -> RandomCrops:
    stills, _ = index_stills([album], tmp_path / "index.json")
    return RandomCrops(stills, 48, seed)


def test_item_i_is_the_same_in_every_run(album: Path, tmp_path: Path) -> None:
    one, other = crops_of(album, tmp_path), crops_of(album, tmp_path)
    for index in (0, 7, 3, 1 << 33):
        assert one[index].shape == (3, 48, 48)
        assert one[index].dtype == torch.uint8
        assert torch.equal(one[index], other[index])
    assert not torch.equal(one[0], one[1])
    assert not torch.equal(one[0], crops_of(album, tmp_path, 6)[0])


def test_sources_are_weighed(album: Path, tmp_path: Path) -> None:
    stills, _ = index_stills([album], tmp_path / "index.json")
    crops = RandomCrops(stills, 48, 1, {"woods": 0.0})
    assert list(crops.sources) == ["towns", "woods"]
    assert crops.shares[0] == pytest.approx(len(crops.sources["towns"]) ** 0.6)
    assert crops.shares[1] == 0


def test_pictures_that_went_away_stop_a_run_instead_of_hanging_it() -> None:
    crops = RandomCrops([Still("/no/such/picture.jpg", "", 0)], 48, 1)
    with pytest.raises(TrainingError, match="still there"):
        crops[0]


def test_a_broken_picture_among_good_ones_is_passed_over(album: Path, tmp_path: Path) -> None:
    stills, _ = index_stills([album], tmp_path / "index.json")
    broken = Still(str(album / "woods" / "broken.jpg"), "woods", 0)
    crops = RandomCrops([broken] * 20 + stills, 48, 1)
    assert all(crops[i].shape == (3, 48, 48) for i in range(10))


def test_16_bit_pictures_are_read_as_8(tmp_path: Path) -> None:
    import cv2

    codes = (photo(1).permute(1, 2, 0).flip(2).numpy().astype("uint16")) * 257
    cv2.imwrite(str(tmp_path / "deep.png"), codes)
    rgb = read_rgb(tmp_path / "deep.png")
    assert rgb.dtype == torch.uint8
    assert (rgb.int() - photo(1).int()).abs().max() <= 1


def test_centre_square_is_the_middle() -> None:
    rgb = torch.zeros(3, 100, 200, dtype=torch.uint8)
    rgb[:, :, 50:150] = 200
    square = centre_square(rgb, 64)
    assert square.shape == (3, 64, 64)
    assert (square == 200).all()


def test_schedule_warms_up_and_ends_at_0() -> None:
    assert schedule(0.0, 0) == pytest.approx(1 / 200)
    assert schedule(0.0, 500) == 1
    assert schedule(0.5, 500) == pytest.approx(0.5)
    assert schedule(1.0, 500) == schedule(1.7, 500) == 0


def test_larger_crops_come_in_the_last_fifths() -> None:
    settings = TrainSettings(stills=(), minutes=10, sides=(64, 128, 192))
    sides = [side_at(settings, Position(0, m)) for m in (0, 5, 5.9, 6.1, 7.9, 8.1, 9.9, 10)]
    assert sides == [64, 64, 64, 128, 128, 192, 192, 192]
    assert side_at(TrainSettings(stills=(), sides=(64,)), Position(9, 59)) == 64


@pytest.mark.parametrize(
    "fields",
    [
        {"minutes": 0},
        {"minutes": float("nan")},
        {"minutes": float("inf")},
        {"batch": 1},
        {"sides": ()},
        {"sides": (100,)},
        {"sides": (0,)},
        {"preset": "opera"},
        {"source_weights": (("a", -1.0),)},
    ],
)
def test_settings_that_make_no_run_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        TrainSettings(stills=(), **fields)  # type: ignore[arg-type]


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


def log_of(run: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((run / "log.csv").read_text().splitlines()))


STEP_MINUTES = 1.0


@pytest.fixture
def steady_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock, one a step, finds a minute gone: runs end after counted steps."""
    now = iter(range(10_000))
    clock = SimpleNamespace(monotonic=lambda: next(now) * 60 * STEP_MINUTES)
    monkeypatch.setattr(trainer, "time", clock)


def run_settings(album: Path, vgg_file: Path, **fields: object) -> TrainSettings:
    base: dict[str, object] = {"minutes": 3.0, "batch": 2, "sides": (32,), "seed": 3}
    return TrainSettings(stills=(str(album),), vgg=str(vgg_file), **base | fields)  # type: ignore[arg-type]


@pytest.mark.usefixtures("steady_clock")
def test_the_book_learns_too(album: Path, vgg_file: Path, tmp_path: Path) -> None:
    steps: list[int] = []
    path = train(
        run_settings(album, vgg_file, preset="book", minutes=2.0),
        tmp_path / "run",
        on_step=lambda at, losses: steps.append(at.step),
    )
    assert steps == [1, 2]
    assert load_weights(path)[0].config.preset == "book"


@pytest.mark.usefixtures("steady_clock")
def test_a_stopped_run_goes_on_as_if_it_had_not(
    album: Path, vgg_file: Path, tmp_path: Path
) -> None:
    settings = run_settings(album, vgg_file, checkpoint_minutes=2.0)
    told: dict[str, list[tuple[int, float]]] = {"whole": [], "halved": []}

    def listen(name: str, stop_at: int = 0) -> Callable[[Position, dict[str, float]], None]:
        def on_step(at: Position, losses: dict[str, float]) -> None:
            if at.step == stop_at:
                raise KeyboardInterrupt  # after the checkpoint of step 2, before the last one
            told[name].append((at.step, losses["total"]))

        return on_step

    path = train(settings, tmp_path / "whole", on_step=listen("whole"))
    net, _ = load_weights(path)
    assert net.config.preset == "film"
    assert (tmp_path / "whole" / "sheet-000003.png").is_file()
    assert float(log_of(tmp_path / "whole")[-1]["psnr_grey"]) > 5
    with pytest.raises(KeyboardInterrupt):
        train(settings, tmp_path / "halved", on_step=listen("halved", 3))
    train(settings, tmp_path / "halved", on_step=listen("halved"))
    # The interrupted step is done again on the same crops, and comes to the same loss.
    assert [step for step, _ in told["halved"]] == [1, 2, 3]
    for (_, one), (_, other) in zip(told["whole"], told["halved"], strict=True):
        assert one == pytest.approx(other, rel=1e-3)
    # The optimiser has gone on too: its moments are those of three steps, not of one.
    one, other = (
        torch.load(tmp_path / name / "last.pt", weights_only=True)["optimizer"]["state"][0]
        for name in ("whole", "halved")
    )
    assert one["step"] == other["step"] == 3
    torch.testing.assert_close(one["exp_avg_sq"], other["exp_avg_sq"], rtol=0.05, atol=1e-9)
    # A finished run has nothing left to do, and its log keeps its columns.
    train(settings, tmp_path / "halved", on_step=listen("halved"))
    assert len(told["halved"]) == 3
    assert [row["step"] for row in log_of(tmp_path / "halved")] == ["2", "3"]

    with pytest.raises(TrainingError, match=r"other settings \(batch, seed\)"):
        train(
            run_settings(album, vgg_file, checkpoint_minutes=2.0, seed=4, batch=4),
            tmp_path / "halved",
        )


def test_missing_vgg_weights_are_told_before_anything_is_learned(
    album: Path, tmp_path: Path
) -> None:
    with pytest.raises(WeightsNotFound, match="--vgg"):
        train(run_settings(album, tmp_path / "none"), tmp_path / "run")
