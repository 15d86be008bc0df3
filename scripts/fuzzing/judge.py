"""The judge: what became of a harmed film, measured against the tolerant reader."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fuzzing.cases import Case
from fuzzing.losses import losses, said, still_losses
from fuzzing.promises import promised_bytes, still_doubts
from fuzzing.reader import STILL_SUFFIXES, Seen

Reader = Callable[[Path], dict[str, Any]]
"""Gives the fields of `Seen` for a file, or why it cannot: ``error``, ``hung`` or ``died``."""
MOST_MEMORY = 2.5e9
"""Bytes that a file of these sizes may take beyond what the process had before."""
MOST_SECONDS = 60.0
"""Of all processors together that a file of these sizes may take."""

BAD = ("other faults", "crashed", "hung", "tracebacks", "too much", "silent losses")
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
    if answer.get("memory", 0) > MOST_MEMORY or answer.get("seconds", 0) > MOST_SECONDS:
        words = f"{answer['memory'] / 1e6:.0f} MB, {answer['seconds']:.1f} s of processors"
        verdict.add("too much", words)
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


def tells_edits(report: dict[str, Any], source: Seen, whole: Seen) -> bool:
    """Whether the report says that an edit list leaves out just as many frames as are missing."""
    missing = f"{whole.frames - source.frames} of {whole.frames} frames"
    return said(report, f"edit list leaves out {missing}")


def judge_result(case: Case, code: int, whole: Seen, reader: Reader, verdict: Verdict) -> None:
    """Compares the result with what the reader finds in the harmed film."""
    kept = case.source.parent.with_suffix(".json")
    if not kept.exists() or not case.target.exists():
        verdict.add("other faults", "the result or its report is missing")
        return
    report = json.loads(kept.read_text())
    if case.source.suffix in STILL_SUFFIXES:
        judge_still(case, code, whole, reader, report, verdict)
        return
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
    short = f"{result.frames} frames; {source.frames} decode, the whole film has {whole.frames}"
    if result.frames < source.frames:
        verdict.add("silent losses" if code == 0 else "other faults", short)
    elif result.frames > source.frames:
        verdict.add("other faults", f"too many: {short}")
    elif code == 0:
        if source.late:
            verdict.add("silent losses", f"{source.late} packets of streams that begin late")
        heard, all_heard = (sum(map(len, seen.sound.values())) for seen in (source, whole))
        fewer = source.frames < whole.frames and not tells_edits(report, source, whole)
        if fewer or heard < all_heard:
            why = [*doubts(source, data), *source.sound_doubts[:5]]
            words = [short, f"{heard} of {all_heard} packets of sound are left", *why]
            verdict.add("silent losses" if why else "unknowable", "; ".join(words))
        elif source.failed:
            verdict.add("other faults", f"{source.failed} packets fail, but nothing is reported")
    for text in losses(source, result, report):
        verdict.add("silent losses", text)


def judge_still(
    case: Case,
    code: int,
    whole: Seen,
    reader: Reader,
    report: dict[str, Any],
    verdict: Verdict,
) -> None:
    """Compares a picture that was made with what Pillow finds in the harmed one."""
    answers = [reader(path) for path in (case.source, case.target)]
    if answers[1].keys() & {"hung", "died", "error"}:
        verdict.add("other faults", f"the result cannot be read: {answers[1]}")
        return
    result = Seen(**answers[1])
    if report["clean"] != (code == 0):
        verdict.add("other faults", "the report and the exit code differ")
    if result.failed:
        verdict.add("other faults", "the result does not decode")
    # FFmpeg reads kinds that Pillow does not.
    source = Seen(**answers[0]) if "format" in answers[0] else None
    same = source is not None and source.means == whole.means
    if code == 0 and not same and (why := still_doubts(case.source.read_bytes())):
        verdict.add("silent losses", "; ".join(why))
    for text in still_losses(source, result, whole, report):
        verdict.add("silent losses", text)
