"""Planning a film: its chunks and shots, by reading all of it, or of parts that others read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from time import perf_counter, sleep
from typing import Any

from vidcolor.cluster.messages import ChunkKnown
from vidcolor.colorize.chain import mark_frames
from vidcolor.core.frames import PixelLayout
from vidcolor.core.iterators import close, prefetch, tap, time_waiting
from vidcolor.core.threads import WorkerThreads
from vidcolor.errors import PartsDiffer
from vidcolor.guidance.plan import ShotRange
from vidcolor.media.decode.decoder import decode
from vidcolor.media.decode.parts import conclude_parts
from vidcolor.media.identity import Content
from vidcolor.media.open import VideoReader, open_video
from vidcolor.media.pass_log import PassLog
from vidcolor.run.chunk_manifest import PlannedChunk, collect_chunks, collect_seen_chunks
from vidcolor.run.chunking import plan_chunks
from vidcolor.run.film_parts import FilmPart, load_part, read_anew, read_part
from vidcolor.run.join_parts import join_parts
from vidcolor.run.shot_scan import ShotsSeen
from vidcolor.run.work_dir import WorkDir
from vidcolor.settings import Settings


@dataclass(frozen=True)
class Planned:
    """What is known of a film that was planned."""

    chunks: tuple[PlannedChunk, ...]
    shots: tuple[ShotRange, ...]
    end: PassLog
    content: str
    """Digest of the film's bytes; empty where it is not known."""
    seconds: dict[str, float]
    """That stages took."""


class Planner:
    """Plans one film."""

    def __init__(
        self,
        settings: Settings,
        see: Callable[[object], object],
        tell: Callable[[ChunkKnown], object],
    ) -> None:
        """Plan nothing yet.

        Args:
            settings: What a cut is, and how long chunks are.
            see: Called with each frame that is read.
            tell: Called with each chunk as soon as it is known.
        """
        self._settings, self._see, self._tell = settings, see, tell

    def read(self, film: VideoReader, layout: PixelLayout) -> Planned:
        """Read a film from its beginning: one thread decodes, this one finds the shots.

        Raises:
            FilmError: As `decode`.
        """
        settings, seconds = self._settings, dict[str, float]()
        seen, shots = ShotsSeen(), list[ShotRange]()
        # As where a film is colored, torch works in one thread: more gain nothing for thumbnails.
        with closing(Content(film.info.path, film.info.identity)) as content, WorkerThreads(1):
            frames: Iterator[Any] = time_waiting(decode(film, layout), "decode", seconds)
            frames = time_waiting(prefetch(frames), "wait for decode", seconds)
            frames = mark_frames(tap(frames, self._see), settings)
            frames = tap(frames, lambda frame: shots.extend(seen.see(frame)))
            chunks = time_waiting(
                collect_chunks(plan_chunks(frames, settings.chunks)), "shots", seconds
            )
            found = self._collect(film, chunks)
            digest = content()
        seconds["shots"] -= seconds.pop("wait for decode")
        return Planned(found, (*shots, *seen.end()), film.log, digest, seconds)

    def join(
        self, film: VideoReader, layout: PixelLayout, folder: WorkDir, parts: Sequence[FilmPart]
    ) -> Planned | None:
        """Plan a film of what others saw of its parts; None where there are none.

        A part that is not there, or is damaged, is read here.

        Raises:
            PartsDiffer: It has to be read as a whole. No chunk was told of.
            FilmError: As `conclude_parts`.
        """
        if not parts:
            return None
        began, settings = perf_counter(), self._settings
        with closing(Content(film.info.path, film.info.identity)) as content:
            loaded = (load_part(folder, part, film) for part in parts)
            seen_parts = [
                seen or self._read_part(film, layout, part)
                for seen, part in zip(loaded, parts, strict=True)
            ]
            frames = join_parts(seen_parts, read_anew(film, layout, settings, self._see))
            pictures = tap(filter(None, (frame.decoded for frame in frames)), self._see)
            remarks = [remark for part in seen_parts for remark in part.remarks]
            conclude_parts(film, pictures, remarks)
            while not content.ready:  # who waits is not silent
                self._see(content)
                sleep(0.1)
            digest = content()
        if frames[0].offset != film.log.zero - film.info.start:
            raise PartsDiffer("it begins at another time than its parts")
        seen = ShotsSeen()
        # The last frame tells where the last shot ends.
        told = (frame for frame in frames if frame.starts_shot or frame is frames[-1])
        shots = [shot for frame in told for shot in seen.see(frame)]
        chunks = collect_seen_chunks(plan_chunks(frames, settings.chunks))
        found = self._collect(film, chunks)
        seconds = {"shots": perf_counter() - began}
        return Planned(found, (*shots, *seen.end()), film.log, digest, seconds)

    def _read_part(self, film: VideoReader, layout: PixelLayout, part: FilmPart) -> Any:
        with open_video(film.info.path, self._settings.open) as again, WorkerThreads(1):
            return read_part(again, layout, self._settings, part, self._see)

    def _collect(
        self, film: VideoReader, chunks: Iterable[PlannedChunk]
    ) -> tuple[PlannedChunk, ...]:
        found: list[PlannedChunk] = []
        try:
            for chunk in chunks:
                found.append(chunk)
                self._tell(ChunkKnown(chunk, film.log.zero))
        finally:
            close(chunks)
        return tuple(found)
