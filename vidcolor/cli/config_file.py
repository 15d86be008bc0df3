"""``vidcolor.toml``: defaults of options, from this folder and from the user's own.

Keys are the long options without their dashes. Those at the top hold for every command that colors
or shows colors; a table named after a command holds for that command alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from vidcolor.core.find_sequence import sequence_at
from vidcolor.core.paths import CONTAINERS, PICTURE_SUFFIXES
from vidcolor.errors import SettingsError

NAME = "vidcolor.toml"
OPTION = "--config"
NONE = "none"
"""As ``--config``: no file is read."""
SHARED = ("color", "preview", "compare", "play", "script", "serve")
"""Commands for which the keys at the top hold; others must not change with the folder."""

# fmt: off
_OF_ONE_RUN = frozenset({
    "words", "film", "films", "folders", "target", "target_too", "output", "report", "start", "end",
    "video_stream", "sound", "shots", "split", "dry_run", "fps", "force", "fresh", "progress",
    "json", "at", "config", "help", "version", "no_smooth",
    "completion",
})
# fmt: on
"""Options that say what one run does: as defaults they would surprise."""
_OF_CODEC = ("crf", "preset", "encoder_option")
"""What is said of one codec: to another one, which the command line names, it may mean nothing."""
_ENCODING = ("purpose", "codec", "lossless", "audio", "to", "bits", *_OF_CODEC)
"""What a purpose decides: `--for` on the command line stands above a file that says some."""
_NO_FILMS = PICTURE_SUFFIXES | {".dpx", ".exr", ".y4m"}
"""What has no encoder of films, and no purpose."""


@dataclass(frozen=True)
class Entry:
    """A default that a file gives."""

    key: str
    value: Any
    """As TOML has it."""
    file: Path
    command: str = ""
    """The table it stands in; empty at the top."""

    @property
    def where(self) -> str:
        """``vidcolor.toml: [preview] sheet``."""
        return f"{self.file}: {f'[{self.command}] ' if self.command else ''}{self.key}"


def user_file() -> Path:
    """Where a user's own defaults lie: ``$XDG_CONFIG_HOME/vidcolor``, or in ``~/.config``.

    On Windows, in ``%APPDATA%``.
    """
    root = os.environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(root):  # others are invalid, as the XDG specification has it
        windows = os.environ.get("APPDATA") if sys.platform == "win32" else None
        root = windows or os.path.expanduser("~/.config")
    return Path(root, "vidcolor", NAME)


def places(asked: str | None = None) -> tuple[Path, ...]:
    """The files that are looked for, the strongest first.

    Args:
        asked: As of ``--config``.
    """
    if asked == NONE:
        return ()
    return (Path(asked),) if asked is not None else (Path(NAME), user_file())


def find_entries(asked: str | None = None) -> list[Entry]:
    """All defaults that files give, the strongest first; several may be of one key.

    Raises:
        SettingsError: A file cannot be read, or the one that was asked for is not there.
    """
    return [entry for file in places(asked) for entry in _read(file, must=asked is not None)]


def _read(file: Path, must: bool) -> list[Entry]:
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        if not must:
            return []
        raise SettingsError(f"{OPTION} {file}: no such file; or use {OPTION} none") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise SettingsError(f"{file}: cannot be read ({why}); mend it, or use {OPTION}") from error
    entries = [Entry(key, value, file) for key, value in tree.items() if not _is_table(value)]
    for command, table in tree.items():
        if _is_table(table):
            # What stands in a table is stronger than what stands above it.
            entries[:0] = [Entry(key, value, file, command) for key, value in table.items()]
    return entries


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def take_option(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """What ``--config`` says, None where it is not there, and the words without it.

    Raises:
        SettingsError: It says nothing.
    """
    rest, asked = list(words), None
    end = rest.index("--") if "--" in rest else len(rest)
    for at in range(end - 1, -1, -1):
        word = rest[at]
        if word.startswith(f"{OPTION}="):
            asked = asked if asked is not None else word.partition("=")[2]
            del rest[at]
        elif word == OPTION:
            if at + 1 >= end:
                raise SettingsError(f"{OPTION} needs a file, or none")
            asked = asked if asked is not None else rest[at + 1]
            del rest[at : at + 2]
            end -= 1
        end = min(end, len(rest))
    if asked == "":
        raise SettingsError(f"{OPTION} needs a file, or none")
    return asked, rest


def add_option(p: argparse.ArgumentParser, asked: str | None) -> None:
    """Let the help of a command tell of ``--config``, which `take_option` has taken already."""
    p.add_argument(
        OPTION,
        metavar="FILE|none",
        default=asked,
        help="take defaults from this file, or from none (default: vidcolor.toml in this folder,"
        " then that in the user's config folder; see vidcolor config)",
    )


def options_of(p: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """The options of a command that a file may give a default to, by their keys."""
    found = {}
    for action in p._actions:
        names = [name for name in action.option_strings if name.startswith("--")]
        if names and action.dest not in _OF_ONE_RUN:
            is_off = isinstance(action, argparse._StoreFalseAction)
            found[action.dest if is_off else names[0].removeprefix("--")] = action
    return found


def set_defaults(
    p: argparse.ArgumentParser,
    command: str,
    usual: argparse.ArgumentParser,
    entries: Iterable[Entry],
    words: Sequence[str] = (),
) -> dict[str, Entry]:
    """Gives a command's options the defaults of the files.

    Args:
        p: Of the command; changed.
        command: Its name.
        usual: Of ``color``: where a command has another default than this one, such as the small
            net of ``play``, only its own table changes it.
        entries: As of `find_entries`.
        words: Of the command line: a purpose or a codec there is not mixed with what files say of
            encoding.

    Returns:
        What decided each option, by its dest.

    Raises:
        SettingsError: There is no such option, or it does not take such a value.
    """
    own, shared = options_of(p), options_of(usual)
    named = {word.partition("=")[0] for word in words}
    theirs = _ENCODING if "--for" in named else _OF_CODEC if "--codec" in named else ()
    decided: dict[str, Entry] = {}
    for entry in entries:
        if entry.command not in ("", command) or (not entry.command and command not in SHARED):
            continue
        options = shared if not entry.command else own
        if entry.key not in options:
            raise SettingsError(_unknown(entry, options))
        action = own.get(entry.key)
        if action is None or action.dest in decided:
            continue
        if not entry.command and p.get_default(action.dest) != usual.get_default(action.dest):
            continue
        if action.dest in theirs:
            continue
        decided[action.dest] = entry
    for entry in decided.values():
        _set_default(p, own[entry.key], entry, words)
    kept = {dest for dest, entry in decided.items() if not _is_given(own[entry.key], words)}
    p.set_defaults(of_files=frozenset(kept))
    return decided


def _is_given(action: argparse.Action, words: Sequence[str]) -> bool:
    return any(word.partition("=")[0] in action.option_strings for word in words)


def give_way(args: argparse.Namespace) -> None:
    """Drop what files say of films where one picture, frames or y4m are written.

    Also what they say of workers where there is no cluster. On the command line these would
    contradict each other; a default just does not apply.

    Args:
        args: Of ``vidcolor IN OUT``, its source settled; changed.
    """
    if args.cluster is None:
        usual = {"workers": 0, "worker_cpus": 0, "worker_gpus": None}
        for name in args.of_files & usual.keys():
            setattr(args, name, usual[name])
    if not args.of_files or len(args.sources) != 1:
        return
    target = args.target or args.source
    suffix = Path(target).suffix.lower()
    if sequence_at(args.source) is not None:  # its frames go into a folder, or into a film
        is_frames = args.target not in (None, "-") and suffix not in CONTAINERS
    else:
        is_frames = not os.path.isdir(target) and suffix in _NO_FILMS
    is_raw = args.target == "-" and "y4m" in args.to
    if is_raw or is_frames:
        for name in args.of_files & {"purpose", "codec", "crf", "preset"}:
            setattr(args, name, None)
        if "encoder_option" in args.of_files:
            args.encoder_option = []


def _set_default(
    p: argparse.ArgumentParser, action: argparse.Action, entry: Entry, words: Sequence[str]
) -> None:
    """Makes a file's value the default of an option, above which the command line stands."""
    value = _parse(entry, action)
    if isinstance(action, argparse._AppendAction) and _is_given(action, words):
        return  # argparse would add to the file's list, and there would be no way to leave it out
    p.set_defaults(**{action.dest: value})
    if action.nargs == 0:
        is_off = isinstance(action, argparse._StoreFalseAction)
        name = f"--{entry.key}" if is_off else f"--no-{entry.key}"
        hidden = argparse.SUPPRESS
        p.add_argument(name, dest=action.dest, action="store_const", const=is_off, help=hidden)


def _unknown(entry: Entry, options: Mapping[str, object]) -> str:
    """What is said of a key that no option has."""
    if near := get_close_matches(entry.key.replace("_", "-").lstrip("-"), options, 1, 0.76):
        return f"{entry.where}: no such option; did you mean {near[0]}?"
    return f"{entry.where}: no option that a file may set; vidcolor config shows all"


def _parse(entry: Entry, action: argparse.Action) -> Any:
    """The value as the command line would give it."""
    value = entry.value
    if action.nargs == 0:
        if not isinstance(value, bool):
            raise SettingsError(f"{entry.where} must be true or false")
        return value
    if isinstance(action, argparse._AppendAction):
        values = value if isinstance(value, list) else [value]
        return [_convert(entry, action, one) for one in values]
    return _convert(entry, action, value)


def _convert(entry: Entry, action: argparse.Action, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise SettingsError(f"{entry.where} must be {_describe_value(action)}")
    word = _find_beside(entry, value) if entry.key == "weights" else str(value)
    if action.type is None:
        return word
    try:
        return action.type(word)  # type: ignore[operator]
    except argparse.ArgumentTypeError as error:
        raise SettingsError(f"{entry.where}: {error}") from None
    except (TypeError, ValueError):
        raise SettingsError(f"{entry.where}: {word!r} is not {_describe_value(action)}") from None


def _describe_value(action: argparse.Action) -> str:
    return "a number" if action.type in (int, float) else "a word or a number"


def _find_beside(entry: Entry, value: object) -> str:
    """Weights in a file are named as they lie beside the file that names them."""
    word = str(value)
    beside = entry.file.parent / os.path.expanduser(word)
    return str(beside) if word.endswith(".safetensors") else word
