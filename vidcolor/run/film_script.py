"""The color script of a run: made before the first chunk is colored, and kept in the work folder.

The name of its file tells what it was made of. One that fits is there for the next run, too, or
for the workers of a cluster. Before it is whole, its key frames are looked at in parts, each with a
file of its own: who was killed goes on behind the last one, and many workers share them. Those of a
long script agree in parts, too, where many make it (`vidcolor.run.settling`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import count, islice
from typing import Any

from vidcolor.colorize.script_maker import choose_moments, drop_doubles, look_at_keys, look_at_told
from vidcolor.colorize.session import Session
from vidcolor.core.files import own_sha256, read_own
from vidcolor.core.iterators import tap
from vidcolor.core.run_spec import RunSpec, parse_fraction
from vidcolor.core.target import output_errors
from vidcolor.core.threads import WorkerThreads
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import ClusterError
from vidcolor.guidance.agreement import Told, settle
from vidcolor.guidance.color_script import ColorScript, KeyLook, read_looks, store_looks
from vidcolor.guidance.digest import digest_told
from vidcolor.guidance.plan import Guidance, ShotRange
from vidcolor.guidance.types import ColorSheet
from vidcolor.media.decode.frame_windows import read_frames
from vidcolor.run.sealed import put_sealed, read_sealed
from vidcolor.run.settling import LEAST, Settler, Settling, Work
from vidcolor.run.shot_scan import shots_entry
from vidcolor.run.work_dir import WorkDir

STAGE = "script"
"""What making it is called in reports."""
_MOST = 4 << 30
"""Bytes of a script."""
PART = 32
"""Key frames of a part: a quarter of a minute of work for the net on one core, about."""
_DIGEST = re.compile("[0-9a-f]{32}")


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
    told: int = 0
    """Key frames that show something of which the color sheet says what color it has."""

    @property
    def counts(self) -> dict[str, int]:
        """``script`` of `Report`."""
        counts = {"frames": self.frames, "shots": self.shots, "groups": self.groups}
        return counts | ({"told": self.told} if self.told else {})


@dataclass(frozen=True)
class KeyPart:
    """Some key frames of a color script."""

    name: str
    """Of the file that keeps them until the script is whole."""
    moments: tuple[Fraction, ...]
    """At which they are on screen, in seconds."""


@dataclass(frozen=True)
class ScriptPlan:
    """What a color script is to be made of."""

    digest: str
    """Of all that decides what its key frames look like, as letters of a file's name."""
    shots: int
    """How many the film has."""
    moments: tuple[Fraction, ...]
    """At which its key frames are on screen, in seconds; at least two."""
    told: str = ""
    """Digest of the color sheet's hints and references; empty without any."""

    @property
    def name(self) -> str:
        """Of the script's file."""
        told = f".{self.told}" if self.told else ""
        return f"script.{self.digest}{told}.safetensors"

    @property
    def parts(self) -> tuple[KeyPart, ...]:
        """In which it is made, the same for all who make it."""
        starts = range(0, len(self.moments), PART)
        parts = ((start, self.moments[start : start + PART]) for start in starts)
        return tuple(
            KeyPart(f"script.{self.digest}.{start}-{start + len(part)}.keys", part)
            for start, part in parts
        )

    @property
    def settling(self) -> Settling | None:
        """In which parts its key frames agree where many make it; None for one that is short."""
        return Settling(self.digest, len(self.parts)) if len(self.moments) >= LEAST else None

    def to_dict(self) -> dict[str, Any]:
        """As plain types."""
        return asdict(self) | {"moments": [str(moment) for moment in self.moments]}

    @classmethod
    def from_dict(cls, entry: dict[str, Any]) -> ScriptPlan:
        """What `to_dict` made plain.

        Raises:
            ValueError: It is not that.
            KeyError: It is not that.
            TypeError: It is not that.
        """
        digest, shots = str(entry["digest"]), int(entry["shots"])
        moments = tuple(parse_fraction(moment) for moment in entry["moments"])
        told = str(entry["told"])
        digests = [digest, told] if told else [digest]
        if not all(map(_DIGEST.fullmatch, digests)) or len(moments) < 2:
            raise ValueError("is not the plan of a color script")
        return cls(digest, shots, moments, told)


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
    plan = plan_script(session, folder, shots)
    if plan is None:
        return None
    file, script = make_script_file(session, info, folder, plan, tell)
    session.follow(script, shots, info.frame_rate)
    return file


def plan_script(session: Session, folder: WorkDir, shots: Sequence[ShotRange]) -> ScriptPlan | None:
    """What the color script of a film is to be made of; arguments and None as of `find_script`."""
    if not can_agree(shots):
        return None
    assert folder.spec
    digest = _describe(folder.spec, session.guidance, shots)
    moments = tuple(choose_moments(shots, _end_of(shots)))
    return ScriptPlan(digest, len(shots), moments, digest_told(session.guidance))


def make_script_file(
    session: Session,
    info: VideoInfo,
    folder: WorkDir,
    plan: ScriptPlan,
    tell: Callable[[str], object] = lambda _: None,
    settler: Settler | None = None,
) -> tuple[ScriptFile, ColorScript]:
    """A whole color script in its work folder, made of the parts that are there and of new ones.

    Args:
        session: As of `find_script`.
        info: As of `find_script`.
        folder: As of `find_script`.
        plan: Of the script.
        tell: As of `find_script`.
        settler: Of the script, where its key frames were read before; it settles it then.

    Raises:
        FilmError: A frame cannot be read.
        OutputError: The script cannot be kept.
    """
    script = _read(folder, plan.name)
    if script is None:
        script = _make(session, info, folder, plan, tell, settler)
        with output_errors(folder.folder):
            folder.put(plan.name, script.to_bytes())
    with output_errors(folder.folder):
        parts = [folder.folder / part.name for part in plan.parts]
        for path in [*parts, *(plan.settling.files(folder) if plan.settling else ())]:
            path.unlink(missing_ok=True)
    counts = len(script.keys), plan.shots, script.groups, sum(key.told for key in script.keys)
    file = ScriptFile(plan.name, script.sha256, *counts)
    return file, script


def missing_parts(folder: WorkDir, plan: ScriptPlan) -> list[int]:
    """Numbers of the parts that are still to be made; none where the whole script is there."""
    if os.path.lexists(folder.folder / plan.name):
        return []
    parts = enumerate(plan.parts)
    return [n for n, part in parts if not os.path.lexists(folder.folder / part.name)]


def missing_settling(folder: WorkDir, plan: ScriptPlan) -> dict[Work, list[int]]:
    """As of `Settling.missing`; nothing where one worker settles it, or the whole is there."""
    if plan.settling is None or os.path.lexists(folder.folder / plan.name):
        return {}
    return plan.settling.missing(folder)


def make_part(
    session: Session,
    info: VideoInfo,
    folder: WorkDir,
    part: KeyPart,
    see: Callable[[object], object] = lambda _: None,
) -> None:
    """Look at the key frames of one part and keep them, unless they are there.

    Args:
        session: As of `find_script`.
        info: As of `find_script`.
        folder: Gets the file.
        part: Of a color script.
        see: Called with each key frame.

    Raises:
        FilmError: A frame cannot be read.
        OutputError: The part cannot be kept.
    """
    if _read_part(folder, part) is None:
        with WorkerThreads(1):
            for _ in _look_at_parts(session, info, folder, [part], see):
                pass


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
    moments = choose_moments(shots, _end_of(shots))
    steps = count(1)

    def see(_: object) -> None:
        if tell:
            tell(next(steps), len(moments))

    # In one thread: the bits of the script depend on how many there are.
    with WorkerThreads(1):
        return _settle(session, info, tap(_look_at(session, info, moments), see))


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


def _make(
    session: Session,
    info: VideoInfo,
    folder: WorkDir,
    plan: ScriptPlan,
    tell: Callable[[str], object],
    settler: Settler | None,
) -> ColorScript:
    def tell_settled(steps: int, of: int) -> None:
        if 100 * steps // of > 100 * (steps - 1) // of:
            tell(f"color script: colors agree, {100 * steps // of} %")

    if settler is None and plan.settling and plan.settling.files(folder):
        settler = open_settler(session, info, folder, plan, tell)
    # In one thread: the bits of the script depend on how many there are.
    with WorkerThreads(1):
        if settler is None:
            keys = _read_keys(session, info, folder, plan, tell)
            return _settle(session, info, keys, tell_settled)
        told = _look_at_told(session, info)
        return settler.conclude(folder, told, lambda _: tell("color script: colors agree"))


def open_settler(
    session: Session,
    info: VideoInfo,
    folder: WorkDir,
    plan: ScriptPlan,
    tell: Callable[[str], object] = lambda _: None,
) -> Settler:
    """What settles a color script in parts.

    Args:
        session: As of `find_script`.
        info: As of `find_script`.
        folder: As of `find_script`; has the key frames. Those that it lacks are looked at.
        plan: Of a script that is settled in parts.
        tell: As of `find_script`.

    Raises:
        FilmError: A frame cannot be read.
        OutputError: A part cannot be kept.
    """
    assert plan.settling
    with WorkerThreads(1):
        keys = drop_doubles(_read_keys(session, info, folder, plan, tell))
        return Settler(plan.settling, keys, session.colorizer.listen())


def _read_keys(
    session: Session,
    info: VideoInfo,
    folder: WorkDir,
    plan: ScriptPlan,
    tell: Callable[[str], object],
) -> list[KeyLook]:
    """The key frames of all parts, one for each moment; parts that are missing are made."""
    there = {part: _read_part(folder, part) for part in plan.parts}
    done = sum(len(keys) for keys in there.values() if keys)

    def see(_: object) -> None:
        nonlocal done
        done += 1
        tell(words_of(done, len(plan.moments)))

    missing = [part for part, keys in there.items() if keys is None]
    there |= zip(missing, _look_at_parts(session, info, folder, missing, see), strict=True)
    return [key for part in plan.parts for key in there[part] or ()]


def _settle(
    session: Session,
    info: VideoInfo,
    looks: Iterable[KeyLook],
    tell: Callable[[int, int], object] = lambda *_: None,
) -> ColorScript:
    """The script of key frames that were looked at, with what the color sheet says."""
    guide = session.colorizer.listen()
    return settle(drop_doubles(looks), guide, _look_at_told(session, info), tell)


def words_of(done: int, of: int) -> str:
    """How far the key frames of a film are looked at."""
    return f"color script: {done} of {of} frames"


def _look_at_parts(
    session: Session,
    info: VideoInfo,
    folder: WorkDir,
    parts: Sequence[KeyPart],
    see: Callable[[object], object],
) -> Iterator[tuple[KeyLook, ...]]:
    """The key frames of parts, each part on the disk before it is given out."""
    moments = [moment for part in parts for moment in part.moments]
    with closing(tap(_look_at(session, info, moments), see)) as keys:
        for part in parts:
            data = store_looks(tuple(islice(keys, len(part.moments))))
            put_sealed(folder, part.name, data)
            yield read_looks(data)  # as those get them who read the file


def _look_at(session: Session, info: VideoInfo, moments: Sequence[Fraction]) -> Iterator[KeyLook]:
    """The key frames of one part after the other, one for each moment.

    A film is read once for all of them; yet, where it can seek, each part is read as if it was
    alone, so that no bit hangs on who makes which.
    """
    session.colorizer.listen()
    sheet = session.guidance.sheet if session.guidance else ColorSheet()
    return look_at_keys(
        Guidance(sheet, info.frame_rate),
        moments,
        session.colorizer,
        partial(read_frames, info.path, session.settings.open, run=PART),
        info.sample_aspect or Fraction(1),
        session.rotation,
    )


def _look_at_told(session: Session, info: VideoInfo) -> list[Told]:
    """What the color sheet says of frames of the film."""
    if session.guidance is None or not session.guidance.moments:
        return []
    assert session.source
    aspect = info.sample_aspect or Fraction(1)
    guidance, colorizer = session.guidance, session.colorizer
    return list(look_at_told(guidance, colorizer, session.source, aspect, session.rotation))


def _read_part(folder: WorkDir, part: KeyPart) -> tuple[KeyLook, ...] | None:
    """The key frames of a file; None where there is none, or it is damaged."""
    with suppress(ValueError):
        if data := read_sealed(folder, part.name):
            keys = read_looks(data)
            return keys if len(keys) == len(part.moments) else None
    return None


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
