"""``vidcolor serve``: the page in the browser, on this machine alone."""

from __future__ import annotations

import argparse
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from vidcolor.cli.text import Parser, add_verbose, say
from vidcolor.errors import SettingsError
from vidcolor.settings import ColorizerSettings

GRACE = 6.0
"""Seconds that there are to stop what runs and to remove what is private; a second Ctrl-C leaves at
once, and the next server removes it."""

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = Parser(
        prog="vidcolor serve",
        description="Color films and pictures on a page in the browser. The page can be opened only"
        " on this machine, and only with the address that is printed. Ctrl-C ends it.",
    )
    p.add_argument(
        "folders",
        nargs="*",
        type=Path,
        metavar="FOLDER",
        help="offer the films of this folder on the page (without it, upload them there)",
    )
    p.add_argument(
        "--port", type=int, metavar="N", help="port to use (default: 7860, or any free one)"
    )
    p.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="save finished films there (without it, download them: they are deleted at the end)",
    )
    p.add_argument(
        "--max-upload",
        type=amount,
        default=20 * 10**9,
        metavar="BYTES",
        help="size limit of an upload, such as 500M or 20G (default: 20G)",
    )
    default = ColorizerSettings()
    p.add_argument(
        "--weights", default=default.weights, metavar="NAME|FILE", help="net selected at the start"
    )
    p.add_argument("--device", default=default.device, help="auto, cpu, cuda[:N] or mps")
    add_verbose(p)
    return p


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted.

    Raises:
        SettingsError: Gradio is missing, a folder is none, or the port is taken.
    """
    for folder in [*args.folders, *([args.keep] if args.keep else [])]:
        if not folder.exists():
            raise SettingsError(f"{folder}: no such folder; create it first")
        if not folder.is_dir():
            raise SettingsError(f"{folder}: not a folder; name the folder it is in")
    if args.keep and not os.access(args.keep, os.W_OK | os.X_OK):
        raise SettingsError(f"{args.keep}: the folder is read-only")
    if args.port is not None and not 1 <= args.port <= 65535:
        raise SettingsError(f"--port {args.port} is outside 1 to 65535")
    if sys.platform == "win32":
        raise SettingsError("vidcolor serve needs Linux or macOS; use vidcolor IN OUT here")
    if find_spec("gradio") is None:
        raise SettingsError("vidcolor serve needs Gradio: pip install 'vidcolor[web]'")
    from vidcolor.web.options import Choice
    from vidcolor.web.server import Server

    say("starting… (some seconds; more on a busy machine)")
    server = Server(
        args.folders,
        port=args.port,
        keep=args.keep.resolve() if args.keep else None,
        max_upload=args.max_upload,
        choice=Choice(weights=args.weights, device=args.device),
    )
    try:
        say(f"open {server.address}")
        say("Ctrl-C ends it" + ("" if args.keep else " and deletes the finished films"))
        server.run()
    finally:
        server.close()
    return 0


def amount(word: str) -> int:
    """``500M``, ``20G`` -> bytes, for argparse."""
    number, unit = word.rstrip("kKmMgGtTbB"), word.lstrip("0123456789.").lower().removesuffix("b")
    try:
        found = int(float(number) * UNITS[unit])
    except (ValueError, KeyError, OverflowError):
        found = 0
    if found < 1:
        raise argparse.ArgumentTypeError(f"{word!r} is not a size; use 500M or 20G")
    return found
