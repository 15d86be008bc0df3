"""The films that the page may use: those of allowed folders, and those that were uploaded."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path, PurePath
from threading import Lock
from time import monotonic
from typing import Any, BinaryIO

from vidcolor.core.paths import MEDIA_SUFFIXES
from vidcolor.errors import AccessDenied
from vidcolor.web.scans import MOST_SINGLE, find_scans, scans_at

MOST_LISTED, DEEPEST = 2000, 6
"""Films of a folder that are offered, and how many folders deep they are looked for."""

REMEMBERED = 5.0
"""Seconds for which a list of a folder serves again."""

LONGEST_NAME = 200
"""Bytes of a name: a result adds to it, and file systems end at 255."""

KEPT_FREE = 1 << 30
"""Bytes that uploads leave free on the disk."""


@dataclass(frozen=True)
class Film:
    """A film that the page may use."""

    id: str
    """What the page calls it by: random."""
    path: Path
    """Absolute."""
    name: str
    """What people call it; a stranger's text on one line."""
    uploaded: bool = False
    """Whether it goes when the server ends."""
    is_scans: bool = False
    """Whether it is an image sequence; then its path is a pattern."""
    fps: Fraction | None = None
    """Frames per second of an image sequence; None until it is opened, and for other films."""

    def to_open(self) -> dict[str, Any]:
        """How a process opens it: plain types."""
        return {"path": str(self.path), "fps": str(self.fps) if self.fps else None}

    def words(self) -> list[str]:
        """How the command line opens it."""
        return [str(self.path), *([f"--fps={self.fps}"] if self.fps else [])]

    def known_as(self, line: str) -> str:
        """A line about its file, with the name that people know it by."""
        return line.replace(self.path.name, self.name)


def inside(folder: Path, name: str) -> Path:
    """The film ``name`` of ``folder``, absolute, with every link followed.

    Raises:
        AccessDenied: It lies outside, is hidden, has not the name of a film, or is none there.
    """
    refused = AccessDenied("there is no such film in the folders of this page")
    if not name or "\0" in name or PurePath(name).is_absolute():
        raise refused
    try:
        root = folder.resolve(strict=True)
        path = (root / name).resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise refused from error
    if not path.is_relative_to(root) or not path.is_file():
        raise refused
    parts = (*PurePath(name).parts, *path.relative_to(root).parts)
    if any(part.startswith(".") for part in parts) or path.suffix.lower() not in MEDIA_SUFFIXES:
        raise refused
    return path


def spoken(name: str) -> str:
    """The last part of a stranger's file name, on one line and not too long."""
    last = re.split(r"[/\\]", name)[-1]
    plain = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in last).strip()
    stem, suffix = os.path.splitext(plain)
    return (shorten_text(stem, 100, LONGEST_NAME) + suffix[:10]) or "film"


def shorten_text(text: str, letters: int, size: int) -> str:
    """A text of at most so many letters and bytes, with what was left out from its middle marked.

    The beginning says what it is, the end which one of them.
    """
    if len(text) <= letters and len(text.encode()) <= size:
        return text
    most = min(letters, len(text))
    while True:
        tail = most // 4
        short = text[: most - 1 - tail] + "\N{HORIZONTAL ELLIPSIS}" + text[len(text) - tail :]
        if len(short.encode()) <= size:
            return short
        most -= 1


class Library:
    """What may be used, by id; safe to use from several threads."""

    def __init__(self, folders: list[Path], uploads: Path, max_upload: int) -> None:
        """Offer the films of ``folders``; keep uploads of ``max_upload`` bytes in ``uploads``."""
        self._folders = [folder.resolve(strict=True) for folder in folders]
        self._uploads, self.max_upload = uploads, max_upload
        self._films: dict[str, Film] = {}
        self._promised = 0
        self._lock = Lock()
        self._listed: list[tuple[str, str]] = []
        self._until = 0.0

    def names(self) -> list[str]:
        """Of the allowed folders."""
        return [folder.name or str(folder) for folder in self._folders]

    def listed(self) -> list[tuple[str, str]]:
        """(label, place) of the films in the allowed folders, as they were a few seconds ago."""
        if monotonic() >= self._until:
            self._listed = self._look()
            self._until = monotonic() + REMEMBERED
        return self._listed

    def _look(self) -> list[tuple[str, str]]:
        found = []
        for number, folder in enumerate(self._folders):
            lead = f"{folder.name}/" if len(self._folders) > 1 else ""
            # Only links are followed to where they lead, and only those that are offered.
            names = sorted(_names(folder), key=lambda one: one[0].lower())
            leads = (one for one in names if not one[1] or _leads(folder, one[0]))
            for name, _, told in islice(leads, MOST_LISTED):
                label = lead + name.encode(errors="replace").decode() + told
                found.append((label, f"{number}/{name}"))
        return found

    def choose(self, place: str, fps: Fraction | None = None) -> Film:
        """The film at a place of the list.

        Args:
            place: As `listed` gives it.
            fps: Frames per second of an image sequence; None takes what it was opened with.

        Raises:
            AccessDenied: There is none, or none that may be used.
        """
        number, _, name = place.partition("/")
        if not number.isascii() or not number.isdigit() or int(number) >= len(self._folders):
            raise AccessDenied("there is no such film in the folders of this page")
        folder = self._folders[int(number)]
        scans = scans_at(folder, name)
        path = scans or inside(folder, name)
        fps = fps if scans else None
        with self._lock:
            same = [film for film in self._films.values() if film.path == path]
            known = [film for film in same if fps is None or film.fps == fps]
        if known:
            return known[-1]
        called = spoken((path.parent if scans else path).name)
        return self._add(Film(uuid.uuid4().hex, path, called, is_scans=bool(scans), fps=fps))

    def set_rate(self, film: Film, fps: Fraction | None) -> Film:
        """The same film, once it is known how many frames a second it has."""
        return film if film.fps == fps else self._add(replace(film, fps=fps))

    def find(self, film_id: str) -> Film:
        """The film with this id.

        Raises:
            AccessDenied: There is none.
        """
        film = self._films.get(film_id)
        if film is None:
            raise AccessDenied("this film is gone; choose or upload it again")
        return film

    def check_upload(self, name: str, size: int | None) -> None:
        """Refuses an upload before its first byte.

        Raises:
            AccessDenied: It is no film by its name, its size is not known, too large, or more than
                the disk has room for.
        """
        suffix = Path(spoken(name)).suffix.lower()
        if suffix not in MEDIA_SUFFIXES:
            raise AccessDenied(
                f"{spoken(name)}: not a supported file; use a video (mp4, mkv, mov, avi, …) or a"
                " picture (jpg, png, tif, …)"
            )
        if size is None or size <= 0:
            raise AccessDenied(f"{spoken(name)}: is empty")
        if size > self.max_upload:
            most = self.max_upload / 1e9
            raise AccessDenied(
                f"{spoken(name)}: is larger than {most:g} GB; start vidcolor serve with a larger"
                " --max-upload, or with the film's folder"
            )
        free = shutil.disk_usage(self._uploads).free - self._promised - KEPT_FREE
        if size > free:
            raise AccessDenied(
                f"{spoken(name)}: the disk is too full for it; free some space and try again"
            )

    @contextmanager
    def upload(self, name: str, size: int | None) -> Iterator[BinaryIO]:
        """A file that becomes an uploaded film under a name of its own; see `uploaded`.

        Raises:
            AccessDenied: as `check_upload`; or what came is not of that size.
        """
        with self._lock:
            self.check_upload(name, size)
            assert size is not None
            self._promised += size
        path = self._uploads / f"{uuid.uuid4().hex}{Path(spoken(name)).suffix.lower()}"
        try:
            with open(path, "xb") as file:
                yield file
                if file.tell() != size:
                    raise AccessDenied(f"{spoken(name)}: the upload is incomplete; upload it again")
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            with self._lock:
                self._promised -= size

    def uploaded(self, path: Path, name: str) -> Film:
        """The film that an upload became."""
        return self._add(Film(path.stem, path, spoken(name), uploaded=True))

    def uploads(self) -> list[Film]:
        """The films that were uploaded and are there still, in order."""
        with self._lock:
            return [film for film in self._films.values() if film.uploaded]

    def remove(self, film_id: str) -> Film:
        """Forget a film that was uploaded, and remove its file.

        Raises:
            AccessDenied: There is none.
        """
        film = self.find(film_id)
        if not film.uploaded:
            raise AccessDenied(f"{film.name}: was not uploaded, so it cannot be removed here")
        with self._lock:
            self._films.pop(film_id, None)
        film.path.unlink(missing_ok=True)
        return film

    def _add(self, film: Film) -> Film:
        with self._lock:
            self._films[film.id] = film
        return film


def _names(folder: Path, lead: str = "", depth: int = 0) -> Iterator[tuple[str, bool, str]]:
    """What in a folder is called as films are, and image sequences.

    Yields:
        Name relative to it, whether it is a link, and what is told of it besides.
    """
    try:
        entries = list(os.scandir(folder / lead))
    except OSError:  # it may not be read, or has gone meanwhile
        return
    scans = find_scans(folder / lead, entries)
    for one in scans:
        yield lead + one.name.pattern, False, f" ({one.count} frames)"
    long = [one for one in scans if one.count > MOST_SINGLE]
    frames = {one.path(index).name for one in long for index in range(one.count)}
    for entry in entries:
        if entry.name.startswith(".") or entry.name in frames:
            continue
        name = lead + entry.name
        if entry.is_dir(follow_symlinks=False):
            if depth < DEEPEST:
                yield from _names(folder, name + os.sep, depth + 1)
        elif os.path.splitext(entry.name)[1].lower() in MEDIA_SUFFIXES and (
            entry.is_symlink() or entry.is_file()
        ):
            yield name, entry.is_symlink(), ""


def _leads(folder: Path, name: str) -> bool:
    """Whether a link leads to a film that may be used."""
    try:
        return bool(inside(folder, name))
    except AccessDenied:
        return False
