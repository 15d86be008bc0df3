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

from vidcolor.cli import color, evaluate, info, train, weights
from vidcolor.cli.text import fail
from vidcolor.errors import VidcolorError

COMMANDS: dict[str, ModuleType] = {
    "evaluate": evaluate,
    "info": info,
    "train": train,
    "weights": weights,
}


class Terminated(KeyboardInterrupt):
    """SIGTERM came; raised so that generators and temporary files are cleaned up."""


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


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
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        try:
            parsed = command.parser().parse_args(words)
            verbose = getattr(parsed, "verbose", False)
            code: int = command.run(parsed)
        except SystemExit as stop:  # argparse has printed its line
            code = stop.code if isinstance(stop.code, int) else 2
        sys.stdout.flush()  # here, where a reader that has gone is no error
        return code
    except VidcolorError as error:
        fail(str(error))
        return 2
    except KeyboardInterrupt as stop:
        fail("interrupted; the target is as it was before")
        return 143 if isinstance(stop, Terminated) else 130
    except BrokenPipeError:  # `vidcolor info film | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if verbose:
            traceback.print_exc()
        detail = " ".join(str(error).split())[:300] or type(error).__name__
        fail(f"unexpected {type(error).__name__}: {detail} (-v shows where; please report it)")
        return 2
    finally:
        signal.signal(signal.SIGTERM, before)
