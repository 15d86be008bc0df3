"""``--lossless``: the luma of the file is the source's, frame by frame."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from checks import check_picture, check_rest, look
from command import Command, listing
from row_checks import OLD

FILMS = {
    "420p8.mkv": "8 bits",
    "420p10.mkv": "10 bits",
    "gray8.mkv": "gray",
    "422p8.mkv": "4:2:2",
    "444p8.mkv": "4:4:4",
    "full.mkv": "full range",
    "odd.mkv": "odd size",
    "vfr.mkv": "variable rate",
    "base.mp4": "B-frames and sound",
}
CODECS = {".mkv": "ffv1", ".mp4": "ffv1", ".mov": "libx264"}


@pytest.mark.parametrize("suffix", CODECS)
@pytest.mark.parametrize("name", FILMS, ids=FILMS.values())
def test_luma_is_the_sources(
    name: str, suffix: str, reel: Callable[[str], Path], command: Command, tmp_path: Path
) -> None:
    film, target = reel(name), tmp_path / f"out{suffix}"
    outcome = command(film, target, "--lossless")
    assert outcome.code == 0, outcome.err
    assert outcome.report["lossless"]
    assert outcome.report["luma"] == "exact"
    assert outcome.report["codec"] == CODECS[suffix]
    before, after = look(film), look(target)
    assert after.seen.luma == before.seen.luma
    check_rest(before, after, [], check_picture(before, after, lossless=True))


def test_webm_is_refused(reel: Callable[[str], Path], command: Command, tmp_path: Path) -> None:
    target = tmp_path / "out.webm"
    target.write_bytes(OLD)
    outcome = command(reel("420p8.mkv"), target, "--lossless", "--force")
    assert outcome.code == 2
    assert re.search("WebM has no lossless codec; use a .mkv or .mp4 name", outcome.err)
    assert target.read_bytes() == OLD
    assert listing(tmp_path) == [b"out.webm"]


def test_sixteen_bits_do_not_fit_in_mov(
    reel: Callable[[str], Path], command: Command, tmp_path: Path
) -> None:
    outcome = command(reel("gray16.mkv"), tmp_path / "out.mov", "--lossless")
    assert outcome.code == 2
    assert "MOV cannot hold 16 bits per sample without loss" in outcome.err
    assert listing(tmp_path) == []
