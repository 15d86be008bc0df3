"""Chunks of frames: finished files in the work folder, which only get their names in the end.

Where a film has a chunk file, frames have a list of that name: of each file its name, its size and
its digest. The files lie in a folder beside the list until all chunks are done. Then they are
renamed into their place; not a byte is copied.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

from vidcolor.core.files import new_file, own_sha256, printable
from vidcolor.core.frame_target import FIRST, existing_frames
from vidcolor.core.frames import Frame
from vidcolor.core.iterators import close
from vidcolor.core.json_lines import checked_line, entries
from vidcolor.core.label import Label
from vidcolor.core.report import Dropped
from vidcolor.core.sequence import SequenceName, digest_frames, parse_pattern
from vidcolor.core.target import publish, sync_folder
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import OutputError, UnsupportedPixels
from vidcolor.media.encode.chunk_file import ChunkFileInfo
from vidcolor.media.encode.encoder import EncodePlan
from vidcolor.media.sequences.writers import FrameWriter
from vidcolor.media.whitelist import target_errors

SUFFIX = ".frames"
"""Of the folder beside a list."""
_HEAD = b"vidcolor frames 1\n"
_MOST_THREADS = 8
_SHOWN = 8  # names


@dataclass(frozen=True)
class FrameFile:
    """One frame of a list."""

    name: str
    bytes: int
    sha256: str
    pts: int


WrittenFrame = tuple[FrameFile, FrameWriter]
"""A frame, and who wrote it and knows what it could not hold."""


@dataclass(frozen=True)
class FrameList:
    """The frames of a chunk."""

    files: tuple[FrameFile, ...]
    lost: tuple[Dropped, ...]
    """What the frames that they come from have and they cannot hold."""
    notes: tuple[str, ...]


def write_frames(
    frames: Iterable[Frame],
    path: Path,
    plan: EncodePlan,
    info: VideoInfo,
    first: int,
    label: Label | None,
) -> ChunkFileInfo:
    """Write the frames of a chunk as files, and their list.

    Args:
        frames: In color.
        path: Of the list; the files go into the folder beside it.
        plan: What kind of files.
        info: Of the film.
        first: How many frames of the film come before the chunk.
        label: What they say of how they were colored; None is nothing.

    Raises:
        OutputError: A frame cannot be written.
        OutputFull: The disk is full.
        FilmError: What a frame comes from cannot be read again.
    """
    folder = path.with_suffix(SUFFIX)
    files, lost, notes, name = list[FrameFile](), list[Dropped](), list[str](), names_of(plan)
    wanted = (info.width, info.height, plan.layout.format)
    with target_errors(path):
        drop_frames(folder)
        folder.mkdir()

    def tasks() -> Iterator[Callable[[], WrittenFrame]]:
        for place, frame in enumerate(frames, first):
            picture = frame.picture
            if (picture.width, picture.height, picture.format.name) != wanted:
                raise UnsupportedPixels(f"a frame at {float(frame.seconds):.3f} s is not {wanted}")
            if info.sequence and info.frame_rate:  # one that cannot be decoded keeps its number
                place = round(frame.moment * info.frame_rate)
            number = info.sequence.number(place) if info.sequence else FIRST + place
            writer = FrameWriter(plan, info, label)
            yield partial(_write_one, writer, frame, folder, name.name(number), place)

    try:
        for file, writer in _side_by_side(tasks()):
            files.append(file)
            lost += [one for one in writer.lost if one not in lost]
            notes += [one for one in writer.notes if one not in notes]
    finally:
        close(frames)
    with target_errors(path):
        sync_folder(folder)
        data = _put_list(path, FrameList(tuple(files), tuple(lost), tuple(notes)))
    pts = [file.pts for file in files]
    digest = hashlib.sha256(data).hexdigest()
    return ChunkFileInfo(len(files), min(pts), max(pts), 0, len(data), digest, "")


def _put_list(path: Path, found: FrameList) -> bytes:
    """Write a list, which is what tells that its frames are done; its bytes."""
    lines = [
        *(checked_line(asdict(one)) for one in found.files),
        checked_line({"lost": list(map(asdict, found.lost)), "notes": found.notes}),
    ]
    data = _HEAD + "".join(lines).encode()
    part = path.with_name(path.name + ".part")
    with new_file(part) as file:
        file.write(data)
        file.flush()
        publish(file.fileno(), part, path)
    return data


def names_of(plan: EncodePlan) -> SequenceName:
    """The names of the frames that are written; their folder is not told."""
    name = parse_pattern(plan.options["names"])
    assert name
    return name


def _side_by_side(tasks: Iterator[Callable[[], WrittenFrame]]) -> Iterator[WrittenFrame]:
    """What comes of tasks, in their order; a few are done at a time."""
    count = min(os.cpu_count() or 1, _MOST_THREADS)
    with ThreadPoolExecutor(count, "frames") as pool:
        waiting: deque[Future[WrittenFrame]] = deque()
        try:
            for task in tasks:
                waiting.append(pool.submit(task))
                if len(waiting) > count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _write_one(
    writer: FrameWriter, frame: Frame, folder: Path, name: str, place: int
) -> WrittenFrame:
    part, path = folder / f".{name}.part", folder / name
    with target_errors(path):
        writer.write(frame, part, name, place)
        with open(part, "r+b") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
            os.fsync(file.fileno())
        os.replace(part, path)
    return FrameFile(name, size, digest, frame.pts), writer


def read_list(path: Path) -> FrameList | None:
    """The frames of a list; None where the file is none.

    Raises:
        OSError: It cannot be read.
    """
    with open(path, "rb") as file:
        if file.read(len(_HEAD)) != _HEAD:
            return None
    *files, last = entries(path)
    try:
        lost = tuple(Dropped(**one) for one in last["lost"])
        return FrameList(tuple(FrameFile(**one) for one in files), lost, tuple(last["notes"]))
    except (TypeError, KeyError):
        return None


def frames_are_whole(path: Path) -> bool:
    """Whether all frames of a chunk are as its list says; each is read.

    They lie beside the list, or in their place already. True for a chunk file, which has none.
    """
    with suppress(OSError, ValueError):
        found = read_list(path)
        return found is None or all(_place_of(path, file) is not None for file in found.files)
    return False


def _place_of(path: Path, file: FrameFile) -> Path | None:
    """Where a whole frame of a list is; None where there is none."""
    for place in (path.with_suffix(SUFFIX) / file.name, path.parent.parent / file.name):
        with suppress(OSError):
            if place.stat().st_size == file.bytes and own_sha256(place) == file.sha256:
                return place
    return None


def drop_frames(folder: Path) -> None:
    """Remove the frames of a chunk that is not done."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.is_dir():
        shutil.rmtree(folder)


@dataclass(frozen=True)
class WrittenFrames:
    """Frames in their place."""

    frames: int
    bytes: int
    sha256: str
    """Of all frames, as of `digest_frames`."""
    numbers: tuple[tuple[int, int], ...]
    """First and last number of each row without a gap."""
    left_behind: tuple[Dropped, ...]
    notes: tuple[str, ...]


def publish_frames(
    name: SequenceName,
    lists: Sequence[Path],
    timed: bool = True,
    on_frame: Callable[[object], object] = lambda _: None,
) -> WrittenFrames:
    """Give the frames of all chunks their names.

    Args:
        name: Of the frames.
        lists: Of all chunks, in order.
        timed: Whether they come from a film that tells when each is shown.
        on_frame: Called with each frame.

    Raises:
        OutputError: A frame is not there any more, or cannot be renamed.
    """
    lost, notes = list[Dropped](), list[str]()
    frames = size = 0
    times: list[int] = []
    digests: dict[str, str] = {}
    with target_errors(name.pattern_path):
        for path in lists:
            found = read_list(path)
            if found is None:
                raise _damage_error(path.name)
            for file in found.files:
                _put(path.with_suffix(SUFFIX) / file.name, name.folder / file.name, file)
                frames, size = frames + 1, size + file.bytes
                times.append(file.pts)
                digests[file.name] = file.sha256
                on_frame(file)
            lost += [one for one in found.lost if one not in lost]
            notes += [one for one in found.notes if one not in notes]
        sync_folder(name.folder)
    if timed and _varies(times):
        why = "frames have no times, and those of this film are not evenly spaced"
        lost.append(Dropped("timestamps", why))
    if others := sum(name.name(number) not in digests for number in existing_frames(name)):
        notes.append(
            f"{printable(name.folder)} also holds {others} other frames of such names, which were"
            " there before"
        )
    numbers = _rows(sorted(_number(name, each) for each in digests))
    notes += _note_free(name, numbers)
    sha256 = digest_frames(digests.items())
    return WrittenFrames(frames, size, sha256, numbers, tuple(lost), tuple(notes))


def _note_free(name: SequenceName, rows: Sequence[tuple[int, int]]) -> list[str]:
    """What is to be said of numbers between these rows."""
    free = [n for (_, end), (start, _) in pairwise(rows) for n in range(end + 1, start)]
    if not free:
        return []
    listed = ", ".join(printable(name.name(number)) for number in free[:_SHOWN])
    more = f" and {len(free) - _SHOWN} more" if len(free) > _SHOWN else ""
    return [
        f"frames of the source cannot be decoded, so there are none of these names: {listed}{more}"
    ]


def _number(name: SequenceName, file: str) -> int:
    return int(file[len(name.prefix) : len(file) - len(name.suffix)])


def _rows(numbers: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """First and last of each row of numbers without a gap."""
    starts = [at for at in range(len(numbers)) if not at or numbers[at] != numbers[at - 1] + 1]
    ends = [*(at - 1 for at in starts[1:]), len(numbers) - 1]
    return tuple((numbers[at], numbers[end]) for at, end in zip(starts, ends, strict=False))


def _put(here: Path, there: Path, file: FrameFile) -> None:
    if here.is_file() and here.stat().st_size == file.bytes:
        os.replace(here, there)
    elif not there.is_file() or there.stat().st_size != file.bytes:
        raise _damage_error(file.name)


def _damage_error(name: str) -> OutputError:
    return OutputError(
        f"{printable(name)}: a finished frame is damaged; run the same command again to color it"
        " again"
    )


def _varies(times: Sequence[int]) -> bool:
    """Whether frames are not evenly spaced, but for the rounding of their times."""
    if len(times) < 3:
        return False
    steps = [after - before for before, after in pairwise(times)]
    return max(steps) - min(steps) > 1
