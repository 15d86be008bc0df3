"""Shots: which frames start a new one, and which are flashes or torn.

Frames are followed as a chain: from one frame to the next that is like it. What the chain leaves
out, because the picture soon comes back, was a flash; where it ends for good, a shot begins.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

from vidcolor.core.frames import Frame, Shot
from vidcolor.core.iterators import close
from vidcolor.settings import ShotSettings
from vidcolor.shots.similarity import FLICKER, Thumbnail, distance, thumbnail

RESTLESS = 0.5
"""Share of the largest distances nearby, before and after, that is added to the threshold."""
LASTING = 0.75
"""Largest distance within the first frames of a shot, as a share of that at its cut."""
DRIFT = 0.05
"""What is added to the threshold for every frame that was left out: the picture moves on."""
BACK = 0.6
"""Distance across a flash, as a share of that of the flash."""
CALM = 0.15
"""Largest distance within a shot that counts as calm."""
FADED, FADE = 0.75, 8
"""A picture has less than this share of the largest contrast of so many frames: it faded out."""
LOOK_AHEAD = 3
"""Frames looked at beyond the shortest shot, so that a flash there does not hide it."""
STEADY = 1.25
"""Largest ratio of brightness before and after a flash."""
NEIGHBOURS = 3
"""Frames on either side that say how restless the film is here."""

FINEST, ROUNDED = Fraction(1, 1000), Fraction(1, 50)
"""Seconds, at least and at most, by which a frame may be shown before a cut that is its own."""

Links = list[tuple[int, float]]
"""Places along a chain, and the distance of each to the one before."""


class ShotDetector:
    """The chain of one film: takes one look after the other with those that follow it."""

    def __init__(self, settings: ShotSettings) -> None:
        self._threshold = settings.threshold
        self._reach = settings.min_frames
        """Frames that a link of the chain may span, and fewest frames of a shot."""
        self._chain: deque[Thumbnail] = deque(maxlen=FADE)
        """The last frames that are like each other; the last one is compared with."""
        self._skipped = 0
        """Frames since the last one of the chain."""
        self._crossed = False
        """Whether an empty picture, black or white, was among them."""
        self._length = 0
        """Frames of the shot so far."""

    def begin(self, now: Thumbnail) -> None:
        """Take ``now`` for the first frame of a shot, whatever it is like."""
        self._link(now, starts=True)

    def judge(self, ahead: Sequence[Thumbnail]) -> tuple[bool, bool]:
        """Whether ``ahead[0]`` starts a shot, and whether it is an outlier.

        Args:
            ahead: The frame and those after it, as many as the delay; fewer where the film ends.
        """
        self._length += 1
        now = ahead[0]
        if not self._chain:
            return self._link(now, starts=True), False
        if now.empty and not self._chain[-1].empty:
            # A fade or a flash; the picture that comes next is judged by the one before.
            flash = not self._faded() and (self._comes_back(ahead) or self._gives_way(ahead))
            self._skipped, self._crossed = self._skipped + 1, True
            return False, flash
        gap = self._gap(now)
        like, links, lasts = gap <= self._threshold, Links(), True
        if not like or self._flares(now):
            links = self._links(ahead)
            lasts = self._lasts(links, gap)
            passes = not lasts and not self._faded() and self._gives_way(ahead)
            if passes or self._comes_back(ahead):
                self._skipped += 1
                return False, True
        if like or gap <= self._limit(links):
            return self._link(now), False
        if lasts:
            return self._link(now, starts=self._length > self._reach), False
        if self._skipped + 1 >= self._reach and not self._crossed:
            return self._link(now), False  # a picture that does not come to rest is no flash
        self._skipped += 1
        return False, False

    def _link(self, now: Thumbnail, starts: bool = False) -> bool:
        """Make ``now`` the end of the chain, or the beginning of another one."""
        if starts:
            self._chain.clear()
            self._length = 1
        self._chain.append(now)
        self._skipped, self._crossed = 0, False
        return starts

    def _faded(self) -> bool:
        """Whether the chain ends in a picture that was fading out."""
        return self._chain[-1].deviation < FADED * max(x.deviation for x in self._chain)

    def _gap(self, now: Thumbnail) -> float:
        """How far ``now`` lies from the chain, 0..1."""
        before = self._chain[-1]
        if self._crossed and self._faded():
            return distance(now.stretched(), before.stretched())
        return distance(now, before)

    def _unrest(self) -> float:
        """The largest distance of late in the chain, 0..1."""
        late = list(self._chain)[-NEIGHBOURS - 1 :]
        return max((distance(b, a) for a, b in pairwise(late)), default=0.0)

    def _limit(self, links: Links) -> float:
        """Largest gap that is no cut: more where the film is restless, or was interrupted."""
        if self._crossed and self._faded():
            return self._threshold
        unrest = self._unrest() + max((gap for _, gap in links[:NEIGHBOURS]), default=0.0)
        return self._threshold + RESTLESS * unrest + DRIFT * min(self._skipped, self._reach)

    def _comes_back(self, ahead: Sequence[Thumbnail]) -> bool:
        """Whether ``ahead[0]`` is odd and a picture like the chain's end soon follows it."""
        before, odd = self._chain[-1], ahead[0]
        gap, flares = distance(odd, before), self._flares(odd)
        if not flares and gap <= self._threshold + RESTLESS * self._unrest():
            return False
        limit = self._threshold if flares else BACK * gap
        if gap > self._threshold and self._lasts(self._links(ahead), 0):
            limit = BACK / 2 * gap  # what follows is more likely a new shot
        for look in ahead[1 : max(1, self._reach - self._skipped)]:
            back = distance(look, before)
            if gap > self._threshold:  # another picture
                like = back < distance(look, odd)
            else:  # the same one in another light
                like = flares and 1 / STEADY < look.light / before.light < STEADY
            if like and back <= limit and not look.empty:
                return True
        return False

    def _flares(self, now: Thumbnail) -> bool:
        """Whether the light jumps by more than flicker."""
        return not 1 / FLICKER <= now.light / self._chain[-1].light <= FLICKER

    def _links(self, ahead: Sequence[Thumbnail]) -> Links:
        """Places and distances along the chain that begins with ``ahead[0]``."""
        found, place = [], 0
        while place < len(ahead) - 1:
            nexts = range(place + 1, len(ahead))
            like = (i for i in nexts if distance(ahead[i], ahead[place]) <= self._threshold)
            step = next(like, place + 1)
            found.append((step, distance(ahead[step], ahead[place])))
            place = step
        return found

    def _lasts(self, links: Links, gap: float) -> bool:
        """Whether a chain stays together for the shortest shot, compared with the gap before."""
        for place, link in links:
            if link >= max(self._threshold, LASTING * gap):
                return False
            if place >= self._reach - 1:
                return True
        return False

    def _gives_way(self, ahead: Sequence[Thumbnail]) -> bool:
        """Whether ``ahead[0]`` stands between the chain, which is calm, and a new shot."""
        if self._skipped + 1 >= self._reach or self._unrest() > CALM:
            return False
        before = self._chain[-1]
        return any(
            not ahead[i].empty
            and distance(ahead[i], before) > self._threshold
            and self._lasts(self._links(ahead[i:]), 0)
            for i in range(1, len(ahead) - self._reach + 1)
        )


class ListedCuts:
    """Tells of frames, in order, which ones start a shot as a list of cuts says it."""

    def __init__(self, cuts: Sequence[Fraction]) -> None:
        """Know the list.

        Args:
            cuts: Seconds from the start of the source, in order.
        """
        self._cuts = cuts
        self._next: int | None = None
        """Place of the first cut that is still to come; None before the first frame."""

    def starts(self, frame: Frame) -> bool:
        """Whether the next frame is the first one, or the one that is shown at a cut.

        A cut between two frames is that of the second, but containers round times.
        """
        half = frame.duration * frame.time_base / 2
        reach = frame.moment + max(FINEST, min(half, ROUNDED))
        place = bisect_left(self._cuts, reach)
        starts = place != self._next  # None for the first frame, which is always one
        self._next = place
        return starts


def mark_shots(frames: Iterable[Frame], settings: ShotSettings) -> Iterator[Frame]:
    """Set ``starts_shot`` and ``outlier``.

    Speaks ``min_frames + 2`` frames late and holds ``min_frames + 3``, however long the film is.

    Args:
        frames: Frames of one film, in order.
        settings: Threshold and shortest shot. The last frames of a film, where fewer than the
            shortest shot are left, never start one; unless the cuts are given.

    Yields:
        The same frames.
    """
    follower = ShotDetector(settings)
    listed = None if settings.cuts is None else ListedCuts(settings.cuts)
    held: deque[Frame] = deque()
    looks: deque[Thumbnail] = deque()

    def judged() -> Frame:
        frame, ahead = held.popleft(), list(looks)
        looks.popleft()
        if listed is None:
            frame.starts_shot, frame.outlier = follower.judge(ahead)
        elif frame.starts_shot:
            follower.begin(ahead[0])
        else:
            # What a flash is told by ends with the shot.
            rest = next((i for i, after in enumerate(held, 1) if after.starts_shot), len(ahead))
            _, frame.outlier = follower.judge(ahead[:rest])
        return frame

    try:
        for frame in frames:
            if listed is not None:
                frame.starts_shot, frame.outlier = listed.starts(frame), False
            looks.append(Thumbnail(thumbnail(frame)))
            held.append(frame)
            del frame
            if len(held) == settings.min_frames + LOOK_AHEAD:
                yield judged()
        while held:
            yield judged()
    finally:
        close(frames)


def detect_shots(frames: Iterable[Frame], settings: ShotSettings | None = None) -> Iterator[Shot]:
    """The shots of a film, each as soon as its last frame is known."""
    start, count = None, 0
    marked = mark_shots(frames, settings or ShotSettings())
    try:
        for frame in marked:
            if frame.starts_shot and start is not None:
                yield Shot(start, count)
                count = 0
            if frame.starts_shot:
                start = frame.seconds
            count += 1
        if start is not None:
            yield Shot(start, count)
    finally:
        close(marked)
