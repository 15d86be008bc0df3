"""``vidcolor FILM -``, ``vidcolor play`` and ``vidcolor compare``, as a user calls them."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import pytest
from films import Audio, Spec, make_film
from processes import Captured, vidcolor_process
from seen import see
from shared import one_line

from vidcolor.cli import play
from vidcolor.cli.main import main
from vidcolor.core.report import Progress
from vidcolor.settings import ColorizerSettings, Settings, TemporalSettings

SHOWN = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"
"""A player that keeps what it is given."""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "in.mkv"
    make_film(path, Spec(codec="libx264", frames=30, audio=(Audio("aac"),)))
    return path


@pytest.fixture
def net(tiny_weights: Path) -> list[str]:
    """Options of a run that is quick."""
    return ["--weights", str(tiny_weights), "--size", "64", "--no-smooth"]


def player(code: str, *words: object) -> str:
    return shlex.join([sys.executable, "-c", code, *map(str, words)])


def test_a_film_into_a_pipe(film: Path, net: list[str], tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    words = [sys.executable, "-m", "vidcolor", str(film), "-", "--report", str(report), *net]
    done = subprocess.run(words, capture_output=True, timeout=60)
    data, err = done.stdout, done.stderr.decode()
    assert done.returncode == 0, err
    with av.open(io.BytesIO(data)) as container:
        assert container.format.name == "matroska,webm"
        assert len(list(container.decode(video=0))) == 30
    assert "-: 30 frames, 1 shot in" in err
    assert "copied   audio stream 1 (aac)" in err
    assert json.loads(report.read_text())["target"] == "-"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mkv", "report.json"]


def test_a_damaged_film_into_a_pipe_is_3(
    film: Path, net: list[str], capfdbinary: Any, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(film.read_bytes()[:-3000])
    assert main([str(cut), "-", *net]) == 3
    out, err = capfdbinary.readouterr()
    assert out.startswith(b"\x1a\x45\xdf\xa3")
    assert b"DAMAGE" in err


@pytest.mark.slow
def test_a_player_that_is_closed_is_no_error(net: list[str], tmp_path: Path) -> None:
    make_film(tmp_path / "in.mkv", Spec(frames=60, audio=(Audio("flac"),)))
    reading, writing = os.pipe()
    process = vidcolor_process(
        str(tmp_path / "in.mkv"), "-", "-q", *net, stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    assert os.read(reading, 1000)
    os.close(reading)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")


def test_a_terminal_gets_no_film(film: Path) -> None:
    ours, theirs = os.openpty()
    process = vidcolor_process(str(film), "-", stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    _, err = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 2
    assert err == "vidcolor: - writes the film to a pipe; name a file, or add | mpv -\n"


def test_a_player_is_given_the_film(film: Path, net: list[str], tmp_path: Path) -> None:
    shown = tmp_path / "shown.mkv"
    words = ["play", str(film), "--player", player(SHOWN, shown), *net]
    assert main([*words, "--start", "0.5", "-q"]) == 0
    found = see(shown)
    assert len(found.pts) == 18
    assert [stream["type"] for stream in found.streams] == ["video", "audio"]
    with av.open(str(shown)) as container:
        picture = next(container.decode(video=0))
    assert picture.to_ndarray(format="rgb24").reshape(-1, 3).std(axis=1).mean() > 5  # in color


@pytest.mark.parametrize(
    ("code", "exit_code", "words"),
    [
        ("import sys; sys.stdin.buffer.read(10)", 0, ""),
        ("", 0, ""),
        ("import sys; sys.exit(3)", 2, "failed with exit code 3; use another --player"),
        ("import os; os.kill(os.getpid(), 9)", 2, "failed with exit code -9"),
    ],
)
def test_a_player_that_ends_early(
    code: str, exit_code: int, words: str, net: list[str], tmp_path: Path, capsys: Captured
) -> None:
    make_film(tmp_path / "in.mkv", Spec(frames=60, audio=(Audio("flac"),)))
    assert main(["play", str(tmp_path / "in.mkv"), "--player", player(code), "-q", *net]) == (
        exit_code
    )
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == bool(words)


def test_a_damaged_film_is_played_and_told(
    film: Path, net: list[str], tmp_path: Path, capsys: Captured
) -> None:
    film.write_bytes(film.read_bytes()[:-3000])
    shown = tmp_path / "shown.mkv"
    assert main(["play", str(film), "--player", player(SHOWN, shown), *net]) == 3
    assert "DAMAGE" in capsys.readouterr().err
    assert shown.stat().st_size > 5000


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["in.mkv", "--player", "/no/such/player"], "cannot start the player /no/such/player"),
        (["none.mkv", "--player", "true"], "none.mkv"),
        (["in.mkv", "--player", "true", "--weights", "nosuch"], "nosuch"),
        (["in.mkv", "--size", "100"], "multiple of 16"),
        (["in.mkv", "--player", "true 'x"], "--player"),
        (["in.mkv", "--player", "true", "--shots", "no.csv"], "no.csv: no such file"),
    ],
)
def test_what_cannot_be_played_is_told_in_one_line(
    words: list[str], told: str, film: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(film.parent)
    assert main(["play", *words]) == 2
    assert told in one_line(capsys)


def test_players_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = {"DISPLAY": ":0"}
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(play.SettingsError, match="none of mpv, ffplay, vlc is installed"):
        play.player_command(None, screen)
    for name in ("vlc", "ffplay"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    assert play.player_command(None, screen)[:1] == [str(tmp_path / "ffplay")]
    assert "-autoexit" in play.player_command(None, {"WAYLAND_DISPLAY": "x"})
    assert play.player_command("mpv", {}) == ["mpv", *play.PLAYERS["mpv"].split()]
    assert play.player_command("mpv --fs -", {}) == ["mpv", "--fs", "-"]
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(play.SettingsError, match=r"no display .* use vidcolor FILM - to write"):
        play.player_command(None, {})
    monkeypatch.setattr(sys, "platform", "darwin")
    assert play.player_command(None, {})[:1] == [str(tmp_path / "ffplay")]


class Clock:
    """Time as the test tells it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(play, "perf_counter", lambda: self.now)


def test_slow_coloring_is_told_once(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    clock = Clock(monkeypatch)
    pace = play.Pace(play.Feed(io.BytesIO()), Settings())
    for number in range(40):
        pace(Progress(number + 1, 100, number / 25))
        clock.now += 0.5  # 2 frames a second of 25
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "2.0 of 25.0 frames/s" in err
    assert "--weights mini, --stride 4, --size 128, --no-smooth" in err


def test_what_is_fast_already_is_not_advised(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    clock = Clock(monkeypatch)
    net = ColorizerSettings(weights="mini", stride=4, size=128)
    pace = play.Pace(play.Feed(io.BytesIO()), Settings(colorizer=net, smooth=TemporalSettings(0)))
    for number in range(40):
        pace(Progress(number + 1, 100, number / 25))
        clock.now += 0.5
    assert "a faster machine would help" in capsys.readouterr().err


def test_a_player_that_is_paused_is_not_slow_coloring(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    clock = Clock(monkeypatch)

    class Paused(io.BytesIO):
        def write(self, data: Any) -> int:
            clock.now += 60
            return len(data)

    feed = play.Feed(Paused())
    pace = play.Pace(feed, Settings())
    for number in range(400):
        pace(Progress(number + 1, 400, number / 25))
        clock.now += 0.03
        if number == 200:
            feed.write(b"x")
    assert capsys.readouterr().err == ""


def test_compare_two_films_and_one(
    film: Path, net: list[str], tmp_path: Path, capsys: Captured
) -> None:
    other = tmp_path / "other.mkv"
    make_film(other, Spec(frames=30, width=48, height=32))
    out, way = tmp_path / "out.mp4", tmp_path / "way.mp4"
    assert main(["compare", str(film), str(other), str(out), "--preset", "ultrafast"]) == 0
    assert see(out).size == (192, 64)
    err = capsys.readouterr().err
    assert "out.mp4: 30 frames in" in err
    assert "copied   audio stream 1 (aac)" in err
    words = ["--look", "wipe", "--period", "0.5", "--end", "0.5", "--height", "32", "-q", *net]
    assert main(["compare", str(film), str(way), *words]) == 0
    assert (see(way).size, len(see(way).pts)) == ((48, 32), 12)
    assert capsys.readouterr().err == ""
    assert main(["compare", str(film), str(way)]) == 2
    assert "use --force" in one_line(capsys)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "FILM"),
        (["a.mkv"], "OUT"),
        (["a", "b", "c", "out.mp4"], "compare takes one or two films, not 3"),
        (["in.mkv", "out.mp4", "--look", "above"], "side, split, wipe"),
        (["in.mkv", "out.mp4", "--period", "0"], "--period"),
        (["in.mkv", "out.mp4", "--height", "9000"], "--height"),
        (["in.mkv", "none.mkv", "out.mp4"], "none.mkv"),
        (["in.mkv", "in.mkv", "out.png"], "out.png"),
        (["in.mkv", "in.mkv", "in.mkv", "--force"], "the source itself"),
        (["in.mkv", "in.mkv", "o.mp4", "--shots", "in.mkv"], "--shots is for a film that is col"),
        (["in.mkv", "o.mp4", "--shots", "no.csv"], "no.csv: no such file"),
    ],
)
def test_what_cannot_be_compared_is_told_in_one_line(
    words: list[str], told: str, film: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(film.parent)
    before = film.read_bytes()
    assert main(["compare", *words]) == 2
    assert told in one_line(capsys)
    assert film.read_bytes() == before
    assert [path.name for path in film.parent.iterdir()] == ["in.mkv"]
