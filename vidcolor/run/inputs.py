"""Reels: the films that are colored in one go, each with its source and its target."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from vidcolor.core.files import printable
from vidcolor.core.find_sequence import find_film_frames, sequence_folder
from vidcolor.core.frame_target import BATCH_KINDS, place_frames
from vidcolor.core.paths import (
    CONTAINERS,
    FILM_FRAME_SUFFIXES,
    KEPT_SUFFIXES,
    MEDIA_SUFFIXES,
    STILL_SUFFIXES,
    is_pattern,
)
from vidcolor.core.sequence import FrameSequence, parse_pattern
from vidcolor.errors import OutputError, SettingsError
from vidcolor.guidance.places import Colors
from vidcolor.guidance.sheet_file import SUFFIX
from vidcolor.media.images.kinds import is_animation
from vidcolor.media.open import film_is_still


@dataclass(frozen=True)
class BatchItem:
    """A film or a picture, and what it becomes."""

    name: str
    """What it is called among the others: its path in the folder that was named."""
    source: Path
    target: Path
    refused: str = ""
    """Why it must not be colored to there; empty where it may."""
    colors: Colors = field(default=None, compare=False)
    """As of `vidcolor.run.video.colorize_video`."""


@dataclass(frozen=True)
class BatchInputs:
    """What is to be colored, and what was met beside it."""

    items: tuple[BatchItem, ...]
    left_out: tuple[Path, ...] = ()
    """Files in folders that are neither films nor color sheets, as their names say."""


def find_inputs(words: Sequence[str], folder: Path, to: Sequence[str] = ()) -> BatchInputs:
    """The films that the words name, with targets in a folder.

    Folders are searched with what is in them, but for what is hidden and for ``folder`` itself; a
    folder's films keep their places. Files are taken by name whatever their suffix, patterns
    (``*``, ``?``, ``[...]``, ``**``) as a shell does, but only where no file has that very name.

    A target has its source's name and suffix; where that is no suffix that vidcolor writes, films
    become ``.mkv`` and pictures ``.png``. Two that would have the same name get the source's suffix
    into it: ``a.avi.mkv``, ``a.mpg.mkv``.

    Args:
        words: Files, folders and patterns.
        folder: Where the targets go; need not be there.
        to: Suffixes that all targets get: one for films, one for pictures, or none.

    Raises:
        OutputError: ``folder`` is no folder, or one of those that are searched.
        SettingsError: vidcolor writes no such files.
    """
    wanted = _parse_to(to)
    if os.path.lexists(folder) and not folder.is_dir():
        raise OutputError(f"{printable(folder)}: not a folder; name one for the colored films")
    found: dict[str, tuple[Path, Path]] = {}
    refused: dict[Path, str] = {}
    left_out: list[Path] = []
    listed: set[Path] = set()
    paths = [path for word in words for path in _expand(word)]
    for path in paths:
        if not path.is_dir():
            frames = sequence_folder(path)
            name = Path(f"{frames.name}{path.suffix}" if frames else path.name)
            found.setdefault(os.path.abspath(path), (path, name))
            continue
        if folder.is_dir() and os.path.samefile(path, folder):
            raise OutputError(
                f"{printable(folder)}: contains the films to color; name another folder for the"
                " colored ones"
            )
        # One folder's films go into the other; several folders stay apart in it.
        top = Path("" if len(paths) == 1 else Path(os.path.abspath(path)).name)
        for file in _files(path, folder):
            if _is_film_frame(file):
                if file.parent not in listed:
                    refused |= _enter_sequences(file.parent, path, top, found)
                listed.add(file.parent)
            elif file.suffix.lower() in MEDIA_SUFFIXES:
                found.setdefault(os.path.abspath(file), (file, top / file.relative_to(path)))
            elif not file.name.endswith(SUFFIX):
                left_out.append(file)
    items = [
        BatchItem(
            str(name),
            source,
            _place(folder / name, source, _suffix(source, wanted)),
            refused.get(source, ""),
        )
        for source, name in found.values()
    ]
    return BatchInputs(tuple(_refuse_clashes(_tell_apart(items))), tuple(left_out))


def _is_film_frame(file: Path) -> bool:
    """Whether a file is a numbered DPX or EXR frame."""
    return file.suffix.lower() in FILM_FRAME_SUFFIXES and file.stem[-1:].isdecimal()


def _enter_sequences(
    frames: Path, top: Path, into: Path, found: dict[str, tuple[Path, Path]]
) -> dict[Path, str]:
    """Enter the sequences of a folder; what speaks against some of them, by their patterns.

    A folder becomes a film of its name, or where it has several sequences, a folder of films.
    """
    place = frames.relative_to(top)
    names = find_film_frames(frames)
    for name, _ in names:
        stem = name.prefix.rstrip("._- ") or "frames"
        film = into / place / stem if len(names) > 1 else into / (place if place.name else stem)
        path = name.pattern_path
        found[os.path.abspath(path)] = path, film.with_name(f"{film.name}{name.suffix}")
    return {name.pattern_path: why for name, why in names if why}


def _parse_to(to: Sequence[str]) -> dict[str, str]:
    """``film`` and ``picture`` -> the suffix that is asked for."""
    wanted: dict[str, str] = {}
    for word in to:
        suffix = "." + word.lower().removeprefix(".")
        kind = "film" if suffix in (*CONTAINERS, *BATCH_KINDS) else "picture"
        all_of_them = *CONTAINERS, *STILL_SUFFIXES, *BATCH_KINDS
        if suffix not in all_of_them:
            known = ", ".join(name[1:] for name in all_of_them)
            raise SettingsError(f"--to {word}: not a supported type; use {known}")
        if wanted.setdefault(kind, suffix) != suffix:
            raise SettingsError(f"--to {word} and --to {wanted[kind][1:]}: choose one for {kind}s")
    return wanted


def _expand(word: str) -> list[Path]:
    """The paths that a word stands for; a pattern that nothing fits stands for itself."""
    found = sorted(glob.glob(word, recursive=True)) if is_pattern(word) else []
    return [Path(name) for name in found or [word]]


def _files(top: Path, apart: Path) -> Iterator[Path]:
    """Every file below ``top`` that is not hidden nor in the folder ``apart``, in order."""
    for place, folders, files in os.walk(top):
        here = Path(place)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and not _is_same_path(here / name, apart)
        )
        yield from (here / name for name in sorted(files) if not name.startswith("."))


def _place(path: Path, source: Path, suffix: str) -> Path:
    """The target of a source; frames get a folder of its name."""
    if suffix not in BATCH_KINDS:
        return path.with_suffix(suffix)
    name = parse_pattern(source) if sequence_folder(source) else None
    frames = FrameSequence(name, 0, 0) if name else None
    return place_frames(path.with_suffix(""), source, frames, suffix)


def _is_same_path(one: Path, other: Path) -> bool:
    return other.is_dir() and os.path.samefile(one, other)


def _suffix(source: Path, wanted: Mapping[str, str]) -> str:
    if film_is_still(source) and not ("film" in wanted and is_animation(source)):
        kept = source.suffix if source.suffix.lower() in STILL_SUFFIXES else ".png"
        return wanted.get("picture", kept)
    kept = source.suffix if source.suffix.lower() in KEPT_SUFFIXES else ".mkv"
    return wanted.get("film", kept)


def _tell_apart(items: Iterable[BatchItem]) -> list[BatchItem]:
    """The same with longer names where two targets had one."""
    items = list(items)
    times = Counter(item.target for item in items)
    return [
        item
        if times[item.target] == 1 or item.target.suffix in BATCH_KINDS
        else replace(item, target=item.target.with_name(item.source.name + item.target.suffix))
        for item in items
    ]


def _refuse_clashes(items: Sequence[BatchItem]) -> Iterator[BatchItem]:
    """The same; those that would replace a source or another target are refused."""
    sources = {_file_id(item.source): item.source for item in items}
    times = Counter(item.target for item in items)
    for item in items:
        name, refused = printable(item.target.name), item.refused
        there = _file_id(item.target)
        if there and (source := sources.get(there)):
            refused = f"{name}: would replace the source {printable(source)}; name another folder"
        elif times[item.target] > 1:
            refused = f"{name}: two sources have this name; color them into different folders"
        yield replace(item, refused=refused)


def _file_id(path: Path) -> tuple[int, ...]:
    """What two names of one file have in common; empty where there is none."""
    try:
        state = path.stat()
    except (OSError, ValueError):
        return ()
    return state.st_dev, state.st_ino
