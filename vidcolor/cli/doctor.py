"""``vidcolor doctor``: is the installation whole, and does it color on this machine."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from vidcolor.cli.config_file import places
from vidcolor.cli.text import Parser, count, printable
from vidcolor.settings import ColorizerSettings


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = Parser(
        prog="vidcolor doctor",
        description="Check the installation: versions, processor and GPU, memory, disk, weights,"
        " encoders, extras; then color a made film of a second and compare its luma. Put what it"
        " prints into a bug report.",
    )
    p.add_argument("--device", default=ColorizerSettings().device, help="as of vidcolor IN OUT")
    p.add_argument(
        "--folder", type=Path, metavar="FOLDER", help="write the test there (default: temporary)"
    )
    p.add_argument("--json", action="store_true", help="print JSON")
    return p


def run(args: argparse.Namespace) -> int:
    """Print what was found, as it is found; 0, or 2 where something is broken.

    Raises:
        SettingsError: Another device is named than there are.
    """
    ColorizerSettings(device=args.device)
    from vidcolor.benchmark.check_up import check_up

    found = []
    for finding in check_up(args.device, args.folder):
        found.append(finding)
        if not args.json:
            print(printable(f"{finding.state:4}  {finding.name:10}{finding.text}"), flush=True)
    read = [str(file) for file in places(None) if file.is_file()]
    broken = [finding for finding in found if finding.state == "FAIL"]
    if args.json:
        findings = [asdict(finding) for finding in found]
        print(json.dumps({"ok": not broken, "config": read, "findings": findings}, indent=1))
    else:
        if read:
            print(printable(f"ok    config    {', '.join(read)}"))
        print(f"{count(len(broken), 'fault')}" if broken else "vidcolor works here")
    return 2 if broken else 0
