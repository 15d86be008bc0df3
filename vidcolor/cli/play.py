"""``vidcolor play FILM``: color a film while a player shows it."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import IO, TYPE_CHECKING

from vidcolor.cli.checks import check_colors, check_source, check_weights
from vidcolor.cli.color import add_color, add_cut, settings_of
from vidcolor.cli.shot_lists import add_shots, with_cuts
from vidcolor.cli.text import Parser, add_verbose, damage_lines, say
from vidcolor.core.collector import quick_imports
from vidcolor.errors import OutputError, SettingsError
from vidcolor.settings import ChunkSettings, Settings

if TYPE_CHECKING:
    from vidcolor.core.report import Progress
    from vidcolor.core.video_info import VideoInfo

PLAYERS = {
    "mpv": "--msg-level=all=error,statusline=no --input-terminal=no --cache=yes -",
    "ffplay": "-hide_banner -loglevel error -nostats -autoexit -i -",
    "vlc": "--quiet --play-and-exit -",
}
"""In the order they are looked for, with what makes them show their standard input."""

WEIGHTS, SIZE = "mini", 192
"""What keeps up with a film on two cores."""
LOOK_AHEAD = 8
"""Frames after it that a frame's color rests on; fewer than in a file: the first comes sooner."""
PRESET, CRF = "ultrafast", 18.0
"""What is encoded is shown and thrown away."""

PATIENCE = 5.0
"""Seconds of work after which coloring is called slow, where it is."""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = Parser(
        prog="vidcolor play",
        description="Color a film while a player shows it. Nothing is kept.",
    )
    p.add_argument("film", metavar="FILM", help="film to watch")
    p.add_argument(
        "--player",
        metavar="CMD",
        help="player to use: mpv, ffplay, vlc (default: the first one found), or a command that"
        " reads Matroska from its standard input",
    )
    add_color(p)
    add_cut(p)
    add_shots(p)
    p.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    add_verbose(p)
    p.set_defaults(weights=WEIGHTS, size=SIZE, chunk=ChunkSettings().seconds)
    p.set_defaults(codec=None, crf=CRF, preset=PRESET, encoder_option=[], lossless=False, bits=0)
    p.set_defaults(force=False, fresh=False, strict=False, label=True)
    return p


def run(args: argparse.Namespace) -> int:
    """Play; 0 when the film or the player has ended, 3 when the film was damaged.

    Raises:
        SettingsError: There is no player, or nothing to show a window on.
        OutputError: The player does not start, or fails.
    """
    settings = settings_of(args)
    command = player_command(args.player, os.environ)
    check_weights(settings.colorizer.weights)
    check_source(args.film)
    check_colors(args.colors)
    settings = with_cuts(args.shots, args.film, settings, args.quiet)
    from vidcolor.media.open import open_video

    with open_video(args.film, settings.open) as film:
        info = film.info
    player = start(command)
    try:
        code = feed(player, args, settle_for_play(settings, info))
    except BaseException:
        player.kill()
        raise
    finally:
        player.wait()
    return code


def feed(player: subprocess.Popen[bytes], args: argparse.Namespace, settings: Settings) -> int:
    """Color the film into the player, until one of them ends; the exit code.

    Raises:
        OutputError: The player fails.
    """
    with quick_imports():
        from vidcolor.run.pipe import colorize_to

    assert player.stdin is not None
    pipe = Feed(player.stdin)
    pace = None if args.quiet else Pace(pipe, settings)
    damage: list[str] = []
    try:
        with player.stdin:
            report = colorize_to(
                pipe, args.film, settings=settings, colors=args.colors, on_progress=pace
            )
        damage = damage_lines(report.damage, report.damage_counts)
    except BrokenPipeError:  # it was closed
        pass
    if player.wait():
        name = Path(str(player.args[0])).name  # type: ignore[index]
        raise OutputError(
            f"{name} failed with exit code {player.returncode}; use another --player, or pipe the"
            " film: vidcolor FILM - | player -"
        )
    for line in damage:
        say(line)
    return 3 if damage else 0


def settle_for_play(settings: Settings, info: VideoInfo) -> Settings:
    """The settings that bring the first frame soon."""
    encode = settings.encode
    if info.layout.bits > 12:  # those are encoded without loss, by an encoder without presets
        encode = replace(encode, preset=None, crf=None)
    smooth = replace(settings.smooth, look_ahead=LOOK_AHEAD)
    return replace(settings, encode=encode, smooth=smooth)


def player_command(asked: str | None, environment: Mapping[str, str]) -> list[str]:
    """The words that start a player.

    Args:
        asked: A player's name, or a whole command; None looks for one.
        environment: Tells whether there is a display.

    Raises:
        SettingsError: There is no player, or nothing to show a window on.
    """
    try:
        words = shlex.split(asked or "")
    except ValueError as error:
        raise SettingsError(f"--player {asked!r} cannot be read: {error}") from error
    if len(words) == 1 and Path(words[0]).stem in PLAYERS:
        return [words[0], *PLAYERS[Path(words[0]).stem].split()]
    if words:
        return words
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & environment.keys():
        raise SettingsError(
            "no display found; use vidcolor FILM - to write to a pipe, or name a --player that"
            " needs none"
        )
    for name, options in PLAYERS.items():
        if found := shutil.which(name):
            return [found, *options.split()]
    raise SettingsError(
        f"none of {', '.join(PLAYERS)} is installed; install one, or pipe the film to another"
        " player: vidcolor FILM - | player -"
    )


def start(command: list[str]) -> subprocess.Popen[bytes]:
    """The player, waiting for the film.

    Raises:
        OutputError: It does not start.
    """
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"cannot start the player {command[0]}: {reason}") from error


class Feed:
    """The player's standard input; knows how long the player kept it waiting."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self.waited = 0.0
        """Seconds."""
        self._pipe = pipe

    def write(self, data: bytes) -> None:
        """Hand ``data`` to the player; waits until it has taken them."""
        began = perf_counter()
        self._pipe.write(data)
        self._pipe.flush()
        self.waited += perf_counter() - began

    def flush(self) -> None:
        """Nothing is held back."""


class Pace:
    """Says so, once, where coloring takes longer than the film."""

    def __init__(self, pipe: Feed, settings: Settings) -> None:
        self._pipe = pipe
        self._settings = settings
        self._first: tuple[float, Progress] | None = None
        self._told = False

    def __call__(self, progress: Progress) -> None:
        """Look at the clock."""
        now = perf_counter() - self._pipe.waited
        if self._first is None:
            self._first = now, progress
        began, first = self._first
        spent, shown = now - began, progress.seconds - first.seconds
        if self._told or spent < PATIENCE or shown >= spent:
            return
        self._told = True
        frames = progress.frames - first.frames
        say(
            f"coloring is slower than playback ({frames / spent:.1f} of"
            f" {frames / shown if shown else 0:.1f} frames/s), so the film will pause now and then;"
            f" {self._advice()}"
        )

    def _advice(self) -> str:
        net = self._settings.colorizer
        ways = ["--weights mini"] if net.weights != WEIGHTS else []
        ways += ["--stride 4"] if net.stride < 4 else []
        ways += ["--size 128"] if net.size > 128 else []
        ways += ["--no-smooth"] if self._settings.smooth.strength else []
        return f"try {', '.join(ways)}" if ways else "a faster machine would help"
