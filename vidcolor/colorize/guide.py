"""The guide of frames: what the color sheet says of their shot, as color and weight.

Key frames are read and looked at once, before the first frame of their shot is guided. Then each
frame is guided by itself, so chunks and workers need nothing of each other.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.color.lab import rgb_to_lab
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.paint import saturation_of
from vidcolor.core.files import printable
from vidcolor.core.frames import ColorizedFrame, Frame
from vidcolor.core.threads import WorkerThreads, map_ordered
from vidcolor.errors import SettingsError
from vidcolor.guidance.color_script import ColorScript, ScriptKey
from vidcolor.guidance.entries import Hint, Reference, SheetContent
from vidcolor.guidance.key_frame import (
    KEYED,
    KeyFrame,
    View,
    carry_colors,
    follow_script,
    lay_reference,
    mix_guides,
    reduce_lightness,
    spread_hints,
)
from vidcolor.guidance.plan import Guidance, ShotRange
from vidcolor.guidance.types import ColorSheet
from vidcolor.media.display import lies, turn_back
from vidcolor.media.images.reference import read_reference
from vidcolor.nets.guide_net import places_of
from vidcolor.nets.palette import PaletteColors
from vidcolor.settings import PaintSettings

FrameSource = Callable[[Sequence[Fraction]], Iterator[tuple[Fraction, Frame]]]
"""Gives the frames on screen at ascending moments, in seconds from the source's start, and when
they came there."""
SHOTS_KEPT = 4
"""Shots whose key frames are kept; a run goes through them in order."""
FOLLOWED = 2
"""Key frames of a color script that one frame follows."""
_LEAST_SATURATION = 0.05


class Guide:
    """What the color sheet says, for one net; several threads may ask it at once."""

    def __init__(
        self,
        plan: Guidance,
        colorizer: Colorizer,
        source: FrameSource,
        aspect: Fraction,
        paint: PaintSettings,
        rotation: Sequence[int] | None = None,
        script: ColorScript | None = None,
    ) -> None:
        """Nothing is read yet.

        Args:
            plan: What is said, with the shots.
            colorizer: Has the net that colors the frames; it listens from now on.
            source: Gives key frames.
            aspect: Width of a sample over its height.
            rotation: Display matrix of the video; None where it is stored upright.
            paint: Its saturation is what colors of hints are made up for.
            script: Decides what nothing is said of.

        Raises:
            WeightsError: The net has no guide.
            SettingsError: The net takes no hints.
        """
        self._plan, self._colorizer, self._source = plan, colorizer, source
        self._aspect, self._paint, self._rotation = aspect, paint, rotation
        self._net, self._script = colorizer.listen(), script
        self._keys: OrderedDict[ShotRange, list[KeyFrame]] = OrderedDict()
        self._looks: dict[int, KeyFrame] = {}
        self._lock = Lock()

    def guide_frames(
        self, colored: Iterable[ColorizedFrame], threads: WorkerThreads | None
    ) -> Iterator[ColorizedFrame]:
        """The same frames in the same order, with their guide."""
        return map_ordered("color", self.guide_frame, colored, threads)

    @torch.inference_mode()
    def guide_frame(self, item: ColorizedFrame) -> ColorizedFrame:
        """The frame by the color script, and with its guide where something is said of its shot.

        Raises:
            SettingsError: An image of the sheet cannot be read.
            FilmError: A key frame cannot be read.
        """
        shot = self._plan.shot_at(item.frame.moment)
        moment = item.frame.moment
        keys = self._keys_of(shot) if shot else []
        keys = [key for key in keys if key.holds_at(moment + self._plan.tolerance)]
        written = self._written_for(shot, moment) if shot else []
        if not (keys or written) or item.embedding is None:
            return item
        size = item.ab.shape[1:]
        places = places_of(item.embedding, reduce_lightness(item.lightness, size))
        if written:
            ab = follow_script(written, places, item.ab, moment, self._net)
            item = replace(item, ab=ab)
        if not keys:
            return item
        guide = carry_colors(keys, places, size, moment, self._net)
        saturation = max(saturation_of(item.frame, self._paint), _LEAST_SATURATION)
        keyed = KEYED if any(key.seconds == moment for key in keys) else 1.0
        return replace(item, guide=guide, keyed=keyed, saturation=saturation)

    def _written_for(self, shot: ShotRange, moment: Fraction) -> list[ScriptKey]:
        """The key frames of the script that a frame follows: those nearest to it in its shot."""
        if self._script is None:
            return []
        own = self._script.keys_within(shot.start_seconds - self._plan.tolerance, shot.end_seconds)
        nearest = sorted(own, key=lambda key: abs(key.seconds - moment))[:FOLLOWED]
        return nearest if any(key.is_followed for key in nearest) else []

    def _keys_of(self, shot: ShotRange) -> list[KeyFrame]:
        """The key frames of a shot; made at the first call."""
        with self._lock:
            if shot not in self._keys:
                self._keys[shot] = self._make_keys(shot)
                while len(self._keys) > SHOTS_KEPT:
                    self._keys.popitem(last=False)
            self._keys.move_to_end(shot)
            return self._keys[shot]

    def _make_keys(self, shot: ShotRange) -> list[KeyFrame]:
        references = self._plan.references_of(shot)
        said: list[Hint | Reference] = [*self._plan.hints_of(shot)]
        said += [one for one in references if one.time is not None]
        moments = sorted({(one.time or Fraction(0)) + self._plan.tolerance for one in said})
        keys: list[KeyFrame] = []
        shown = self._source(moments) if moments else iter(())
        view: View | None = None
        for (seconds, frame), moment in zip(shown, moments, strict=True):
            if view is None or seconds != keys[-1].seconds:
                place = self._aspect, self._rotation
                view = look_by_plan(self._plan, seconds, frame, self._colorizer, *place)
            here = self._plan.said_at(moment)
            keys.append(make_key(view, seconds, here, self._colorizer, self._plan.sheet))
        looks = [self._look(one) for one in references if one.time is None]
        return [*_join(keys), *looks]

    def _look(self, reference: Reference) -> KeyFrame:
        if id(reference) not in self._looks:
            look = read_look(reference, self._colorizer, self._plan.sheet)
            look = replace(look, start=reference.start, end=reference.end)
            self._looks[id(reference)] = look
        return self._looks[id(reference)]


def look_at(
    frame: Frame,
    colorizer: Colorizer,
    aspect: Fraction | None = None,
    rotation: Sequence[int] | None = None,
    vivid: float | None = None,
    palette: PaletteColors = (),
) -> View:
    """A frame as the net knows it.

    Args:
        frame: The picture.
        colorizer: Has the net, and listens already.
        aspect: Width of a sample over its height; None for square ones.
        rotation: Display matrix of the video; None where it is stored upright.
        vivid: As of `Colorizer.predict`.
        palette: As of `NetInput`.

    Raises:
        DeviceError: As `Colorizer.predict`.
    """
    lightness = colorizer.lightness_of(frame, aspect or Fraction(1))
    return View.of(colorizer.examine(lightness, vivid, palette), lightness, rotation)


def look_by_plan(
    plan: Guidance,
    seconds: Fraction,
    frame: Frame,
    colorizer: Colorizer,
    aspect: Fraction,
    rotation: Sequence[int] | None = None,
) -> View:
    """The frame of a moment as the net knows it by the dials there; arguments as of `look_at`."""
    dials = plan.dials_at(seconds)
    palette = plan.palettes[dials.palette] if dials.palette else ()
    return look_at(frame, colorizer, aspect, rotation, dials.vivid, palette)


@torch.inference_mode()
def make_key(
    view: View,
    seconds: Fraction,
    said: Sequence[Hint | Reference],
    colorizer: Colorizer,
    sheet: SheetContent,
) -> KeyFrame:
    """The key frame of a picture of which something is said: references below, hints above them.

    Args:
        view: The picture.
        seconds: When it is shown.
        said: Of it.
        colorizer: Looked at the picture.
        sheet: Resolves colors and finds images.

    Raises:
        SettingsError: A color is none, or an image cannot be read.
    """
    guide = torch.zeros(3, *view.size)
    for one in said:
        if isinstance(one, Reference):
            rgba = load_image(one, sheet)
            own = lay_reference(rgb_to_lab(rgba[:3])[1:], rgba[3:])
            if _is_turned(own, view):  # it looks as players show the frame
                own = turn_back(own, view.rotation)
            own = _reduce(own, view.size)
            guide = own + guide * (1 - own[2:])
    hints = [one for one in said if isinstance(one, Hint)]
    if hints:
        ab = view.seen.ab[0] * (1 - guide[2:]) + guide[:2]
        below = replace(view, seen=replace(view.seen, ab=ab[None]))
        bins = colorizer.bins
        own = spread_hints(below, hints, colorizer.listen(), sheet.resolve, bins)
        guide = own + guide * (1 - own[2:])
    return KeyFrame.of(view, guide, seconds, spread=len(hints) == len(said))


@torch.inference_mode()
def read_look(reference: Reference, colorizer: Colorizer, sheet: SheetContent) -> KeyFrame:
    """The key frame of an image that is no frame of the video.

    Raises:
        SettingsError: It cannot be read.
    """
    rgba = load_image(reference, sheet)
    lab = rgb_to_lab(rgba[:3])
    size = colorizer.net.working_size(lab.shape[1], lab.shape[2], colorizer.settings.size)
    lightness = _reduce(lab[:1], size)[0]
    view = View.of(colorizer.examine(lightness), lightness)
    return KeyFrame.of(view, _reduce(lay_reference(lab[1:], rgba[3:]), view.size), None)


def _is_turned(maps: Tensor, view: View) -> bool:
    """Whether an image shows a frame as players do, and not as it is stored."""
    if view.rotation is None:
        return False
    h, w = maps.shape[1:]
    return (h > w) != (view.size[0] > view.size[1]) or not lies(view.rotation)


def _reduce(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """``(C, h, w)`` means of maps; of a guide, colors count by their weight."""
    return F.interpolate(maps[None], size, mode="area")[0]


def load_image(reference: Reference, sheet: SheetContent) -> Tensor:
    """``(4, H, W)`` 0..1 sRGB and alpha of a reference.

    Raises:
        SettingsError: It cannot be read, or is transparent all over.
    """
    image: np.ndarray[Any, Any]
    if isinstance(reference.image, np.ndarray):
        image, name = reference.image, "array"
    else:
        path = sheet.find_image(reference) if isinstance(sheet, ColorSheet) else None
        image = read_reference(Path(reference.image) if path is None else path)
        name = printable(str(reference.image))
    picture = torch.from_numpy(image.copy()).permute(2, 0, 1).float() / 255
    if len(picture) == 3:
        picture = torch.cat([picture, torch.ones_like(picture[:1])])
    if not picture[3].any():
        raise SettingsError(f"the reference {name} is transparent all over; nothing of it counts")
    return picture


def _join(keys: Sequence[KeyFrame]) -> list[KeyFrame]:
    """Key frames of one frame, which was on screen at several moments, as one."""
    joined = []
    for _, same in groupby(keys, lambda key: key.seconds):
        first, *others = same
        joined.append(first if not others else _merge([first, *others]))
    return joined


def _merge(keys: Sequence[KeyFrame]) -> KeyFrame:
    """All that is said of one frame; where two speak of a place, the surer one counts for more."""
    seconds = keys[0].seconds or Fraction(0)
    guide = mix_guides([(seconds, key.guide) for key in keys], seconds)
    places = torch.cat([key.places for key in keys])
    return KeyFrame(seconds, guide, places, torch.cat([key.colors for key in keys]))
