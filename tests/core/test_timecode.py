from __future__ import annotations

from fractions import Fraction

import pytest

from vidcolor.core.timecode import (
    frame_of_smpte,
    frames_per_day,
    is_smpte,
    parse_seconds,
    parse_smpte,
    smpte,
)

NTSC, DOUBLE = Fraction(30000, 1001), Fraction(60000, 1001)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("13.2", Fraction(66, 5)),
        ("1:30", 90),
        ("0:01:30.5", Fraction(181, 2)),
        ("00:00:12.500", Fraction(25, 2)),
        (".5", Fraction(1, 2)),
        ("100:00:00", 360_000),
    ],
)
def test_seconds_are_exact(text: str, seconds: Fraction) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", ":", "1:", "1:60", "0:61:00", "1:2:3:4", "-1", "1e5", "nan", "1/2", "1.5:00", "٣", "."],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        parse_seconds(text)


@pytest.mark.parametrize(
    ("text", "rate", "frame"),
    [
        ("00:00:00:00", Fraction(25), 0),
        ("00:00:01:24", Fraction(25), 49),
        ("00:01:00:00", Fraction(24000, 1001), 1440),
        ("00:01:00:00", NTSC, 1800),
        ("00:00:59;29", NTSC, 1799),
        ("00:01:00;02", NTSC, 1800),
        ("00:10:00;00", NTSC, 17982),
        ("01:00:00;00", NTSC, 107892),
        ("00:01:00;04", DOUBLE, 3600),
        ("01:00:00;00", DOUBLE, 215784),
    ],
)
def test_smpte_counts_frames(text: str, rate: Fraction, frame: int) -> None:
    assert is_smpte(text)
    assert parse_smpte(text, rate) == frame / rate


def test_drop_frame_names_every_frame_once() -> None:
    # Ten minutes, each name that there is: they are the frames in order.
    frames = []
    for minute in range(10):
        for second in range(60):
            for frame in range(30):
                if frame < 2 and not second and minute:
                    continue
                text = f"00:{minute:02d}:{second:02d};{frame:02d}"
                frames.append(parse_smpte(text, NTSC) * NTSC)
    assert frames == list(range(17982))


def test_the_start_is_taken_off() -> None:
    assert parse_smpte("10:00:01:05", Fraction(25), "10:00:00:00") == Fraction(30, 25)
    assert parse_smpte("01:01:00;02", NTSC, "01:00:00;00") == 1800 / NTSC


def test_rounded_rates_of_containers_count_as_what_they_stand_for() -> None:
    assert parse_smpte("00:01:00:00", Fraction(2997, 100)) == 1800 / NTSC
    assert parse_smpte("00:01:00:00", Fraction("23.976")) == 1440 / Fraction(24000, 1001)


@pytest.mark.parametrize(
    ("text", "rate", "start", "what"),
    [
        ("00:00:01:25", Fraction(25), "", "the last has number 24"),
        ("00:01:00;00", NTSC, "", "the next is 00:01:00;02"),
        ("00:01:01;00", Fraction(25), "", "only at 29.97 and 59.94"),
        ("00:60:00:00", Fraction(25), "", "go up to 59"),
        ("00:59:59:00", Fraction(25), "01:00:00:00", "before the video"),
        ("01:00:01:00", NTSC, "01:00:00;00", "write ; before the frames"),
        ("01:00:01;00", NTSC, "01:00:00:00", "write : before the frames"),
        ("00:00:01:00", Fraction(25, 2), "", "cannot count 12.5 frames a second"),
        ("00:00:01:00", Fraction(1, 100), "", "cannot count"),
        ("1:30", Fraction(25), "", "is not a timecode"),
    ],
)
def test_timecodes_that_the_video_does_not_have_are_refused(
    text: str, rate: Fraction, start: str, what: str
) -> None:
    with pytest.raises(ValueError, match=what):
        parse_smpte(text, rate, start)


@pytest.mark.parametrize(
    ("rate", "drop", "last"),
    [
        (Fraction(24), False, "23:59:59:23"),
        (Fraction(24000, 1001), False, "23:59:59:23"),
        (Fraction(25), False, "23:59:59:24"),
        (Fraction(30000, 1001), False, "23:59:59:29"),
        (Fraction(30000, 1001), True, "23:59:59;29"),
        (Fraction(50), False, "23:59:59:49"),
        (Fraction(60000, 1001), True, "23:59:59;59"),
        (Fraction(120), False, "23:59:59:119"),
    ],
)
def test_frames_get_the_timecode_that_is_read_as_theirs(
    rate: Fraction, drop: bool, last: str
) -> None:
    day = frames_per_day(rate, drop)
    assert smpte(day - 1, rate, drop) == last
    assert smpte(day, rate, drop) == smpte(0, rate, drop)
    for number in (*range(0, 40_000, 7), *range(1790, 1810), *range(17_970, 18_010), day - 1):
        assert frame_of_smpte(smpte(number, rate, drop), rate) == (number, drop)
