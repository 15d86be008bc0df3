"""What several saw of the parts of a film becomes what one would have seen who read all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from vidcolor.errors import PartsDiffer
from vidcolor.run.film_parts import ALONE, SeenPart
from vidcolor.run.seen_frames import SeenFrame

Reread = Callable[[SeenFrame, Callable[[SeenFrame], bool]], SeenPart]
"""Reads a film from a frame that starts a shot to the first one of which something is true that
starts another one, or to the end."""

DIFFERENT = "its frames are others where reading begins in its middle"


def join_parts(parts: Sequence[SeenPart], reread: Reread) -> list[SeenFrame]:
    """The frames of a film as one sees them who reads it from its beginning.

    What is joined so far is what that one sees. It ends with a cut where the next part takes over
    that has found this cut, too: nothing of what is marked behind it hangs on what was before. A
    part that begins within a shot may miss its end, or a shot may be longer than parts are. Then
    the film is read on from the last cut to one that a later part has found.

    Args:
        parts: Of the film, in order.
        reread: Reads it on where parts do not meet.

    Raises:
        PartsDiffer: The parts are not of one film, or it is damaged.
    """
    _check(parts)
    if not parts[0].frames:
        raise PartsDiffer(ALONE)
    cuts = [
        {frame.pts: n for n, frame in enumerate(part.frames) if n and frame.starts_shot}
        for part in parts
    ]
    found, ended, later = list(parts[0].frames), parts[0].ended, 1
    while not ended:
        cut = found[-1]
        meets = (n for n in range(later, len(parts)) if cut.starts_shot and cut.pts in cuts[n])
        number = next(meets, None)
        if number is None:
            place = next(n for n in reversed(range(len(found))) if found[n].starts_shot)
            known = set().union(*cuts[later:])
            part = reread(found[place], lambda frame: frame.pts in known)  # noqa: B023
            _check([part])
            _compare(found[place:], part.frames)
            found[place:] = part.frames
            ended = part.ended
            continue
        part, place = parts[number], cuts[number][cut.pts]
        _compare(reversed(found), reversed(part.frames[: place + 1]))
        found[-1:] = part.frames[place:]
        ended, later = part.ended, number + 1
    return found


def _check(parts: Iterable[SeenPart]) -> None:
    for part in parts:
        if part.why:
            raise PartsDiffer(part.why)


def _compare(some: Iterable[SeenFrame], others: Iterable[SeenFrame]) -> None:
    """See that frames which two have read are the same, from the first of each on."""
    for one, other in zip(some, others, strict=False):
        if not one.is_same(other):
            raise PartsDiffer(DIFFERENT)
