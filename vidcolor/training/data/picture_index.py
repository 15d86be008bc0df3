"""Every training picture is looked at once, by all cores, and remembered for all runs.

The cache folder holds a line for each picture that was looked at, and a reduced copy of each large
one: decoding a photograph of 12 megapixels takes some 30 times as long as decoding its copy.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from torch import Tensor

from vidcolor.core.files import appender, write_own
from vidcolor.core.json_lines import checked_line, each_entry
from vidcolor.core.paths import PICTURE_SUFFIXES
from vidcolor.core.processes import map_processes
from vidcolor.errors import FilmError, TrainingError
from vidcolor.media.images.files import read_rgb, write_rgb
from vidcolor.training.data.file_index import facts_of, find_files, source_of
from vidcolor.training.data.stills import (
    FILTERS,
    Still,
    fault_of,
    look_of,
    reason_of,
    reduce_picture,
)

SHORT_SIDE = 384
"""Short side of the copies of larger pictures, pixels: 1.5 times the side of usual crops."""
PROGRESS_STEP = 100
"""Pictures between two words of progress; what was learned of them is then written."""
FAULTS = ("", "large", "tiny", "flat", "dull")
"""Those that are remembered. What cannot be read may be readable in the next run, when there is
more memory or the disk answers again."""
MOST = 4 << 30
"""Bytes of what is remembered: that of some 18 million pictures."""


@dataclass(frozen=True)
class Sight:
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
    short_side: int = SHORT_SIDE,
) -> tuple[list[Still], dict[str, int]]:
    """The usable pictures below some folders; those that are new or changed are looked at.

    An interrupted call has remembered what it saw.

    Args:
        folders: Folders to search, recursively. A folder's first level names the sources; pictures
            that lie in none have the name of the folder itself.
        cache: Folder of what is remembered, of these and other folders.
        on_progress: Called with (pictures looked at, pictures to look at).
        without: The run folder, of which no file counts as a picture.
        short_side: Short side of the copies of larger pictures, pixels.

    Returns:
        The usable pictures in a fixed order, and how many were left out for which reason:
        ``unreadable`` (folders, too), ``large``, ``tiny``, ``flat``, ``dull``. The path of a
        picture is that of its copy, if it has one.

    Raises:
        TrainingError: a folder is missing, no picture is usable, the cache cannot be used, or no
            process can read pictures.
    """
    files, closed = find_files(folders, PICTURE_SUFFIXES, without or cache)
    places = {path: (os.path.abspath(path), facts_of(path)) for _, path in files}
    lines = cache / f"pictures-{_digest(FILTERS, short_side)}.jsonl"
    with _using(cache):
        known = _recall(lines)
        kept = {
            place: seen
            for place in places.values()
            if (seen := known.get(place))
            and not (seen.reduced and not copy_of(cache, place, short_side).is_file())
        }
    new = [place for place in places.values() if place not in kept]
    if new:
        look = partial(look_at, cache=cache, short_side=short_side)
        kept |= _look(new, look, cache, lines, on_progress)
    stills: list[Still] = []
    skipped = {"unreadable": closed, "large": 0, "tiny": 0, "flat": 0, "dull": 0}
    for folder, path in files:
        seen = kept[places[path]]
        if seen.fault:
            skipped[seen.fault] += 1
            continue
        place = places[path]
        read = copy_of(cache, place, short_side) if seen.reduced else path
        source = source_of(folder, path)
        facts = seen.look, None, seen.second, seen.pixels
        stills.append(Still(str(read), source, *facts, place[0]))
    if not stills:
        raise TrainingError(f"no usable color picture among {len(files)} files ({skipped})")
    return stills, skipped


def copy_of(cache: Path, place: tuple[str, str], short_side: int) -> Path:
    """Where the reduced copy of a picture lies; hidden from searches for pictures."""
    name = _digest(*place, short_side)
    return cache / ".reduced" / name[:2] / f"{name[2:]}.jpg"


def look_at(place: tuple[str, str], cache: Path, short_side: int = SHORT_SIDE) -> Sight:
    """Look at one picture, and write its copy if it is large.

    Args:
        place: Its absolute path, and what `facts_of` says of it.
        cache: Folder of the copies.
        short_side: That of the copy, pixels.

    Raises:
        TrainingError: The copy cannot be written.
    """
    try:
        whole = read_rgb(place[0])
    except FilmError as error:
        return Sight(reason_of(error))
    rgb = reduce_picture(whole, short_side)
    reduced = rgb is not whole
    fault = fault_of(rgb)
    if fault:
        return Sight(fault)
    if reduced:
        with _using(cache):
            _write_copy(rgb, copy_of(cache, place, short_side))
    return Sight("", look_of(rgb), look_of(rgb.mT), whole[0].numel(), reduced)


def _write_copy(rgb: Tensor, copy: Path) -> None:
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        write_rgb(rgb, copy)
    except OSError:
        if not copy.is_file():  # a run beside this one made the same
            raise


@contextmanager
def _using(cache: Path) -> Generator[None]:
    """Turn what the disk refuses into advice."""
    try:
        yield
    except OSError as error:
        raise TrainingError(
            f"{error.filename or cache} cannot be used ({error.strerror}); "
            "make room, delete it, or name another folder with --cache"
        ) from error


def _look(
    places: Sequence[tuple[str, str]],
    look: Callable[[tuple[str, str]], Sight],
    cache: Path,
    lines: Path,
    on_progress: Callable[[int, int], None] | None,
) -> dict[tuple[str, str], Sight]:
    """Look at pictures and remember them, but for those that cannot be read."""
    found: dict[tuple[str, str], Sight] = {}
    unsaved: list[str] = []

    def save() -> None:
        with _using(cache):
            _remember(lines, unsaved)
        if on_progress:
            on_progress(len(found), len(places))

    try:
        with closing(_looks(places, look)) as looks:
            for place, seen in zip(places, looks, strict=True):
                if len(found) % PROGRESS_STEP == 0:
                    save()
                found[place] = seen or Sight("unreadable")
                if seen and seen.fault in FAULTS:
                    unsaved.append(_line(place, seen))
        save()
    finally:
        with _using(cache):
            _remember(lines, unsaved)
    return found


def _looks(
    places: Sequence[tuple[str, str]], look: Callable[[tuple[str, str]], Sight]
) -> Generator[Sight | None]:
    """What other processes see of each picture; None of one that kills its process."""
    try:
        yield from map_processes(look, places)
    except (BrokenProcessPool, OSError) as error:
        raise TrainingError(
            f"the processes that read pictures cannot run ({error}); allow more memory or more "
            "processes, and from Python call train below `if __name__ == '__main__':`"
        ) from error


def _recall(lines: Path) -> dict[tuple[str, str], Sight]:
    """What is remembered of pictures, by path and facts; the last word on each path.

    The file is written anew when more than half of it is of pictures that have changed since.
    """
    known: dict[str, tuple[str, Sight]] = {}
    count = 0
    with suppress(FileNotFoundError):
        for entry in each_entry(lines, MOST):
            count += 1
            try:
                known[str(entry["path"])] = str(entry["facts"]), _sight_of(entry)
            except (KeyError, TypeError, ValueError, OverflowError):  # of another version
                continue
    if count > 2 * len(known):
        told = (_line((path, facts), sight) for path, (facts, sight) in known.items())
        with suppress(OSError):  # a run beside this one does it, or there is no room
            write_own(lines, "".join(told).encode())
    return {(path, facts): sight for path, (facts, sight) in known.items()}


def _sight_of(entry: dict[str, Any]) -> Sight:
    """What a line says.

    Raises:
        KeyError, TypeError, ValueError, OverflowError: Nothing that can be used.
    """
    look, second, pixels = (int(entry[name]) for name in ("look", "second", "pixels"))
    fault = str(entry["fault"])
    if fault not in FAULTS or not (0 <= look < 1 << 64 and 0 <= second < 1 << 64):
        raise ValueError(entry)
    return Sight(fault, look, second, pixels, bool(entry["reduced"]))


def _line(place: tuple[str, str], sight: Sight) -> str:
    """A line to remember a picture by."""
    return checked_line({"path": place[0], "facts": place[1]} | asdict(sight))


def _remember(lines: Path, unsaved: list[str]) -> None:
    """Add lines and empty the list; at once, so that runs side by side do not mix theirs."""
    if unsaved:
        lines.parent.mkdir(parents=True, exist_ok=True)
        # The first line ends one that was torn.
        text = "\n" + "".join(unsaved)
        with appender(lines) as file:
            file.write(text.encode())
        unsaved.clear()


def _digest(*words: object) -> str:
    text = "\0".join(str(word) for word in words)
    return sha256(text.encode(errors="surrogateescape")).hexdigest()[:32]
