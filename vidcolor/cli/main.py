"""The command: which word was meant, what to print, how to exit.

Exit codes: 0 done; 3 done, but the input was damaged or something was not carried; 2 refused or
failed, the target is as it was; 130 and 143 interrupted.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType, ModuleType

from vidcolor.cli import color, evaluate, info, shots, train, weights
from vidcolor.cli.text import fail
from vidcolor.errors import VidcolorError

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
    asked: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        """Raise, so that generators and temporary files are cleaned up."""
        asked.append(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        try:
            parsed = command.parser().parse_args(words)
            verbose = getattr(parsed, "verbose", False)
            code: int = command.run(parsed)
        except SystemExit as end:  # argparse has printed its line
            code = end.code if isinstance(end.code, int) else 2
        sys.stdout.flush()  # here, where a reader that has gone is no error
        return code
    except (Exception, KeyboardInterrupt) as error:
        # Native code may turn the interrupt that was raised inside it into an error of its own.
        if asked or isinstance(error, KeyboardInterrupt):
            fail("interrupted; the target is as it was before")
            return 143 if signal.SIGTERM in asked else 130
        return explain(error, verbose)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
