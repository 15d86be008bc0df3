"""Training frames from films and folders of frames."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
import torch
from films import Spec, cut_file, make_film
from synthetic import photo
from torch import Tensor

from vidcolor.errors import TrainingError
from vidcolor.media.display import turn_upright
from vidcolor.media.images.files import read_rgb, write_rgb
from vidcolor.training.data.clips import extract_clips, pick_spaced
from vidcolor.training.data.stills import Still, look_of, split_stills

GOOD = {"unreadable": 0, "large": 0, "tiny": 0, "flat": 0, "dull": 0}
BITS, CELL = 9, 16
TURN = (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
"""The display matrix of a telephone held upright: a quarter turn clockwise."""


def numbered(number: int) -> Tensor:
    """``(3, 112, 144)`` uint8: a photograph with its number written below as black and white."""
    rgb = photo(7, 112, BITS * CELL)
    for bit in range(BITS):
        rgb[:, -CELL:, bit * CELL : (bit + 1) * CELL] = 255 * (number >> bit & 1)
    return rgb


def number_in(still: Still) -> int:
    row = read_rgb(still.path)[:, -CELL // 2].float().mean(0)
    return sum(1 << bit for bit in range(BITS) if row[bit * CELL + CELL // 2] > 127)


def movie(path: Path, frames: Sequence[Tensor], rate: int = 25) -> Path:
    """A film of these pictures: H.264, or lossless where ``path`` ends in .mkv."""
    lossless = path.suffix.lower() == ".mkv"
    options = {} if lossless else {"preset": "ultrafast", "x264-params": "log-level=none"}
    container = "matroska" if lossless else None
    with av.open(str(path), "w", format=container) as film:
        stream = film.add_stream("ffv1" if lossless else "libx264", rate=rate, options=options)
        stream.height, stream.width = frames[0].shape[1:]
        stream.pix_fmt = "bgr0" if lossless else "yuv420p"
        stream.codec_context.thread_count = 1
        for index, rgb in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(rgb.permute(1, 2, 0).numpy().copy())
            picture.pts, picture.time_base = index, Fraction(1, rate)
            film.mux(stream.encode(picture.reformat(format=stream.pix_fmt)))
        film.mux(stream.encode(None))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "clips in"
    path.mkdir()
    return path


@pytest.mark.parametrize("count", [1, 5, 12, 13, 100])
def test_frames_are_spread_evenly_over_a_film(count: int, folder: Path, tmp_path: Path) -> None:
    frames = [numbered(i) for i in range(count)]
    movie(folder / "a.mkv", frames)
    stills, skipped = extract_clips([folder], tmp_path / "run" / "clips")
    numbers = [number_in(still) for still in stills]
    assert numbers == pick_spaced(count)
    assert len(numbers) == len(set(numbers)) == min(12, count)
    gaps = {later - earlier for earlier, later in pairwise(numbers)}
    assert max(gaps, default=1) - min(gaps, default=1) <= 1
    assert numbers[0] <= count / 12
    assert count - 1 - numbers[-1] <= count / 12
    assert skipped == GOOD
    assert {still.source for still in stills} == {"clips"}
    for still, number in zip(stills, numbers, strict=True):
        assert still.look == look_of(frames[number])
        assert torch.equal(read_rgb(still.path), frames[number])
        assert Path(still.path).parent == tmp_path / "run" / "clips"


def test_of_a_film_of_unknown_length_few_frames_are_held(folder: Path, tmp_path: Path) -> None:
    movie(folder / "a.mp4", [numbered(i) for i in range(400)])
    stills, _ = extract_clips([folder], tmp_path / "out")
    numbers = [number_in(still) for still in stills]
    assert len(numbers) == 12
    for number, ideal in zip(numbers, pick_spaced(400), strict=True):
        assert abs(number - ideal) <= 4


def test_a_long_film_gives_frames_of_its_first_two_minutes(folder: Path, tmp_path: Path) -> None:
    movie(folder / "a.mp4", [numbered(i) for i in range(200)], rate=1)
    stills, _ = extract_clips([folder], tmp_path / "out")
    assert [number_in(still) for still in stills] == list(range(5, 120, 10))


def test_films_and_folders_of_frames_are_found(folder: Path, tmp_path: Path) -> None:
    (folder / "frames" / "shot").mkdir(parents=True)
    for number in range(24):
        write_rgb(numbered(number), folder / "frames" / "shot" / f"{number:03d}.png")
    (folder / "frames" / "shot" / "050.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (folder / "frames" / "notes.txt").write_text("no clip")
    (folder / "films").mkdir()
    movie(folder / "films" / "B.MKV", [numbered(i) for i in range(100, 103)])
    write_rgb(photo(3), folder / "films" / "poster.jpg")
    seen: list[tuple[int, int]] = []
    stills, skipped = extract_clips(
        [folder], tmp_path / "out", lambda done, found: seen.append((done, found))
    )
    assert seen == [(0, 2), (1, 2)]
    numbers = [number_in(still) for still in stills]
    shot = [number for number in pick_spaced(25) if number < 24]
    assert sorted(numbers) == [*shot, 100, 101, 102]
    assert skipped == GOOD | {"unreadable": 25 - 1 in pick_spaced(25)}


def test_bad_films_are_counted_and_stop_nothing(folder: Path, tmp_path: Path) -> None:
    good = movie(folder / "good.mp4", [numbered(i) for i in range(3)])
    cut_file(good, folder / "cut.mp4", 0.3)
    (folder / "source.ts").write_text("const notAFilm = true;")
    (folder / "empty.webm").touch()
    os.mkfifo(folder / "pipe.avi")
    gray = [numbered(i)[:1].expand(3, -1, -1) for i in range(4)]
    movie(folder / "gray.mkv", gray)
    movie(folder / "small.mkv", [photo(i, 80, 120) for i in range(5)])
    stills, skipped = extract_clips([folder], tmp_path / "out")
    assert [number_in(still) for still in stills] == [0, 1, 2]
    assert skipped == GOOD | {"unreadable": 4, "dull": 4, "tiny": 5}


def test_where_nothing_is_usable_the_run_ends(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no usable color frame in 0 clips"):
        extract_clips([folder], tmp_path / "out")
    movie(folder / "gray.mkv", [photo(1)[:1].expand(3, -1, -1)])
    with pytest.raises(TrainingError, match=r"in 1 clips .*'dull': 1"):
        extract_clips([folder], tmp_path / "out")
    with pytest.raises(TrainingError, match="not a folder"):
        extract_clips([folder / "none"], tmp_path / "out")


def test_the_frames_of_a_clip_stay_together(folder: Path, tmp_path: Path) -> None:
    pictures = [photo(seed) for seed in range(400)]
    held = [rgb for rgb in pictures if Still("", "", look_of(rgb)).validation]
    free = [rgb for rgb in pictures if not Still("", "", look_of(rgb)).validation]
    black = torch.zeros_like(held[0])
    assert len(held) > 1
    # Fades from black all begin alike, and tell nothing about a clip.
    movie(folder / "a.mkv", [black, black, held[0], *free[:6]])
    movie(folder / "b.mkv", [black, free[7], held[1], *free[8:12]])
    stills, skipped = extract_clips([folder], tmp_path / "out")
    assert skipped == GOOD | {"flat": 3}
    chosen, kept = split_stills(stills)
    assert [still.look for still in kept] == [look_of(rgb) for rgb in [held[0], *free[:6]]]
    after = [free[7], held[1], *free[8:12]]
    assert [still.look for still in chosen] == [look_of(rgb) for rgb in after]


def test_frames_are_taken_once(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    seen: list[int] = []

    def take() -> tuple[list[Still], dict[str, int]]:
        seen.clear()
        return extract_clips([folder], target, lambda done, _all: seen.append(done))

    movie(folder / "a.mkv", [numbered(i) for i in range(9)])
    movie(folder / "b.mkv", [numbered(i) for i in range(20, 24)])
    first = take()
    assert seen == [0, 1]
    assert take() == first
    assert not seen
    # A frame that is gone, a damaged index: both are made anew.
    Path(first[0][3].path).unlink()
    assert take() == first
    assert seen
    (target / "clips.json").write_text('{"key": ')
    assert take() == first
    assert seen
    # Another film of that name: its frames replace the old ones, and none is left over.
    movie(folder / "a.mkv", [numbered(i) for i in range(50, 53)])
    (folder / "b.mkv").unlink()
    stills, _ = take()
    assert [number_in(still) for still in stills] == [50, 51, 52]
    assert {path.name for path in target.iterdir()} == {
        "clips.json",
        *(Path(still.path).name for still in stills),
    }
    # A run folder may be moved.
    target.rename(tmp_path / "moved")
    moved, _ = extract_clips([folder], tmp_path / "moved", lambda done, _all: seen.clear())
    assert seen
    assert [number_in(still) for still in moved] == [50, 51, 52]


def test_an_index_does_not_outlive_its_frames(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    movie(folder / "a.mkv", [numbered(i) for i in range(3)])
    (tmp_path / "other").mkdir()
    movie(tmp_path / "other" / "a.mkv", [numbered(i) for i in range(30, 33)])
    target = tmp_path / "out"
    extract_clips([folder], target)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("vidcolor.training.data.clips.remember", stop)
        with pytest.raises(KeyboardInterrupt):
            extract_clips([tmp_path / "other"], target)
    stills, _ = extract_clips([folder], target)
    assert [number_in(still) for still in stills] == [0, 1, 2]


def test_frames_taken_are_not_a_clip_themselves(folder: Path) -> None:
    movie(folder / "a.mkv", [numbered(i) for i in range(3)])
    first = extract_clips([folder], folder / "run" / "clips")
    (folder / "run" / "clips" / "clips.json").unlink()
    assert extract_clips([folder], folder / "run" / "clips") == first


def test_large_frames_are_reduced_and_upright(folder: Path, tmp_path: Path) -> None:
    rgb = photo(5, 500, 800)
    movie(folder / "a.mkv", [rgb])
    make_film(folder / "b.mp4", Spec(width=192, height=128, frames=2, color="full", matrix=TURN))
    stills, _ = extract_clips([folder], tmp_path / "out")
    wide, *tall = [read_rgb(still.path) for still in stills]
    assert wide.shape == (3, 384, 614)
    small = torch.nn.functional.interpolate(rgb[None].float(), (384, 614), mode="area")[0]
    assert (wide.float() - small).abs().mean() < 3
    assert [frame.shape for frame in tall] == [(3, 192, 128)] * 2


def test_quarter_turns_and_mirrors() -> None:
    rgb = photo(1, 4, 6)
    one = 1 << 16
    matrices = {0: (one, 0, 0, one), 3: (0, one, -one, 0), 2: (-one, 0, 0, -one)}
    for quarters, (a, b, c, d) in matrices.items():  # rot90 turns the other way
        matrix = (a, b, 0, c, d, 0, 0, 0, 1 << 30)
        assert torch.equal(turn_upright(rgb, matrix), torch.rot90(rgb, quarters, (1, 2)))
    counter = (0, -one, 0, one, 0, 0, 0, 0, 1 << 30)
    assert torch.equal(turn_upright(rgb, counter), torch.rot90(rgb, 1, (1, 2)))
    assert torch.equal(turn_upright(rgb, (-one, 0, 0, 0, one, 0, 0, 0, 1 << 30)), rgb.flip(2))
    assert turn_upright(rgb, None) is rgb


def test_the_index_holds_names_not_paths(folder: Path, tmp_path: Path) -> None:
    movie(folder / "a.mkv", [numbered(0)])
    extract_clips([folder], tmp_path / "out")
    stored = json.loads((tmp_path / "out" / "clips.json").read_text())
    assert [row[0] for row in stored["stills"]] == ["00000-00.png"]
