"""Warm processes that color and read harmed files, so that no file can hurt more than one."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

LIMIT = 60
"""Seconds for one file on a machine that is not loaded; more is a hang."""
WARM = 900
"""Seconds that a process may take to start."""
FRESH = 250
"""Files after which a process is replaced."""
ROOM = 4 << 30
"""Bytes of address space that a file may take beyond what the process had before."""


def serve() -> None:
    """Answers each line of JSON on stdin with one on stdout, until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    faulthandler.enable()
    for line in sys.stdin:
        job = json.loads(line)
        if "warm" in job:
            _warm(job["warm"])
            answer = {}
        else:
            answer = color(job) if "words" in job else look(job["path"])
        print(json.dumps(answer), file=answers, flush=True)


def _warm(home: str) -> None:
    """Loads all that is asked of this process: the command with a ``home``, else the reader."""
    if home:
        _command(home)
    else:
        import_module("fuzzing.reader")


def look(path: str) -> dict[str, Any]:
    """What the tolerant reader finds, or why it finds nothing."""
    import warnings

    from fuzzing.reader import read

    _bound()
    with warnings.catch_warnings(), _quiet():
        warnings.simplefilter("ignore")
        try:
            return asdict(read(path))
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Libraries say nothing."""
    kept = os.dup(2)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def color(job: dict[str, Any]) -> dict[str, Any]:
    """Runs the command with all that it prints, and where it hangs or dies, in a file."""
    main, weights, rest = _command(job["home"])
    ctypes.CDLL(None).malloc_trim(0)
    _bound()
    before, used = set(threading.enumerate()), time.process_time()
    began = time.monotonic()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    with open(job["log"], "wb") as log:
        kept = os.dup(1), os.dup(2)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        faulthandler.dump_traceback_later(job["limit"] - 5)
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
    answer = {
        "code": code,
        "memory": max(0, _memory("VmHWM") - rest),
        "seconds": round(time.process_time() - used, 3),
        "clock": round(time.monotonic() - began, 3),
    }
    deadline = time.monotonic() + 3
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    left = [thread.name for thread in threading.enumerate() if thread not in before]
    return answer | {"threads": left}


def _memory(name: str) -> int:
    """Bytes that the kernel counts for this process under ``name``."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0


def _bound() -> None:
    """Lets this process take so much address space more, and write no cores."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (_memory("VmSize") + ROOM, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


@cache
def _command(home: str) -> tuple[Any, str, int]:
    """The command, weights of a net that runs in no time, and the memory without any file.

    The colors of that net do not matter here.
    """
    import torch
    from tqdm import tqdm

    from vidcolor.cli.main import main
    from vidcolor.colorize import colorizer
    from vidcolor.nets.colornet import ColorNetConfig
    from vidcolor.nets.registry import build_net
    from vidcolor.nets.weights import load_weights, save_weights

    torch.set_num_threads(1)
    tqdm.monitor_interval = 0  # its thread would look like one left running
    torch.manual_seed(1)
    net = build_net(ColorNetConfig("mini", width=12, blocks=(1, 1), heads=2))
    weights = save_weights(net, Path(home, "tiny.safetensors"), training={}, scores={})
    vars(colorizer)["load_weights"] = cache(load_weights)  # most of the time of a run
    return main, str(weights), _memory("VmRSS")


class Child:
    """A warm process that answers questions; a new one after it died, hung or grew old."""

    def __init__(self, home: str = "") -> None:
        """One that colors, with its weights in ``home``; without a home one that reads."""
        self._home = home
        self._process: subprocess.Popen[str] | None = None
        self._asked = 0

    def ask(self, job: dict[str, Any]) -> dict[str, Any]:
        """The answer; ``{"hung": ...}`` or ``{"died": ...}`` where there is none."""
        if self._process is None or self._asked >= FRESH:
            self.close()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "fuzzing", "--serve"],
                env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            if failed := self._ask({"warm": self._home}, WARM):
                return failed
        # What others do with this machine is no fault of the file's.
        load = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        limit = round(LIMIT * load)
        return self._ask(job | {"limit": limit}, limit)

    def _ask(self, job: dict[str, Any], limit: float) -> dict[str, Any]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        self._asked += 1
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(job), file=process.stdin, flush=True)
        with selectors.DefaultSelector() as waiting:
            waiting.register(process.stdout, selectors.EVENT_READ)
            if not waiting.select(limit):
                process.kill()
                self.close()
                return {"hung": f"no answer in {limit} s"}
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
