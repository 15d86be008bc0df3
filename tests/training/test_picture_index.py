"""Pictures are looked at once, by several processes, and large ones are reduced."""

from __future__ import annotations

import os
import shutil
import signal
import struct
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
from synthetic import photo
from torch import Tensor
from torchvision.transforms.v2.functional import resize

from vidcolor.color.lab import rgb_to_lab
from vidcolor.core.json_lines import checked_line, entries
from vidcolor.errors import FilmUnreadable, TrainingError
from vidcolor.media.images.files import read_rgb, write_rgb
from vidcolor.training.data import picture_index
from vidcolor.training.data.file_index import facts_of
from vidcolor.training.data.picture_index import SHORT_SIDE, index_stills, look_at
from vidcolor.training.data.stills import look_of

GOOD = {"unreadable": 0, "large": 0, "tiny": 0, "flat": 0, "dull": 0}


def test_pictures_that_teach_nothing_are_left_out_and_counted(album: Path, tmp_path: Path) -> None:
    stills, skipped = index_stills([album], tmp_path / "cache")
    assert skipped == GOOD | {"unreadable": 1, "tiny": 1, "flat": 1, "dull": 1}
    assert len(stills) == len(list(album.rglob("*.jpg"))) - 1
    assert {still.source for still in stills} == {"towns", "woods"}
    assert all(Path(still.path).stem.isdigit() for still in stills)


def test_a_picture_of_too_many_pixels_is_not_decoded(tmp_path: Path) -> None:
    write_rgb(photo(1), tmp_path / "good.png")
    data = bytearray((tmp_path / "good.png").read_bytes())
    data[16:24] = struct.pack(">2I", 9000, 9000)
    (tmp_path / "huge.png").write_bytes(data)
    stills, skipped = index_stills([tmp_path], tmp_path / "cache")
    assert [Path(still.path).name for still in stills] == ["good.png"]
    assert skipped == GOOD | {"large": 1}


def test_pictures_are_looked_at_once_for_all_runs(album: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = index_stills([album], cache)
    seen: list[tuple[int, int]] = []
    tell = lambda *numbers: seen.append(numbers)  # noqa: E731
    assert index_stills([album], cache, tell) == first
    assert seen == [(0, 1), (1, 1)]  # the one that cannot be read may be readable by now
    other, _ = index_stills([album / "woods"], cache, tell)
    # Pictures that lie in no folder of their own bear the name of the one that was given.
    assert {still.source for still in other} == {"woods"}
    assert [still.path for still in other] == [s.path for s in first[0] if s.source == "woods"]


def test_new_pictures_alone_are_looked_at(album: Path, tmp_path: Path) -> None:
    folder, cache = tmp_path / "album", tmp_path / "cache"
    shutil.copytree(album, folder)
    first, _ = index_stills([folder], cache)
    for seed in (50, 51):
        write_rgb(photo(seed), folder / "woods" / f"{seed}.png")
    seen: list[tuple[int, int]] = []
    second, _ = index_stills([folder], cache, lambda *numbers: seen.append(numbers))
    assert seen == [(0, 3), (3, 3)]
    assert [still for still in second if Path(still.path).suffix == ".jpg"] == first
    assert len(second) == len(first) + 2


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: b"\xff\x00" + data,
        lambda data: data.replace(b"\n", b"\r", 3),
        lambda data: data.replace(b'"look": ', b'"look": 1', 1),
        lambda data: checked_line({"path": 3}).encode() + data[40:],
    ],
)
def test_a_damaged_index_is_mended(change: object, album: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = index_stills([album / "towns"], cache)
    (lines,) = cache.iterdir()
    damaged = change(lines.read_bytes())  # type: ignore[operator]
    assert damaged != lines.read_bytes()
    lines.write_bytes(damaged)
    assert index_stills([album / "towns"], cache) == first
    seen: list[int] = []
    assert index_stills([album / "towns"], cache, lambda done, _all: seen.append(done)) == first
    assert not seen


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_lies_in_place_of_the_index_is_left_alone(
    kind: str, album: Path, tmp_path: Path
) -> None:
    cache, victim = tmp_path / "cache", tmp_path / "victim"
    index_stills([album], cache)
    (lines,) = cache.iterdir()
    lines.unlink()
    victim.write_text("mine")
    lines.symlink_to(victim) if kind == "link" else os.mkfifo(lines)
    with pytest.raises(TrainingError, match=r"cannot be used .* --cache"):
        index_stills([album], cache)
    assert victim.read_text() == "mine"


def test_a_cache_that_is_none_is_told(album: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(TrainingError, match=r"cannot be used .* --cache"):
        index_stills([album], tmp_path / "cache")


def test_a_picture_that_changed_is_looked_at_again(tmp_path: Path) -> None:
    folder, cache = tmp_path / "own", tmp_path / "cache"
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
    stills, skipped = index_stills(
        [folder, folder / "a"], tmp_path / "cache", without=folder / "run"
    )
    found = [(str(Path(still.path).relative_to(folder)), still.source) for still in stills]
    assert found == [("a/1.png", "a"), ("a/deep/2.png", "a"), ("linked/5.png", "linked")]
    assert skipped == GOOD | {"unreadable": 2}


def test_folders_without_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="not a folder"):
        index_stills([tmp_path / "none"], tmp_path / "cache")
    with pytest.raises(TrainingError, match="no usable"):
        index_stills([tmp_path], tmp_path / "cache")
    assert not list(tmp_path.iterdir())


def test_large_pictures_are_read_from_reduced_copies(tmp_path: Path) -> None:
    folder, cache = tmp_path / "own", tmp_path / "own" / "cache"
    folder.mkdir()
    picture = photo(1, 960, 1280)
    write_rgb(picture, folder / "large.png")
    write_rgb(photo(2, SHORT_SIDE, 500), folder / "small.png")
    (large, small), skipped = index_stills([folder], cache, without=tmp_path / "run")
    assert skipped == GOOD  # copies are no pictures of the folder they lie in
    assert small.path == str(folder / "small.png")
    assert large.pixels == 960 * 1280
    copy = read_rgb(large.path)
    assert copy.shape == (3, SHORT_SIDE, 512)
    exact = resize(picture, [SHORT_SIDE], antialias=True)
    ab, true = (rgb_to_lab(rgb[None] / 255)[:, 1:] for rgb in (copy, exact))
    assert (ab - true).square().mean().sqrt() < 1.5
    data = Path(large.path).read_bytes()
    again, _ = index_stills([folder], cache, without=tmp_path / "run")
    assert again == [large, small]
    Path(large.path).unlink()
    assert index_stills([folder], cache, without=tmp_path / "run")[0] == again
    assert Path(large.path).read_bytes() == data


def look_or_die(place: tuple[str, str], cache: Path, short_side: int) -> picture_index.Sight:
    if place[0].endswith("deadly.jpg"):
        os.kill(os.getpid(), signal.SIGKILL)
    return look_at(place, cache, short_side)


def test_a_picture_that_kills_its_reader_is_counted_and_not_remembered(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, cache = tmp_path / "album", tmp_path / "cache"
    shutil.copytree(album, folder)
    first, skipped = index_stills([folder], tmp_path / "other")
    shutil.copy(folder / "towns" / "0.jpg", folder / "towns" / "deadly.jpg")
    with monkeypatch.context() as patch:
        patch.setattr(picture_index, "look_at", look_or_die)
        found = index_stills([folder], cache)
    assert found == (first, skipped | {"unreadable": skipped["unreadable"] + 1})
    assert len(index_stills([folder], cache)[0]) == len(first) + 1


def test_what_an_interrupted_search_saw_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_index, "PROGRESS_STEP", 2)
    folder, cache = tmp_path / "own", tmp_path / "cache"
    folder.mkdir()
    for seed in range(9):
        write_rgb(photo(seed), folder / f"{seed}.png")

    def stop(seen: int, _all: int) -> None:
        if seen == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index_stills([folder], cache, stop)
    told: list[tuple[int, int]] = []
    stills, _ = index_stills([folder], cache, lambda *numbers: told.append(numbers))
    assert told == [(0, 5), (2, 5), (4, 5), (5, 5)]
    alone = [look_at((str(path), facts_of(path)), cache) for path in sorted(folder.iterdir())]
    assert [(s.look, s.pixels) for s in stills] == [(a.look, a.pixels) for a in alone]


def own_pictures(folder: Path, count: int) -> Path:
    folder.mkdir()
    for seed in range(count):
        write_rgb(photo(seed), folder / f"{seed}.png")
    return folder


def cannot_read(_path: str) -> object:
    raise FilmUnreadable("too many open files")


def test_what_could_not_be_read_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, cache = own_pictures(tmp_path / "own", 3), tmp_path / "cache"
    with monkeypatch.context() as patch:
        patch.setattr(picture_index, "read_rgb", cannot_read)
        with pytest.raises(TrainingError, match="'unreadable': 3"):
            index_stills([folder], cache)
    assert index_stills([folder], cache)[1] == GOOD


@pytest.mark.parametrize(
    "strange",
    [
        {"fault": "unreadable"},
        {"fault": "haunted"},
        {"look": -1},
        {"second": 1 << 64},
        {"pixels": float("inf")},
        {"look": float("nan")},
        {"look": None},
    ],
)
def test_a_line_of_another_version_is_passed_over(
    strange: dict[str, object], tmp_path: Path
) -> None:
    folder, cache = own_pictures(tmp_path / "own", 2), tmp_path / "cache"
    first = index_stills([folder], cache)
    (lines,) = cache.iterdir()
    (entry, other) = entries(lines)
    lines.write_text(checked_line(entry | strange) + checked_line(other))
    assert index_stills([folder], cache) == first


def test_the_index_does_not_grow_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidcolor.core.json_lines.MOST", 100)  # that of a journal
    folder, cache = own_pictures(tmp_path / "own", 2), tmp_path / "cache"
    for turn in range(8):
        for path in folder.iterdir():
            os.utime(path, (turn, turn))
        stills, _ = index_stills([folder], cache)
    (lines,) = cache.iterdir()
    assert lines.read_text().count("facts") <= 6
    told: list[int] = []
    assert index_stills([folder], cache, lambda done, _all: told.append(done))[0] == stills
    assert not told


def test_a_run_beside_this_one_may_make_the_same_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rgb(photo(1, 500, 600), tmp_path / "large.png")

    def be_late(rgb: Tensor, path: Path) -> None:
        write_rgb(rgb, path)
        raise FileNotFoundError(2, "gone", str(path))

    monkeypatch.setattr(picture_index, "write_rgb", be_late)
    (still,), _ = index_stills([tmp_path], tmp_path / "cache")
    assert read_rgb(still.path).shape[1] == SHORT_SIDE

    monkeypatch.setattr(picture_index, "write_rgb", lambda _rgb, path: be_full(path))
    with pytest.raises(TrainingError, match=r"cannot be used \(no space\).*--cache"):
        index_stills([tmp_path], tmp_path / "other")


def be_full(path: Path) -> None:
    raise OSError(28, "no space", str(path))


def no_process(*_: object) -> Iterator[None]:
    raise OSError(11, "Resource temporarily unavailable")
    yield


def dead_processes(*_: object) -> Iterator[None]:
    raise BrokenProcessPool("all died")
    yield


@pytest.mark.parametrize("failing", [no_process, dead_processes])
def test_processes_that_cannot_run_are_not_the_fault_of_the_cache(
    failing: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_index, "map_processes", failing)
    folder = own_pictures(tmp_path / "own", 1)
    with pytest.raises(TrainingError, match="processes that read pictures cannot run") as caught:
        index_stills([folder], tmp_path / "cache")
    assert "--cache" not in str(caught.value)


def test_copies_are_as_large_as_the_crops_need(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    write_rgb(photo(1, 700, 900), folder / "large.png")
    (usual,), _ = index_stills([folder], tmp_path / "cache")
    (larger,), _ = index_stills([folder], tmp_path / "cache", short_side=600)
    assert [read_rgb(still.path).shape[1] for still in (usual, larger)] == [SHORT_SIDE, 600]
    assert usual.original == larger.original == str(folder / "large.png")
    assert index_stills([folder], tmp_path / "cache")[0] == [usual]
