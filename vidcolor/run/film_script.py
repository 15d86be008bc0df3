"""The color script of a run: made before the first chunk is colored, and kept in the work folder.

The name of its file tells what it was made of. One that fits is there for the next run, too, or
for the workers of a cluster.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

from vidcolor.colorize.script_maker import choose_moments, make_script
from vidcolor.colorize.session import Session
from vidcolor.core.files import own_sha256, read_own
from vidcolor.core.run_spec import RunSpec
from vidcolor.core.target import output_errors
from vidcolor.core.threads import WorkerThreads
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import ClusterError
from vidcolor.guidance.color_script import ColorScript
from vidcolor.guidance.plan import Guidance, ShotRange
from vidcolor.guidance.types import ColorSheet
from vidcolor.run.shot_scan import shots_entry
from vidcolor.run.work_dir import WorkDir

STAGE = "script"
"""What making it is called in reports."""
ONE_SHOT = "without a color script: the film has a single shot, and a short one"
_MOST = 4 << 30
"""Bytes of a script."""


@dataclass(frozen=True)
class ScriptFile:
    """A color script in a work folder."""

    name: str
    """Of the file."""
    sha256: str
    """Of the script, hexadecimal."""
    frames: int
    shots: int
    groups: int

    @property
    def counts(self) -> dict[str, int]:
        """``script`` of `Report`."""
        return {"frames": self.frames, "shots": self.shots, "groups": self.groups}


def find_script(
    session: Session,
    info: VideoInfo,
    folder: WorkDir,
    shots: Sequence[ShotRange],
    tell: Callable[[str], object] = lambda _: None,
) -> ScriptFile | None:
    """The color script of a film, which the session follows from now on.

    Args:
        session: Is configured for the film, and asks for a script.
        info: Of the film.
        folder: Where the script is kept; made and put there unless one is there that fits.
        shots: Of the part of the film that is colored, each with its end.
        tell: Is told in words how far it is.

    Returns:
        None where the film has a single key frame: nothing is to be agreed upon.

    Raises:
        FilmError: A frame cannot be read.
        OutputError: The script cannot be kept.
    """
    if not can_agree(shots):
        return None
    assert folder.spec

    def tell_frames(done: int, of: int) -> None:
        tell(f"color script: {done} of {of} frames")

    name = f"script.{_describe(folder.spec, session.guidance, shots)}.safetensors"
    script = _read(folder, name)
    if script is None:
        script = make_film_script(session, info, shots, tell_frames)
        with output_errors(folder.folder):
            folder.put(name, script.to_bytes())
    session.follow(script, shots, info.frame_rate)
    return ScriptFile(name, script.sha256, len(script.keys), len(shots), script.groups)


def can_agree(shots: Sequence[ShotRange]) -> bool:
    """Whether shots, each with its end, have several key frames, so that a script is made."""
    return bool(shots) and len(choose_moments(shots, _end_of(shots))) > 1


def make_film_script(
    session: Session,
    info: VideoInfo,
    shots: Sequence[ShotRange],
    tell: Callable[[int, int], None] | None = None,
) -> ColorScript:
    """Make the color script of a film, with the same bits as each run of it does.

    Args:
        session: As of `find_script`.
        info: Of the film.
        shots: As of `find_script`.
        tell: Is told how many key frames of how many were looked at.

    Raises:
        FilmError: A frame cannot be read.
        WeightsError: The net has no guide.
    """
    assert session.source
    sheet = session.guidance.sheet if session.guidance else ColorSheet()
    plan = Guidance(sheet, info.frame_rate, shots)
    aspect = info.sample_aspect or Fraction(1)
    look = session.colorizer, session.source, aspect, session.rotation
    # In one thread: the bits of the script depend on how many there are.
    with WorkerThreads(1):
        return make_script(plan, _end_of(shots), *look, tell)


def load_script(folder: WorkDir, file: ScriptFile) -> ColorScript:
    """The script of a work folder that another one told of.

    Raises:
        ClusterError: It is missing here, or is another one.
    """
    script = _read(folder, file.name) if has_script(folder, file) else None
    if script is None:
        raise ClusterError(f"{file.name}: is missing, or is another file")
    return script


def has_script(folder: WorkDir, file: ScriptFile) -> bool:
    """Whether a script that another one told of is in a work folder."""
    with suppress(OSError):
        return own_sha256(folder.folder / file.name) == file.sha256
    return False


def _end_of(shots: Sequence[ShotRange]) -> Fraction:
    return shots[-1].end_seconds or shots[-1].start_seconds


def _describe(spec: RunSpec, guidance: Guidance | None, shots: Sequence[ShotRange]) -> str:
    """What decides the bits of a script, as letters of a file's name."""
    net = replace(spec.net, batch=0, gate="", others={}, guides=spec.net.guides.split("+")[0])
    color = replace(spec.color, saturation=1.0, titles="", stride=1)
    parts: list[Any] = [
        asdict(replace(spec.source, content="")),
        asdict(spec.picture) if spec.picture else None,
        asdict(spec.cut) if spec.cut else None,
        asdict(net),
        asdict(color),
        spec.versions,
        shots_entry(shots),
        _dials(guidance) if guidance else [],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _dials(guidance: Guidance) -> list[list[Any]]:
    """What a color sheet says of the colors that the net finds by itself."""
    said: list[list[Any]] = [
        [str(border), dials.vivid, guidance.palettes[dials.palette] if dials.palette else ()]
        for border, dials in guidance.dials_within(*guidance.span)
    ]
    return said if any(vivid is not None or palette for _, vivid, palette in said) else []


def _read(folder: WorkDir, name: str) -> ColorScript | None:
    """The script of a file; None where there is none, or it is damaged."""
    with suppress(OSError, ValueError):
        return ColorScript.from_bytes(read_own(folder.folder / name, _MOST))
    return None
