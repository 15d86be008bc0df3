"""A color script that is settled in parts is the one that is settled at once, to the bit."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from hinted import small_guide

import vidcolor.guidance.agreement
from vidcolor.guidance.agreement import (
    TURNS,
    Join,
    Scenes,
    Told,
    compare_pairs,
    find_pairs,
    settle,
)
from vidcolor.guidance.color_script import KeyLook
from vidcolor.guidance.local_features import LocalFeatures, Similarity
from vidcolor.nets.colornet import ColorNet
from vidcolor.nets.guide_net import GuideNet
from vidcolor.run.settling import Settler, Settling, Work, divide_turns
from vidcolor.run.work_dir import WorkDir

PARTS = 3
SETTLING = Settling("a" * 32, PARTS)


@pytest.fixture(scope="module")
def guide(quick: ColorNet) -> GuideNet:
    made = small_guide(quick)
    made.unlike.fill_(-12.0)  # as sure of likeness as guides that ship
    return made


def features(scene: int, moved: float) -> LocalFeatures:
    """Points of a place that is seen from elsewhere each time; none of an odd scene."""
    dice = torch.Generator().manual_seed(scene)
    points = torch.rand(40, 2, generator=dice) + moved
    descriptors = (torch.rand(40, 128, generator=dice) * 255).to(torch.uint8)
    count = 0 if scene % 2 else 40
    return LocalFeatures(points[:count], descriptors[:count])


def look(number: int, scene: int) -> KeyLook:
    """A key frame of a scene, whose things have other automatic colors each time."""
    dice = torch.Generator().manual_seed(1000 + number)
    places = torch.zeros(12, 4 + 3)
    places[:, scene % 4] = 6.0 * (1 + scene // 4)
    places[:, 4] = torch.linspace(20, 80, 12) + 2 * torch.rand(12, generator=dice)
    places[:, 5:] = torch.rand(12, 2, generator=dice)
    ab = 40 * torch.rand(12, 2, generator=dice) - 20
    return KeyLook(Fraction(number), places, ab, features(scene, 0.01 * (number % 7)))


def film(scenes: str) -> list[KeyLook]:
    """Key frames, a digit names the scene of each."""
    return [look(number, int(scene)) for number, scene in enumerate(scenes)]


FILMS = {
    "returns": "01012301",
    "one scene": "0" * 7,
    "large scenes and small ones": "0010200131103",
    "nothing returns": "0123",
    "two": "00",
    "one key frame": "3",
}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six key frames are a large scene, two of it a block."""
    monkeypatch.setattr(vidcolor.guidance.agreement, "LARGE", 5)
    monkeypatch.setattr(vidcolor.guidance.agreement, "BLOCK", 2)


def told_of(looks: list[KeyLook]) -> list[Told]:
    guide = torch.tensor([[30.0, -20.0, 1.0]]).repeat(12, 1)
    return [Told(looks[len(looks) // 2], guide)]


@pytest.mark.parametrize(
    ("scenes", "is_told"),
    [*((film, False) for film in FILMS), *((film, True) for film in ("returns", "one key frame"))],
)
def test_many_settle_what_one_settles(
    scenes: str, is_told: bool, guide: GuideNet, tmp_path: Path
) -> None:
    """Each part is made by another one, who has nothing but the files, in an order of their own."""
    looks, folder, chance = film(FILMS[scenes]), WorkDir(tmp_path), random.Random(1)
    told = told_of(looks) if is_told else []

    def work(kind: Work, parts: Iterable[int]) -> None:
        for part in chance.sample(list(parts), len(list(parts))):
            before = set(tmp_path.iterdir())
            Settler(SETTLING, looks, guide).make(folder, kind, part)
            (made,) = set(tmp_path.iterdir()) - before
            assert made.name == SETTLING.name(kind, part)

    work(Work.PAIRS, [-1])
    work(Work.JOINS, range(PARTS))
    work(Work.COLORS, range(PARTS))
    for turn in divide_turns(Settler(SETTLING, looks, guide).count_blocks(folder)):
        work(Work.TURNS, turn)
    script = Settler(SETTLING, looks, guide).conclude(folder, told)
    assert script.to_bytes() == settle(looks, guide, told).to_bytes()
    assert len(SETTLING.files(folder)) == len(list(tmp_path.iterdir()))


def test_films_of_these_tests_have_what_they_are_for(guide: GuideNet) -> None:
    """Large scenes, scenes of one key frame, places that are known again."""
    sizes = {}
    for name in ("one scene", "large scenes and small ones", "nothing returns"):
        looks = film(FILMS[name])
        scenes = Scenes.of(compare_pairs(looks, find_pairs(looks), guide), len(looks))
        sizes[name] = [len(own) for own in scenes.members]
        ways = [link.way for links in scenes.links for link in links]
        assert all(ways) if name == "one scene" else not all(ways) or not ways
    assert sizes == {
        "one scene": [7],
        "large scenes and small ones": [6, 4, 1, 2],
        "nothing returns": [1] * 4,
    }


def test_several_agree_as_one_where_a_scene_is_large(guide: GuideNet) -> None:
    """The colors of its views come as near to each other as where one follows the other."""
    looks = film("0" * 7)
    apart = torch.stack([one.automatic for one in looks]).std(0).mean()
    in_turns = torch.stack([key.ab for key in settle(looks, guide).keys]).std(0).mean()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vidcolor.guidance.agreement, "LARGE", 128)
        one_by_one = torch.stack([key.ab for key in settle(looks, guide).keys]).std(0).mean()
    assert in_turns < apart / 3
    assert in_turns < one_by_one + apart / 20


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def turn_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [cut, turn_a_bit, Path.unlink])
@pytest.mark.parametrize("work", Work)
def test_a_part_that_is_lost_is_made_by_who_needs_it(
    work: Work, damage: Callable[[Path], object], guide: GuideNet, tmp_path: Path
) -> None:
    looks, folder = film("0000001"), WorkDir(tmp_path)
    alone = Settler(SETTLING, looks, guide).conclude(folder, [])  # nothing was there
    for path in SETTLING.files(folder):
        if path.suffix == f".{work}":
            damage(path)
            break
    assert Settler(SETTLING, looks, guide).conclude(folder, []).to_bytes() == alone.to_bytes()


def test_what_is_missing(guide: GuideNet, tmp_path: Path) -> None:
    folder, every = WorkDir(tmp_path), list(range(PARTS))
    everything = {Work.COLORS: every, Work.JOINS: every, Work.PAIRS: [-1]}
    assert SETTLING.missing(folder) == everything
    settler = Settler(SETTLING, film("0011223"), guide)
    settler.make(folder, Work.PAIRS, -1)
    settler.make(folder, Work.JOINS, 1)
    assert SETTLING.missing(folder) == everything | {Work.JOINS: [0, 2], Work.PAIRS: []}
    for part in every:
        settler.make(folder, Work.JOINS, part)
    (tmp_path / SETTLING.name(Work.PAIRS)).unlink()
    assert SETTLING.missing(folder) == {Work.COLORS: every, Work.JOINS: []}, (
        "it led to what is there"
    )
    for part in every:
        settler.make(folder, Work.COLORS, part)
    assert SETTLING.missing(folder) == {Work.COLORS: []}


def test_blocks_take_turns() -> None:
    assert not any(map(len, divide_turns(0)))
    turns = divide_turns(5)
    assert len(turns) == TURNS
    assert [list(turn) for turn in turns[:3]] == [[0, 2, 4], [6, 8], [10, 12, 14]]


def test_scenes_are_divided_by_their_work() -> None:
    """Those that are large are not among them."""
    pairs = [(0, 1), (1, 2), (0, 2), (3, 4), (5, 6), *((7, n) for n in range(8, 14))]
    scenes = Scenes.of((Join(n, m, None) for n, m in pairs), 16)
    assert scenes.numbers == [0, 0, 0, 1, 1, 2, 2, *[3] * 7, 4, 5]
    assert scenes.divide(2) == [[[0, 1, 2]], [[3, 4], [5, 6]]]
    assert scenes.blocks == [[7, 8], [9, 10], [11, 12], [13]]


def test_a_way_leads_back() -> None:
    way = Similarity(((0.0, -2.0, 1.0), (2.0, 0.0, 3.0)))
    scenes = Scenes.of([Join(0, 1, way)], 2)
    (there,), (back,) = scenes.links
    assert (there.other, back.other) == (1, 0)
    assert there.way
    assert back.way
    places = torch.rand(5, 2)
    torch.testing.assert_close(back.way.move(there.way.move(places)), places)
