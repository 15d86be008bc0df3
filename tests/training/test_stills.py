from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
import torch
from synthetic import photo
from torch.utils.data import DataLoader
from torchvision.transforms.v2.functional import resize

from vidcolor.errors import TrainingError
from vidcolor.media.images.files import read_rgb, write_rgb
from vidcolor.training.data.stills import (
    NEAR,
    RandomCrops,
    Still,
    fault_of,
    index_stills,
    look_of,
    split_stills,
    squash,
)

GOOD = {"unreadable": 0, "large": 0, "tiny": 0, "flat": 0, "dull": 0}


def test_pictures_that_teach_nothing_are_left_out_and_counted(album: Path, tmp_path: Path) -> None:
    stills, skipped = index_stills([album], tmp_path / "index.json")
    assert skipped == GOOD | {"unreadable": 1, "tiny": 1, "flat": 1, "dull": 1}
    assert len(stills) == len(list(album.rglob("*.jpg"))) - 1
    assert {still.source for still in stills} == {"towns", "woods"}
    assert all(Path(still.path).stem.isdigit() for still in stills)


def test_a_card_is_flat_and_a_dim_photograph_is_not() -> None:
    grain = torch.randn(3, 120, 150, generator=torch.Generator().manual_seed(1))
    orange = torch.tensor([200.0, 90.0, 20.0])[:, None, None]
    assert fault_of((orange + 4 * grain).to(torch.uint8)) == "flat"
    assert fault_of((200 + 4 * grain).to(torch.uint8)) == "flat"
    dim = photo(1)[:1] // 3 + torch.tensor([60, 20, 0], dtype=torch.uint8)[:, None, None]
    assert fault_of(dim) is None
    assert fault_of(dim[:, :95]) == "tiny"
    assert fault_of(dim.float().mean(0).to(torch.uint8).expand(3, -1, -1)) == "dull"


def test_a_picture_of_too_many_pixels_is_not_decoded(tmp_path: Path) -> None:
    write_rgb(photo(1), tmp_path / "good.png")
    data = bytearray((tmp_path / "good.png").read_bytes())
    data[16:24] = struct.pack(">2I", 9000, 9000)
    (tmp_path / "huge.png").write_bytes(data)
    stills, skipped = index_stills([tmp_path], tmp_path / "index.json")
    assert [Path(still.path).name for still in stills] == ["good.png"]
    assert skipped == GOOD | {"large": 1}


def test_the_index_is_remembered_but_not_for_other_folders(album: Path, tmp_path: Path) -> None:
    cache = tmp_path / "index.json"
    first = index_stills([album], cache)
    seen: list[int] = []
    assert index_stills([album], cache, lambda done, _all: seen.append(done)) == first
    assert not seen
    other, _ = index_stills([album / "woods"], cache, lambda done, _all: seen.append(done))
    assert seen
    # Pictures that lie in no folder of their own bear the name of the one that was given.
    assert {still.source for still in other} == {"woods"}


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: b"\xff\x00" + data,
        lambda data: b"[]",
        lambda data: b"{}",
        lambda data: data.replace(b'"stills": [[', b'"stills": [[[],'),
        lambda data: data.replace(b'"skipped": {', b'"skipped": 3, "other": {'),
    ],
)
def test_a_damaged_index_is_made_anew(change: object, album: Path, tmp_path: Path) -> None:
    cache = tmp_path / "index.json"
    first = index_stills([album / "towns"], cache)
    whole = cache.read_bytes()
    damaged = change(whole)  # type: ignore[operator]
    assert damaged != whole
    cache.write_bytes(damaged)
    assert index_stills([album / "towns"], cache) == first
    assert cache.read_bytes() == whole


def test_a_picture_that_changed_is_looked_at_again(tmp_path: Path) -> None:
    folder, cache = tmp_path / "own", tmp_path / "index.json"
    folder.mkdir()
    for seed in (1, 2):
        write_rgb(photo(seed), folder / f"{seed}.png")
    first, _ = index_stills([folder], cache)
    write_rgb(photo(3, 100, 140), folder / "1.png")
    second, _ = index_stills([folder], cache)
    assert second[0].look == look_of(photo(3, 100, 140)) != first[0].look
    assert second[1] == first[1]
    (folder / "2.png").rename(folder / "3.png")
    assert index_stills([folder], cache)[0][1].path == str(folder / "3.png")


def test_loops_closed_folders_and_litter_are_survived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "own"
    for name in ("a", "a/deep", "closed", "run", ".trash"):
        (folder / name).mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    places = ("a/1", "a/deep/2", "closed/3", "run/sheet", ".trash/4", "a/._1", "../elsewhere/5")
    for seed, name in enumerate(places):
        write_rgb(photo(seed), folder / f"{name}.png")
    (folder / "a" / "deep" / "loop").symlink_to(folder)
    (folder / "a" / "self").symlink_to("self")
    (folder / "a" / "gone.jpg").symlink_to("nothing")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    scandir = os.scandir

    def guarded(path: str) -> object:
        if os.fspath(path).endswith("closed"):
            raise PermissionError(13, "no entry", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    # The run folder lies among the pictures; a folder given twice counts once.
    stills, skipped = index_stills([folder, folder / "a"], folder / "run" / "index.json")
    found = [(str(Path(still.path).relative_to(folder)), still.source) for still in stills]
    assert found == [("a/1.png", "a"), ("a/deep/2.png", "a"), ("linked/5.png", "linked")]
    assert skipped == GOOD | {"unreadable": 2}


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


def plain_split(stills: list[Still]) -> tuple[list[Still], list[Still]]:
    kept = [still for still in stills if still.validation]
    chosen = [
        still
        for still in stills
        if not still.validation
        and all((still.look ^ other.look).bit_count() > NEAR for other in kept)
    ]
    return chosen, kept


def test_the_split_is_that_of_comparing_all_pairs() -> None:
    draw = torch.Generator().manual_seed(4)

    def number() -> int:
        high, low = torch.randint(0, 1 << 32, (2,), generator=draw).tolist()
        return high << 32 | low

    looks = [0, (1 << 64) - 1, *(number() for _ in range(1500))]
    kept = [look for look in looks if Still("", "", look).validation]
    for distance in range(NEAR - 2, NEAR + 3):  # on both sides of the limit
        for look in kept:
            for bit in torch.randperm(64, generator=draw)[:distance].tolist():
                look ^= 1 << bit
            looks.append(look)
    stills = [Still(str(i), "", look) for i, look in enumerate(looks)]
    chosen, others = split_stills(stills)
    assert (chosen, others) == plain_split(stills)
    assert 0 < len(chosen) < len(stills) - len(others)
    alone = [still for still in stills if not still.validation]
    assert split_stills(alone) == (alone, [])
    assert split_stills(others) == ([], others)
    assert split_stills([]) == ([], [])


def test_a_group_stays_on_one_side() -> None:
    looks = [look * 0x9E3779B97F4A7C15 % (1 << 64) for look in range(2000)]
    kept = next(look for look in looks if Still("", "", look).validation)
    free = next(look for look in looks if not Still("", "", look).validation)
    assert all(Still("", "", look, kept).validation for look in looks)
    assert not any(Still("", "", look, free).validation for look in looks)


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


def test_a_weight_for_no_source_is_an_error(album: Path, tmp_path: Path) -> None:
    stills, _ = index_stills([album], tmp_path / "index.json")
    with pytest.raises(TrainingError, match=r"no source 'wood'.* towns, woods"):
        RandomCrops(stills, 48, 1, {"wood": 2.0})
    with pytest.raises(TrainingError, match="no picture is left"):
        RandomCrops(stills, 48, 1, {"woods": 0.0, "towns": 0.0})
    with pytest.raises(TrainingError, match="no picture is left"):
        RandomCrops([], 48, 1)


def test_small_sources_are_not_drowned() -> None:
    stills = [Still("a", "large", 0)] * 1000 + [Still("b", "small", 0)] * 10
    large, small = RandomCrops(stills, 48, 1, {"small": 3.0}).shares.tolist()
    assert small / large == pytest.approx(3 * 0.01**0.6)


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_any_number_of_workers_gives_the_same_crops(
    workers: int, album: Path, tmp_path: Path
) -> None:
    crops = crops_of(album, tmp_path)
    loader = DataLoader(crops, 4, sampler=range(40, 56), num_workers=workers)
    batches = list(loader)
    alone = torch.stack([crops[i] for i in range(40, 56)])
    assert torch.equal(torch.cat(batches), alone)


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


def test_squashed_shows_the_whole_picture_without_aliases() -> None:
    rgb = torch.zeros(3, 96, 240, dtype=torch.uint8)
    rgb[0, :, :120] = 200
    rgb[1, 48:] = 100
    rgb[2, :, ::2] = 250  # stripes too fine for the result
    square = squash(rgb, 48)
    assert square.shape == (3, 48, 48)
    assert square.dtype == torch.uint8
    assert (square[0, :, :22] == 200).all()
    assert (square[0, :, 26:] == 0).all()
    assert (square[1, :22] == 0).all()
    assert (square[1, 26:] == 100).all()
    assert (square[2].float() - 125).abs().max() < 12


def test_whole_sources_are_kept_and_what_looks_like_them_is_in_neither() -> None:
    looks = torch.randint(0, 1 << 62, (400,), generator=torch.Generator().manual_seed(7)).tolist()
    stills = [Still(str(i), "abcd"[i % 4], look) for i, look in enumerate(looks)]
    near = [Still("near", "a", stills[1].look ^ 0b101), Still("near", "c", stills[3].look)]
    chosen, kept = split_stills([*stills, *near], ["b", "d"])
    assert kept == [still for still in stills if still.source in ("b", "d")]
    assert chosen == [still for still in stills if still.source in ("a", "c")]
    assert any(still.validation for still in chosen)  # one in forty is not kept beside them


def test_a_clip_is_kept_or_learned_from_as_a_whole() -> None:
    groups = torch.randint(0, 1 << 62, (80,), generator=torch.Generator().manual_seed(8)).tolist()
    frames = [
        Still(f"{group}-{i}", "clips", (group * (2 * i + 3)) % (1 << 64), group)
        for group in groups
        for i in range(4)
    ]
    stills = [Still("still", "towns", (1 << 63) + 12345)]
    assert split_stills(frames + stills, ["clips"]) == (stills, frames)
    assert split_stills(frames + stills, ["towns"]) == (frames, stills)


def test_a_source_to_keep_that_is_none_is_an_error() -> None:
    stills = [Still("1", "woods", 1), Still("2", "towns", 2)]
    with pytest.raises(TrainingError, match=r"^no source 'wood' for --keep; .*: towns, woods$"):
        split_stills(stills, ["towns", "wood"])
