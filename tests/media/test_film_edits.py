"""What the edit list of an MP4 leaves out is told; what a damaged table takes away is damage."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from films import Audio, Spec, make_film

from vidcolor.media.container_heads import TrackTable, track_tables
from vidcolor.media.decode.decoder import decode
from vidcolor.media.open import VideoReader, open_video
from vidcolor.settings import InputSettings

FRAMES = 48  # of 24 per second
SPEC = Spec(codec="libx264", frames=FRAMES, options={"bf": "0"}, audio=(Audio(seconds=2),))


def read_all(path: Path, settings: InputSettings | None = None) -> tuple[int, VideoReader]:
    """How many frames a film gives, and what it says afterwards."""
    with open_video(path, settings or InputSettings()) as film:
        return len(list(decode(film))), film


def edited(path: Path, seconds: float) -> Path:
    """Trims every track by its edit list, as phones do it."""
    data, at, edits = bytearray(path.read_bytes()), 0, 0
    while (at := data.find(b"elst", at + 4)) >= 0:
        data[at + 12 : at + 16] = struct.pack(">I", round(1000 * seconds))
        edits += 1
    assert edits == 2
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["in.mp4", "in.mov"])
@pytest.mark.parametrize("spec", [SPEC, replace(SPEC, options={"bf": "3"})], ids=["flat", "b"])
def test_a_whole_film_leaves_nothing_out(name: str, spec: Spec, tmp_path: Path) -> None:
    make_film(tmp_path / name, spec)
    frames, film = read_all(tmp_path / name)
    assert (frames, film.log.damage, film.log.remarks) == (FRAMES, [], [])


def test_what_an_edit_list_leaves_out_is_told(tmp_path: Path) -> None:
    make_film(tmp_path / "in.mp4", SPEC)
    frames, film = read_all(edited(tmp_path / "in.mp4", 0.5))
    assert 12 <= frames <= 13
    assert film.log.damage == []
    sound, picture = sorted(film.log.remarks)
    assert picture == f"the edit list leaves out {FRAMES - frames} of {FRAMES} frames"
    assert sound.startswith("audio stream 1 (aac): the edit list leaves out 1.5")
    _, film = read_all(tmp_path / "in.mp4", InputSettings(end=Fraction(1, 4)))
    assert film.log.remarks == []  # more is left out by what was asked for


@pytest.mark.parametrize(
    ("count", "step"), [(51, 0xE51BF200), (FRAMES, 0xE51BF200), (1, 1 << 16)], ids=str
)
def test_a_damaged_table_of_times_is_no_edit(count: int, step: int, tmp_path: Path) -> None:
    """The edit list lasts as long as the film did; times beyond its end take frames out."""
    make_film(tmp_path / "in.mp4", SPEC)
    data = bytearray((tmp_path / "in.mp4").read_bytes())
    at = data.index(b"stts") + 12  # of the picture, whose track comes first
    data[at : at + 8] = struct.pack(">II", count, step)
    (tmp_path / "in.mp4").write_bytes(data)
    frames, film = read_all(tmp_path / "in.mp4")
    assert frames < FRAMES
    assert film.log.damage_counts["truncated"] == 1
    assert not any("edit list" in text for text in film.log.remarks)


def test_the_table_of_a_track(tmp_path: Path) -> None:
    make_film(tmp_path / "in.mp4", SPEC)
    whole = Fraction(2)
    assert track_tables(tmp_path / "in.mp4")[1] == TrackTable(FRAMES, FRAMES, whole, whole, True)
    assert track_tables(tmp_path / "in.mp4").get(9) is None
    data = (tmp_path / "in.mp4").read_bytes()
    for end in range(0, len(data), 97):
        (tmp_path / "cut.mp4").write_bytes(data[:end])
        track_tables(tmp_path / "cut.mp4")
