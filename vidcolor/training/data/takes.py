"""Where sequences come from: runs of frames out of clips, and motion made from stills.

Each clip and each made scene is one *take*. It is prepared once and remembered in the run folder,
so that a stopped preparation goes on where it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor
from torchvision.transforms.v2.functional import resize

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.core.frames import Frame, PixelLayout
from vidcolor.core.paths import PICTURE_SUFFIXES
from vidcolor.errors import FilmError
from vidcolor.evaluation.metrics import colorfulness
from vidcolor.media.decode.rgb import film_rgb
from vidcolor.media.display import turn_upright
from vidcolor.media.images.files import read_rgb
from vidcolor.media.open import open_video
from vidcolor.settings import ShotSettings
from vidcolor.shots.detector import mark_shots
from vidcolor.training.data.augment import clean_gray, rand
from vidcolor.training.data.clips import find_clips, is_film
from vidcolor.training.data.file_index import find_files, source_of
from vidcolor.training.data.sequences import LENGTH, Maps, prepare_sequence, save_sequences
from vidcolor.training.data.stills import fault_of
from vidcolor.training.data.synthetic_motion import MAX_LAYERS, make_motion
from vidcolor.training.settings import TrainSettings

SEQUENCES = 4
"""Most sequences from one clip."""
MAX_FRAMES = 1200
"""Frames that are looked at of one clip, from its beginning; they are held."""
KEPT_SHARE = 5
"""One clip, and one still, in this many is kept from training."""
LEAST_COLORFUL = 5.0
"""Clips without colors have no truth to tell; dull ones have, other than for a colornet."""
TRIES = 50
"""Pictures that are tried for a scene before it is given up."""


@dataclass(frozen=True)
class Take:
    """One clip, or one scene to be made from stills."""

    name: str
    """Of its file in the run folder, without the ending."""
    files: tuple[Path, ...]
    """The clip's; nothing for a scene."""
    validation: bool
    """Whether it is kept from training."""

    @property
    def title(self) -> str:
        """What a user knows it by."""
        return title_of(self.files) if self.files else self.name


def title_of(files: Sequence[Path]) -> str:
    """Name of a film, or of the folder of its frames."""
    return files[0].name if is_film(files[0]) else files[0].parent.name


def is_kept(name: str) -> bool:
    """Whether a clip or a still is kept from training, by its name alone, on every machine."""
    return sha256(os.fsencode(name)).digest()[0] % KEPT_SHARE == 0


def find_takes(settings: TrainSettings, target: Path) -> list[Take]:
    """All takes in a fixed order: clips first, then scenes.

    Clips are kept from training, or not, by their names, of the scenes every fifth is.
    """
    takes = clip_takes(settings, target)
    if settings.stills:
        for number in range(settings.motions):
            takes.append(Take(f"scene-{number:05d}", (), number % KEPT_SHARE == 0))
    return takes


def clip_takes(settings: TrainSettings, target: Path) -> list[Take]:
    """Those of clips alone."""
    if not settings.clips:
        return []
    clips, _ = find_clips([Path(folder) for folder in settings.clips], target)
    return [
        Take(f"clip-{number:05d}", tuple(files), is_kept(title_of(files)))
        for number, files in enumerate(clips)
    ]


def draw_for(name: str, seed: int) -> torch.Generator:
    """The randomness of what has a name: it stays the same when others come or go."""
    digest = sha256(f"{seed} {name}".encode(errors="replace")).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:6], "big"))


class Stills:
    """Pictures to make scenes of, those kept from training apart from the others."""

    def __init__(self, folders: Sequence[Path], target: Path) -> None:
        """Search ``folders``, but not the run folder ``target``."""
        files, _ = find_files(folders, PICTURE_SUFFIXES, target) if folders else ([], 0)
        self.sources: dict[bool, dict[str, list[Path]]] = {False: {}, True: {}}
        for folder, path in files:
            source = source_of(folder, path)
            self.sources[is_kept(path.name)].setdefault(source, []).append(path)

    def pick(self, count: int, validation: bool, draw: torch.Generator) -> list[Tensor]:
        """Some usable pictures, ``(3, H, W)`` uint8; fewer where there are none."""
        sources = list(self.sources[validation].values())
        found: list[Tensor] = []
        for _ in range(TRIES if sources else 0):
            # Each source alike, so that a large one does not drown the rest.
            paths = sources[int(rand(draw, 1) * len(sources))]
            try:
                rgb = read_rgb(paths[int(rand(draw, 1) * len(paths))])
            except FilmError:
                continue
            if fault_of(rgb) is None:
                found.append(rgb)
            if len(found) == count:
                break
        return found


def sequences_of(take: Take, target: Path) -> Path:
    """The file in the run folder ``target`` that holds the sequences of a take."""
    return target / "sequences" / f"{take.name}.safetensors"


def prepare_takes(
    takes: Sequence[Take],
    settings: TrainSettings,
    target: Path,
    colorizer: Colorizer,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the sequences of every take into the run folder, but for those that are there.

    Args:
        takes: As `find_takes` gives them.
        settings: Side of the frames, seed, stills.
        target: The run folder, of which no file counts as a still.
        colorizer: Finds the colors.
        on_progress: Called with (takes prepared, takes).
    """
    stills: Stills | None = None
    for number, take in enumerate(takes):
        if on_progress:
            on_progress(number, len(takes))
        file = sequences_of(take, target)
        if file.is_file():
            continue
        stills = stills or Stills([Path(folder) for folder in settings.stills], target)
        draw = draw_for(take.title, settings.seed)
        sequences = clip_sequences if take.files else scene_sequences
        found = sequences(take, stills, settings.sides[-1], colorizer, draw)
        save_sequences(found, file, take=take.name)


def scene_sequences(
    take: Take, stills: Stills, side: int, colorizer: Colorizer, draw: torch.Generator
) -> list[Maps]:
    """The sequence of a scene with up to two things before its ground, or none."""
    share = float(rand(draw, 1))
    count = MAX_LAYERS if share < 0.3 else 2 if share < 0.8 else 1
    pictures = stills.pick(count, take.validation, draw)
    if not pictures:
        return []
    motion = make_motion(pictures, LENGTH, side, draw)
    return [prepare_sequence(motion.frames, motion, colorizer, draw)]


def clip_sequences(
    take: Take,
    stills: Stills,  # noqa: ARG001
    side: int,
    colorizer: Colorizer,
    draw: torch.Generator,
) -> list[Maps]:
    """Up to `SEQUENCES` of a clip, spread over it."""
    try:
        with closing(clip_frames(take.files, side)) as pictures:
            frames = list(islice(pictures, MAX_FRAMES))
    except FilmError:
        return []
    found = []
    for start in spread(starts(frames)):
        run = window(frames[start : start + LENGTH], side, draw)
        if colorfulness(run[0].float()) >= LEAST_COLORFUL:
            found.append(prepare_sequence(run.float() / 255, None, colorizer, draw))
    return found


def clip_frames(files: Sequence[Path], side: int) -> Generator[Tensor, None, None]:
    """Frames of a film, or the pictures of a folder, one after the other.

    Args:
        files: One film or many pictures.
        side: Short side of the frames, pixels.

    Yields:
        ``(3, H, W)`` uint8.

    Raises:
        FilmError: something cannot be read.
    """
    if not is_film(files[0]):
        for path in files:
            yield resize(read_rgb(path), [side], antialias=True)
        return
    with open_video(files[0]) as film, closing(film_rgb(film)) as pictures:
        for rgb in pictures:
            yield turn_upright(resize(rgb, [side], antialias=True), film.info.rotation)


def starts(frames: Sequence[Tensor]) -> list[int]:
    """Frames from which `LENGTH` frames of one shot run."""
    return [i for shot in find_shots(frames) for i in shot[: max(0, len(shot) - LENGTH + 1)]]


def find_shots(frames: Sequence[Tensor]) -> list[range]:
    """Numbers of the frames of each shot; a flash begins a new one."""
    layout = PixelLayout("gray", 8, 0, 0, True, "bt601", "srgb", (0.0, 0.0))
    marked = (
        Frame(
            luma=clean_gray(rgb[None].float())[0, 0].round().to(torch.uint8),
            chroma=(rgb[0], rgb[0]),
            layout=layout,
            pts=number,
            duration=1,
            time_base=Fraction(1, 25),
        )
        for number, rgb in enumerate(frames)
    )
    cuts, before = [], None
    for frame in mark_shots(marked, ShotSettings()):
        # A folder may hold pictures of several sizes. Flashes are no part of a sequence: the
        # smoother passes them by.
        new = frame.starts_shot or frame.luma.shape != before
        before = None if frame.outlier else frame.luma.shape
        if new or frame.outlier:
            cuts.append(frame.pts)
    ends = [*cuts, len(frames)][1:]  # none where there is no frame
    return [range(cut, end) for cut, end in zip(cuts, ends, strict=True)]


def spread(numbers: Sequence[int]) -> list[int]:
    """Up to `SEQUENCES` of the numbers, evenly spaced, none nearer than `LENGTH` to another."""
    chosen: list[int] = []
    for part in range(SEQUENCES):
        near = numbers[len(numbers) * (2 * part + 1) // (2 * SEQUENCES)] if numbers else 0
        if numbers and (not chosen or near >= chosen[-1] + LENGTH):
            chosen.append(near)
    return chosen


def window(frames: Sequence[Tensor], side: int, draw: torch.Generator) -> Tensor:
    """``(T, 3, side, side)`` uint8: the same square of each frame."""
    run = torch.stack(list(frames))
    y, x = (int(float(rand(draw, 1)) * (length - side + 1)) for length in run.shape[2:])
    return run[:, :, y : y + side, x : x + side]
