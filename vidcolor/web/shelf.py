"""The films that the page may use: those of allowed folders, and those that were uploaded."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from threading import Lock
from typing import BinaryIO

from vidcolor.errors import NotAllowed

SUFFIXES = frozenset(
    {".3g2", ".3gp", ".asf", ".avi", ".dv", ".flv", ".gif", ".m2ts", ".m2v", ".m4v", ".mkv"}
    | {".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ogv", ".ts", ".vob", ".webm"}
    | {".wmv"}
)
"""Ends of names that films have; archives have none of them."""

MOST_LISTED, DEEPEST = 2000, 6
"""Films of a folder that are offered, and how many folders deep they are looked for."""

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

    def known_as(self, line: str) -> str:
        """A line about its file, with the name that people know it by."""
        return line.replace(self.path.name, self.name)


def inside(folder: Path, name: str) -> Path:
    """The film ``name`` of ``folder``, absolute, with every link followed.

    Raises:
        NotAllowed: It lies outside, is hidden, has not the name of a film, or is none there.
    """
    refused = NotAllowed("there is no such film in the folders that may be used")
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
    if any(part.startswith(".") for part in parts) or path.suffix.lower() not in SUFFIXES:
        raise refused
    return path


def spoken(name: str) -> str:
    """The last part of a stranger's file name, on one line and not too long."""
    last = re.split(r"[/\\]", name)[-1]
    plain = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in last).strip()
    stem, suffix = os.path.splitext(plain)
    return (stem[:100] + suffix[:10]) or "film"


class Shelf:
    """What may be used, by id; safe to use from several threads."""

    def __init__(self, folders: list[Path], uploads: Path, max_upload: int) -> None:
        """Offer the films of ``folders``; keep uploads of ``max_upload`` bytes in ``uploads``."""
        self._folders = [folder.resolve(strict=True) for folder in folders]
        self._uploads, self.max_upload = uploads, max_upload
        self._films: dict[str, Film] = {}
        self._promised = 0
        self._lock = Lock()

    def listed(self) -> list[tuple[str, str]]:
        """(label, place) of the films in the allowed folders."""
        found = []
        for number, folder in enumerate(self._folders):
            lead = f"{folder.name}/" if len(self._folders) > 1 else ""
            for name in sorted(_names(folder), key=str.lower)[:MOST_LISTED]:
                found.append((lead + name.encode(errors="replace").decode(), f"{number}/{name}"))
        return found

    def choose(self, place: str) -> Film:
        """The film at a place of the list.

        Raises:
            NotAllowed: There is none, or none that may be used.
        """
        number, _, name = place.partition("/")
        if not number.isascii() or not number.isdigit() or int(number) >= len(self._folders):
            raise NotAllowed("there is no such film in the folders that may be used")
        path = inside(self._folders[int(number)], name)
        with self._lock:
            known = next((film for film in self._films.values() if film.path == path), None)
        return known or self._add(Film(uuid.uuid4().hex, path, spoken(path.name)))

    def find(self, film_id: str) -> Film:
        """The film with this id.

        Raises:
            NotAllowed: There is none.
        """
        film = self._films.get(film_id)
        if film is None:
            raise NotAllowed("this film is not here any more; choose or upload it again")
        return film

    def check_upload(self, name: str, size: int | None) -> None:
        """Refuses an upload before its first byte.

        Raises:
            NotAllowed: It is no film by its name, its size is not known, too large, or more than
                the disk has room for.
        """
        suffix = Path(spoken(name)).suffix.lower()
        if suffix not in SUFFIXES:
            raise NotAllowed(
                f"{spoken(name)}: is no film; use mp4, mkv, mov, avi, mpg and the like"
            )
        if size is None or size <= 0:
            raise NotAllowed(f"{spoken(name)}: is empty")
        if size > self.max_upload:
            most = self.max_upload / 1e9
            raise NotAllowed(
                f"{spoken(name)}: is larger than {most:g} GB; start vidcolor serve with a larger"
                " --max-upload, or with the film's folder"
            )
        free = shutil.disk_usage(self._uploads).free - self._promised - KEPT_FREE
        if size > free:
            raise NotAllowed(
                f"{spoken(name)}: the disk has no room for it; free some and try again"
            )

    @contextmanager
    def upload(self, name: str, size: int | None) -> Iterator[BinaryIO]:
        """A file that becomes an uploaded film under a name of its own; see `uploaded`.

        Raises:
            NotAllowed: as `check_upload`; or what came is not of that size.
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
                    raise NotAllowed(f"{spoken(name)}: did not arrive whole; upload it again")
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            with self._lock:
                self._promised -= size

    def uploaded(self, path: Path, name: str) -> Film:
        """The film that an upload became."""
        return self._add(Film(path.stem, path, spoken(name), uploaded=True))

    def _add(self, film: Film) -> Film:
        with self._lock:
            self._films[film.id] = film
        return film


def _names(folder: Path) -> Iterator[str]:
    """Names, relative to ``folder``, of the films in it that may be used."""
    for place, folders, files in os.walk(folder):
        here = Path(place).relative_to(folder)
        deep = len(here.parts) >= DEEPEST
        folders[:] = [] if deep else [name for name in folders if not name.startswith(".")]
        for name in files:
            try:
                inside(folder, str(here / name))
            except NotAllowed:
                continue
            yield str(here / name)
