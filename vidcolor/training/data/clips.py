"""Training frames from clips: films, and folders of frames.

The net learns single pictures, so a clip gives a few frames, taken once and kept in the run
folder. They stay together when pictures are split, else a shot would be validated on itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

from torch import Tensor

from vidcolor.core.paths import FILM_SUFFIXES, MEDIA_SUFFIXES
from vidcolor.errors import FilmError, TrainingError
from vidcolor.media.decode.rgb import film_rgb
from vidcolor.media.display import turn_upright
from vidcolor.media.images.files import read_rgb, write_rgb
from vidcolor.media.open import open_video
from vidcolor.training.data.file_index import find_files, key_of
from vidcolor.training.data.stills import (
    FILTERS,
    Still,
    fault_of,
    look_of,
    reason_of,
    recall,
    reduce_picture,
    remember,
)

SOURCE = "clips"
"""Name of the source of all frames."""
FRAMES = 12
"""Most frames taken from one clip."""
MAX_SHORT_SIDE = 384
"""Larger frames are reduced to this short side, pixels."""
SECONDS = 120
"""Frames are taken from the beginning of a longer film."""
MAX_RATE = Fraction(120)
"""Frames per second; some films that do not know theirs claim thousands."""
TAKEN = [FRAMES, MAX_SHORT_SIDE, SECONDS]
HELD = 8 * FRAMES
"""Frames held while it is not known how many will come; more hold them more evenly spaced."""


def extract_clips(
    folders: Sequence[Path], target: Path, on_progress: Callable[[int, int], None] | None = None
) -> tuple[list[Still], dict[str, int]]:
    """Takes frames from every clip once, and remembers them in ``target``.

    A clip is a film, or a folder that holds pictures and no film: its frames, sorted by name.
    Up to `FRAMES` are taken, evenly spaced over the clip, and written as PNG.

    Args:
        folders: Folders to search, recursively.
        target: Folder for the frames and their index; what another run took is replaced.
        on_progress: Called with (clips seen, clips found).

    Returns:
        The usable frames in a fixed order, all of the source ``clips``, and how many were left out
        for which reason: films (or frames of a folder) ``unreadable`` and ``large``, frames
        ``tiny``, ``flat`` and ``dull``.

    Raises:
        TrainingError: a folder is missing or no frame is usable.
    """
    clips, closed = find_clips(folders, target)
    cache = target / "clips.json"
    key = key_of(folders, [path for clip in clips for path in clip], [*FILTERS, *TAKEN])
    known = recall(cache, key)
    if known:
        kept = [replace(still, path=str(target / still.path)) for still in known[0]]
        if all(Path(still.path).is_file() for still in kept):
            return kept, known[1]
    _clear(target)
    stills: list[Still] = []
    skipped = {"unreadable": closed, "large": 0, "tiny": 0, "flat": 0, "dull": 0}
    for seen, clip in enumerate(clips):
        if on_progress:
            on_progress(seen, len(clips))
        try:
            frames = film_frames(clip[0]) if is_film(clip[0]) else folder_frames(clip, skipped)
        except FilmError as error:
            skipped[reason_of(error)] += 1
            continue
        stills += _write(frames, target, f"{seen:05d}", skipped)
    if not stills:
        raise TrainingError(f"no usable color frame in {len(clips)} clips ({skipped})")
    remember(cache, key, stills, skipped)
    return [replace(still, path=str(target / still.path)) for still in stills], skipped


def is_film(path: Path) -> bool:
    """Whether a file is named as films are."""
    return path.suffix.lower() in FILM_SUFFIXES


def find_clips(folders: Sequence[Path], target: Path) -> tuple[list[list[Path]], int]:
    """Every clip as its files, one film or many pictures, and the number of closed folders."""
    files, closed = find_files(folders, MEDIA_SUFFIXES, target)
    films = [[path] for _, path in files if is_film(path)]
    beside = {path.parent for (path,) in films}
    pictures: dict[Path, list[Path]] = {}
    for _, path in files:
        if path.parent not in beside:  # a picture beside a film is its poster
            pictures.setdefault(path.parent, []).append(path)
    return films + list(pictures.values()), closed


def pick_spaced(count: int) -> list[int]:
    """Up to `FRAMES` of the numbers below ``count``: the middles of equal parts."""
    parts = min(FRAMES, count)
    return [(2 * i + 1) * count // (2 * parts) for i in range(parts)]


def folder_frames(files: Sequence[Path], skipped: dict[str, int]) -> list[Tensor]:
    """Some of the pictures, ``(3, H, W)`` uint8, reduced; unreadable ones are counted."""
    frames = []
    for i in pick_spaced(len(files)):
        try:
            frames.append(reduce_picture(read_rgb(files[i]), MAX_SHORT_SIDE))
        except FilmError as error:
            skipped[reason_of(error)] += 1
    return frames


def film_frames(path: Path) -> list[Tensor]:
    """Frames of a film, ``(3, H, W)`` uint8, reduced, from its first `SECONDS`.

    Raises:
        FilmError: the film cannot be read.
    """
    held: list[Tensor] = []
    step = 1
    with open_video(path) as film:
        rate = min(film.info.frame_rate or Fraction(25), MAX_RATE)
        # What a film says of its length is not to be trusted: frames are held until there are too
        # many, then every other one is let go.
        for number, rgb in enumerate(islice(film_rgb(film), int(SECONDS * rate))):
            if number % step:
                continue
            small = reduce_picture(rgb, MAX_SHORT_SIDE)
            held.append(turn_upright(small, film.info.rotation))
            if len(held) == 2 * HELD:
                held, step = held[::2], 2 * step
    return [held[i] for i in pick_spaced(len(held))]


def _clear(target: Path) -> None:
    """Removes the frames of other clips, their index first: it must not outlive them."""
    target.mkdir(parents=True, exist_ok=True)
    (target / "clips.json").unlink(missing_ok=True)
    for path in target.glob("[0-9]*-[0-9][0-9].png"):
        path.unlink()


def _write(frames: list[Tensor], target: Path, name: str, skipped: dict[str, int]) -> list[Still]:
    """The usable frames of one clip as files ``name-NN.png``; paths are relative to ``target``."""
    stills: list[Still] = []
    for number, rgb in enumerate(frames):
        fault = fault_of(rgb)
        if fault:
            skipped[fault] += 1
            continue
        look = look_of(rgb)
        # The first frame that is kept: black ones at the start of films all look the same.
        group = stills[0].look if stills else look
        file = f"{name}-{number:02d}.png"
        write_rgb(rgb, target / file)
        stills.append(Still(file, SOURCE, look, group, look_of(rgb.mT), rgb[0].numel()))
    return stills
