"""``--shots FILE``: lists of any kind, read against a film."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from vidcolor.errors import SettingsError, VidcolorError
from vidcolor.preview.cut_files import CutList, read_cuts, read_listed
from vidcolor.settings import InputSettings
from vidcolor.shots.edl import as_edl
from vidcolor.shots.listing import ListedShot, Listing, as_chapters, as_scenes
from vidcolor.shots.otio import as_otio

F = Fraction
RATE = F(24000, 1001)
FRAMES, CUTS = 96, (10, 11, 60)


def write_film(path: Path, start: str = "", rate: Fraction = RATE, first: int = 0) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        stream.time_base = stream.codec_context.time_base = 1 / rate
        if start:
            stream.metadata["timecode"] = start
        for pts in range(first, first + FRAMES):
            frame = av.VideoFrame.from_ndarray(np.full((24, 32), 90, np.uint8), "yuv420p")
            frame.pts, frame.time_base = pts, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "film.mov")


def listing(start: str = "", tick: Fraction = 1 / RATE) -> Listing:
    borders = (0, *CUTS, FRAMES)
    shots = [ListedShot(a * tick, b * tick, a, b - a) for a, b in pairwise(borders)]
    return Listing("film.mov", tuple(shots), tick, 1 / tick, start)


def cuts_of(text: str, film: Path, name: str = "list.txt") -> CutList:
    path = film.parent / name
    path.write_text(text)
    return read_cuts(path, film, InputSettings())


WANTED = tuple(cut / RATE for cut in CUTS)


@pytest.mark.parametrize("start", ["", "01:00:00:00", "23:59:59:00"])
def test_what_is_written_comes_back(start: str, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mov", start)
    found = listing(start)
    assert cuts_of(as_edl(found), film, "a.edl") == CutList(WANTED)
    assert cuts_of(as_chapters(found), film) == CutList(WANTED)
    assert cuts_of(as_scenes(found), film, "a.csv") == CutList(WANTED)
    pytest.importorskip("opentimelineio")
    assert cuts_of(as_otio(found, film), film, "a.otio") == CutList(WANTED)


def test_frames_are_counted_from_the_first_one(tmp_path: Path) -> None:
    """Chapters and plain times count from the film's start, which sound may be."""
    film = write_film(tmp_path / "film.mkv", first=0)
    found = cuts_of("24\n48\n", film)
    assert found.times == (24 / RATE, 48 / RATE)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10\n60\n", (10 / RATE, 60 / RATE)),
        ("# mine\n\n60 # late\n10\n0\n", (10 / RATE, 60 / RATE)),
        ("0.5\n0:00:01.25\n", (F(1, 2), F(5, 4))),
        ("00:00:01:00\n00:00:02:12\n", (24 / RATE, 60 / RATE)),
        ("0\n", ()),
        ("shot,start,start_seconds,frame,frames\n1,x,0.0,0,9\n2,x,0.5,9,9\n", (F(1, 2),)),
        (";FFMETADATA1\n[CHAPTER]\nSTART=0\nEND=1500000000\n", (F(3, 2),)),
        (
            ";FFMETADATA1\ntitle=x\n[CHAPTER]\nTIMEBASE=1/10\nSTART=5\nEND=9\ntitle=START=3\n"
            "[CHAPTER]\nTIMEBASE=1/10\nSTART=9\nEND=99\n[STREAM]\nSTART=7\n",
            (F(1, 2), F(9, 10)),
        ),
        ("Scene Number,Start Frame,End Frame\n1,1,10\n2,11,96\n", (10 / RATE,)),
    ],
)
def test_lists_of_times_and_frames(text: str, seconds: tuple[Fraction, ...], film: Path) -> None:
    assert cuts_of(text, film) == CutList(seconds)


def test_timecodes_count_from_that_of_the_film(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mov", "10:00:00:00")
    assert cuts_of("10:00:01:00\n", film).times == (24 / RATE,)
    with pytest.raises(SettingsError, match=r":1: .*is before the video"):
        cuts_of("00:00:01:00\n", film)


EVENT = "{:03d}  AX       V     C        {} {} {} {}\n"


def edl(*times: tuple[str, str]) -> str:
    return "".join(EVENT.format(n, *pair, *pair) for n, pair in enumerate(times, 1))


def test_an_edl_may_begin_at_the_hour_and_leave_gaps(film: Path, tmp_path: Path) -> None:
    text = edl(("01:00:00:00", "01:00:01:00"), ("01:00:02:00", "01:00:04:00"))
    found = cuts_of(text, film, "a.edl")
    assert found.times == (24 / RATE, 48 / RATE)
    (note,) = found.notes
    assert "a.edl: begins at 01:00:00:00, and the film has no timecode" in note
    other = write_film(tmp_path / "film.mov", "01:00:00:00")
    assert cuts_of(text, other, "a.edl") == CutList((24 / RATE, 48 / RATE))
    # A part of the film, and the timecode of another reel.
    part = edl(("01:00:01:00", "01:00:02:00"))
    assert cuts_of(part, other, "a.edl") == CutList((24 / RATE, 48 / RATE))
    (note,) = cuts_of(edl(("05:00:01:00", "05:00:02:00")), other, "a.edl").notes
    assert "begins at 05:00:01:00, and the film's is 01:00:00:00" in note


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.txt", "", "is an empty file"),
        ("a.txt", "# nothing\n", "no shots in this list"),
        ("a.txt", "1.5\nsoon\n", ":2: 'soon' is not a time"),
        ("a.txt", "10\n500\n", "has a shot at 0:00:20.854, but the film ends at 0:00:04.004"),
        ("a.txt", "00:00:01:30\n", ":1: .*last has number 23"),
        ("a.edl", "TITLE: x\n", "no events"),
        ("a.edl", edl(("00:00:00:00", "00:00:02:00"), ("00:00:01:00", "00:00:03:00")), "overlap"),
        ("a.edl", edl(("00:00:00:00", "00:00:02:24")), "another rate"),
        ("a.csv", "Start Frame,End Frame\n1,20\n15,40\n", "shots 1 and 2 overlap"),
        ("a.csv", "Start Frame,End Frame\n1,soon\n", ":2: end frame"),
        (
            "a.txt",
            ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=3\n"
            "[CHAPTER]\nTIMEBASE=1/1\nSTART=2\nEND=4\n",
            "shots 1 and 2 overlap",
        ),
        ("a.txt", ";FFMETADATA1\n[CHAPTER]\nEND=3\n", "chapter 1 has no START"),
        ("a.txt", ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/0\nSTART=3\n", "chapter 1"),
        ("a.json", "{}", "no shots in it"),
        ("a.csv", "shot,start,start_seconds,frame,frames\n", "no shots"),
        ("a.txt", "\x00\x01", "a.txt"),
    ],
)
def test_a_bad_list_is_one_line(name: str, text: str, told: str, film: Path) -> None:
    with pytest.raises(VidcolorError, match=told) as caught:
        cuts_of(text, film, name)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_a_list_that_is_not_there(film: Path) -> None:
    with pytest.raises(VidcolorError, match=r"none\.csv"):
        read_cuts(film.parent / "none.csv", film, InputSettings())


def test_scenes_of_another_rate_are_refused(film: Path) -> None:
    with pytest.raises(SettingsError, match=r"25 frames a second, and the film has 23\.976"):
        cuts_of(as_scenes(listing(tick=F(1, 25))), film, "a.csv")


def test_scenes_of_a_variable_rate_are_taken_by_their_times(film: Path) -> None:
    text = (
        "Start Frame,End Frame,Start Time (seconds),End Time (seconds)\n"
        "1,10,0.000,0.500\n11,12,0.500,3.000\n13,90,3.000,4.000\n"
    )
    found = cuts_of(text, film, "a.csv")
    assert found.times == (F(1, 2), F(3))
    assert "its times are taken" in found.notes[0]


def test_a_report_of_another_film_is_refused(film: Path, tmp_path: Path) -> None:
    from run_specs import SPEC

    path = tmp_path / "report.json"
    path.write_text(json.dumps({"spec": SPEC.to_dict(), "shot_starts": [0.0, 1.0]}))
    with pytest.raises(SettingsError, match="belongs to another film"):
        read_cuts(path, film, InputSettings())


def test_a_report_of_a_part_is_refused(film: Path, tmp_path: Path) -> None:
    from run_specs import SPEC, run_spec

    from vidcolor.core.files import identify

    path = tmp_path / "report.json"
    for spec, told in ((SPEC, ""), (run_spec(end="3"), "a part of the film")):
        whole = replace(spec, source=identify(film))
        path.write_text(json.dumps({"spec": whole.to_dict(), "shot_starts": [0.0, 1.0]}))
        if not told:
            assert read_cuts(path, film, InputSettings()).times == (F(1),)
            continue
        with pytest.raises(SettingsError, match=told):
            read_cuts(path, film, InputSettings())


def test_lists_for_sheets_are_the_same(film: Path) -> None:
    path = film.parent / "cuts.txt"
    path.write_text("10\n60\n")
    found, notes = read_listed(path, film, InputSettings())
    assert [shot.start for shot in found.shots] == [0, 10 / RATE, 60 / RATE]
    assert notes == ()
