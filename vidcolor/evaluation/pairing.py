"""Which frames of truth and results belong together, and where a shot starts."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Generator, Hashable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, zip_longest
from pathlib import Path

from torch import Tensor

from vidcolor.core.files import printable
from vidcolor.core.frames import Frame, PixelLayout
from vidcolor.core.iterators import close
from vidcolor.errors import NotComparable
from vidcolor.evaluation.metrics import MIN_SIDE, gray_version
from vidcolor.media.decode.rgb import film_rgb
from vidcolor.media.images.files import read_rgb
from vidcolor.media.images.kinds import kind_of
from vidcolor.media.open import film_is_still, open_video
from vidcolor.settings import ShotSettings
from vidcolor.shots.detector import mark_shots

VERSIONS = ("truth", "result", "per_frame")
"""What a film may be given in; the last is colored frame by frame."""

_LABELS = {"result": "result", "per_frame": "per-frame result"}
_GRAY = PixelLayout("gray", 8, 0, 0, True, "bt709", "srgb")
_NAMES_SHOWN = 5


@dataclass(frozen=True)
class Match:
    """Pictures that are compared with each other."""

    name: str
    """What to call them."""
    run: Hashable
    """Matches in a row that share it are frames that follow each other."""
    pictures: dict[str, Tensor]
    """Version -> ``(3, H, W)`` uint8, of one size: the first two or all of `VERSIONS`, and
    ``gray``, the truth without its colors."""


def matches(paths: list[Path]) -> tuple[Generator[Match, None, None], int | None]:
    """What to compare, and how many there are where that is known."""
    folders = [path.is_dir() for path in paths]
    if all(folders):
        stems = _shared_stems(paths)
        return _folder_matches(stems), len(stems)
    if any(folders):
        raise NotComparable(
            f"one of the {'two' if len(paths) == 2 else 'three'} is a folder; compare folder with"
            " folder, film with film"
        )
    return _film_matches(paths), None


def _folder_matches(stems: dict[str, list[Path]]) -> Generator[Match, None, None]:
    for place, (stem, paths) in enumerate(stems.items()):
        name, number = _split_number(stem)
        run = (name, number - place) if number >= 0 else stem
        yield _match(stem, run, [read_rgb(path) for path in paths])


def _split_number(stem: str) -> tuple[str, int]:
    """The stem without the number it ends in, and that number; -1 where there is none."""
    number = re.search(r"[0-9]*$", stem)
    digits = number[0] if number else ""
    return stem.removesuffix(digits), int(digits or -1)


def _film_matches(paths: list[Path]) -> Generator[Match, None, None]:
    with ExitStack() as stack:
        films = [stack.enter_context(closing(_frames(path))) for path in paths]
        for number, frames in enumerate(zip_longest(*films), 1):
            missing = [frame is None for frame in frames]
            if any(missing):
                ended, going = paths[missing.index(True)], paths[missing.index(False)]
                raise NotComparable(
                    f"{printable(ended.name)} ends after {number - 1} frames, but"
                    f" {printable(going.name)} goes on; compare films with the same frames"
                )
            yield _match(f"frame {number}", None, frames)


def _match(name: str, run: Hashable, frames: Iterable[Tensor]) -> Match:
    """A match with the gray version of the truth; its pictures go together.

    Raises:
        NotComparable: They do not.
    """
    pictures = dict(zip(VERSIONS, frames, strict=False))
    for version in VERSIONS[1 : len(pictures)]:
        _check_pair(name, _LABELS[version], pictures["truth"], pictures[version])
    gray = gray_version(pictures["truth"])[:1].clone()  # one plane to hold, not three
    return Match(name, run, pictures | {"gray": gray.expand(3, -1, -1)})


def _frames(path: Path) -> Generator[Tensor, None, None]:
    """(3, H, W) uint8: the frames of a film, or the one of a picture."""
    if film_is_still(path):
        yield read_rgb(path)
        return
    with open_video(path) as film, closing(film_rgb(film)) as frames:
        yield from frames


def _shared_stems(folders: list[Path]) -> dict[str, list[Path]]:
    """The pictures of folders by stem, frames in the order of their numbers.

    Raises:
        NotComparable: One has a picture that another has not, or there are none.
    """
    trues, *others = found = [_stills(folder) for folder in folders]
    for path, mades in zip(folders[1:], others, strict=True):
        for folder, missing in ((path, trues.keys() - mades), (folders[0], mades.keys() - trues)):
            if missing:
                shown = ", ".join(printable(stem) for stem in sorted(missing)[:_NAMES_SHOWN])
                rest = len(missing) - _NAMES_SHOWN
                more = f" and {rest} more" if rest > 0 else ""
                raise NotComparable(
                    f"{printable(folder)}: has no picture named {shown}{more}; every picture of"
                    " one folder must be in the other (any suffix)"
                )
    if not trues:
        raise NotComparable(f"{printable(folders[0])}: has no pictures; name a folder of pictures")
    stems = sorted(trues, key=lambda stem: (*_split_number(stem), stem))
    return {stem: [pictures[stem] for pictures in found] for stem in stems}


def _stills(folder: Path) -> dict[str, Path]:
    """Stem -> picture; hidden files and those that are no pictures do not count."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        kind = None if path.name.startswith(".") else kind_of(path)
        if kind is None or not kind.is_read:
            continue
        if path.stem in found:
            raise NotComparable(
                f"{printable(folder)}: {printable(found[path.stem].name)} and"
                f" {printable(path.name)} have the same name; keep one of them"
            )
        found[path.stem] = path
    return found


def _check_pair(name: str, what: str, true: Tensor, made: Tensor) -> None:
    (height, width), (made_height, made_width) = true.shape[1:], made.shape[1:]
    if (height, width) != (made_height, made_width):
        raise NotComparable(
            f"{printable(name)}: the truth is {width}x{height}, the {what}"
            f" {made_width}x{made_height}; scale them to one size first"
        )
    if min(height, width) < MIN_SIDE:
        raise NotComparable(
            f"{printable(name)}: {width}x{height} is too small to measure; both sides need"
            f" {MIN_SIDE} pixels"
        )


def mark_cuts(matched: Iterable[Match]) -> Generator[tuple[Match, bool], None, None]:
    """The same matches, each with whether it starts a shot.

    Cuts are found in the truth's L* by the stage that coloring uses; frames of another size and
    pictures that are not numbered one after another start a shot, too. Holds as many matches as
    `mark_shots` is late.
    """
    for _, run in groupby(matched, lambda match: (match.run, match.pictures["truth"].shape)):
        held: deque[Match] = deque()
        marked = mark_shots(_gray_frames(run, held), ShotSettings())
        try:
            for frame in marked:
                yield held.popleft(), frame.starts_shot
        finally:
            close(marked)


def _gray_frames(matched: Iterator[Match], held: deque[Match]) -> Generator[Frame, None, None]:
    """What `mark_shots` looks at; the matches themselves are put into ``held``."""
    for pts, match in enumerate(matched):
        held.append(match)
        luma = match.pictures["gray"][0]
        none = luma[:0, :0]
        yield Frame(luma, (none, none), _GRAY, pts, 1, Fraction(1, 25))
