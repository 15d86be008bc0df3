"""The command: which word was meant, what to print, how to exit.

Exit codes: 0 done; 3 done, but the input was damaged or something was not carried; 2 refused or
failed, the target is as it was; 130 and 143 interrupted.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from io import TextIOWrapper
from socket import socketpair
from threading import Lock, Thread
from types import FrameType, ModuleType

from vidcolor.cli.config_file import add_option, find_entries, set_defaults, take_option
from vidcolor.cli.log import hide_log, show_log
from vidcolor.cli.text import fail, is_surprise, reason
from vidcolor.cli.words import USAGE, asked_for_help, suggest_command
from vidcolor.core.platform import call_after_fork, stop_signals

GRACE = 1.0
"""Seconds that a command has to clean up when it is interrupted, unless it has its own."""

COMMANDS = (
    *("bench", "colors", "compare", "config", "doctor", "evaluate", "info", "play", "preview"),
    *("script", "serve", "shots", "train", "verify", "weights"),
)
"""Modules of this package, each with a parser and what it does."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Words after ``vidcolor``; None takes the process's own.

    Returns:
        The exit code.
    """
    _open_standard_files()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["help"]:
        words = asked_for_help(words, COMMANDS)
    if not words:
        sys.stderr.write(USAGE.format(", ".join(COMMANDS)))
        return 2
    if complaint := suggest_command(words[0], COMMANDS):
        fail(complaint)
        return 2
    name = words.pop(0) if words[0] in COMMANDS else "color"
    command = command_module(name)
    verbose = False
    interrupt = Interrupt()
    try:
        try:
            parsed = _parse(name, words)
            interrupt.grace = getattr(command, "GRACE", GRACE)
            verbose = getattr(parsed, "verbose", False)
            parsed.interrupt = interrupt
            if verbose:
                show_log()
            describe = getattr(command, "describe_interrupt", interrupt.words)
            interrupt.words = partial(describe, parsed)
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
        hide_log()
        interrupt.restore()


def command_module(name: str) -> ModuleType:
    """The module of a command; no other one is loaded."""
    return import_module(f"vidcolor.cli.{name}")


def _parse(name: str, words: Sequence[str]) -> argparse.Namespace:
    """What the words of a command say, and for the rest the files of defaults.

    Raises:
        SettingsError: A file of defaults is wrong.
    """
    asked, words = take_option(words)
    p: argparse.ArgumentParser = command_module(name).parser()
    add_option(p, asked)
    if name != "config" and not {"-h", "--help"} & set(words) and (found := find_entries(asked)):
        set_defaults(p, name, command_module("color").parser(), found, words)
    return p.parse_args(words)


# A child hears the signals of its terminal itself; its parent would count them twice.
call_after_fork(lambda: signal.set_wakeup_fd(-1))


class Interrupt:
    """What SIGINT and SIGTERM do while a command runs.

    The first one raises KeyboardInterrupt, so that generators and temporary files are cleaned up.
    Where that takes longer than `grace`, since a thread is deep in the net or the encoder, the
    process leaves without it, as it does at once when a second one comes. What is on the disk is
    always good.
    """

    def __init__(self) -> None:
        self.number = 0
        """The signal that came first; 0 while none did."""
        self.words: Callable[..., str] = lambda *_: "interrupted"
        """What is to be printed then."""
        self.grace = GRACE
        """Seconds to clean up."""
        self._told = Lock()
        # Python runs handlers between two of its own steps, which may be long apart while native
        # code works; the bytes that signals write arrive at once.
        self._bytes, self._written = socketpair()
        self._written.setblocking(False)
        self._before = {n: signal.signal(n, self._stop) for n in stop_signals()}
        self._other = signal.set_wakeup_fd(self._written.fileno(), warn_on_full_buffer=False)
        self._watcher = Thread(target=self._watch, name="interrupt", daemon=True)
        self._watcher.start()

    def tell(self) -> int:
        """Print what happened, once; the exit code."""
        if self._told.acquire(blocking=False):
            if sys.stderr.isatty():
                sys.stderr.write("\r\x1b[K")  # a bar that had no time to end, and ^C
            fail(self.words())
            sys.stderr.flush()
        return 143 if self.number == signal.SIGTERM else 130

    def restore(self) -> None:
        """Give the signals back."""
        signal.set_wakeup_fd(self._other)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._written.send(b"\0")
        self._watcher.join()
        self._written.close()
        self._bytes.close()

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if not self.number:
            self.number = number
            raise KeyboardInterrupt

    def _watch(self) -> None:
        first = self._next(None)
        if first and self._next(self.grace) != 0:
            self.number = self.number or first
            os._exit(self.tell())

    def _next(self, seconds: float | None) -> int | None:
        """The next of the two signals; None when none comes in time, 0 when the command is over."""
        self._bytes.settimeout(seconds)
        try:
            while True:
                number = self._bytes.recv(1)[0]
                if number in (0, *self._before):
                    return number
        except TimeoutError:
            return None


def _open_standard_files() -> None:
    """Opens the null device where the caller closed stdin, stdout or stderr.

    Else the next files that are opened get their numbers, and libraries would write into them.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    # A pipe on Windows, or a terminal of a Western locale, lacks most letters of the world.
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")


def explain(error: Exception, verbose: bool) -> int:
    """Print an error as one line; the exit code."""
    if isinstance(error, BrokenPipeError):  # `vidcolor info film | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if verbose and is_surprise(error):
        traceback.print_exception(error)
    fail(reason(error))
    return 2
