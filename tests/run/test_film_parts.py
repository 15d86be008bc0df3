"""A film that is planned in parts has the plan that one makes who reads all of it, to the bit."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import damaged_films
import films
import pytest
import reels
from PIL import Image
from reel import BRIEF, MIXED, Shot, draw_shots, write_reel

from vidcolor.cluster.messages import ChunkKnown
from vidcolor.cluster.planner import Planned, Planner
from vidcolor.core.json_lines import checked_line
from vidcolor.errors import FilmError, PartsDiffer
from vidcolor.media.open import open_video
from vidcolor.run import film_parts
from vidcolor.run.film_parts import (
    FilmPart,
    SeenPart,
    divide_film,
    load_part,
    make_film_part,
    missing_film_parts,
)
from vidcolor.run.join_parts import join_parts
from vidcolor.run.work_dir import WorkDir
from vidcolor.settings import ChunkSettings, InputSettings, Settings, ShotSettings, TitleSettings

SETTINGS = Settings(chunks=ChunkSettings(2.0, 3.0), open=InputSettings(decoder_threads=1))
X264 = {"preset": "ultrafast", "g": "30", "bf": "2", "x264-params": "scenecut=0"}


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of two and a half seconds."""
    monkeypatch.setattr(film_parts, "LEAST", Fraction(2))
    monkeypatch.setattr(film_parts, "PART", Fraction(5, 2))
    monkeypatch.setattr(film_parts, "LEAD", Fraction(1, 2))
    monkeypatch.setattr(film_parts, "BEYOND", Fraction(2))


def plan_alone(film: Path, settings: Settings = SETTINGS) -> Planned:
    """The plan that one makes."""
    with open_video(film, settings.open) as opened:
        return Planner(settings, id, id).read(opened, opened.info.layout)


class Parted:
    """A plan that is made in parts, and how."""

    def __init__(self, film: Path, folder: Path, settings: Settings = SETTINGS) -> None:
        self.film, self.settings = film, settings
        folder.mkdir(exist_ok=True)
        self.folder = WorkDir(folder)
        self.told: list[ChunkKnown] = []
        self.reread = 0
        with open_video(film, settings.open) as opened:
            self.parts, self.note = divide_film(opened, settings, self.folder)

    def read(self, numbers: list[int] | None = None) -> Parted:
        """Have parts read, in any order."""
        order = list(range(len(self.parts))) if numbers is None else numbers
        random.Random(1).shuffle(order)
        for number in order:
            with open_video(self.film, self.settings.open) as opened:
                given = opened, opened.info.layout, self.settings, self.folder
                make_film_part(*given, self.parts[number])
        return self

    def join(self) -> Planned:
        """The plan that is made of them."""
        self.reread = 0

        def count(_: object) -> None:
            self.reread += 1

        with open_video(self.film, self.settings.open) as opened:
            planner = Planner(self.settings, count, self.told.append)
            planned = planner.join(opened, opened.info.layout, self.folder, self.parts)
        assert planned
        self.reread -= sum(chunk.frames for chunk in planned.chunks)  # all of them were counted
        return planned

    def seen(self) -> list[SeenPart]:
        """What was seen of the parts."""
        with open_video(self.film, self.settings.open) as opened:
            found = [load_part(self.folder, part, opened) for part in self.parts]
        return [part for part in found if part]


def same(one: Planned, other: Planned) -> None:
    """See that two plans are equal: chunks, shots, what the pass met, the digest of the file."""
    assert one.chunks == other.chunks
    assert one.shots == other.shots
    assert one.end == other.end
    assert one.content == other.content


Write = Callable[[Path], Path]


def write(suffix: str, *given: Any, **more: Any) -> Write:
    return lambda folder: write_reel(folder / f"film{suffix}", *given, **more)


def shots_of(seed: int) -> list[Shot]:
    """Shots of any kinds and lengths, many of them short."""
    chance = random.Random(seed)
    kinds = sorted({kind for kind, _ in MIXED})
    return [(chance.choice(kinds), round(chance.lognormvariate(3.2, 0.9)) + 3) for _ in range(12)]


def jittery(count: int) -> list[int]:
    """Milliseconds of frames that are 10 to 90 apart."""
    chance, now, found = random.Random(3), 0, []
    for _ in range(count):
        found.append(now)
        now += chance.randrange(10, 90)
    return found


FRAMES = sum(frames for _, frames in MIXED)
ILME = X264 | {"flags": "+ilme+ildct"}
QUICK: dict[str, Write] = {
    "every frame a key": write(".mkv", BRIEF),
    "H.264 in MP4 with sound": write(".mp4", BRIEF, codec="libx264", options=X264, sound=True),
    "a transport stream": write(".ts", BRIEF, codec="libx264", options=X264, sound=True),
    "a variable frame rate": write(".mkv", BRIEF, times=jittery(FRAMES)),
    "its scan changes": write(".mkv", BRIEF, interlaced="tff", fields=110),
}
SLOW: dict[str, Write] = {
    "open groups of pictures": write(
        ".mkv", codec="libx264", options=X264 | {"x264-params": "open-gop=1:scenecut=0"}
    ),
    "MPEG-2": write(".ts", codec="mpeg2video", options={"g": "15", "bf": "2"}),
    "AVI without times": write(".avi", codec="mpeg4", options={"g": "20"}, sound=True),
    "keys far apart": write(".mp4", codec="libx264", options=X264 | {"g": "250"}),
    "H.264 of a variable rate": write(
        ".mp4", codec="libx264", options=X264, times=jittery(FRAMES), sound=True
    ),
    "interlaced": write(".mkv", codec="libx264", options=ILME, interlaced="bff"),
    "tinted": write(".mkv", color=30),
    "it begins late": write(".mkv", times=[1000 + 40 * n for n in range(FRAMES)]),
    "it pauses": write(".mkv", times=[40 * n + (2500 if n > 260 else 0) for n in range(FRAMES)]),
    "one shot": write(".mkv", [("moves", 400)]),
    "black": write(".mkv", [("black", 300)]),
    "it begins black": write(".mkv", [("black", 90), *MIXED[:4]]),
    **{f"any shots, {seed}": write(".mkv", shots_of(seed)) for seed in range(12)},
}
FILMS = QUICK | SLOW
slow = (pytest.param(kind, marks=pytest.mark.slow) for kind in SLOW)


@pytest.mark.parametrize("kind", [*QUICK, *slow])
def test_the_plan_is_that_of_one_who_reads_all(kind: str, tmp_path: Path) -> None:
    film = FILMS[kind](tmp_path)
    parted = Parted(film, tmp_path / "work").read()
    assert len(parted.parts) >= 3
    assert [part.why for part in parted.seen()] == [""] * len(parted.parts)
    alone, joined = plan_alone(film), parted.join()
    same(joined, alone)
    assert [word.chunk for word in parted.told] == list(alone.chunks)
    assert {word.zero for word in parted.told} == {alone.end.zero}
    assert bool(alone.end.remarks) == (kind == "its scan changes")


@pytest.mark.slow
@pytest.mark.parametrize("name", [*reels.FILMS, *sorted({*damaged_films.DAMAGED} - {"large.mkv"})])
def test_every_kind_of_film(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In parts of three frames: the same plan, or the same error, or all of it is read by one."""
    monkeypatch.setattr(film_parts, "LEAST", Fraction(0))
    monkeypatch.setattr(film_parts, "PART", Fraction(1, 8))
    monkeypatch.setattr(film_parts, "LEAD", Fraction(0))
    monkeypatch.setattr(film_parts, "LEAD_FRAMES", 3)
    shots, chunks = ShotSettings(min_frames=2), ChunkSettings(0.1, 0.3)
    settings = replace(SETTINGS, shots=shots, chunks=chunks)
    is_damaged = name in damaged_films.DAMAGED
    build = damaged_films.build if is_damaged else reels.build
    film = build(name, tmp_path / "film" if is_damaged else tmp_path)
    failure: FilmError | None = None
    try:
        alone = plan_alone(film, settings)
    except FilmError as error:
        failure = error
    if failure:
        with suppress(FilmError):  # as it is refused when it is opened
            refused = Parted(film, tmp_path / "work", settings).read()
            if refused.parts:  # one who reads all of it then refuses it where that one did
                with pytest.raises((type(failure), PartsDiffer)):
                    refused.join()
        return
    parted = Parted(film, tmp_path / "work", settings).read()
    if parted.parts:
        try:
            same(parted.join(), alone)
        except PartsDiffer:
            assert alone.end.damage, "only a damaged film has to be read as a whole"


MORE_BORDERS = [(6, False), (20, False), (2, True), (6, True), (20, True)]


@pytest.mark.parametrize(
    ("min_frames", "listed"),
    [(2, False), *(pytest.param(*case, marks=pytest.mark.slow) for case in MORE_BORDERS)],
)
def test_wherever_a_part_begins(
    min_frames: int, listed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Borders at a cut, a frame before and behind one, in a fade, in a flash."""
    film = write_reel(tmp_path / "film.mkv", BRIEF[2:8])
    cuts = tuple(Fraction(n, 25) for n in (0, 31, 32, 47, 62, 90, 130)) if listed else None
    shots = ShotSettings(min_frames=min_frames, cuts=cuts)
    settings = replace(SETTINGS, shots=shots, titles=TitleSettings("keep"))
    alone = plan_alone(film, settings)
    parted = Parted(film, tmp_path / "work", settings)
    ends = [Fraction(n, 25) for n in (30, 31, 32, 39, 47, 48, 70, 75, 90, 92, 117)]
    borders = zip([Fraction(0), *ends], [*ends, None], strict=True)
    parted.parts = tuple(FilmPart(f"{n}", *ends) for n, ends in enumerate(borders))
    same(parted.read().join(), alone)


def test_parts_that_do_not_meet_are_read_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shot that is longer than what is read behind a part, and parts that miss a cut."""
    film = write_reel(tmp_path / "film.mkv", [("moves", 20), ("moves", 105), *BRIEF[:3]])
    alone = plan_alone(film)
    parted = Parted(film, tmp_path / "near").read()
    same(parted.join(), alone)
    assert 0 < parted.reread < 150
    monkeypatch.setattr(film_parts, "LEAD_FRAMES", 0)
    monkeypatch.setattr(film_parts, "LEAD", Fraction(0))
    monkeypatch.setattr(film_parts, "BEYOND", Fraction(40))
    far = Parted(film, tmp_path / "far")
    ends = [Fraction(19, 25), Fraction(20, 25), Fraction(125, 25)]  # parts that begin at a cut
    borders = zip([Fraction(0), *ends], [*ends, None], strict=True)
    far.parts = tuple(FilmPart(f"{n}", *ends) for n, ends in enumerate(borders))
    same(far.read().join(), alone)


def test_a_part_that_is_missing_or_damaged_is_read_by_who_joins_them(tmp_path: Path) -> None:
    film = write_reel(tmp_path / "film.mkv", BRIEF)
    parted = Parted(film, tmp_path / "work")
    count = len(parted.parts)
    parted.read([0, 1, count - 1])
    path = parted.folder.folder / parted.parts[1].name
    path.write_bytes(path.read_bytes()[:-9])
    assert missing_film_parts(parted.folder, parted.parts) == list(range(2, count - 1))
    same(parted.join(), plan_alone(film))


@pytest.mark.parametrize(
    "kind", ["flipped", pytest.param("cut", marks=pytest.mark.slow), "two clocks"]
)
def test_a_film_that_is_damaged_is_read_as_a_whole(kind: str, tmp_path: Path) -> None:
    film = write_reel(tmp_path / "whole.ts", BRIEF[:6], "libx264", options=X264, sound=True)
    if kind == "flipped":
        film = films.flip_bytes(film, tmp_path / "film.ts", count=60)
    elif kind == "cut":
        film = films.cut_file(film, tmp_path / "film.ts", 0.7)
    else:
        film = films.joined(tmp_path / "film.ts", film, film)
    parted = Parted(film, tmp_path / "work")
    if not parted.parts:
        assert parted.note.endswith("it cannot be read from its middle")
        return
    try:
        joined = parted.read().join()
    except PartsDiffer:
        assert not parted.told, "no chunk is told of before all is known"
    else:
        same(joined, plan_alone(film))


def test_frames_that_are_others_from_the_middle_on_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where reading begins in the middle, a decoder may give other pictures, or other times."""
    film = write_reel(tmp_path / "film.mkv", BRIEF[:6])
    parted = Parted(film, tmp_path / "work").read()
    seen = parted.seen()
    for frames in (slice(0, 1), slice(9, 10)):
        part = SeenPart(list(seen[1].frames), seen[1].ended)
        part.frames[frames] = [replace(one, print="00000000") for one in part.frames[frames]]
        with pytest.raises(PartsDiffer, match="others where reading begins"):
            join_parts([seen[0], part, *seen[2:]], lambda *_: SeenPart())
    del seen[1].frames[5]
    with pytest.raises(PartsDiffer, match="others where reading begins"):
        join_parts(seen, lambda *_: SeenPart())


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("short", ""),
        ("long", "it is longer than four hours"),
        ("raw", "it cannot be read from its middle"),
        ("cut", "only a part of it is colored"),
        ("sequence", "it is an image sequence"),
    ],
)
def test_what_one_reads(
    kind: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, film = SETTINGS, tmp_path / "film.mkv"
    if kind == "raw":
        film = write_reel(tmp_path / "film.h264", BRIEF[:4], "libx264", options=X264)
    elif kind == "sequence":
        film = tmp_path / "frame_%03d.png"
        settings = replace(SETTINGS, open=InputSettings(fps=Fraction(25)))
        for number, codes in enumerate(draw_shots([("stands", 70)])):
            Image.fromarray(codes).save(tmp_path / f"frame_{number:03d}.png")
    else:
        write_reel(film, BRIEF[:4])
    if kind == "short":
        monkeypatch.setattr(film_parts, "LEAST", Fraction(60))
    elif kind == "long":
        monkeypatch.setattr(film_parts, "MOST", Fraction(2))
    elif kind == "cut":
        settings = replace(SETTINGS, open=InputSettings(end=Fraction(3)))
    if kind == "raw":
        monkeypatch.setattr(film_parts, "LEAST", Fraction(0))  # it does not tell how long it is
    parted = Parted(film, tmp_path / "work", settings)
    assert not parted.parts
    assert parted.note == (f"one worker looked for its shots: {why}" if why else "")


def test_a_part_file_of_another_run_is_not_taken(tmp_path: Path) -> None:
    """Of another way to look for cuts; and one whose text says that it is of another film."""
    film = write_reel(tmp_path / "film.mkv", BRIEF[:6])
    parted = Parted(film, tmp_path / "work").read()
    other = replace(SETTINGS, shots=ShotSettings(threshold=0.5))
    again = Parted(film, tmp_path / "work", other)
    assert not {part.name for part in parted.parts} & {part.name for part in again.parts}
    path = parted.folder.folder / parted.parts[0].name
    text = path.read_text()
    path.write_text(checked_line({"spec": {"it": "is another one"}}) + text.splitlines()[1] + "\n")
    assert len(parted.seen()) == len(parted.parts) - 1
