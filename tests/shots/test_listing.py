"""Lists of shots for other programs, read back by vidcolor and by others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from vidcolor.errors import SettingsError
from vidcolor.shots.edl import as_edl, edl_notes, read_edl
from vidcolor.shots.listing import ListedShot, Listing, as_chapters, as_scenes, exact_rate
from vidcolor.shots.otio import as_otio, read_otio

F = Fraction
FILM, NTSC, TV, HIGH = F(24000, 1001), F(30000, 1001), F(25), F(60000, 1001)
LENGTHS = (100, 1, 300, 2000)
CASES = [
    *((rate, start) for rate in (F(24), TV, FILM, F(50)) for start in ("", "01:00:00:00")),
    *((rate, "23:59:50:00") for rate in (F(24), TV, FILM, NTSC, F(50))),
    *((NTSC, start) for start in ("", "01:00:00:00", "00:00:00;00", "01:00:00;00", "23:59:50;00")),
    *((HIGH, start) for start in ("00:00:00;00", "01:00:00;00", "23:59:50;00")),
]
"""Frames per second, and timecode of the first frame."""


def listing(
    rate: Fraction | None, start: str = "", lengths: Sequence[int] = LENGTHS, name: str = "film.mov"
) -> Listing:
    shots, first = [], 0
    tick = 1 / (rate or TV)
    for frames in lengths:
        shots.append(ListedShot(first * tick, (first + frames) * tick, first, frames))
        first += frames
    return Listing(name, tuple(shots), tick, rate, start)


def spans(found: Listing) -> list[tuple[int, int]]:
    return [(shot.frame, shot.frame + shot.frames) for shot in found.shots]


@pytest.mark.parametrize(("rate", "start"), CASES)
def test_an_edl_comes_back_to_the_frame(rate: Fraction, start: str) -> None:
    found = listing(rate, start)
    text = as_edl(found)
    events, drop = read_edl(text, "film.edl", rate)
    assert drop == (";" in start)
    assert f"FCM: {'DROP' if drop else 'NON-DROP'} FRAME" in text.splitlines()
    begin = events[0].start
    assert [(each.start - begin, each.end - begin) for each in events] == spans(found)
    if start:
        assert text.count(f" {start} ") == 2  # source and record


@pytest.mark.parametrize(("rate", "start"), [case for case in CASES if "23:59" not in case[1]])
def test_the_reader_of_otio_takes_an_edl_likewise(rate: Fraction, start: str) -> None:
    """At midnight it does not: it takes the end of an event for before its start."""
    adapter = pytest.importorskip("otio_cmx3600_adapter.cmx_3600")
    found = listing(rate, start)
    counted = float(rate) if ";" in start else float(round(rate))
    timeline = adapter.read_from_string(as_edl(found), rate=counted)
    (track,) = timeline.video_tracks()
    first = track[0].source_range.start_time.value
    assert [
        (clip.source_range.start_time.value - first, clip.source_range.end_time_exclusive().value)
        for clip in track
    ] == [(begin, first + end) for begin, end in spans(found)]
    assert [clip.range_in_parent().start_time.value for clip in track] == [
        begin for begin, _ in spans(found)
    ]


def test_drop_frame_leaves_out_numbers_and_no_frame() -> None:
    text = as_edl(listing(NTSC, "00:00:00;00", (1800, 30)))
    assert "00:00:00;00 00:01:00;02 00:00:00;00 00:01:00;02" in text


def test_a_day_ends_at_midnight() -> None:
    text = as_edl(listing(TV, "23:59:50:00", (250, 25)))
    assert "23:59:50:00 00:00:00:00 23:59:50:00 00:00:00:00" in text
    assert "00:00:00:00 00:00:01:00 00:00:00:00 00:00:01:00" in text


def test_reels_have_eight_letters_and_the_name_stands_below() -> None:
    text = as_edl(listing(TV, name="Ein Tag - Rolle 3.mov"))
    assert "001  EINTAGRO V     C        " in text
    assert text.count("* FROM CLIP NAME:  Ein Tag - Rolle 3.mov") == len(LENGTHS)
    assert "001  AX       V" in as_edl(listing(TV, name="Фильм.mov"))
    scans = as_edl(listing(TV, name="scan_%07d.dpx"))
    assert "TITLE: scan\n" in scans
    assert "001  SCAN     V" in scans


def test_what_a_cmx_3600_does_not_have_is_said() -> None:
    assert edl_notes(listing(TV)) == []
    (note,) = edl_notes(listing(TV, lengths=[5] * 1000))
    assert "1000 events" in note
    (note,) = edl_notes(listing(F(50)))
    assert "more than 30 frames a second" in note
    events, _ = read_edl(as_edl(listing(TV, lengths=[5] * 1200)), "film.edl", TV)
    assert len(events) == 1200


@pytest.mark.parametrize(("rate", "start"), CASES)
def test_otio_comes_back_to_the_frame(rate: Fraction, start: str) -> None:
    otio = pytest.importorskip("opentimelineio")
    found = listing(rate, start)
    text = as_otio(found, Path("/films/film 1.mov"))
    assert read_otio(text, "film.otio", rate) == spans(found)
    timeline = otio.adapters.read_from_string(text, "otio_json")
    clips = list(timeline.find_clips())
    assert [clip.source_range.duration.value for clip in clips] == list(LENGTHS)
    assert {clip.source_range.duration.rate for clip in clips} == {float(rate)}
    assert clips[0].media_reference.target_url == "file:///films/film%201.mov"
    if start:
        code = otio.opentime.from_timecode(start, float(rate) if ";" in start else round(rate))
        assert timeline.global_start_time.value == code.value
        assert clips[0].source_range.start_time.value == code.value


def test_otio_counts_rates_that_timecode_does_not() -> None:
    pytest.importorskip("opentimelineio")
    found = listing(F(33, 2))
    assert read_otio(as_otio(found, Path("a.mkv")), "a.otio", F(33, 2)) == spans(found)
    with pytest.raises(SettingsError, match=r"film.mov: .*16\.5 frames a second; .* --to csv"):
        as_edl(found)


def test_a_variable_frame_rate_has_no_frame_numbers() -> None:
    pytest.importorskip("opentimelineio")
    for write in (as_edl, lambda found: as_otio(found, Path("a.mkv"))):
        with pytest.raises(SettingsError, match="frame rate is variable"):
            write(listing(None))
    assert as_scenes(listing(None)).count("\n") == 1 + len(LENGTHS)
    with pytest.raises(SettingsError, match="variable; use a list of times"):
        read_edl(as_edl(listing(TV)), "film.edl", None)


EVENT = "{:03d}  AX       V     C        {} {} {} {}\n"


def edl(*times: tuple[str, str], head: str = "TITLE: x\n") -> str:
    return head + "".join(
        EVENT.format(n, *pair, *pair) + "* FROM CLIP NAME: x\n" for n, pair in enumerate(times, 1)
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no events of a picture"),
        ("TITLE: x\n", "no events of a picture"),
        (
            edl(("00:00:00:00", "00:00:02:00"), ("00:00:01:24", "00:00:03:00")),
            "events 001 and 002 overlap",
        ),
        (edl(("00:00:00:00", "00:00:02:29")), ":2: .*last has number 24; .*another rate"),
        (edl(("00:00:00:00", "00:00:02;10")), ":2: .*drop frame"),
        (edl(("00:00:00:00", "00:00:02")), ":2: this event has not four timecodes"),
    ],
)
def test_a_bad_edl_is_one_line(text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=rf"film\.edl.*{told}"):
        read_edl(text, "film.edl", TV)


def test_an_edl_of_another_program_is_read() -> None:
    text = (
        "TITLE: cut 3\r\nFCM: DROP FRAME\r\n\r\n"
        "001  REEL_1 A2    C        00:00:00:00 00:00:09:00 01:00:00:00 01:00:09:00\r\n"
        "001  REEL_1 B     C        00:00:00:00 00:00:59:29 01:00:00:00 01:00:59:29\r\n"
        "002  REEL_1 V     C        00:00:05:00 00:00:05:00 01:00:59:29 01:00:59:29\r\n"
        "002  REEL_2 V     D    024 00:00:00:00 00:00:02:00 01:00:59:29 01:01:02:01\r\n"
        "M2   REEL_2       025.0                00:00:00:00\r\n"
        "* EFFECT NAME: CROSS DISSOLVE\r\n"
    )
    events, drop = read_edl(text, "film.edl", NTSC)
    assert drop
    begin = events[0].start
    found = [(each.number, each.start - begin, each.end - begin) for each in events]
    assert found == [("001", 0, 1799), ("002", 1799, 1861 - 2)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "no OTIO timeline"),
        ("no json", "no OTIO timeline"),
        ("[" * 1_000_000, "no OTIO timeline"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "no OTIO timeline"),
        ('{"OTIO_SCHEMA": "Timeline.1", "name": "x"}', "no OTIO timeline"),
        ('{"OTIO_SCHEMA": "Foo.99"}', "no OTIO timeline"),
        ('{"OTIO_SCHEMA": "Clip.1", "name": "x"}', "no OTIO timeline"),
    ],
)
def test_a_bad_otio_is_one_line(text: str, told: str) -> None:
    pytest.importorskip("opentimelineio")
    with pytest.raises(SettingsError, match=rf"a\.otio: .*{told}"):
        read_otio(text, "a.otio", TV)


def test_otio_of_another_rate_is_refused() -> None:
    pytest.importorskip("opentimelineio")
    text = as_otio(listing(TV), Path("a.mov"))
    with pytest.raises(SettingsError, match=r"25 frames a second, and the film has 23\.976"):
        read_otio(text, "a.otio", FILM)


def test_without_the_package_otio_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "opentimelineio", None)
    with pytest.raises(SettingsError, match=r"pip install 'vidcolor\[edit\]'"):
        as_otio(listing(TV), Path("a.mov"))


def test_chapters_are_exact_to_the_tick() -> None:
    lines = as_chapters(listing(FILM, lengths=(24, 7))).splitlines()
    assert lines[:6] == [
        ";FFMETADATA1",
        "[CHAPTER]",
        "TIMEBASE=1001/24000",
        "START=0",
        "END=24",
        "title=Shot 1",
    ]
    odd = replace(listing(FILM, lengths=(24, 7)), tick=F(1, 90_000))
    assert "TIMEBASE=1/1000000" in as_chapters(odd)
    assert "START=1001000" in as_chapters(odd)


@pytest.mark.parametrize(
    ("nominal", "times", "rate"),
    [
        (TV, [F(n, 25) for n in range(50)], TV),
        (F(2997, 100), [n / NTSC for n in range(50_000)], NTSC),
        (FILM, [F(round(n / FILM * 1000), 1000) for n in range(50_000)], FILM),
        (F(18), [F(n, 18) for n in range(50)], F(18)),
        (F(33, 2), [n / F(33, 2) for n in range(50)], F(33, 2)),
        (TV, [F(n + (n > 20), 25) for n in range(50)], None),
        (F(2997, 100), [F(n, 30) for n in range(50_000)], None),
        (None, [F(n, 25) for n in range(50)], None),
    ],
)
def test_the_rate_is_exact_or_there_is_none(
    nominal: Fraction | None, times: list[Fraction], rate: Fraction | None
) -> None:
    assert exact_rate(nominal, times) == rate
