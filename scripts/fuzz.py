#!/usr/bin/env python3
"""Harms small films at random, colours each, and checks that nothing is lost in silence.

Usage: scripts/fuzz.py --files N --seed S [--out DIR] [--only INDEX]

The real command runs in a warm child process with a tiny net; a second child, which shares no
decoding code with vidcolor, reads the harmed film and the result. Of every file is asked:

- exit code 0, 2 or 3; no crash, no hang, no traceback, no unexpected error, no noise;
- refused (2): one line, and nothing is left in the folder but the film;
- done (0, 3): the result decodes, has every frame that the reader decodes from the harmed film,
  and every packet of sound that is not reported as left behind or damaged.

A silent loss is a frame or a packet of sound that

- the reader finds in the harmed film and a result does not have, without a word of it;
- the whole film has and a result of exit code 0 does not have, although the harmed film tells of
  it: packets fail or give no frame, times have a hole, or a declared number of frames or packets,
  a declared length or the sizes in the file's structure are not reached (``doubts``).

Where nothing tells of it, such as a transport stream cut between two packets, the file counts as
"unknowable". All else that is wrong counts as "other faults".

--out keeps offending files and results.jsonl. --only runs one file of a seed and tells all of it.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from fuzz_films import Case, make_case, make_fixtures
from fuzz_judge import BAD, COLUMNS, Verdict, judge, read

LIMIT = 60
"""Seconds for one file; more is a hang."""
FRESH = 250
"""Files after which a child is replaced."""

# The child.


def serve() -> None:
    """Answers each line of JSON on stdin with one on stdout, until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    faulthandler.enable()
    for line in sys.stdin:
        job = json.loads(line)
        answer = colour(job) if "words" in job else look(job["path"])
        print(json.dumps(answer), file=answers, flush=True)


def look(path: str) -> dict[str, Any]:
    """What the tolerant reader finds, or why it finds nothing."""
    try:
        return asdict(read(path))
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def colour(job: dict[str, Any]) -> dict[str, Any]:
    """Runs the command with all that it prints, and where it hangs or dies, in a file."""
    main, weights = _command(job["home"])
    before = set(threading.enumerate())
    with open(job["log"], "wb") as log:
        kept = os.dup(1), os.dup(2)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        faulthandler.dump_traceback_later(LIMIT - 5)
        try:
            code = main([*job["words"], "--weights", weights])
        except BaseException:
            traceback.print_exc()
            code = None
        finally:
            faulthandler.cancel_dump_traceback_later()
            sys.stdout.flush()
            sys.stderr.flush()
            for number, fd in zip(kept, (1, 2), strict=True):
                os.dup2(number, fd)
                os.close(number)
    deadline = time.monotonic() + 3
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    left = [thread.name for thread in threading.enumerate() if thread not in before]
    return {"code": code, "threads": left}


@cache
def _command(home: str) -> tuple[Any, str]:
    """The command, and weights of a net that runs in no time; its colours do not matter here."""
    import torch
    from tqdm import tqdm

    from vidcolor import colorizer
    from vidcolor.cli.main import main
    from vidcolor.model.build import build_net
    from vidcolor.model.colornet import ColorNetConfig
    from vidcolor.model.weights import load_weights, save_weights

    torch.set_num_threads(1)
    tqdm.monitor_interval = 0  # its thread would look like one left running
    torch.manual_seed(1)
    net = build_net(ColorNetConfig("mini", width=12, blocks=(1, 1), heads=2))
    weights = save_weights(net, Path(home, "tiny.safetensors"), training={}, scores={})
    vars(colorizer)["load_weights"] = cache(load_weights)  # most of the time of a run
    return main, str(weights)


# The parent.


class Child:
    """A warm process that answers questions; a new one after it died, hung or grew old."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._asked = 0

    def ask(self, job: dict[str, Any]) -> dict[str, Any]:
        """The answer; ``{"hung": ...}`` or ``{"died": ...}`` where there is none."""
        if self._process is None or self._asked >= FRESH:
            self.close()
            words = [sys.executable, __file__, "--serve"]
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        self._asked += 1
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(job), file=process.stdin, flush=True)
        with selectors.DefaultSelector() as waiting:
            waiting.register(process.stdout, selectors.EVENT_READ)
            if not waiting.select(LIMIT):
                process.kill()
                self.close()
                return {"hung": f"no answer in {LIMIT} s"}
        answer = process.stdout.readline()
        if not answer:
            code = process.wait()
            self.close()
            return {"died": signal.Signals(-code).name if code < 0 else f"exit code {code}"}
        found: dict[str, Any] = json.loads(answer)
        return found

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.communicate()
        self._process, self._asked = None, 0


# The run.


def run(indices: range, seed: int, out: Path | None) -> dict[str, Counter[str]]:
    """Fixture -> how many of its files count in each column."""
    table: dict[str, Counter[str]] = {}
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "results.jsonl").unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="vidcolor-fuzz-") as temporary:
        base = Path(temporary)
        (base / "fixtures").mkdir()
        fixtures = make_fixtures(base / "fixtures")
        whole = {name: read(str(base / "fixtures" / name)) for name in fixtures}
        usual = ["--size", "64", "--quiet", "--report", str(base / "job.json")]
        with contextlib.closing(Child()) as command, contextlib.closing(Child()) as readers:

            def read_file(path: Path) -> dict[str, Any]:
                return readers.ask({"path": str(path)})

            for index in indices:
                case = make_case(seed, index, fixtures, base / "job")
                words = [str(case.source), str(case.target), *usual, *case.options]
                for old in ("job.json", "job.log"):
                    (base / old).unlink(missing_ok=True)
                job = {"words": words, "log": str(base / "job.log"), "home": temporary}
                answer = command.ask(job)
                verdict = judge(case, answer, whole[case.name], read_file)
                table.setdefault(case.name, Counter()).update(verdict.columns)
                tell(case, verdict, len(indices) == 1, out)
    return {name: table[name] for name in fixtures if name in table}


def tell(case: Case, verdict: Verdict, always: bool, out: Path | None) -> None:
    """Prints what is wrong with a case, and keeps it."""
    bad = verdict.columns & set(BAD)
    if bad or always:
        print(f"file {case.index}: {case.name}, {'; '.join(case.done)} -> {case.target.suffix}")
        print(f"  {verdict.outcome}: {verdict.line}")
        for column, text in verdict.findings:
            print(f"  {column}: {text}", flush=True)
    if out is not None:
        record = asdict(case) | asdict(verdict)
        record |= {"source": case.source.name, "target": case.target.name}
        with (out / "results.jsonl").open("a") as file:
            print(json.dumps(record), file=file)
        if (bad or always) and case.source.exists():
            shutil.copy(case.source, out / f"{case.index:05d}-{case.name}")


def show(table: dict[str, Counter[str]]) -> int:
    """Prints the table; the exit code."""
    total = sum(table.values(), Counter())
    print(f"{'':14}" + "".join(f"{column:>15}" for column in COLUMNS))
    for name, counts in [*table.items(), ("total", total)]:
        print(f"{name:14}" + "".join(f"{counts[column]:15}" for column in COLUMNS))
    return 1 if any(total[column] for column in BAD) else 0


def main() -> int:
    """Parse, run, show."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="keeps offending files and results.jsonl")
    parser.add_argument("--only", type=int, metavar="INDEX", help="one file of the seed")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve()
        return 0
    indices = range(args.files) if args.only is None else range(args.only, args.only + 1)
    began = time.monotonic()
    code = show(run(indices, args.seed, args.out))
    print(f"{len(indices)} files in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
