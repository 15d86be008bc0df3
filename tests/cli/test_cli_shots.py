"""``vidcolor shots FILM``, through the command line."""

from __future__ import annotations

import csv
import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from shared import one_line
from synthetic import texture

from vidcolor.cli.main import main
from vidcolor.cli.shots import decimal, timecode
from vidcolor.media.decode.decoder import decode
from vidcolor.media.open import open_video
from vidcolor.shots.detector import detect_shots

Captured = pytest.CaptureFixture[str]
LENGTHS = (12, 9, 20)
RATE = Fraction(30000, 1001)


@pytest.fixture(scope="module")
def item(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three still views, with a white flash in the last one."""
    path = tmp_path_factory.mktemp("reel") / "reel.mkv"
    views = [texture(seed, 96, 128) for seed, n in enumerate(LENGTHS, 3) for _ in range(n)]
    views[30] = views[30] * 0 + 1
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "gray"
        for view in views:
            codes = (view * 219 + 16).numpy().astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(codes, "gray")))
        container.mux(stream.encode(None))
    return path


def rows(capsys: Captured) -> list[dict[str, str]]:
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines()[0] == "shot,start,start_seconds,frame,frames"
    return list(csv.DictReader(out.splitlines()))


def test_shots_are_printed_as_csv(item: Path, capsys: Captured) -> None:
    assert main(["shots", str(item), "-q"]) == 0
    found = rows(capsys)
    assert [row["shot"] for row in found] == ["1", "2", "3"]
    assert [row["frame"] for row in found] == ["0", "12", "21"]
    assert [row["frames"] for row in found] == ["12", "9", "20"]
    # Matroska counts in milliseconds: 12 and 21 frames of 1001/30000 s.
    assert [row["start"] for row in found] == ["0:00:00.000", "0:00:00.400", "0:00:00.701"]
    assert [row["start_seconds"] for row in found] == ["0.000000", "0.400000", "0.701000"]


def test_the_csv_is_what_detect_shots_says(item: Path, capsys: Captured) -> None:
    main(["shots", str(item), "-q"])
    with open_video(item) as film:
        shots = list(detect_shots(decode(film)))
    found = rows(capsys)
    assert [Fraction(row["start_seconds"]) for row in found] == [shot.start for shot in shots]
    assert [int(row["frames"]) for row in found] == [shot.frames for shot in shots]


@pytest.mark.parametrize(
    ("words", "lengths"),
    [
        (["--start", "0.4"], ["9", "20"]),
        (["--end", "0.6"], ["12", "6"]),
        (["--start", "0.2", "--end", "0.5"], ["9"]),
    ],
)
def test_a_part_of_a_film(
    words: list[str], lengths: list[str], item: Path, capsys: Captured
) -> None:
    assert main(["shots", str(item), "-q", *words]) == 0
    found = rows(capsys)
    assert [row["frames"] for row in found] == lengths
    assert found[0]["start"] == "0:00:00.000"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "FILM"),
        (["no.mkv"], "no.mkv"),
        (["no.mkv", "--start", "soon"], "soon"),
        (["no.mkv", "--start", "9", "--end", "8"], "end"),
        (["no.mkv", "--sharp"], "--sharp"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], told: str, capsys: Captured) -> None:
    assert main(["shots", *words]) == 2
    assert told in one_line(capsys)


def test_a_broken_film_is_one_line(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "broken.mkv"
    path.write_bytes(b"no film at all" * 100)
    assert main(["shots", str(path), "-q"]) == 2
    assert "broken.mkv" in one_line(capsys)


def test_damage_is_told_and_the_rest_is_printed(
    item: Path, tmp_path: Path, capsys: Captured
) -> None:
    path = tmp_path / "short.mkv"
    whole = item.read_bytes()
    path.write_bytes(whole[: len(whole) * 3 // 5])
    assert main(["shots", str(path), "-q"]) == 3
    out, err = capsys.readouterr()
    assert [line.split(",")[3] for line in out.splitlines()[1:]] == ["0", "12"]
    assert "DAMAGE" in err


def test_a_stream_that_is_not_there(item: Path, capsys: Captured) -> None:
    assert main(["shots", str(item), "-q", "--video-stream", "3"]) == 2
    one_line(capsys)


def test_help(capsys: Captured) -> None:
    assert main(["shots", "--help"]) == 0
    text = capsys.readouterr().out
    for word in ("vidcolor shots", "FILM", "--start", "--end", "--video-stream", "-q", "-v"):
        assert re.search(re.escape(word), text)


@pytest.mark.parametrize(
    ("seconds", "code", "digits"),
    [
        (Fraction(0), "0:00:00.000", "0.000000"),
        (Fraction(1001, 30000), "0:00:00.033", "0.033367"),
        (Fraction(59_9996, 10_000), "0:01:00.000", "59.999600"),
        (Fraction(36_000 + 61) + Fraction(1, 3), "10:01:01.333", "36061.333333"),
        (Fraction(-1, 8), "-0:00:00.125", "-0.125000"),
    ],
)
def test_times_are_exact(seconds: Fraction, code: str, digits: str) -> None:
    assert timecode(seconds) == code
    assert decimal(seconds, 6) == digits
