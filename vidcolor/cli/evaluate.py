"""``vidcolor evaluate TRUTH RESULT``: how near the colours come to the true ones."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.cli.text import Parser, printable
from vidcolor.errors import OutputError

if TYPE_CHECKING:
    from vidcolor.evaluation import Scores


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = Parser(
        prog="vidcolor evaluate",
        description="Measure a coloured film, picture or folder of pictures against the true one.",
    )
    p.add_argument("truth", metavar="TRUTH", help="in colour, as it was")
    p.add_argument("result", metavar="RESULT", help="the same frames, or the same names, coloured")
    p.add_argument("--json", type=Path, metavar="FILE", help="write the scores as JSON too")
    p.add_argument("-v", "--verbose", action="store_true", help="show where an error comes from")
    return p


def run(args: argparse.Namespace) -> int:
    """Measure with a bar, print the table; 0.

    Raises:
        OutputError: The JSON cannot be written; the table is printed all the same.
    """
    from tqdm import tqdm

    from vidcolor.evaluation import evaluate

    with tqdm(unit=" frames", disable=None, smoothing=0.1) as bar:

        def advance(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        scores = evaluate(args.truth, args.result, on_progress=advance)
    print(describe(scores))
    if args.json:
        write_json(scores, args.json)
    return 0


def write_json(scores: Scores, path: Path) -> None:
    """Write the scores as JSON.

    Raises:
        OutputError: The file cannot be written.
    """
    try:
        path.write_text(json.dumps(scores.to_dict(), indent=1) + "\n")
    except OSError as error:
        raise OutputError(f"the scores cannot be written to {path} ({error.strerror})") from error


def describe(scores: Scores) -> str:
    """The scores as a table: measure, value, what it is."""
    s = scores
    rows: list[tuple[str, float | None, str]] = [
        ("psnr", s.psnr, "dB, higher is better"),
        ("psnr_grey", s.psnr_grey, "dB, of the truth without its colours"),
        ("ssim", s.ssim, "0 to 1, higher is better"),
        ("lpips", s.lpips, "AlexNet, lower is better"),
        ("colorfulness", s.colorfulness, f"absolute values; truth {s.colorfulness_truth:.2f}"),
        ("delta_colorfulness", s.delta_colorfulness, "lower is better"),
        (
            "colorfulness_signed",
            s.colorfulness_signed,
            f"as published; truth {s.colorfulness_signed_truth:.2f}",
        ),
        ("frechet_vgg16", s.frechet_vgg16, f"N = {s.frames}, lower is better"),
    ]
    lines = [f"{'frames':20}{s.frames:9}"]
    for name, value, remark in rows:
        digits = 4 if name in ("ssim", "lpips") else 2
        number = "-" if value is None else f"{value:.{digits}f}"
        lines.append(f"{name:20}{number:>9}  {printable(s.notes.get(name, remark))}")
    return "\n".join(lines)
