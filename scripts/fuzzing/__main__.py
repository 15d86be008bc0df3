#!/usr/bin/env python3
"""Damages small films and pictures, colors each, and checks that nothing is lost silently.

Usage: scripts/fuzz --count N --seed S [--kinds K ...] [--out DIR] [--only INDEX ...] [--jobs J]

It damages bits and bytes ("raw"), the structure of otherwise correct files (boxes of MP4 and MOV,
elements of Matroska, packets of transport and program streams, chunks of AVI, PNG and WebP,
segments of JPEG, directories of TIFF), and joins films that differ in shape, size, range, matrix,
fields, rotation, rate or audio ("joined"). The damage to file N of a seed depends only on these
two numbers, so that one command repeats it.

The real command runs in a warm child process with a tiny net and bounded memory. A second child,
which shares no decoding code with vidcolor, reads the damaged file and the result (films with
FFmpeg, one packet at a time; pictures with Pillow). For every file it checks:

- exit code 0, 2 or 3; no crash, no hang, no traceback, no unexpected error, no other output;
- no more memory and time than `judge.py` allows;
- refused (2): one line, and only the source file is left in the folder;
- done (0, 3): the result decodes, and has everything that the reader finds in the damaged file.

A silent loss is a frame, an audio packet, a subtitle, a page, or other data of the file, that

- the reader finds in the damaged file but not in the result, and nothing reports it;
- the undamaged film has and a result with exit code 0 does not have, although the damaged file
  shows it: packets fail or give no frame, timestamps have a gap, or a declared number of frames or
  packets, a declared length or the sizes in the file's structure are not reached (``doubts``);
- is there but wrong: blank pictures, pictures unlike their source, shifted timestamps, a shape,
  range, matrix or fields that change in mid-film only in the source.

If nothing in the file shows a loss, such as in a transport stream cut between two packets, the
file counts as "unknowable". Everything else that is wrong counts as "other faults".

--out keeps failing files and results.jsonl; an interrupted run resumes, unless --fresh is given.
--only runs only these files of a seed and prints all about them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fuzzing.cases import KINDS, Case, kind_of, make_case, make_fixtures
from fuzzing.child import Child, serve
from fuzzing.judge import BAD, COLUMNS, Verdict, judge
from fuzzing.reader import Seen, read

Record = dict[str, Any]


class Keeper:
    """Prints what is wrong, and keeps what came of every file."""

    def __init__(self, seed: int, out: Path | None, fresh: bool, always: bool) -> None:
        self.records: dict[int, Record] = {}
        self._seed, self._out, self._always = seed, out, always
        self._lock = threading.Lock()
        if out is None:
            return
        out.mkdir(parents=True, exist_ok=True)
        self._results = out / "results.jsonl"
        if fresh:
            self._results.unlink(missing_ok=True)
        for line in self._results.read_text().splitlines() if self._results.exists() else ():
            with contextlib.suppress(ValueError):  # a line that was not finished
                record = json.loads(line)
                if record["seed"] == seed:
                    self.records[record["index"]] = record

    def keep(self, case: Case, verdict: Verdict, answer: Record) -> None:
        """One more file."""
        bad = bool(verdict.columns & set(BAD)) or self._always
        again = f"scripts/fuzz --seed {self._seed} --only {case.index}"
        record = asdict(case) | asdict(verdict) | {"seed": self._seed, "again": again}
        record |= {"source": case.source.name, "target": case.target.name}
        record |= {name: answer.get(name, 0) for name in ("memory", "seconds", "clock")}
        record["columns"] = sorted(verdict.columns)
        with self._lock:
            self.records[case.index] = record
            if bad:
                self._tell(case, verdict, again)
            if self._out is None:
                return
            with self._results.open("a") as file:
                print(json.dumps(record), file=file)
            if bad and case.source.exists():
                name = f"{self._seed}-{case.index:05d}-{case.name}"
                shutil.copy(case.source, self._out / name)

    def _tell(self, case: Case, verdict: Verdict, again: str) -> None:
        words = "; ".join(case.done)
        print(f"file {case.index}: {case.name}, {words} -> {case.target.suffix}    # {again}")
        print(f"  {verdict.outcome}: {verdict.line}")
        for column, text in verdict.findings:
            print(f"  {column}: {text}", flush=True)


class Worker:
    """Two children and a folder of their own."""

    def __init__(self, base: Path, fixtures: dict[str, bytes], whole: dict[str, Seen]) -> None:
        self._base, self._fixtures, self._whole = base, fixtures, whole
        base.mkdir()
        self.command, self.readers = Child(str(base)), Child()

    def do(self, seed: int, index: int, keeper: Keeper) -> None:
        """One file: harm, color, judge."""
        base = self._base
        case = make_case(seed, index, self._fixtures, base / "job")
        usual = ["--size", "64", "--quiet", "--report", str(base / "job.json")]
        words = [str(case.source), str(case.target), *usual, *case.options]
        for old in ("job.json", "job.log"):
            (base / old).unlink(missing_ok=True)
        job = {"words": words, "log": str(base / "job.log"), "home": str(base)}
        answer = self.command.ask(job)
        whole = self._whole.get(case.name)
        if whole is None:
            found = self.readers.ask({"path": str(case.source)})
            whole = Seen(**found) if "format" in found else Seen("nothing")
        verdict = judge(case, answer, whole, lambda path: self.readers.ask({"path": str(path)}))
        keeper.keep(case, verdict, answer)

    def close(self) -> None:
        """Ends the children."""
        self.command.close()
        self.readers.close()


def run(indices: list[int], seed: int, keeper: Keeper, jobs: int) -> None:
    """Everything that was not done before."""
    left = iter([index for index in indices if index not in keeper.records])
    with tempfile.TemporaryDirectory(prefix="vidcolor-fuzz-") as temporary:
        base = Path(temporary)
        (base / "fixtures").mkdir()
        fixtures = make_fixtures(base / "fixtures")
        whole = {name: read(str(base / "fixtures" / name)) for name in fixtures}

        def drain(number: int) -> None:
            with contextlib.closing(Worker(base / str(number), fixtures, whole)) as worker:
                for index in _taken(left, lock):
                    worker.do(seed, index, keeper)

        lock = threading.Lock()
        with ThreadPoolExecutor(jobs) as pool:
            for done in [pool.submit(drain, number) for number in range(jobs)]:
                done.result()


def _taken(left: Iterator[int], lock: threading.Lock) -> Iterator[int]:
    """What is left, shared among threads."""
    while True:
        with lock:
            index = next(left, None)
        if index is None:
            return
        yield index


def show(records: list[Record]) -> int:
    """Prints the table and the figures; the exit code."""
    table: dict[str, Counter[str]] = {}
    for record in records:
        table.setdefault(record["kind"], Counter()).update(record["columns"])
    total = sum(table.values(), Counter())
    print(f"{'':10}" + "".join(f"{column:>14}" for column in COLUMNS))
    for name, counts in [*sorted(table.items()), ("total", total)]:
        print(f"{name:10}" + "".join(f"{counts[column]:14}" for column in COLUMNS))
    for name, unit, scale in (("memory", "MB", 1e6), ("seconds", "s of processors", 1.0)):
        ranked = sorted((record[name] / scale, record["index"]) for record in records)
        if ranked:
            usual = statistics.median(value for value, _ in ranked)
            high = ranked[len(ranked) * 99 // 100][0]
            most, index = ranked[-1]
            figures = f"median {usual:.2f}, 99 of 100 below {high:.2f}, most {most:.2f}"
            print(f"{name}: {figures} {unit} (file {index})")
    return 1 if any(total[column] for column in BAD) else 0


def main() -> int:
    """Parse, run, show."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=1000, help="files to damage")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="kinds of damage")
    parser.add_argument("--out", type=Path, help="folder for failing files and results.jsonl")
    parser.add_argument("--fresh", action="store_true", help="discard earlier results in --out")
    parser.add_argument(
        "--only", type=int, nargs="+", metavar="INDEX", help="only these files of the seed"
    )
    parser.add_argument("--jobs", type=int, default=1, help="files at a time")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve()
        return 0
    indices, number = list(args.only or ()), 0
    while not args.only and len(indices) < args.count:
        indices += [number] if kind_of(number) in args.kinds else []
        number += 1
    began = time.monotonic()
    keeper = Keeper(args.seed, args.out, args.fresh, always=bool(args.only))
    for index in args.only or ():
        keeper.records.pop(index, None)
    run(indices, args.seed, keeper, args.jobs)
    code = show([keeper.records[index] for index in indices])
    print(f"{len(indices)} files in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
