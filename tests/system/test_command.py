"""The command around the film: cuts, strictness, refusals, names, signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from checks import MS, look, texts
from command import TIME_LIMIT, Command, listing
from films import Audio, Spec, Subtitle, make_film
from more_films import SMALL
from row_checks import OLD

NAMES = [
    b"with spaces .mkv",
    "ünï ☃ 映画.mkv".encode(),
    b"-x.mkv",
    b"a:b.mkv",
    b"%03d.mkv",
    b"new\nline.mkv",
    b"caf\xe9.mkv",
    b"n" * 251 + b".mkv",
]

LAUNCHER = """
import signal, sys
from vidcolor.cli.main import main

# A shell's background jobs, and all that they start, are deaf to SIGINT.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main())
"""


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_cuts_take_sound_and_subtitles_along(suffix: str, command: Command, tmp_path: Path) -> None:
    events = ((0.2, 0.5, "before"), (0.9, 0.4, "over the cut"), (1.5, 1.0, "inside"))
    spec = Spec(
        **vars(SMALL)
        | {
            "frames": 72,
            "audio": (Audio("pcm_s16le"),),
            "subtitles": (Subtitle(events=events),),
            "options": {"g": "12", "bf": "2"},
        }
    )
    film = make_film(tmp_path / "in.mkv", spec).path
    target = tmp_path / f"out{suffix}"
    outcome = command(film, target, "--lossless", "--start", "1", "--end", "0:02")
    assert outcome.code == 0, outcome.err
    before, after = look(film), look(target)
    kept = [i for i, t in enumerate(before.seen.pts) if 1 <= t < 2]
    zero = before.seen.pts[kept[0]]
    assert after.seen.luma == [before.seen.luma[i] for i in kept]
    assert len(kept) == 24
    sound = [
        (t - zero, data)
        for t, data in zip(before.seen.times[1], before.seen.packets[1], strict=True)
        if zero <= t < 2
    ]
    assert after.seen.packets[1] == [data for _, data in sound]
    for found, (wanted, _) in zip(after.seen.times[1], sound, strict=True):
        assert abs(found - wanted) <= MS
    assert texts(after, 2, Fraction(0)) == [(0.0, "over the cut"), (0.5, "inside")]


def test_cut_without_pictures_is_refused(
    reel: Callable[[str], Path], command: Command, tmp_path: Path
) -> None:
    outcome = command(reel("base.mp4"), tmp_path / "out.mp4", "--start", "100")
    assert outcome.code == 2
    assert listing(tmp_path) == []


@pytest.mark.parametrize("name", ["rich.mkv", "alpha.mov"])
def test_strict_refuses_what_cannot_be_carried(
    name: str, reel: Callable[[str], Path], command: Command, tmp_path: Path
) -> None:
    target = tmp_path / "out.mp4"
    target.write_bytes(OLD)
    outcome = command(reel(name), target, "--strict", "--force")
    assert outcome.code == 2
    assert "cannot copy" in outcome.err
    assert target.read_bytes() == OLD
    assert listing(tmp_path) == [b"out.mp4"]
    assert command(reel("rich.mkv"), tmp_path / "out.mkv", "--strict").code == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--encoder-option", "crff=18"), "does not know the option crff=18"),
        (("--preset", "warp"), "has no --preset warp"),
        (("--codec", "nonsense"), "no encoder nonsense"),
        (("--video-stream", "1"), "has no video stream 1"),
        (("--max-pixels", "100"), "has more than 100 pixels"),
        (("--lossless", "--crf", "20"), "exclude each other"),
        (("--start", "2", "--end", "1"), "the end must be after the start"),
        (("--weights", "no-such-weights"), "no weights 'no-such-weights'"),
    ],
)
def test_options_that_are_refused(
    options: tuple[str, ...],
    words: str,
    reel: Callable[[str], Path],
    command: Command,
    tmp_path: Path,
) -> None:
    target = tmp_path / "out.mp4"
    target.write_bytes(OLD)
    outcome = command(reel("base.mp4"), target, "--force", *options)
    assert outcome.code == 2
    assert words in outcome.err
    assert target.read_bytes() == OLD
    assert listing(tmp_path) == [b"out.mp4"]


def test_existing_target_needs_force(
    reel: Callable[[str], Path], command: Command, tmp_path: Path
) -> None:
    target = tmp_path / "out.mp4"
    target.write_bytes(OLD)
    assert command(reel("base.mp4"), target).code == 2
    assert target.read_bytes() == OLD
    assert command(reel("base.mp4"), target, "--force").code == 0
    assert len(look(target).seen.pts) == 12


@pytest.mark.parametrize("way", ["itself", "symbolic", "hard"])
@pytest.mark.parametrize("force", [(), ("--force",)])
def test_source_is_never_the_target(
    way: str,
    force: tuple[str, ...],
    reel: Callable[[str], Path],
    command: Command,
    tmp_path: Path,
) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(reel("base.mp4").read_bytes())
    target = film if way == "itself" else tmp_path / "link.mp4"
    if way == "symbolic":
        target.symlink_to(film)
    if way == "hard":
        os.link(film, target)
    before = film.read_bytes(), listing(tmp_path)
    outcome = command(film, target, *force)
    assert outcome.code == 2
    assert "is the source itself" in outcome.err
    assert (film.read_bytes(), listing(tmp_path)) == before


@pytest.mark.parametrize("name", NAMES)
def test_names(name: bytes, reel: Callable[[str], Path], command: Command, tmp_path: Path) -> None:
    film, folder = tmp_path / os.fsdecode(name), tmp_path / "to"
    film.write_bytes(reel("420p8.mkv").read_bytes())
    folder.mkdir()
    assert command(film, folder / film.name, "--lossless").code == 0
    assert listing(folder) == [name]
    assert look(folder / film.name).seen.luma == look(film).seen.luma
    assert command.run("info", str(film)).code == 0


@pytest.mark.parametrize("name", [b"-x.mkv", b"a:b.mkv", b"%03d.mkv", b"info"])
def test_relative_names(
    name: bytes,
    reel: Callable[[str], Path],
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(os.fsdecode(name)).write_bytes(reel("420p8.mkv").read_bytes())
    # As in any command: a word with a dash is an option, a command's name is the command.
    film = f"./{os.fsdecode(name)}"
    assert command(film, "./-out:%d.mkv").code == 0
    assert listing(tmp_path) == sorted([name, b"-out:%d.mkv"])


def test_paths_that_are_too_long(
    reel: Callable[[str], Path], command: Command, tmp_path: Path
) -> None:
    film = reel("420p8.mkv")
    deep = tmp_path.joinpath(*["d" * 200] * 25, "film.mkv")
    assert command(deep, tmp_path / "out.mkv").code == 2
    assert command(film, deep).code == 2
    assert command(film, tmp_path / ("n" * 252 + ".mkv")).code == 2
    assert command("nul\0byte.mkv", tmp_path / "out.mkv").code == 2
    assert listing(tmp_path) == []


@pytest.mark.slow  # quick: the signals of test_resume.py and test_stdin.py
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143)])
def test_interrupted(number: int, code: int, tiny_weights: Path, tmp_path: Path) -> None:
    spec = Spec(**vars(SMALL) | {"frames": 240, "audio": (Audio(),)})
    film, target = make_film(tmp_path / "film.mp4", spec).path, tmp_path / "out.mp4"
    target.write_bytes(OLD)
    before = listing(tmp_path)
    options = ["--size", "64", "--weights", str(tiny_weights), "--force"]
    running = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(film), str(target), *options],
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        deadline = time.monotonic() + TIME_LIMIT
        while not _grows(tmp_path / ".out.mp4.vidcolor") and running.poll() is None:
            assert time.monotonic() < deadline, "nothing was ever written"
            time.sleep(0.05)
        running.send_signal(number)
        _, err = running.communicate(timeout=TIME_LIMIT)
    finally:
        running.kill()
    assert running.returncode == code, err
    # Where the machine is slow, lines before it tell what is being done.
    assert err.splitlines()[-1] == "vidcolor: interrupted; the target is unchanged"
    assert target.read_bytes() == OLD
    assert listing(tmp_path) == before


def _grows(work: Path) -> bool:
    """Whether the first chunk is being written."""
    return (work / "000000.packets.part").exists()
