"""The command: which word was meant, what to print, how to exit.

Exit codes: 0 done; 3 done, but the input was damaged or something was not carried; 2 refused or
failed, the target is as it was; 130 and 143 interrupted.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from threading import Lock, Timer
from types import FrameType, ModuleType

from vidcolor.cli import color, evaluate, info, shots, train, weights
from vidcolor.cli.text import fail
from vidcolor.errors import VidcolorError

GRACE = 1.5
"""Seconds that a command has to clean up when it is interrupted."""

COMMANDS: dict[str, ModuleType] = {
    "evaluate": evaluate,
    "info": info,
    "shots": shots,
    "train": train,
    "weights": weights,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Words after ``vidcolor``; None takes the process's own.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = COMMANDS[words.pop(0)] if words and words[0] in COMMANDS else color
    verbose = False
    interrupt = Interrupt()
    try:
        try:
            parsed = command.parser().parse_args(words)
            verbose = getattr(parsed, "verbose", False)
            interrupt.words = partial(getattr(command, "interrupted", interrupt.words), parsed)
            code: int = command.run(parsed)
        except SystemExit as end:  # argparse has printed its line
            code = end.code if isinstance(end.code, int) else 2
        sys.stdout.flush()  # here, where a reader that has gone is no error
        return code
    except (Exception, KeyboardInterrupt) as error:
        # Native code may turn the interrupt that was raised inside it into an error of its own.
        if interrupt.number or isinstance(error, KeyboardInterrupt):
            return interrupt.tell()
        return explain(error, verbose)
    finally:
        interrupt.restore()


class Interrupt:
    """What SIGINT and SIGTERM do while a command runs.

    The first one raises KeyboardInterrupt, so that generators and temporary files are cleaned up;
    where that takes longer than `GRACE` because a thread is deep in the net, the process leaves
    without it, as it does at once when a second one comes. What is on the disk is always good.
    """

    def __init__(self) -> None:
        self.number = 0
        """The signal that came first; 0 while none did."""
        self.words: Callable[..., str] = lambda *_: "interrupted"
        """What is to be printed then."""
        self._told = Lock()
        self._timer = Timer(GRACE, self._leave)
        self._timer.daemon = True
        self._before = {n: signal.signal(n, self._stop) for n in (signal.SIGINT, signal.SIGTERM)}

    def tell(self) -> int:
        """Print what happened, once; the exit code."""
        if self._told.acquire(blocking=False):
            fail(self.words())
        return 143 if self.number == signal.SIGTERM else 130

    def restore(self) -> None:
        """Give the signals back."""
        self._timer.cancel()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self.number:
            self._leave()
        self.number = number
        self._timer.start()
        raise KeyboardInterrupt

    def _leave(self) -> None:
        code = self.tell()
        sys.stderr.flush()
        os._exit(code)


def explain(error: Exception, verbose: bool) -> int:
    """Print an error as one line; the exit code."""
    if isinstance(error, BrokenPipeError):  # `vidcolor info film | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, VidcolorError):
        fail(str(error))
        return 2
    if verbose:
        traceback.print_exception(error)
    detail = " ".join(str(error).split())[:300] or type(error).__name__
    fail(f"unexpected {type(error).__name__}: {detail} (-v shows where; please report it)")
    return 2
