"""Runs that are killed: a film to color, the command as a process of its own, what it leaves.

``start`` runs this very file; its main wraps the command with a log of the chunks that are begun
and with a trap, so that a process stalls or dies at an exact place.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
RATE = 5
"""Frames per second of a reel."""
SHOTS = (7, 6, 19, 7)
"""Frames of each shot of the short reel."""
CHUNKS = (7, 6, 8, 8, 3, 7)
"""Frames of its chunks with `USUAL`: the long shot is split twice."""
USUAL = ("--size", "64", "--batch", "1", "--chunk", "0.5", "--force")
OLD = b"the film that was here before"
GO_ON = "vidcolor: interrupted; run the same command again to go on from the last finished chunk\n"
STALL = 5.0
"""Seconds that a stalled net takes for a frame."""

Packets = list[tuple[Any, ...]]


def make_reel(path: Path, shots: Sequence[int] = SHOTS, rate: int = RATE) -> Path:
    """A film of 64 x 64 with a cut between shots of so many frames, and with sound."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        video.codec_context.thread_count = 1
        sound = container.add_stream("aac", rate=8000)
        sound.codec_context.layout = "mono"
        container.start_encoding()
        seconds = sum(shots) / rate
        wave = (8000 * np.sin(np.arange(int(seconds * 8000)) / 3)).astype(np.int16)
        tone = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
        tone.sample_rate, tone.pts = 8000, 0
        container.mux([*sound.encode(tone), *sound.encode(None)])
        pts = 0
        for number, length in enumerate(shots):
            for step in range(length):
                frame = av.VideoFrame.from_ndarray(_picture(number, step), format="gray")
                frame.pts, frame.time_base = pts, Fraction(1, rate)
                container.mux(video.encode(frame.reformat(format="yuv420p")))
                pts += 1
        container.mux(video.encode(None))
    return path


def _picture(shot: int, step: int) -> np.ndarray[Any, Any]:
    """(64, 64) uint8: soft patches, others in each shot, that move from frame to frame."""
    coarse = np.random.default_rng(shot).integers(20, 120, (8, 8)) + (120 if shot % 2 else 0)
    large = np.kron(coarse, np.ones((12, 12)))
    soft = sum(np.roll(large, n, axis) for n in range(6) for axis in (0, 1)) / 12
    picture = np.roll(soft, (step % 16, step), (0, 1))[16:80, 16:80]
    return np.ascontiguousarray(picture.astype(np.uint8))


def packets(path: Path) -> Packets:
    """Of every packet of a film: stream, pts, dts, duration, key flag, and what it holds."""
    with av.open(str(path), metadata_errors="surrogateescape") as container:
        return [
            (p.stream.index, p.pts, p.dts, p.duration, p.is_keyframe, sha256(bytes(p)).hexdigest())
            for p in container.demux()
            if p.size
        ]


def work_of(target: Path) -> Path:
    """The work folder, spelt out: its name is what users find beside an unfinished film."""
    return target.with_name(f".{target.name}.vidcolor")


def lines_of(target: Path) -> dict[int, str]:
    """Whole lines of the journal by the number of their chunk; none where there is no journal."""
    try:
        text = (work_of(target) / "journal.jsonl").read_text()
    except FileNotFoundError:
        return {}
    lines = [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
    found = [(json.loads(line.partition(" ")[2]), line) for line in lines]
    return {entry["number"]: line for entry, line in found if "number" in entry}


def finished(target: Path) -> dict[int, tuple[str, int, int]]:
    """Of every chunk in the journal: its line, and inode and time of change of its file."""
    found = {}
    for number, line in lines_of(target).items():
        state = (work_of(target) / f"{number:06d}.packets").stat()
        found[number] = line, state.st_ino, state.st_mtime_ns
    return found


class Moments:
    """Copies of the target's folder at named moments of a run in this process.

    A copy is what the system knows of the files, without what buffers still hold: just what a
    SIGKILL at that moment leaves.
    """

    def __init__(self, target: Path, kept: Path, patch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        self._target = target
        self._kept = kept
        self._lock = threading.RLock()
        """Handovers are written by another thread than chunks."""
        self._watch_names(patch)
        self._watch_contents(patch)

    def restore(self, name: str, folder: Path) -> Path:
        """The target of a run that was killed at this moment, in another folder."""
        shutil.copytree(self._kept / name, folder)
        return folder / self._target.name

    def _take(self, name: str) -> None:
        with self._lock:
            if name not in self.names:
                shutil.copytree(self._target.parent, self._kept / name)
                self.names.append(name)

    def _watch_names(self, patch: pytest.MonkeyPatch) -> None:
        replace, unlink = os.replace, os.unlink

        def replaced(source: Path, target: Path) -> None:
            with self._lock:
                self._take(f"before naming {target.name}")
                replace(source, target)
                self._take(f"after naming {target.name}")

        def unlinked(path: Path, **more: Any) -> None:
            with self._lock:
                unlink(path, **more)
                if Path(path).parent == work_of(self._target):
                    self._take(f"after removing {Path(path).name}")

        patch.setattr(os, "replace", replaced)
        patch.setattr(os, "unlink", unlinked)

    def _watch_contents(self, patch: pytest.MonkeyPatch) -> None:
        from vidcolor.media.encode.chunk_file import PacketFile
        from vidcolor.media.mux.file_sink import VideoWriter
        from vidcolor.run.journal import DoneChunk, Journal

        put, write, add = PacketFile.add, VideoWriter.write, Journal.add

        def packet_put(file: PacketFile, packet: Any) -> None:
            put(file, packet)
            file._file.flush()
            self._take(f"within {file._path.name}")

        def written(writer: VideoWriter, all_of_them: Iterable[Any]) -> None:
            write(writer, self._passing(all_of_them))

        def added(journal: Journal, chunk: DoneChunk) -> None:
            add(journal, chunk)
            self._take(f"after line {chunk.number}")

        patch.setattr(PacketFile, "add", packet_put)
        patch.setattr(VideoWriter, "write", written)
        patch.setattr(Journal, "add", added)

    def _passing(self, all_of_them: Iterable[Any]) -> Iterator[Any]:
        for number, packet in enumerate(all_of_them):
            yield packet
            if number == sum(SHOTS) // 2:
                self._take("within the stitch")


def start(
    film: Path,
    target: Path,
    *options: str,
    trap: str = "",
    log: Path | None = None,
    prefix: Sequence[str] = (),
    quiet: bool = True,
    **more: Any,
) -> subprocess.Popen[str]:
    """The command as a process.

    Args:
        film: What to color.
        target: Where to.
        options: Those of the command, beside `USUAL`.
        trap: ``stall N`` lets the net take `STALL` seconds from its N-th frame on; ``line N`` kills
            the process when N lines of chunks are in the journal; ``again N`` interrupts the
            command there and runs it once more in the same process.
        log: Gets the number of each chunk that is begun, a line each, and the word "stalled".
        prefix: Words before the command, as ``taskset 1``.
        quiet: Whether it prints errors only.
        more: For ``Popen``.
    """
    words = [sys.executable, __file__, trap, str(log or os.devnull), str(film), str(target)]
    usual: dict[str, Any] = {"stderr": subprocess.PIPE, "text": True, "cwd": ROOT}
    still = ["--quiet"] if quiet else []
    return subprocess.Popen([*prefix, *words, *USUAL, *still, *options], **{**usual, **more})


def wait_for(ready: Callable[[], bool], running: subprocess.Popen[str], seconds: float) -> None:
    """Returns when ``ready()`` or when the process has ended."""
    deadline = time.monotonic() + seconds
    while not ready() and running.poll() is None:
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.01)


def begun(log: Path) -> list[int]:
    """Numbers of the chunks that were begun."""
    words = log.read_text().split() if log.exists() else []
    return [int(word) for word in words if word.isdigit()]


def main() -> int:
    """The command with a log and a trap."""
    import torch

    from vidcolor.cli.main import main as command
    from vidcolor.nets.mini import MiniNet
    from vidcolor.run import journal
    from vidcolor.run import video as pipeline

    trap, log, *words = sys.argv[1:]
    kind, _, number = trap.partition(" ")
    torch.set_num_threads(min(2, torch.get_num_threads()))  # as many as the tests
    # A shell's background jobs, and all that they start, are deaf to SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    write, add, encode = vars(pipeline)["write_chunk"], journal.Journal.add, MiniNet.encode
    seen = 0

    def note(word: object) -> None:
        with open(log, "a") as file:
            print(word, file=file)

    def logged(frames: Any, path: Path, *rest: Any) -> Any:
        note(int(path.stem))
        return write(frames, path, *rest)

    def stops(self: journal.Journal, chunk: journal.DoneChunk) -> None:
        add(self, chunk)
        if len(self.done) == int(number):
            os.kill(os.getpid(), signal.SIGKILL if kind == "line" else signal.SIGINT)

    def stalls(self: MiniNet, lightness: torch.Tensor) -> list[torch.Tensor]:
        nonlocal seen
        seen += 1
        if seen > int(number):
            note("stalled")
            time.sleep(STALL)
        return encode(self, lightness)

    vars(pipeline)["write_chunk"] = logged
    if kind in ("line", "again"):
        type.__setattr__(journal.Journal, "add", stops)
    if kind == "stall":
        type.__setattr__(MiniNet, "encode", stalls)
    if kind == "again" and (code := command(words)) != 130:
        return code or 1
    return command(words)


if __name__ == "__main__":
    sys.exit(main())
