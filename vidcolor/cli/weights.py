"""``vidcolor weights``: the weights that ship, and any weights as ONNX."""

from __future__ import annotations

import argparse
from pathlib import Path

from vidcolor.cli.checks import check_output, check_weights
from vidcolor.cli.text import Parser, say
from vidcolor.core.paths import HELPERS
from vidcolor.errors import SettingsError
from vidcolor.settings import ColorizerSettings, OutputSettings

ADVICE = {
    "default": "the best colors; used by default",
    "mini": "plainer colors, about four times as fast; for slow machines and drafts",
}
"""Which to take, by name."""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = Parser(
        prog="vidcolor weights",
        description="List the weights that ship, or export a net as ONNX for other programs.",
    )
    p.add_argument(
        "weights",
        nargs="?",
        metavar="NAME|FILE",
        help=f"net to export (default: {ColorizerSettings().weights})",
    )
    p.add_argument("--export", type=Path, metavar="FILE.onnx", help="write the net to this file")
    p.add_argument("-y", "--force", action="store_true", help="replace an existing FILE.onnx")
    return p


def run(args: argparse.Namespace) -> int:
    """Print the list or write the file; 0.

    Raises:
        SettingsError: weights are named and nothing is asked of them.
    """
    if args.export:
        weights = args.weights or ColorizerSettings().weights
        check_weights(weights)
        if args.export.suffix != ".onnx":
            raise SettingsError(f"{args.export.name}: the name of an ONNX file must end in .onnx")
        check_output(None, str(args.export), OutputSettings(force=args.force))
        export(weights, args.export, OutputSettings(force=args.force))
        return 0
    if args.weights:
        raise SettingsError("vidcolor weights NAME needs --export FILE.onnx")
    from vidcolor.nets.weights import available_weights

    listed = available_weights().values()
    for info in listed:
        if info.name not in HELPERS:
            print(f"{info.name:10}{ADVICE.get(info.name, '')}".rstrip())
    print("\nChoose one with --weights NAME. All files:\n")
    for info in listed:
        size = info.path.stat().st_size / 1e6 if info.path.is_file() else 0.0
        print(f"{info.name}  {info.path}  {size:.2f} MB  sha256 {info.sha256}")
        print(f"  license  {info.licence}")
        print(f"  trained on  {info.training_data}")
        for name, value in info.scores.items():
            print(f"  {name}  {value}")
    return 0


def export(weights: str, target: Path, settings: OutputSettings) -> None:
    """Write the net as ONNX and tell how it was checked.

    Raises:
        VidcolorError: the weights, the packages or the target are not as they should be.
    """
    from vidcolor.nets.onnx import export_onnx
    from vidcolor.nets.weights import load_weights

    difference = export_onnx(load_weights(weights)[0], target, settings)
    if difference is None:
        told = "not checked, because onnxruntime is not installed"
    else:
        told = f"checked with onnxruntime: within {difference:.1g} ab units of the net"
    say(f"{target}: {target.stat().st_size / 1e6:.1f} MB, {told}")
