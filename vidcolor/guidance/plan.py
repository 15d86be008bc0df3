"""A plan: what the color sheet of a video says of each frame, of each shot, and of a chunk.

Times are seconds from the start of the source, as ``--start`` counts them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cached_property

from vidcolor.color.parse import color_ab
from vidcolor.core.frames import Dials, Frame
from vidcolor.core.iterators import close
from vidcolor.errors import SettingsError
from vidcolor.guidance.types import ColorSheet, Hint, Reference, Stretch
from vidcolor.nets.palette import PaletteColors

TOLERANCE = Fraction(1, 50)
"""Seconds at most by which the time of a frame may lie before what holds from there on: half a
frame at 25 frames a second."""
ROUNDED = Fraction(1, 1000)
"""The same where the frame rate is not known: Matroska counts in thousandths."""

_DIALS = tuple(field.name for field in fields(Dials))


@dataclass(frozen=True)
class ShotRange:
    """A shot of the source."""

    start_seconds: Fraction
    """When its first frame is shown."""
    end_seconds: Fraction | None
    """When that of the next shot is; None where the video ends with it."""


@dataclass(frozen=True)
class PartEnds:
    """The rest of the shots that a part of a video cuts; None where nobody has looked for it."""

    before: ShotRange | None = None
    """From where the shot of the part's first frame begins in the source to this frame."""
    after: ShotRange | None = None
    """From the part's last frame to where its shot ends in the source."""

    def widen(self, shot: ShotRange) -> ShotRange:
        """A shot of the part as it is in the source."""
        start, end = shot.start_seconds, shot.end_seconds
        if self.before and self.before.end_seconds is not None and start <= self.before.end_seconds:
            start = self.before.start_seconds
        if self.after and (end is None or end > self.after.start_seconds):
            end = self.after.end_seconds
        return ShotRange(start, end)

    def leaves_out(self, moment: Fraction) -> bool:
        """Whether a moment lies in none of the shots of the part."""
        if self.before and moment < self.before.start_seconds:
            return True
        end = self.after.end_seconds if self.after else None
        return end is not None and moment >= end


class Guidance:
    """What one color sheet says, ready to be asked.

    Attributes:
        sheet: What was said.
        shots: Those of the video in order; empty where nobody has looked for them. Hints and
            references hold for one shot, so they need them; dials do not.
        notes: What a user should know of the sheet.
        ends: How far the first and the last of the shots go beyond the part that is colored; None
            where nothing is said beyond it.
    """

    def __init__(
        self,
        sheet: ColorSheet,
        frame_rate: Fraction | None = None,
        shots: Sequence[ShotRange] = (),
        notes: Sequence[str] = (),
        ends: PartEnds | None = None,
    ) -> None:
        """Make a plan of a sheet.

        Args:
            sheet: Of the video.
            frame_rate: Of the video; None where it is not known. A frame belongs to what begins
                less than half a frame after it: containers round the times of frames.
            shots: As of the attribute.
            notes: As of the attribute.
            ends: As of the attribute; the shots are widened by them.
        """
        self.sheet, self.notes, self.ends = sheet, tuple(notes), ends
        self.shots = tuple(map(ends.widen, shots)) if ends else tuple(shots)
        self._rate = frame_rate
        self._starts = [shot.start_seconds for shot in self.shots]
        self.tolerance = min(TOLERANCE, 1 / frame_rate / 2) if frame_rate else ROUNDED
        borders = {Fraction(0)}
        for stretch in sheet.stretches:
            borders |= {stretch.start} | ({stretch.end} if stretch.end is not None else set())
        self._borders = sorted(borders)
        self._dials = [_resolve(sheet.stretches, border) for border in self._borders]

    @property
    def span(self) -> tuple[Fraction, Fraction]:
        """Moments before and after all that stretches say."""
        return min(Fraction(0), self._borders[0]), self._borders[-1] + 1

    def with_shots(self, shots: Sequence[ShotRange]) -> Guidance:
        """The same with the shots of the video."""
        return Guidance(self.sheet, self._rate, shots, self.notes, self.ends)

    def with_ends(self, ends: PartEnds | None) -> Guidance:
        """The same where only a part of the video is colored; a note tells what is left out."""
        if ends is None:
            return self
        notes = [*self.notes, *_note_left_out(self, ends)]
        return Guidance(self.sheet, self._rate, self.shots, notes, ends)

    @property
    def moments(self) -> list[Fraction]:
        """When the frames are shown that hints and references speak of, and a tolerance more."""
        said: list[Hint | Reference] = [*self.sheet.hints, *self.sheet.references]
        return [one.time + self.tolerance for one in said if one.time is not None]

    def said_at(self, moment: Fraction) -> list[Hint | Reference]:
        """The hints and references of a frame, in the order of the sheet.

        Args:
            moment: One of `moments`; in a picture, whose hints have no time, the tolerance.
        """
        timed = (one for one in self.sheet.references if one.time is not None)
        said: list[Hint | Reference] = [*self.sheet.hints, *timed]
        return [one for one in said if (one.time or 0) + self.tolerance == moment]

    @property
    def needs_shots(self) -> bool:
        """Whether it says something that holds for a shot."""
        return bool(self.sheet.hints or self.sheet.references)

    @property
    def smooths(self) -> bool:
        """Whether a stretch is smoothed by its own strength."""
        return any(dials.smooth for dials in self._dials)

    @property
    def weights(self) -> list[str]:
        """The weights that stretches name, each once."""
        return list(dict.fromkeys(dials.weights for dials in self._dials if dials.weights))

    def sets_vivid(self, weights: str | None) -> bool:
        """Whether a stretch that is colored with these weights, None for the run's, has a vivid."""
        return any(one.vivid is not None and one.weights == weights for one in self._dials)

    def sets_palette(self, weights: str | None) -> bool:
        """The same of a palette."""
        return any(one.palette is not None and one.weights == weights for one in self._dials)

    @cached_property
    def palettes(self) -> dict[str, PaletteColors]:
        """The palettes that stretches use, by name.

        Raises:
            SettingsError: The sheet has no such palette, or a color of it is none.
        """
        found: dict[str, PaletteColors] = {}
        by_name = {palette.name: palette for palette in self.sheet.palettes}
        for name in dict.fromkeys(dials.palette for dials in self._dials if dials.palette):
            if name not in by_name:
                raise SettingsError(f"no palette {name!r}; add it under [[palette]]")
            colors = (self.sheet.resolve(color) for color in by_name[name].colors)
            found[name] = tuple(color_ab(rgb) for rgb in colors if rgb)
        return found

    def dials_at(self, seconds: Fraction) -> Dials:
        """The dials of the frame that is shown at a moment.

        Where stretches overlap, each dial is that of the last one in the sheet that has it.
        """
        return self._dials[max(0, bisect_right(self._borders, seconds + self.tolerance) - 1)]

    def dials_within(self, first: Fraction, last: Fraction) -> list[tuple[Fraction | None, Dials]]:
        """The dials of the frames from one moment to another one, both included.

        Returns:
            Where other dials begin, and which; those of the first frame have no beginning.
        """
        found: list[tuple[Fraction | None, Dials]] = [(None, self.dials_at(first))]
        for border, dials in zip(self._borders, self._dials, strict=True):
            inside = first + self.tolerance < border <= last + self.tolerance
            if inside and dials != found[-1][1]:
                found.append((border, dials))
        return found

    def shot_at(self, seconds: Fraction) -> ShotRange | None:
        """The shot of the frame that is shown at a moment; None where none is known."""
        seconds += self.tolerance
        place = bisect_right(self._starts, seconds) - 1
        if place < 0:
            return None
        shot = self.shots[place]
        return shot if shot.end_seconds is None or seconds < shot.end_seconds else None

    def hints_at(self, seconds: Fraction, length: Fraction) -> tuple[Hint, ...]:
        """The hints of the one frame that is shown from a moment on, in the order of the sheet.

        Args:
            seconds: When it comes on screen.
            length: For how long; 0 where that is not known.
        """
        end = seconds + (length or 2 * self.tolerance)
        return tuple(
            hint
            for hint in self.sheet.hints
            if hint.time is None or seconds <= hint.time + self.tolerance < end
        )

    def hints_of(self, shot: ShotRange) -> tuple[Hint, ...]:
        """The hints whose frames lie in a shot, in the order of the sheet."""
        return tuple(self._hints.get(shot, ()))

    def references_of(self, shot: ShotRange) -> tuple[Reference, ...]:
        """The references whose frames lie in a shot, and the looks that hold in a part of it."""
        return tuple(
            one
            for one in self.sheet.references
            if (self._is_in(one.time, shot) if one.time is not None else self._overlaps(one, shot))
        )

    def widen(self, first: Fraction, last: Fraction) -> tuple[Fraction, Fraction | None]:
        """From where the shot of one frame begins, to where that of another one ends.

        Where shots are not known, these frames themselves.
        """
        begin, end = self.shot_at(first), self.shot_at(last)
        start = first if begin is None else min(first, begin.start_seconds)
        return start, last if end is None else end.end_seconds

    @cached_property
    def _hints(self) -> dict[ShotRange | None, list[Hint]]:
        found: dict[ShotRange | None, list[Hint]] = {}
        for hint in self.sheet.hints:  # those of images have no time
            found.setdefault(self.shot_at(hint.time or Fraction(0)), []).append(hint)
        return found

    def _is_in(self, seconds: Fraction, shot: ShotRange) -> bool:
        return self.shot_at(seconds) == shot

    def _overlaps(self, look: Reference, shot: ShotRange) -> bool:
        begins = shot.end_seconds is None or (look.start or 0) + self.tolerance < shot.end_seconds
        return begins and (look.end is None or look.end > shot.start_seconds + self.tolerance)


def _note_left_out(guidance: Guidance, ends: PartEnds) -> Iterator[str]:
    """What is to be said of hints and references that no shot of the part has."""
    sheet, found = guidance.sheet, []
    for kind, said in (("hint", sheet.hints), ("reference", sheet.references)):
        times = [one.time + guidance.tolerance for one in said if one.time is not None]
        if number := sum(map(ends.leaves_out, times)):
            found.append((number, f"{number} {kind}{'s' * (number > 1)}"))
    if found:
        verb = "lies" if sum(number for number, _ in found) == 1 else "lie"
        what = " and ".join(words for _, words in found)
        yield f"{what} {verb} outside of the colored part and its shots: without effect"


def _resolve(stretches: Sequence[Stretch], seconds: Fraction) -> Dials:
    """The dials from a border of stretches on."""
    dials = Dials()
    for stretch in stretches:
        if stretch.start <= seconds and (stretch.end is None or seconds < stretch.end):
            own = {name: getattr(stretch, name) for name in _DIALS}
            dials = replace(dials, **{k: value for k, value in own.items() if value is not None})
    return dials


def mark_dials(frames: Iterable[Frame], guidance: Guidance) -> Iterator[Frame]:
    """Set ``dials``, and ``share`` and ``neutral`` where the sheet says what stays gray.

    Args:
        frames: Of one video, in order, with shots and titles marked.
        guidance: What is said of the video.

    Yields:
        The same frames, at once.
    """
    try:
        for frame in frames:
            frame.dials = guidance.dials_at(frame.moment)
            _keep_gray(frame)
            yield frame
    finally:
        close(frames)


def _keep_gray(frame: Frame) -> None:
    if frame.dials.keep_gray:
        frame.share, frame.neutral = 0.0, frame.neutral or "asked"
    elif frame.dials.keep_gray is False and frame.neutral == "title":
        frame.share, frame.neutral = 1.0, ""
