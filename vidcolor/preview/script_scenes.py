"""What a color script decides, scene by scene: palettes, and key frames before and after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.guide import look_by_plan
from vidcolor.colorize.session import Session
from vidcolor.core.frames import Frame
from vidcolor.core.label import Label
from vidcolor.core.report import Damage
from vidcolor.errors import SettingsError
from vidcolor.guidance.color_script import ColorScript, ScriptKey, enlarge
from vidcolor.guidance.places import Colors, note_unused, plan_colors
from vidcolor.guidance.plan import Guidance, ShotRange, mark_dials
from vidcolor.media.metadata import expected_frames
from vidcolor.preview.contact_sheet import GAP, MARGIN, WIDTH
from vidcolor.preview.previews import Variant, describe_film, label
from vidcolor.preview.script_palette import Swatch, blend, find_palette
from vidcolor.preview.viewer import Found, Viewer
from vidcolor.run.film_script import can_agree, make_film_script
from vidcolor.run.label import label_session
from vidcolor.run.shot_scan import scan_shots
from vidcolor.settings import ScriptSettings, Settings
from vidcolor.shots.titles import judged_alone

SHOTS, KEYS, PICTURES = "finding the shots", "color script", "painting key frames"
"""What is done one after the other."""
MOST, FEWEST = 8, 4
"""Key frames of a scene that are shown at most, and those that there is room for at least."""
PALETTE = 150
"""Pixels across that a palette takes beside them."""

OnStage = Callable[[str, int, int | None], None]
"""Called with what is done, how many frames are done and how many there are, where that is known.
"""


@dataclass(frozen=True)
class KeyPicture:
    """A key frame that is shown."""

    seconds: Fraction
    """When it comes on screen, from the film's start."""
    label: str
    """The same as text."""
    before: Tensor
    """``(3, H, W)`` uint8 sRGB: in the colors that the net finds for this frame alone."""
    after: Tensor
    """The same in those that its scene agreed upon."""


@dataclass(frozen=True)
class Scene:
    """Key frames that show the same."""

    number: int
    """From 1, in the order in which scenes appear."""
    shots: tuple[ShotRange, ...]
    """Those that the key frames are of."""
    times: tuple[Fraction, ...]
    """When the key frames come on screen, in seconds from the film's start."""
    before: tuple[Swatch, ...]
    """The main colors that the net finds for each key frame alone."""
    after: tuple[Swatch, ...]
    """Those that the key frames agreed upon."""
    change: float
    """By how many ab units the colors change on the mean."""
    pictures: tuple[KeyPicture, ...] = ()
    """Some of the key frames, evenly chosen; none where the scene is not shown."""

    @property
    def is_single(self) -> bool:
        """Whether there was nobody to agree with."""
        return len(self.times) == 1


@dataclass
class ScriptView:
    """What a color script decides, and what was met on the way."""

    heading: tuple[str, str]
    """Name of the film, and what is to be said of it."""
    shots: int
    scenes: list[Scene] = field(default_factory=list)
    """All of them, in the order in which they appear."""
    damage: list[Damage] = field(default_factory=list)
    """In the key frames that are shown, in seconds from the film's start."""
    damage_counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What a user should know."""
    label: Label | None = None
    """Of its pictures: with what they were colored."""

    @property
    def visible(self) -> list[Scene]:
        """The scenes that have pictures."""
        return [scene for scene in self.scenes if scene.pictures]


@dataclass(frozen=True)
class Wish:
    """What is to be shown."""

    most: int = MOST
    """Key frames of a scene that are shown; 0 shows none."""
    singles: bool = False
    """Whether scenes of a single key frame are shown, too. If there are no others, they are."""
    width: int = 0
    """Pixels across of the pictures; 0 makes a sheet as wide as others."""


def script_view(
    source: str | Path,
    *,
    wish: Wish | None = None,
    colorizer: Colorizer | None = None,
    settings: Settings | None = None,
    colors: Colors = None,
    on_stage: OnStage | None = None,
) -> ScriptView:
    """What ``--script auto`` decides for a film, which is not colored.

    Args:
        source: A film.
        wish: What is to be shown.
        colorizer: What to color with; None loads the weights of ``settings``.
        settings: Everything else; a part of the film is looked at alone, as a run would.
        colors: As of `vidcolor.run.video.colorize_video`; what it says counts as in a run.
        on_stage: Is told how far it is.

    Raises:
        SettingsError: A picture, or a film with a single key frame, has no color script.
        WeightsError: The weights have no guide.
        VidcolorError: As `colorize_video`.
    """
    settings = settings or Settings()
    with open_viewer(source, settings, colorizer) as viewer:
        return look_at_script(viewer, settings, wish, colorizer, colors, on_stage)


def open_viewer(
    source: str | Path, settings: Settings, colorizer: Colorizer | None = None
) -> Viewer:
    """A viewer of the whole film, in which any frame can be looked for; raises as `Viewer`."""
    whole = replace(settings.open, start=None, end=None)
    return Viewer(source, replace(settings, open=whole), colorizer, colors="none")


def look_at_script(
    viewer: Viewer,
    settings: Settings,
    wish: Wish | None = None,
    colorizer: Colorizer | None = None,
    colors: Colors = None,
    on_stage: OnStage | None = None,
) -> ScriptView:
    """As `script_view`, of a film that `open_viewer` opened."""
    if viewer.film is None:
        raise SettingsError(f"{viewer.name}: is a picture; color scripts are for films")
    info, wish, tell = viewer.film.info, wish or Wish(), on_stage or (lambda *_: None)
    settings = replace(settings, script=ScriptSettings("auto"))
    session = Session.load(settings, colorizer, plan_colors(info, colors))
    session.colorizer.listen()
    session.configure_for(info)
    shots = _find_shots(viewer, settings, tell)
    if not can_agree(shots):
        raise SettingsError(f"{viewer.name}: no color script: a single shot, and a short one")
    script = make_film_script(session, info, shots, lambda done, of: tell(KEYS, done, of))
    session.follow(script, shots, info.frame_rate)
    assert session.guidance
    scenes = _group(script, session.guidance, settings.paint.saturation)
    shown = _choose(scenes, wish)
    painter = _Painter(viewer, session, _picture_size(viewer, shown, wish))
    pictures = painter.paint(_choose_keys(script, shown, wish.most), tell)
    scenes = [replace(one, pictures=tuple(pictures.get(one.number, ()))) for one in scenes]
    heading = describe_film(viewer, [Variant("", settings)])
    view = ScriptView(heading, len(shots), scenes, viewer.damage, viewer.damage_counts)
    notes = [*viewer.notes, *note_unused(info.path, colors), *session.notes]
    view.notes, view.label = list(dict.fromkeys(notes)), label_session(session)
    if session.guidance.weights:
        view.notes.append("stretches with weights of their own do not follow the color script")
    return view


def _find_shots(viewer: Viewer, settings: Settings, tell: OnStage) -> tuple[ShotRange, ...]:
    assert viewer.film is not None
    info, seen = viewer.film.info, 0
    total = expected_frames(info, settings.open)

    def see(_: Frame) -> None:
        nonlocal seen
        seen += 1
        tell(SHOTS, seen, total)

    return scan_shots(info.path, settings, info.layout, see)


def _group(script: ColorScript, plan: Guidance, saturation: float) -> list[Scene]:
    """The scenes of a script, without pictures."""
    scenes = []
    for number in range(script.groups):
        keys = [key for key in script.keys if key.group == number]
        found = [plan.shot_at(key.seconds) for key in keys]
        automatic, agreed = [key.automatic for key in keys], [blend(key) for key in keys]
        moved = torch.cat(agreed) - torch.cat(automatic)
        scenes.append(
            Scene(
                number + 1,
                tuple(dict.fromkeys(shot for shot in found if shot)),
                tuple(key.seconds for key in keys),
                find_palette(keys, [ab * saturation for ab in automatic]),
                find_palette(keys, [ab * saturation for ab in agreed]),
                float(moved.norm(dim=1).mean()),
            )
        )
    return scenes


def _choose(scenes: Sequence[Scene], wish: Wish) -> list[Scene]:
    """The scenes that are shown."""
    if not wish.most:
        return []
    several = [scene for scene in scenes if not scene.is_single]
    return list(scenes) if wish.singles or not several else several


def _choose_keys(script: ColorScript, shown: Sequence[Scene], most: int) -> list[ScriptKey]:
    """The key frames that are shown, ascending in time."""
    times: set[Fraction] = set()
    for scene in shown:
        count, some = len(scene.times), min(most, len(scene.times))
        times |= {scene.times[count * (2 * n + 1) // (2 * some)] for n in range(some)}
    return [key for key in script.keys if key.seconds in times]


def _picture_size(viewer: Viewer, scenes: Sequence[Scene], wish: Wish) -> tuple[int, int]:
    """(width, height) of the pictures."""
    screen = viewer.screen.size
    longest = max((len(scene.times) for scene in scenes), default=0)
    columns = max(FEWEST, min(wish.most, longest))
    room = (WIDTH - 2 * MARGIN - PALETTE - columns * GAP) // columns
    scale = min(1.0, (wish.width or room) / max(screen))
    return max(1, round(screen[0] * scale)), max(1, round(screen[1] * scale))


class _Painter:
    """Shows key frames before and after."""

    def __init__(self, viewer: Viewer, session: Session, size: tuple[int, int]) -> None:
        assert viewer.film is not None
        assert session.guidance is not None
        self._viewer, self._session, self._size = viewer, session, size
        self._plan = session.guidance
        self._aspect = viewer.film.info.sample_aspect or Fraction(1)

    def paint(self, keys: Sequence[ScriptKey], tell: OnStage) -> dict[int, list[KeyPicture]]:
        """Pictures of key frames, which ascend in time, by the number of their scene."""
        pictures: dict[int, list[KeyPicture]] = {}
        frames = self._viewer.frames([key.seconds for key in keys])
        for done, (key, (seconds, frame)) in enumerate(zip(keys, frames, strict=True), 1):
            pictures.setdefault(key.group + 1, []).append(self._paint_one(key, seconds, frame))
            tell(PICTURES, done, len(keys))
        return pictures

    @torch.inference_mode()
    def _paint_one(self, key: ScriptKey, seconds: Fraction, frame: Frame) -> KeyPicture:
        settings, place = self._session.settings, (self._aspect, self._session.rotation)
        view = look_by_plan(self._plan, seconds, frame, self._session.colorizer, *place)
        (frame,) = mark_dials([judged_alone(frame, settings.titles)], self._plan)
        automatic, share = view.seen.ab[0], 1.0 if frame.share is None else frame.share
        change = enlarge(key.change, view.size)
        pictures = (
            Found(frame, ab * share, seconds, self._viewer.screen).after(
                settings.paint.saturation, self._size
            )
            for ab in (automatic, automatic + change.to(automatic))
        )
        return KeyPicture(seconds, label(seconds, self._viewer), *pictures)
