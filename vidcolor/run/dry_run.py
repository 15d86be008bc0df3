"""What a run would do: which streams travel, how the picture is encoded, how large and how long.

Nothing is guessed that can be tried: a container is opened in a temporary folder with all that is
to travel, and a few stretches of the film are colored and encoded to measure size and time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from vidcolor.colorize.chain import colorize_frames
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.session import Session
from vidcolor.core.frames import Frame
from vidcolor.core.iterators import prefetch
from vidcolor.core.report import Dropped
from vidcolor.core.run_spec import RunSpec
from vidcolor.core.threads import WorkerThreads
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import FilmUnreadable
from vidcolor.guidance.places import Colors, plan_colors
from vidcolor.media.decode.decoder import decode
from vidcolor.media.encode.chunk_file import ChunkFileInfo, read_sizes, write_chunk
from vidcolor.media.encode.encoder import EncodePlan
from vidcolor.media.metadata import expected_frames
from vidcolor.media.mux.file_sink import FileSink
from vidcolor.media.mux.muxer import Muxer
from vidcolor.media.mux.routes import Route
from vidcolor.media.open import VideoReader, open_video
from vidcolor.media.sequences.beside import beside_frames, check_carried
from vidcolor.media.sequences.frame_chunk import SUFFIX, drop_frames, read_list, write_frames
from vidcolor.media.sequences.plan import is_frames, plan_target
from vidcolor.run.spec import describe_video
from vidcolor.run.split import check_split, describe_files
from vidcolor.run.unfinished import kept_of
from vidcolor.settings import InputSettings, OutputSettings, Settings
from vidcolor.shots.detector import mark_shots

_PLACES = (Fraction(1, 6), Fraction(1, 2), Fraction(5, 6))
"""Of the film, where stretches of it are tried."""
_STRETCH = Fraction(2)
"""Seconds of each."""
_AT_MOST = 60
"""Frames of each: of a film with very many a second, less of it is tried."""
_KEY_SECONDS = 8
"""Seconds from one key frame to the next in a film, about, where an encoder makes few of them: they
stand where shots begin, and 250 frames apart at most."""
_SCRIPT_SECONDS = 3
"""Seconds of film for each key frame of a color script, about."""


@dataclass(frozen=True)
class Trial:
    """What a few stretches of the film took."""

    frames: int = 0
    seconds: float = 0.0
    """By the clock, for the frames that were colored and encoded."""
    scan_seconds: float = 0.0
    """Of them, what reading and looking for shots takes without color."""
    key_frames: int = 0
    key_bytes: int = 0
    bytes: int = 0
    """Of all packets."""
    is_whole: bool = False
    """Whether the film is so short that all of it was tried."""


@dataclass(frozen=True)
class Expectation:
    """What a run would do."""

    source: str
    target: str
    info: VideoInfo
    codec: str
    pixels: str
    luma: str
    """As of `vidcolor.core.report.Report`."""
    lossless: bool
    options: dict[str, str]
    """Of the encoder."""
    carried: list[str]
    left_behind: list[Dropped]
    notes: list[str]
    spec: RunSpec
    weights: dict[str, str]
    frames: int | None
    """How many there are; None where nothing tells."""
    kept: int
    """How many of them an earlier run has finished."""
    trial: Trial
    extra_bytes: int = 0
    """Of sound and the like, as far as the source tells."""

    @property
    def speed(self) -> float | None:
        """Frames a second."""
        left = None if self.frames is None else self.frames - self.kept
        return left / self.seconds if left and self.seconds else None

    @property
    def bytes(self) -> int | None:
        """Size of the target, about; None where nothing tells."""
        trial, rate = self.trial, self.info.frame_rate or Fraction(25)
        if self.frames is None or not trial.frames:
            return None
        others = trial.frames - trial.key_frames
        if not others:  # every frame is a key frame
            return round(self.frames * trial.bytes / trial.frames) + self.extra_bytes
        keys = max(1, round(self.frames / (rate * _KEY_SECONDS)))
        key, other = trial.key_bytes / trial.key_frames, (trial.bytes - trial.key_bytes) / others
        return round(keys * key + (self.frames - keys) * other) + self.extra_bytes

    @property
    def seconds(self) -> float | None:
        """How long the run takes from here, about, without its start; None where nothing tells."""
        trial, rate = self.trial, self.info.frame_rate or Fraction(25)
        if self.frames is None or not trial.frames:
            return None
        seconds = (self.frames - self.kept) * trial.seconds / trial.frames
        if self.spec.color.script != "off" and not self.kept:
            seconds += self.frames * trial.scan_seconds / trial.frames
            key_frames = self.frames / float(rate * _SCRIPT_SECONDS)
            seconds += key_frames * (trial.seconds - trial.scan_seconds) / trial.frames
        return seconds

    def to_dict(self) -> dict[str, Any]:
        """Plain types only, ready for JSON."""
        told = {"bytes": self.bytes, "seconds": self.seconds, "speed": self.speed}
        return asdict(self) | {"info": None} | told


def expect(
    source: str | Path,
    target: str | Path,
    *,
    colorizer: Colorizer | None = None,
    settings: Settings | None = None,
    colors: Colors = None,
) -> Expectation:
    """What `vidcolor.run.video.colorize_video` would do with a film; nothing is written.

    Args:
        source: A film.
        target: Where it would be written.
        colorizer: As of `colorize_video`.
        settings: As of `colorize_video`.
        colors: As of `colorize_video`.

    Raises:
        VidcolorError: What would stop the run.
    """
    settings = settings or Settings()
    source, target = Path(source), Path(target)
    if settings.output.split:
        check_split(source, target, settings.output)
    with open_video(source, settings.open) as film, TemporaryDirectory() as folder:
        plan = plan_target(film.info, target, settings.encode)
        session = Session.load(settings, colorizer, plan_colors(film.info, colors))
        session.configure_for(film.info)
        carried, left_behind, remarks, extra = _plan_beside(
            film, plan, settings.output, Path(folder, f"target{target.suffix}")
        )
        kept, trial = kept_of(target), _try_stretches(film, session, plan, Path(folder))
        declared = expected_frames(film.info, settings.open)
        notes = [*film.info.notes, *plan.notes, *remarks, *session.notes]
        if settings.output.split:
            notes.append(describe_files(settings.shots.cuts, settings.open))
        return Expectation(
            source=str(source),
            target=str(target),
            info=film.info,
            codec=plan.codec,
            pixels=plan.layout.format,
            luma=plan.luma,
            lossless=plan.lossless,
            options=plan.options,
            carried=carried,
            left_behind=left_behind,
            notes=notes,
            spec=describe_video(film.info, session, plan),
            weights=session.weights,
            frames=trial.frames if trial.is_whole else declared,
            kept=kept.frames if kept else 0,
            trial=trial,
            extra_bytes=extra,
        )


def _plan_beside(
    film: VideoReader, plan: EncodePlan, settings: OutputSettings, aside: Path
) -> tuple[list[str], list[Dropped], list[str], int]:
    """What travels beside the picture, what does not, notes, and bytes of sound, about.

    A container is tried ``aside``.
    """
    if is_frames(plan):
        check_carried(film, plan, settings)
        carried, lost = beside_frames(film, plan)
        return carried, [*plan.left_behind, *lost], [], 0
    with Muxer(film, plan, FileSink(aside, OutputSettings()), settings) as muxer:
        passthrough = muxer.passthrough
        size = sum(_count_sound(film, route) for route in passthrough.routes)
        left_behind, notes = list(passthrough.left_behind), list(passthrough.notes)
        return list(passthrough.labels), left_behind, notes, size


def _count_sound(film: VideoReader, route: Route) -> int:
    """Bytes of a sound in the target, about, as far as its source tells."""
    settings, length = film.settings, film.info.duration
    if route.sound:
        held = route.sound.container.duration
        length = Fraction(held, 10**6) if held else length
    end = min((e for e in (settings.end, length) if e is not None), default=None)
    if end is None:
        return 0
    return round(route.bit_rate / 8 * max(Fraction(0), end - (settings.start or 0)))


def _try_stretches(film: VideoReader, session: Session, plan: EncodePlan, folder: Path) -> Trial:
    """Colors and encodes a few stretches of a film; none where it does not tell how long it is."""
    settings, length = film.settings, film.info.duration
    if not length:
        return Trial()
    first, last = settings.start or Fraction(0), min(settings.end or length, length)
    stretch = min(_STRETCH, _AT_MOST / (film.info.frame_rate or Fraction(25)))
    parts: list[tuple[Fraction | None, Fraction | None]] = [(settings.start, settings.end)]
    is_whole = last - first <= stretch * (len(_PLACES) + 1)
    if not is_whole:
        starts = [first + (last - first) * place for place in _PLACES]
        parts = [(start, min(start + stretch, last)) for start in starts]
    # Color sheet and script hold for shots, which nobody has looked for.
    trier = _Trier(film, session.with_guidance(None), plan, folder / "stretch.packets")
    trier.warm_up()
    for start, end in parts:
        with suppress(FilmUnreadable):  # a hole in the film
            trier.try_stretch(replace(settings, start=start or None, end=end), session.scripted)
    return replace(trier.trial, is_whole=is_whole)


class _Trier:
    """Tries stretches of a film, and sums up what they took."""

    def __init__(self, film: VideoReader, session: Session, plan: EncodePlan, path: Path) -> None:
        self.trial = Trial()
        self._film = film
        self._session = session
        self._plan = plan
        self._path = path

    def warm_up(self) -> None:
        """Colors two frames: the first ones of a run wait for much that others do not."""
        with self._decoded(self._film.settings) as (frames, pool):
            for _ in self._color(islice(frames, 2), pool):
                pass

    def try_stretch(self, opened: InputSettings, scripted: bool) -> None:
        """One more stretch; ``scripted`` is whether a run looks for shots before it colors."""
        scan = self._time_scan(opened) if scripted else 0.0
        with self._decoded(opened) as (frames, pool):
            first = list(islice(frames, 1))  # the way to it is not gone for each frame
            began = perf_counter()
            with closing(prefetch(self._color(chain(first, frames), pool))) as colored:
                facts, sizes = self._write(colored)
            took = perf_counter() - began
        self._path.unlink()
        keys = [size for size, is_key in sizes if is_key]
        trial = self.trial
        self.trial = Trial(
            frames=trial.frames + facts.frames,
            seconds=trial.seconds + took,
            scan_seconds=trial.scan_seconds + scan,
            key_frames=trial.key_frames + len(keys),
            key_bytes=trial.key_bytes + sum(keys),
            bytes=trial.bytes + sum(size for size, _ in sizes),
        )

    def _write(self, frames: Iterable[Frame]) -> tuple[ChunkFileInfo, list[tuple[int, bool]]]:
        """Writes a chunk; what is true of it, and of each frame its size and whether it is key."""
        info = self._film.info
        if not is_frames(self._plan):
            return write_chunk(frames, self._path, self._plan, info), read_sizes(self._path)
        facts = write_frames(frames, self._path, self._plan, info, 0, None)
        found = read_list(self._path)
        drop_frames(self._path.with_suffix(SUFFIX))
        return facts, [(file.bytes, True) for file in found.files] if found else []

    @contextmanager
    def _decoded(self, opened: InputSettings) -> Iterator[tuple[Iterator[Frame], WorkerThreads]]:
        """The frames of a stretch, and threads to color them with."""
        with (
            open_video(self._film.info.path, opened) as film,
            self._session.threads_for(film.info, self._plan.layout) as pool,
            closing(prefetch(decode(film, self._plan.layout))) as frames,
        ):
            yield frames, pool

    def _color(self, frames: Iterable[Frame], pool: WorkerThreads) -> Iterator[Frame]:
        aspect = self._film.info.sample_aspect
        return colorize_frames(frames, self._session, sample_aspect=aspect, threads=pool)

    def _time_scan(self, opened: InputSettings) -> float:
        """Seconds in which the frames of a stretch are read and looked through for shots."""
        with self._decoded(opened) as (frames, _):
            first = list(islice(frames, 1))
            began = perf_counter()
            for _ in mark_shots(chain(first, frames), self._session.settings.shots):
                pass
            return perf_counter() - began
