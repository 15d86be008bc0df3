from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from synthetic import photo
from torch.utils.data import DataLoader
from torchvision.transforms.v2.functional import resize

from vidcolor.errors import TrainingError
from vidcolor.media.images.files import read_rgb, write_rgb
from vidcolor.training.data.augment import book_view
from vidcolor.training.data.picture_index import index_stills
from vidcolor.training.data.stills import (
    NEAR,
    RandomCrops,
    Still,
    View,
    fault_of,
    look_of,
    split_stills,
    squash,
)


def test_a_card_is_flat_and_a_dim_photograph_is_not() -> None:
    grain = torch.randn(3, 120, 150, generator=torch.Generator().manual_seed(1))
    orange = torch.tensor([200.0, 90.0, 20.0])[:, None, None]
    assert fault_of((orange + 4 * grain).to(torch.uint8)) == "flat"
    assert fault_of((200 + 4 * grain).to(torch.uint8)) == "flat"
    dim = photo(1)[:1] // 3 + torch.tensor([60, 20, 0], dtype=torch.uint8)[:, None, None]
    assert fault_of(dim) is None
    assert fault_of(dim[:, :95]) == "tiny"
    assert fault_of(dim.float().mean(0).to(torch.uint8).expand(3, -1, -1)) == "dull"


@pytest.mark.parametrize("seed", range(8))
def test_near_duplicates_look_the_same(seed: int, tmp_path: Path) -> None:
    picture = photo(seed, 240, 320)
    write_rgb(picture, tmp_path / "a.jpg")
    smaller = resize(picture, [150, 200], antialias=True)
    look, second = look_of(picture), look_of(picture.mT)
    for other in (read_rgb(tmp_path / "a.jpg"), smaller):
        assert (look_of(other) ^ look).bit_count() <= NEAR
        assert (look_of(other.mT) ^ second).bit_count() <= NEAR
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
    assert split_stills(chosen) == (chosen, [])
    assert split_stills(others) == ([], others)
    assert split_stills([]) == ([], [])


def flip(look: int, *bits: int) -> int:
    for bit in bits:
        look ^= 1 << bit
    return look


def test_of_pictures_that_look_the_same_the_largest_is_kept() -> None:
    looks = [look * 0x9E3779B97F4A7C15 % (1 << 64) for look in range(1, 400)]
    free, other = [look for look in looks if not Still("", "", look).validation][:2]
    # Each is near the one before, the last is not near the first.
    chain = [free, flip(free, *range(6)), flip(free, *range(12)), flip(free, *range(18))]
    assert not any(Still("", "", look).validation for look in chain)
    sizes = [10, 30, 30, 20]
    twins = [Still(str(i), "", look, pixels=n) for i, (look, n) in enumerate(zip(chain, sizes))]  # noqa: B905
    far = Still("far", "", flip(free, *range(40, 47)))
    unlike = Still("unlike", "", free, second=0b1111111)  # as far in the second look alone
    rest = [far, unlike, Still("other", "", other)]
    assert split_stills([*twins, *rest]) == ([twins[1], *rest], [])


def test_a_group_that_touches_a_kept_picture_is_left_out() -> None:
    looks = [look * 0x9E3779B97F4A7C15 % (1 << 64) for look in range(1, 400)]
    kept = next(look for look in looks if Still("", "", look).validation)
    near, further = flip(kept, 1, 2, 3, 4, 5), flip(kept, *range(1, 11))
    stills = [Still(str(look), "", look) for look in (kept, near, further)]
    assert not any(still.validation for still in stills[1:])
    assert split_stills(stills) == ([], stills[:1])


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
    stills, _ = index_stills([album], tmp_path / "cache")
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
    stills, _ = index_stills([album], tmp_path / "cache")
    crops = RandomCrops(stills, 48, 1, {"woods": 0.0})
    assert list(crops.sources) == ["towns", "woods"]
    assert crops.shares[0] == pytest.approx(len(crops.sources["towns"]) ** 0.6)
    assert crops.shares[1] == 0


def test_a_weight_for_no_source_is_an_error(album: Path, tmp_path: Path) -> None:
    stills, _ = index_stills([album], tmp_path / "cache")
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


def test_a_source_of_which_no_picture_is_left_may_have_a_weight() -> None:
    stills = [Still("a", "large", 0)]
    assert RandomCrops(stills, 48, 1, {"copied": 2.0}, emptied=["copied"]).shares.tolist() == [1.0]
    with pytest.raises(TrainingError, match="no source 'other'"):
        RandomCrops(stills, 48, 1, {"other": 2.0}, emptied=["copied"])


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


@pytest.mark.parametrize("view", [None, book_view])
def test_crops_travel_to_workers_that_are_not_forked(
    view: View | None, album: Path, tmp_path: Path
) -> None:
    """As on macOS and Windows, and on Linux from Python 3.14."""
    crops = RandomCrops(index_stills([album], tmp_path / "cache")[0], 48, 5, view=view)
    there = pickle.loads(pickle.dumps(crops))
    assert torch.equal(there[3], crops[3])


def test_pictures_that_went_away_stop_a_run_instead_of_hanging_it() -> None:
    crops = RandomCrops([Still("/no/such/picture.jpg", "", 0)], 48, 1)
    with pytest.raises(TrainingError, match="still there"):
        crops[0]


def test_a_broken_picture_among_good_ones_is_passed_over(album: Path, tmp_path: Path) -> None:
    stills, _ = index_stills([album], tmp_path / "cache")
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
