"""``vidcolor weights``: the weights that ship, and any weights as ONNX."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.cli.checks import check_output, check_weights
from vidcolor.cli.text import Parser, say
from vidcolor.core.paths import HELPERS
from vidcolor.errors import SettingsError
from vidcolor.settings import ColorizerSettings, OutputSettings

if TYPE_CHECKING:
    from vidcolor.nets.onnx import Colors, OnnxForm

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
    p.add_argument(
        "--as",
        dest="colors",
        choices=("lab", "rgb", "gray"),
        help="what the file takes and gives: lab: L* in, a*b* out (default); rgb: R'G'B' in and "
        "out; gray: luma in, R'G'B' out",
    )
    p.add_argument(
        "--size",
        type=int,
        metavar="N",
        help="with --as rgb or gray: short side that the net looks at, a multiple of 16 "
        f"(default: {ColorizerSettings().size})",
    )
    p.add_argument("--half", action="store_true", help="write the net in float16: half the size")
    p.add_argument("-y", "--force", action="store_true", help="replace an existing FILE.onnx")
    return p


def run(args: argparse.Namespace) -> int:
    """Print the list or write the file; 0.

    Raises:
        SettingsError: weights are named and nothing is asked of them, or options do not go
            together.
    """
    if args.export:
        weights = args.weights or ColorizerSettings().weights
        check_weights(weights)
        if args.export.suffix != ".onnx":
            raise SettingsError(f"{args.export.name}: the name of an ONNX file must end in .onnx")
        form = _form(args)
        check_output(None, str(args.export), OutputSettings(force=args.force))
        export(weights, args.export, OutputSettings(force=args.force), form)
        return 0
    if args.colors or args.size is not None or args.half:
        raise SettingsError("--as, --size and --half need --export FILE.onnx")
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


def _form(args: argparse.Namespace) -> OnnxForm:
    from vidcolor.nets.onnx import OnnxForm

    colors: Colors = args.colors or "lab"
    if args.size is None:
        return OnnxForm(colors, half=args.half)
    if colors == "lab":
        raise SettingsError("--size needs --as rgb or gray; with lab, the lightness has that size")
    return OnnxForm(colors, ColorizerSettings(size=args.size).size, args.half)


def export(weights: str, target: Path, settings: OutputSettings, form: OnnxForm) -> None:
    """Write the net as ONNX and tell how it was checked.

    Raises:
        VidcolorError: the weights, the packages or the target are not as they should be.
    """
    from vidcolor.nets.onnx import export_onnx
    from vidcolor.nets.weights import load_weights

    difference = export_onnx(load_weights(weights)[0], target, settings, form)
    if difference is None:
        told = "not checked, because onnxruntime is not installed"
    else:
        near = f"{difference:.1g} {form.unit} of the net" + (" on average" if form.half else "")
        told = f"checked with onnxruntime: within {near}"
    say(f"{target}: {target.stat().st_size / 1e6:.1f} MB, {told}")
