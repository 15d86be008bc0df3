"""``vidcolor preview``, through the command line, with a tiny net."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from shared import one_line
from sheet_reading import (
    FRAMES,
    HEIGHT,
    WIDTH,
    Captured,
    Preview,
    cells,
    chroma,
    film,
    number_in,
    preview,
    view,
)

from vidcolor.cli.main import main
from vidcolor.media.images.files import read_rgb, write_rgb
from vidcolor.preview.contact_sheet import GAP, MARGIN, Sheet

__all__ = ["film", "preview"]  # fixtures


def test_a_sheet(preview: Preview, capsys: Captured) -> None:
    assert preview("--sheet", "4x2", "--no-smooth") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert re.match(r"out\.png: 8 frames, \d+x\d+ in 0:00:", err)
    found = cells(4, 8, (WIDTH, HEIGHT))
    assert [number_in(cell) for cell in found] == [5, 15, 25, 35, 45, 55, 65, 75]
    for cell in found:
        middle = cell[:, 30:70]
        assert chroma(middle[:, :, :63]) < 1  # before
        assert chroma(middle[:, :, 66:]) > 8  # after
        assert (middle[:, :, 64] > 200).all()


def test_the_default_is_four_by_four(preview: Preview) -> None:
    assert preview("-q", "--look", "after", "--no-smooth") == 0
    found = cells(4, 16, (WIDTH, HEIGHT))
    assert [number_in(cell) for cell in found] == [
        int(FRAMES * (2 * n + 1) / 32) for n in range(16)
    ]


def test_labels_are_times_of_the_film(
    preview: Preview, quick_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put: list[tuple[int, str]] = []
    heading: list[Any] = []
    original, begun = Sheet.put, Sheet.__init__

    def watch(self: Sheet, index: int, picture: torch.Tensor, label: str) -> None:
        put.append((index, label))
        original(self, index, picture, label)

    def begin(self: Sheet, *args: Any) -> None:
        heading.append(args[3])
        begun(self, *args)

    monkeypatch.setattr(Sheet, "put", watch)
    monkeypatch.setattr(Sheet, "__init__", begin)
    assert preview("-q", "--sheet", "2x2", "--no-smooth") == 0
    assert put == [(0, "00:00.500"), (1, "00:01.500"), (2, "00:02.500"), (3, "00:03.500")]
    (name, facts), *_ = heading
    assert name == "a film.mp4"
    dot = "\N{MIDDLE DOT}"
    assert facts == f"128x96  {dot}  0:00:04.000  {dot}  weights {quick_weights.name}"


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        ("0", 0), ("1", 20), ("1.04", 20), ("1.05", 21), ("0:00:03.99", 79), ("00:02", 40),
        ("0%", 0), ("50%", 40), ("99.9%", 79), ("100%", 79),
    ],
)  # fmt: skip
def test_the_frame_at_a_moment(asked: str, number: int, preview: Preview) -> None:
    assert preview("--at", asked, "--look", "after", "--no-smooth", "-q") == 0
    (cell,) = cells(1, 1, (WIDTH, HEIGHT))
    assert number_in(cell) == number


def test_some_moments_in_the_order_asked_for(preview: Preview) -> None:
    assert preview("--at", "3", "--at", "25%", "--at", "0:02", "-q", "--no-smooth") == 0
    found = cells(1, 3, (2 * WIDTH + GAP, HEIGHT))
    for cell, number in zip(found, (60, 20, 40), strict=True):
        before, after = cell[:, :, :WIDTH], cell[:, :, -WIDTH:]
        assert number_in(before) == number_in(after) == number
        assert chroma(before[:, 30:70]) < 1
        assert chroma(after[:, 30:70]) > 8


def test_a_moment_past_the_end(preview: Preview, capsys: Captured, tmp_path: Path) -> None:
    assert preview("--at", "4.0") == 2
    assert "a film.mp4: the video ends at 0:00:04.000; there is no frame" in one_line(capsys)
    assert not list(tmp_path.iterdir())


def test_a_sweep(preview: Preview, quick_weights: Path, capsys: Captured) -> None:
    ways = ("--vary", "saturation=0,1,2", "--vary", f"weights={quick_weights},{quick_weights}")
    assert preview(*ways, "--at", "1", "--at", "3", "--no-smooth") == 0
    assert "6 frames" in capsys.readouterr().err
    found = cells(3, 6, (WIDTH, HEIGHT), ["saturation 0, weights quick.safetensors"])
    assert [number_in(cell) for cell in found] == [20] * 3 + [60] * 3
    strengths = [chroma(cell[:, 30:70]) for cell in found]
    assert strengths[0] < 1
    assert strengths[1] > 8
    assert strengths[2] > strengths[1]


def test_a_sweep_over_the_film_by_itself(preview: Preview) -> None:
    assert preview("--vary", "smooth=0,1", "-q") == 0
    found = cells(2, 8, (WIDTH, HEIGHT), ["smooth 0"])
    assert [number_in(cell) for cell in found] == [10, 10, 30, 30, 50, 50, 70, 70]


def test_the_values_stand_above_their_columns(
    preview: Preview, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles: list[Any] = []
    begun = Sheet.__init__

    def begin(self: Sheet, *args: Any) -> None:
        titles.append(args[4])
        begun(self, *args)

    monkeypatch.setattr(Sheet, "__init__", begin)
    words = ("--vary", "saturation=1.30,.5", "--vary", "vivid=0,1", "--at", "0", "--no-smooth")
    assert preview(*words, "-q") == 0
    assert titles[0] == [
        "saturation 1.3, vivid 0",
        "saturation 1.3, vivid 1",
        "saturation 0.5, vivid 0",
        "saturation 0.5, vivid 1",
    ]


def test_a_picture(preview: Preview, tmp_path: Path, capsys: Captured) -> None:
    samples = np.repeat(view(77)[:, :, None], 3, axis=2)
    source = tmp_path / "photo.png"
    write_rgb(torch.from_numpy(samples).permute(2, 0, 1), source)
    assert preview(source=source) == 0
    assert "out.png: 1 frame" in capsys.readouterr().err
    (cell,) = cells(1, 1, (2 * WIDTH + GAP, HEIGHT))
    assert number_in(cell[:, :, :WIDTH]) == 77
    assert chroma(cell[:, 30:70, -WIDTH:]) > 8
    assert preview("--vary", "saturation=0,1", "--force", "-q", source=source) == 0
    gray, strong = cells(2, 2, (WIDTH, HEIGHT), ["saturation 0"])
    assert chroma(gray[:, 30:90]) < 1 < chroma(strong[:, 30:90])
    assert preview("--at", "1", "--force", source=source) == 2
    assert "photo.png: is a picture" in one_line(capsys)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--sheet", "4"], "4x4"),
        (["--sheet", "0x4"], "4x4"),
        (["--sheet", "4x4000"], "4x4"),
        (["--sheet", "400x400"], "fewer"),
        (["--at", "101%"], "100%"),
        (["--at", "-1%"], "--at"),
        (["--at", "soon"], "soon"),
        (["--at", "1", "--sheet", "2x2"], "--at and --sheet"),
        (["--at", "1", "--per-shot"], "--at and --per-shot"),
        (["--vary", "saturation"], "KEY=VALUE"),
        (["--vary", "saturation="], "saturation"),
        (["--vary", "saturation=1,much"], "saturation"),
        (["--vary", "saturation=9"], "--saturation"),
        (["--vary", "stride=7"], "--stride"),
        (["--vary", "hue=1"], "hue"),
        (["--vary", "size=100"], "multiple of 16"),
        (["--vary", "size=64", "--vary", "size=128"], "each key once"),
        (["--vary", "size=64", "--sheet", "2x2"], "--sheet"),
        (["--vary", "weights=none-such"], "none-such"),
        (["--look", "upside"], "upside"),
        (["--shots", "none.csv"], "none.csv"),
        (["--saturation", "-1"], "--saturation"),
        (["--video-stream", "4"], "video stream 4"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str], told: str, preview: Preview, capsys: Captured, tmp_path: Path
) -> None:
    assert preview(*words) == 2
    assert told in one_line(capsys)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["out.mp4", "out", "no/out.png"])
def test_names_that_cannot_be_written(name: str, film: Path, capsys: Captured) -> None:
    assert main(["preview", str(film), name]) == 2
    assert Path(name).name in one_line(capsys)


def test_a_target_that_exists_is_kept(preview: Preview, capsys: Captured) -> None:
    Path("out.png").write_bytes(b"old")
    assert preview("--at", "0") == 2
    assert "--force" in one_line(capsys)
    assert Path("out.png").read_bytes() == b"old"
    assert preview("--at", "0", "--force", "-q") == 0
    assert capsys.readouterr().err == ""
    assert len(read_rgb("out.png")) == 3


def test_a_jpeg(film: Path, tmp_path: Path, quick_weights: Path) -> None:
    target = tmp_path / "-odd nämé.jpg"
    words = ["--weights", str(quick_weights), "--size", "64", "--at", "1", "-q", "--no-smooth"]
    assert main(["preview", str(film), str(target), *words]) == 0
    assert target.read_bytes()[:3] == b"\xff\xd8\xff"
    assert read_rgb(target).shape[2] == 2 * MARGIN + 2 * WIDTH + GAP


def test_a_film_that_ends_early_is_shown_as_far_as_it_goes(
    preview: Preview, film: Path, tmp_path: Path, capsys: Captured
) -> None:
    with av.open(str(film)) as source, av.open("whole.mkv", "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0], opaque=True)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    whole = Path("whole.mkv").read_bytes()
    Path("cut.mkv").write_bytes(whole[: len(whole) * 6 // 10])
    preview("--at", "0", "--look", "after", "--no-smooth", source=Path("cut.mkv"))
    assert "truncated" not in capsys.readouterr().err
    (cell,) = cells(1, 1, (WIDTH, HEIGHT))
    assert number_in(cell) == 0
    assert preview("--at", "3.9", "--force", source=Path("cut.mkv")) == 2
    assert "cut.mkv: the video ends at 0:00:0" in one_line(capsys)


def test_damage_in_what_is_shown(
    preview: Preview, film: Path, tmp_path: Path, capsys: Captured
) -> None:
    data = bytearray(film.read_bytes())
    begin = data.find(b"mdat") + len(data) * 4 // 10
    for place in range(begin, begin + len(data) // 4, 7):
        data[place] ^= 0x55
    Path("harmed.mp4").write_bytes(data)
    assert preview("--at", "50%", "--no-smooth", source=Path("harmed.mp4")) == 3
    assert "DAMAGE" in capsys.readouterr().err
    assert read_rgb("out.png").shape[0] == 3
    assert preview("--at", "0", "--no-smooth", "--force", source=Path("harmed.mp4")) == 0


def test_moments_are_exact() -> None:
    from vidcolor.cli.preview import At, at

    assert at("00:10:05.5") == At(Fraction(1211, 2), False)
    assert at("33.3%") == At(Fraction(333, 1000), True)
