"""Every training picture is looked at once, by all cores, and remembered for all runs.

The cache folder holds a line for each picture that was looked at, and a reduced copy of each large
one: decoding a photograph of 12 megapixels takes some 30 times as long as decoding its copy.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from torchvision.transforms.v2.functional import resize

from vidcolor.core.files import appender
from vidcolor.core.json_lines import checked_line, entries
from vidcolor.core.paths import PICTURE_SUFFIXES
from vidcolor.core.processes import map_processes
from vidcolor.errors import FilmError, TrainingError
from vidcolor.media.images.files import read_rgb, write_rgb
from vidcolor.training.data.file_index import facts_of, find_files, source_of
from vidcolor.training.data.stills import FILTERS, Still, fault_of, look_of, reason_of

SHORT_SIDE = 384
"""Short side of the copies of larger pictures, pixels: 1.5 times the largest crops in use."""
TOLD = 100
"""Pictures between two words of progress; what was learned of them is then written."""


@dataclass(frozen=True)
class Looked:
    """What was seen of a picture."""

    fault: str
    """Why it is left out; empty where it is not."""
    look: int = 0
    second: int = 0
    pixels: int = 0
    """As of a `Still`."""
    reduced: bool = False
    """Whether there is a copy to read instead."""


def index_stills(
    folders: Sequence[Path],
    cache: Path,
    on_progress: Callable[[int, int], None] | None = None,
    without: Path | None = None,
) -> tuple[list[Still], dict[str, int]]:
    """The usable pictures below some folders; those that are new or changed are looked at.

    An interrupted call has remembered what it saw.

    Args:
        folders: Folders to search, recursively. A folder's first level names the sources; pictures
            that lie in none have the name of the folder itself.
        cache: Folder of what is remembered, of these and other folders.
        on_progress: Called with (pictures looked at, pictures to look at).
        without: The run folder, of which no file counts as a picture.

    Returns:
        The usable pictures in a fixed order, and how many were left out for which reason:
        ``unreadable`` (folders, too), ``large``, ``tiny``, ``flat``, ``dull``. The path of a
        picture is that of its copy, if it has one.

    Raises:
        TrainingError: a folder is missing, no picture is usable, or the cache cannot be used.
    """
    files, closed = find_files(folders, PICTURE_SUFFIXES, without or cache)
    places = {path: (os.path.abspath(path), facts_of(path)) for _, path in files}
    lines = cache / f"pictures-{_digest(FILTERS, SHORT_SIDE)}.jsonl"
    try:
        known = _recall(lines)
        kept = {
            place: seen
            for place in places.values()
            if (seen := known.get(place))
            and not (seen.reduced and not seen.fault and not copy_of(cache, place).is_file())
        }
        new = [place for place in places.values() if place not in kept]
        if new:
            kept |= _look(new, cache, lines, on_progress)
    except OSError as error:
        raise TrainingError(
            f"{error.filename or cache} cannot be used ({error.strerror}); "
            "make room, delete it, or name another folder with --cache"
        ) from error
    stills: list[Still] = []
    skipped = {"unreadable": closed, "large": 0, "tiny": 0, "flat": 0, "dull": 0}
    for folder, path in files:
        seen = kept[places[path]]
        if seen.fault:
            skipped[seen.fault] += 1
            continue
        read = copy_of(cache, places[path]) if seen.reduced else path
        source = source_of(folder, path)
        stills.append(Still(str(read), source, seen.look, None, seen.second, seen.pixels))
    if not stills:
        raise TrainingError(f"no usable color picture among {len(files)} files ({skipped})")
    return stills, skipped


def copy_of(cache: Path, place: tuple[str, str]) -> Path:
    """Where the reduced copy of a picture lies; hidden from searches for pictures."""
    name = _digest(*place, SHORT_SIDE)
    return cache / ".reduced" / name[:2] / f"{name[2:]}.jpg"


def look_at(place: tuple[str, str], cache: Path) -> Looked:
    """Look at one picture, and write its copy if it is large.

    Args:
        place: Its absolute path, and what `facts_of` says of it.
        cache: Folder of the copies.

    Raises:
        OSError: The copy cannot be written.
    """
    try:
        rgb = read_rgb(place[0])
    except FilmError as error:
        return Looked(reason_of(error))
    pixels = rgb[0].numel()
    reduced = min(rgb.shape[1:]) > SHORT_SIDE
    if reduced:
        rgb = resize(rgb, [SHORT_SIDE], antialias=True)
    fault = fault_of(rgb)
    if fault:
        return Looked(fault)
    if reduced:
        copy = copy_of(cache, place)
        copy.parent.mkdir(parents=True, exist_ok=True)
        write_rgb(rgb, copy)
    return Looked("", look_of(rgb), look_of(rgb.mT), pixels, reduced)


def _look(
    places: Sequence[tuple[str, str]],
    cache: Path,
    lines: Path,
    on_progress: Callable[[int, int], None] | None,
) -> dict[tuple[str, str], Looked]:
    """Look at pictures and remember them, but for those that killed their reader."""
    found: dict[tuple[str, str], Looked] = {}
    unsaved: list[dict[str, Any]] = []
    try:
        with closing(map_processes(partial(look_at, cache=cache), places)) as looks:
            for place, seen in zip(places, looks, strict=True):
                if len(found) % TOLD == 0:
                    _remember(lines, unsaved)
                    if on_progress:
                        on_progress(len(found), len(places))
                found[place] = seen or Looked("unreadable")
                if seen:
                    unsaved.append({"path": place[0], "facts": place[1]} | asdict(seen))
    finally:
        _remember(lines, unsaved)
    return found


def _recall(lines: Path) -> dict[tuple[str, str], Looked]:
    """What is remembered of pictures, by path and facts; the last word on each."""
    try:
        told = entries(lines)
    except FileNotFoundError:
        return {}
    known: dict[tuple[str, str], Looked] = {}
    for entry in told:
        try:
            place = str(entry["path"]), str(entry["facts"])
            look, second, pixels = (int(entry[name]) for name in ("look", "second", "pixels"))
            reduced = bool(entry["reduced"])
            known[place] = Looked(str(entry["fault"]), look, second, pixels, reduced)
        except (KeyError, TypeError, ValueError):  # of another version
            continue
    return known


def _remember(lines: Path, unsaved: list[dict[str, Any]]) -> None:
    """Add lines and empty the list; at once, so that runs side by side do not mix theirs."""
    if unsaved:
        lines.parent.mkdir(parents=True, exist_ok=True)
        # The first line ends one that was torn.
        text = "\n" + "".join(checked_line(entry) for entry in unsaved)
        with appender(lines) as file:
            file.write(text.encode())
        unsaved.clear()


def _digest(*words: object) -> str:
    text = "\0".join(str(word) for word in words)
    return sha256(text.encode(errors="surrogateescape")).hexdigest()[:32]
