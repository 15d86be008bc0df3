"""Judges for fuzz.py: what became of a harmed film, measured against a tolerant reader.

The reader shares no code with the decoder of vidcolor: one thread, one packet at a time, and
whatever fails is counted and skipped.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
from av.stream import Disposition
from fuzz_films import STILLS, Case, promised_bytes, still_doubts

from vidcolor.film.limits import FORMATS

Reader = Callable[[Path], dict[str, Any]]
"""Gives the fields of `Seen` for a file, or why it cannot: ``error``, ``hung`` or ``died``."""
_READ_ERRORS = 100
_PAUSE = Fraction(1, 10)  # seconds without sound that no container makes by itself

BAD = ("other faults", "crashed", "hung", "tracebacks", "silent losses")
COLUMNS = ("tried", "refused (2)", "damaged (3)", "clean (0)", "unknowable", *BAD)


@dataclass
class Verdict:
    """What became of a case."""

    outcome: str
    """A column of the table."""
    line: str = ""
    """First line that the command printed."""
    findings: list[tuple[str, str]] = field(default_factory=list)
    """(column, what is wrong)."""

    def add(self, column: str, text: str) -> None:
        """Counts the case in one more column."""
        self.findings.append((column, text))

    @property
    def columns(self) -> set[str]:
        """Every column that the case counts in."""
        return {"tried", self.outcome, *(column for column, _ in self.findings)}


@dataclass
class Seen:
    """What the tolerant reader finds in a file."""

    format: str
    frames: int = 0
    packets: int = 0
    """Of the picture, empty ones not counted."""
    failed: int = 0
    """Packets that do not decode, are marked as corrupt, or give a frame with holes."""
    read_errors: int = 0
    late: int = 0
    """Packets of streams that FFmpeg had not found when it opened the file."""
    declared_frames: int = 0
    """By the picture's stream; 0 where it does not say."""
    begin: float = 0.0
    """Seconds of the first frame; the lengths below are seconds, too."""
    end: float = 0.0
    """Of the last frame."""
    last: float = 0.0
    """Of the last packet of any stream."""
    step: float = 0.0
    """Usual time from frame to frame."""
    longest: float = 0.0
    """Longest time from frame to frame."""
    regular: bool = False
    """Whether nearly all steps are alike."""
    stream_length: float = 0.0
    """Declared by the picture's stream; 0 where it does not say."""
    file_length: float = 0.0
    """Declared by the file; 0 where it does not say."""
    sound: dict[str, list[str]] = field(default_factory=dict)
    """Index of a stream of sound -> md5 of every packet."""
    sound_doubts: list[str] = field(default_factory=list)
    """What tells that sound is missing."""
    unheard: list[str] = field(default_factory=list)
    """md5 of the packets that players are told to skip; Matroska cannot say so."""
    picture: str = ""
    """md5 of the first frame's first plane."""


def read(path: str) -> Seen:
    """What can be had from the file at ``path``, with the stream that vidcolor would colour.

    Raises:
        av.FFmpegError, ValueError: Nothing can be had.
    """
    still = path.endswith((".png", ".jpg"))
    options = {} if still else {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    with av.open(path, options=options, metadata_errors="surrogateescape") as container:
        covers = Disposition.attached_pic | Disposition.timed_thumbnails
        films = [s for s in container.streams.video if not s.disposition & covers]
        best = container.streams.best("video")
        video: Any = next(
            (s for s in films if best is not None and s.index == best.index), films[0]
        )
        video.codec_context.thread_count = 1
        seen = Seen(container.format.name, declared_frames=video.frames)
        seen.stream_length = float((video.duration or 0) * video.time_base) or _tagged(video)
        seen.file_length = (container.duration or 0) / av.time_base
        seen.sound = {str(s.index): [] for s in container.streams.audio}
        times: list[Fraction] = []
        ends: dict[int, Fraction] = {}
        for packet in _packets(container, seen):
            if packet.stream.index != video.index:
                _hear(seen, packet, ends)
                continue
            seen.packets += 1
            seen.failed += packet.is_corrupt
            try:
                _look(seen, packet.decode(), video.time_base, times)
            except av.FFmpegError:
                seen.failed += 1
        try:
            _look(seen, video.codec_context.decode(None), video.time_base, times)
        except av.FFmpegError:
            seen.failed += 1
        for stream in container.streams.audio:
            count = len(seen.sound[str(stream.index)])
            if count == 0 or count < stream.frames:
                seen.sound_doubts.append(f"{count} of {stream.frames} packets of sound are there")
    _measure(seen, times)
    return seen


def _tagged(stream: Any) -> float:
    """Seconds, by the tag of Matroska's muxers: "00:00:01.500000000"; 0 without one."""
    parts = stream.metadata.get("DURATION", "").split(":")
    try:
        hours, minutes, seconds = map(float, parts)
    except ValueError:
        return 0.0
    return 3600 * hours + 60 * minutes + seconds


def _packets(container: Any, seen: Seen) -> Any:
    while seen.read_errors < _READ_ERRORS:
        try:
            for packet in container.demux():
                if packet.size:
                    if packet.pts is not None and packet.stream.type in ("audio", "video"):
                        end = (packet.pts + (packet.duration or 0)) * packet.time_base
                        seen.last = max(seen.last, float(end))
                    yield packet
            return
        except IndexError:  # PyAV knows no stream of this packet
            seen.late += 1
        except av.FFmpegError as error:
            seen.read_errors += 1
            if not isinstance(error, av.error.InvalidDataError):
                return


def _hear(seen: Seen, packet: Any, ends: dict[int, Fraction]) -> None:
    index = packet.stream.index
    hashes = seen.sound.get(str(index))
    if hashes is None:
        return
    hashes.append(hashlib.md5(bytes(packet)).hexdigest()[:16])
    if packet.is_discard:
        seen.unheard.append(hashes[-1])
    if packet.is_corrupt:
        seen.sound_doubts.append("a packet of sound is marked as corrupt")
    if packet.pts is not None:
        begin = packet.pts * packet.time_base
        if begin - ends.get(index, begin) > _PAUSE:
            seen.sound_doubts.append(
                f"no sound from {float(ends[index]):.3f} to {float(begin):.3f}"
            )
        ends[index] = begin + (packet.duration or 0) * packet.time_base


def _look(seen: Seen, pictures: list[Any], tick: Fraction, times: list[Fraction]) -> None:
    for picture in pictures:
        if not seen.frames:
            seen.picture = hashlib.md5(bytes(picture.planes[0])).hexdigest()[:16]
        seen.frames += 1
        seen.failed += picture.is_corrupt
        if picture.pts is not None:
            times.append(picture.pts * tick)


def _measure(seen: Seen, times: list[Fraction]) -> None:
    steps = [float(b - a) for a, b in pairwise(times)]
    if not steps:
        return
    seen.step, seen.longest = statistics.median(steps), max(steps)
    seen.begin, seen.end = float(times[0]), float(times[-1]) + seen.step
    near = sum(abs(step - seen.step) <= max(0.002, seen.step / 10) for step in steps)
    seen.regular = near >= 0.9 * len(steps)


# The judge.


def doubts(seen: Seen, data: bytes) -> list[str]:
    """What in a harmed film tells that something of it is missing."""
    found = []
    if seen.failed or seen.read_errors:
        found.append(f"{seen.failed} packets and {seen.read_errors} reads fail")
    if seen.packets > seen.frames:
        found.append(f"{seen.packets} packets give {seen.frames} frames")
    if seen.declared_frames > seen.frames:
        found.append(f"{seen.declared_frames} frames are declared")
    if seen.regular and seen.longest > 1.5 * seen.step:
        found.append(f"no picture for {seen.longest:.3f} s")
    if not seen.format.startswith("mpeg"):  # FFmpeg guesses the length of TS and PS
        begin = 0.0 if seen.format.startswith("matroska") else seen.begin
        missing = seen.stream_length - (seen.end - begin)
        if seen.stream_length and missing > seen.step / 2:
            found.append(f"{missing:.3f} s of {seen.stream_length:.3f} s of picture are missing")
        missing = seen.file_length - max(seen.end, seen.last)
        if seen.file_length and missing > 1.5 * seen.step:
            found.append(f"{missing:.3f} s of {seen.file_length:.3f} s are missing")
    if promised_bytes(data) > len(data):
        found.append("the file is shorter than its structure says")
    return found


def judge(case: Case, answer: dict[str, Any], whole: Seen, reader: Reader) -> Verdict:
    """What became of ``case`` after the command gave ``answer``."""
    kept = case.source.parent.with_suffix(".log")
    log = kept.read_text(errors="replace") if kept.exists() else ""
    lines = log.splitlines()
    for word, column in (("hung", "hung"), ("died", "crashed")):
        if word in answer:
            return Verdict(column, lines[0] if lines else "", [(column, f"{answer[word]}\n{log}")])
    code = answer["code"]
    outcomes = {0: "clean (0)", 2: "refused (2)", 3: "damaged (3)"}
    verdict = Verdict(outcomes.get(code, "other faults"), lines[0] if lines else "")
    if "Traceback" in log or "vidcolor: unexpected" in log:
        verdict.outcome = "tracebacks"
        verdict.add("tracebacks", log)
    elif code not in outcomes:
        verdict.add("other faults", f"exit code {code}")
    if answer["threads"]:
        verdict.add("other faults", f"threads are left running: {answer['threads']}")
    names = sorted(os.listdir(case.source.parent))
    expected = [case.source.name] + ([case.target.name] if code in (0, 3) else [])
    if names != sorted(expected):
        verdict.add("other faults", f"the folder holds {names}")
    if code == 2 and (len(lines) != 1 or not log.startswith("vidcolor: ")):
        verdict.add("other faults", f"refused with {len(lines)} lines:\n{log}")
    if code in (0, 3):
        if log:
            verdict.add("other faults", f"noise: {log}")
        judge_result(case, code, whole, reader, verdict)
    return verdict


def judge_result(case: Case, code: int, whole: Seen, reader: Reader, verdict: Verdict) -> None:
    """Compares the result with what the reader finds in the harmed film."""
    kept = case.source.parent.with_suffix(".json")
    if not kept.exists() or not case.target.exists():
        verdict.add("other faults", "the result or its report is missing")
        return
    report = json.loads(kept.read_text())
    answers = [reader(path) for path in (case.source, case.target)]
    for answer, what in zip(answers, ("harmed film", "result"), strict=True):
        if problem := answer.keys() & {"hung", "died", "error"}:
            verdict.add("other faults", f"the {what} cannot be read: {answer[problem.pop()]}")
            return
    source, result = (Seen(**answer) for answer in answers)
    data = case.source.read_bytes()
    if report["clean"] != (code == 0):
        verdict.add("other faults", "the report and the exit code differ")
    if result.failed or result.read_errors:
        verdict.add("other faults", "the result does not decode")
    if report["frames"] != result.frames:
        verdict.add("other faults", f"{report['frames']} reported, {result.frames} in the result")
    if case.name in STILLS:
        if code == 0 and source.picture != whole.picture and (why := still_doubts(data)):
            verdict.add("silent losses", "; ".join(why))
        return
    short = f"{result.frames} frames; {source.frames} decode, the whole film has {whole.frames}"
    if result.frames < source.frames:
        verdict.add("silent losses" if code == 0 else "other faults", short)
    elif result.frames > source.frames:
        verdict.add("other faults", f"too many: {short}")
    elif code == 0:
        if source.late:
            verdict.add("silent losses", f"{source.late} packets of streams that begin late")
        heard, all_heard = (sum(map(len, seen.sound.values())) for seen in (source, whole))
        if source.frames < whole.frames or heard < all_heard:
            why = [*doubts(source, data), *source.sound_doubts[:5]]
            words = [short, f"{heard} of {all_heard} packets of sound are left", *why]
            verdict.add("silent losses" if why else "unknowable", "; ".join(words))
        elif source.failed:
            verdict.add("other faults", f"{source.failed} packets fail, but nothing is reported")
    for text in lost_sound(source, result, report):
        verdict.add("silent losses", text)


def lost_sound(source: Seen, result: Seen, report: dict[str, Any]) -> Iterator[str]:
    """Streams of sound whose packets are missing from the result without a word."""
    left = " ".join(item["what"] for item in report["left_behind"])
    told = " ".join(item["text"] for item in report["damage"])
    heard = {f"audio stream {i} (": packets for i, packets in source.sound.items() if packets}
    heard = {label: packets for label, packets in heard.items() if label not in left}
    carried = [packets for packets in result.sound.values() if packets]
    if len(heard) != len(carried):
        yield f"{len(heard)} streams of sound were to be kept, {len(carried)} were"
        return
    for (label, before), after in zip(heard.items(), carried, strict=True):
        missing = Counter(before) - Counter(after) - Counter(source.unheard)
        if missing and label not in told:
            yield f"{missing.total()} of {len(before)} packets of {label[:-2]}"
