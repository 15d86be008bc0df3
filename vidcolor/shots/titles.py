"""Titles: which frames are left gray, because nothing or nothing but lettering is to be seen.

A shot is judged once, from its first frames, and keeps the judgement: color neither comes nor goes
inside it, but for fades, where it follows the luma, and where a card dissolves into a picture.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.core.frames import Frame
from vidcolor.core.gray_runs import STEPS
from vidcolor.core.iterators import close
from vidcolor.settings import TitleSettings
from vidcolor.shots.lettering import (
    ROWS,
    Area,
    Codes,
    looks_like_a_card,
    picture_area,
    remove_shading,
)

AHEAD = 12
"""Frames that are looked at before anything is said of the first one."""
MAX_HELD = 256 << 20
"""Bytes of frames that may wait; of very large ones fewer are looked at."""
FEWEST = 4

LIKELY = {"auto": 0.7, "keep": -2.5}
"""Log odds from which a shot is a card. In doubt it is a picture, unless cards are to be kept."""
FIRM = 1.0
"""How far beyond that a shot that was judged must be to be judged otherwise."""
TWICE = 2
"""How often in a row it must be found so."""

SMALL = 72
"""Short side of the pictures in which contrast is measured: grain is averaged away in them."""
EMPTY, PLAIN = 4.0, 24.0
"""Contrast, in codes, up to which a frame shows nothing, and from which it shows all its color."""
UNEVEN = 2.0
"""Codes more that count for nothing in what is not near black: leader is not even."""
ENOUGH = 0.15
"""Share of the shot's own contrast that is enough for that, too: fog does not flicker."""
BLACK, WHITE = (16.0, 48.0), (208.0, 240.0)
"""Mean codes between which frames come to be near black and near white, as fades do."""
CLEAR = 24.0
"""Contrast from which a shot that is fading in can be judged."""
FADING = 1.25
"""Factor by which contrast grows within the frames that wait where it fades in."""
LOOKED_AT = 4
"""Frames of which a shot is judged."""
EVERY = 6
"""Frames from one look at whether a shot has become another to the next."""
UNLIKE = 0.5
"""Correlation below which a picture is another one."""


@dataclass(eq=False)
class _Seen:
    """A frame that waits."""

    frame: Frame
    small: Codes
    measured: tuple[Area | None, float] | None = None
    """Its contrast, and where it was measured."""

    def contrast(self, area: Area | None) -> float:
        """As of `contrast_of`; measured once for each area."""
        if self.measured is None or self.measured[0] is not area:
            self.measured = area, contrast_of(self.small, area)
        return self.measured[1]

    @property
    def firm(self) -> bool:
        """Whether it is like the others of its shot."""
        return not (self.frame.outlier or self.frame.damaged)


def mark_titles(frames: Iterable[Frame], settings: TitleSettings) -> Iterator[Frame]:
    """Set ``share`` and ``neutral``.

    Speaks up to `AHEAD` frames late and holds one more, however long the film is.

    Args:
        frames: Frames of one film, in order, with shots marked.
        settings: What is done with cards.

    Yields:
        The same frames.
    """
    shot = _Shot(settings)
    try:
        for frame in frames:
            if frame.starts_shot:
                yield from shot.end()
                shot = _Shot(settings)
            yield from shot.take(frame)
            del frame
        yield from shot.end()
    finally:
        close(frames)


def judged_alone(frame: Frame, settings: TitleSettings | None = None) -> Frame:
    """The same frame, ``share`` and ``neutral`` set as of a shot that has no other."""
    shot = _Shot(settings or TitleSettings())
    return next(iter([*shot.take(frame), *shot.end()]))


class _Shot:
    """One shot: the frames that wait, and what is known of those before them."""

    def __init__(self, settings: TitleSettings) -> None:
        self._likely = LIKELY.get(settings.cards)
        self._held: deque[_Seen] = deque()
        self._before: list[Codes] = []
        """The last two frames before those that wait."""
        self._area: Area | None = None
        """Where the picture is, at `SMALL`."""
        self._card: bool | None = None
        """The judgement; None while there is nothing to be judged."""
        self._hidden = 1.0
        """0..1: how much of the color is held back; follows the judgement, after a fade slowly."""
        self._begun = False
        """Whether a frame with something to see has gone."""
        self._known: Codes | None = None
        """What was judged."""
        self._contrast = 0.0
        """Of what was judged."""
        self._top = 0.0
        """The largest contrast so far."""
        self._since, self._doubts = 0, 0

    def take(self, frame: Frame) -> Iterator[Frame]:
        """Let a frame wait; those that need wait no longer."""
        self._held.append(_Seen(frame, at_rows(frame, SMALL)))
        size = frame.luma.numel() * frame.luma.element_size() * 2
        if len(self._held) > max(FEWEST, min(AHEAD, MAX_HELD // max(1, size))):
            yield self._settle()

    def end(self) -> Iterator[Frame]:
        """The frames that wait."""
        while self._held:
            yield self._settle()

    def _settle(self) -> Frame:
        """The first one that waits."""
        self._judge()
        first = self._held.popleft()
        around = [*self._before[-1:], first.small, *(one.small for one in islice(self._held, 2))]
        around = around[:3] if len(around) > 2 else [*self._before, first.small][-3:]
        steady = contrast_of(_without_dust(first.small, around), self._area)
        contrast = min(steady, first.contrast(self._area))
        self._before = [*self._before[-1:], first.small]
        shown = ramp(contrast, EMPTY, self._plain(first))
        if first.frame.outlier and self._card is not None:
            shown = 1.0  # a flash is no fade
        share = round(shown * (1 - self._hidden) * STEPS) / STEPS
        first.frame.share = share
        first.frame.neutral = "" if share else "title" if shown and self._card else "blank"
        self._begun = self._begun or shown > 0
        return first.frame

    def _plain(self, first: _Seen) -> float:
        """Contrast from which a frame shows all its color: more only near black and white."""
        inside = first.small if self._area is None else first.small[self._area]
        mean = float(inside.mean())
        fades = max(1 - ramp(mean, *BLACK), ramp(mean, *WHITE))
        coming = max((one.contrast(self._area) for one in self._held), default=0.0)
        fades_in = coming > 2 * max(first.contrast(self._area), EMPTY)
        most = PLAIN if fades_in else max(EMPTY + 1, min(PLAIN, ENOUGH * self._top))
        return EMPTY + 1 + fades * (most - EMPTY - 1)

    def _judge(self) -> None:
        """Know what the first frame that waits belongs to."""
        seen = [one for one in self._held if one.firm] or list(self._held)
        if self._card is not None:
            self._top = max(self._top, seen[-1].contrast(self._area))
        if self._card is None or (self._card and self._contrast < CLEAR):
            self._look(seen)
        elif all(one.contrast(self._area) < EMPTY for one in seen):
            if len(seen) >= FEWEST:  # black between two pictures: what follows is another one
                self._card, self._begun, self._contrast, self._top = None, False, 0.0, 0.0
        else:
            self._since += 1
            if self._since >= EVERY:
                self._since = 0
                self._look_again(seen[-1])
        wanted = 1.0 if self._card is not False else 0.0
        step = 1 / AHEAD if self._begun else 1.0
        self._hidden += max(-step, min(step, wanted - self._hidden))

    def _look(self, seen: list[_Seen]) -> None:
        """Judge the shot, unless it shows nothing yet or is judged as well already."""
        if self._card is None and max(one.contrast(None) for one in seen) < EMPTY:
            return
        if self._card is None:
            self._find_area(seen)
        contrasts = [one.contrast(self._area) for one in seen]
        top = max(contrasts)
        self._top = max(self._top, top)
        if top < EMPTY:
            return
        rising = contrasts[-1] > FADING * max(contrasts[0], EMPTY / 2) and len(seen) >= FEWEST
        if self._card is None and rising and top < CLEAR and (self._begun or contrasts[0] < EMPTY):
            self._begun = True  # a fade: what goes until it is clear is held back
            return
        if self._card and top < 2 * self._contrast:
            return
        order = sorted(range(len(seen)), key=contrasts.__getitem__)
        some = [place for place in order if contrasts[place] > 0.7 * top]
        some = sorted(some)[:: -(-len(some) // LOOKED_AT)]
        self._find_area([seen[place] for place in some])
        self._card = self._is_card([seen[place] for place in some], 0.0)
        self._known, self._contrast = seen[some[-1]].small, top

    def _look_again(self, one: _Seen) -> None:
        """Whether a shot whose cut was not found, as in a dissolve, is another one by now."""
        assert self._known is not None
        if not one.firm or self._likely is None or _is_alike(one.small, self._known):
            return
        card = self._is_card([one], -FIRM if self._card else FIRM)
        self._doubts = self._doubts + 1 if card != self._card else 0
        if card == self._card:
            self._known = one.small
        elif self._doubts >= TWICE:
            self._card, self._known, self._doubts = card, one.small, 0

    def _is_card(self, seen: list[_Seen], beyond: float) -> bool:
        if self._likely is None:
            return False
        pictures = [at_rows(one.frame, ROWS) for one in seen]
        area = picture_area(_middle(pictures))
        odds = [looks_like_a_card(picture, area) for picture in pictures]
        return float(np.median(odds)) > self._likely + beyond

    def _find_area(self, seen: list[_Seen]) -> None:
        area = picture_area(_middle([one.small for one in seen]))
        self._area = area if area is not None and area.any() else None


def at_rows(frame: Frame, rows: int) -> Codes:
    """``(h, w)`` 0..255 of the luma, black at 0 and white at 255; the short side is ``rows``."""
    layout = frame.layout
    step = max(1, min(frame.luma.shape) // (3 * rows))
    luma = np.ascontiguousarray(frame.luma[::step, ::step].numpy())
    H, W = luma.shape
    scale = rows / min(H, W)
    size = tuple(min(4 * rows, max(16, round(side * scale))) for side in (W, H))
    codes = cv2.resize(luma, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    codes = np.right_shift(codes, layout.bits - 8, dtype=np.int32).clip(0, 255).astype(np.uint8)
    if layout.full_range and layout.transfer != "linear":
        return codes
    unit = np.arange(256) / 255 if layout.full_range else (np.arange(256) - 16) / 219
    unit = unit.clip(0, 1) ** (1 / 2.2 if layout.transfer == "linear" else 1)
    table: Codes = (unit * 255).round().astype(np.uint8)
    found: Codes = table[codes]
    return found


def contrast_of(small: Codes, area: Area | None) -> float:
    """Codes between the dark and the light of a picture whose slow shading is taken out.

    Args:
        small: ``(h, w)`` at `SMALL`.
        area: ``(h, w)``; None is all of it.
    """
    some = cv2.blur(small, (3, 3))[::2, ::2]
    # A column that differs from those beside it all the way down is a scratch.
    columns = np.median(some, axis=0).astype(np.float32)
    some = some - (columns - cv2.medianBlur(columns[None], 5)[0])
    inside = np.ones(some.shape, np.bool_) if area is None else area[::2, ::2]
    flat = remove_shading(some, inside)[inside]
    low, high = np.partition(flat, (len(flat) // 100, -1 - len(flat) // 100))[
        [len(flat) // 100, -1 - len(flat) // 100]
    ]
    return max(0.0, float(high - low) - UNEVEN * ramp(float(some.mean()), *BLACK))


def ramp(value: float, low: float, high: float) -> float:
    """0 at ``low``, 1 at ``high``, smooth between."""
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


def _without_dust(now: Codes, around: Sequence[Codes]) -> Codes:
    """The middle of three frames: what is there for one frame alone is dust, or a flash."""
    if len(around) < 3 or any(one.shape != now.shape for one in around):
        return now
    a, b, c = around
    return np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))


def _middle(pictures: list[Codes]) -> Codes:
    """The middle of each sample over some pictures; those of another size are left out."""
    same = [picture for picture in pictures if picture.shape == pictures[-1].shape]
    found: Codes = np.median(same, axis=0).astype(np.uint8)
    return found


def _is_alike(one: Codes, other: Codes) -> bool:
    if one.shape != other.shape:
        return False
    a, b = (_make_thumbnail(picture) for picture in (one, other))
    scale = float(np.sqrt((a * a).mean() * (b * b).mean()))
    return scale > 0 and float((a * b).mean()) > UNLIKE * scale


def _make_thumbnail(picture: Codes) -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.asarray(
        cv2.resize(picture, (32, 24), interpolation=cv2.INTER_AREA), np.float32
    )
    return found - np.float32(found.mean())
