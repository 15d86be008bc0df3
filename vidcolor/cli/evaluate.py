"""``vidcolor evaluate TRUTH RESULT``: how near the colors come to the true ones."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.cli.checks import check_beside, check_folder_or_file
from vidcolor.cli.text import Parser, add_verbose, printable, write_late

if TYPE_CHECKING:
    from vidcolor.evaluation.evaluate import Scores


Row = tuple[str, float | None, str]
"""Measure, value, what it is."""

DIGITS = {
    **dict.fromkeys(("ssim", "lpips"), 4),
    **dict.fromkeys(("cdc", "cdc_distance", "warp_error"), 6),
    **dict.fromkeys(("colorfulness_kept", "cdc_distance_ratio", "warp_error_ratio"), 3),
    **dict.fromkeys(("warp_excess_ratio", "chroma_warp_ratio", "chroma_jump_ratio"), 3),
}
"""Behind the point, where they are not 2."""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = Parser(
        prog="vidcolor evaluate",
        description="Measure a colored film, picture or folder of pictures against the true one.",
    )
    p.add_argument("truth", metavar="TRUTH", help="the original in color")
    p.add_argument(
        "result", metavar="RESULT", help="the same frames, or files of the same names, colored"
    )
    p.add_argument(
        "--per-frame",
        metavar="RESULT2",
        help="the same film colored with --no-smooth; show what smoothing gains and costs",
    )
    p.add_argument("--json", type=Path, metavar="FILE", help="also write the scores as JSON")
    add_verbose(p)
    return p


def run(args: argparse.Namespace) -> int:
    """Measure with a bar, print the table; 0, or 3 where the JSON cannot be written in the end.

    Raises:
        FilmUnreadable: A film, picture or folder is missing.
        OutputError: The JSON could not be written.
    """
    others = [args.per_frame] if args.per_frame else []
    for name in (args.truth, args.result, *others):
        check_folder_or_file(name)
    check_beside("--json", args.json, args.truth, args.result, *others)
    from tqdm import tqdm

    from vidcolor.evaluation.evaluate import evaluate

    with tqdm(unit=" frames", disable=None, smoothing=0.1) as bar:

        def advance(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        scores = evaluate(args.truth, args.result, per_frame=args.per_frame, on_progress=advance)
    print(describe(scores))
    complaint = f"the scores cannot be written to {args.json}"
    return write_late(scores.to_dict(), args.json, complaint)


def describe(scores: Scores) -> str:
    """The scores as tables: measure, value, what it is."""
    s = scores
    rows: list[Row] = [
        ("psnr", s.psnr, "dB, higher is better"),
        ("psnr_grey", s.psnr_grey, "dB, for the truth in gray"),
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
    lines = [f"{'frames':20}{s.frames:9}", *_lines(rows, s.notes)]
    lines += ["", "over time, lower is steadier", f"{'shots':20}{s.shots:9}"]
    lines += [f"{'pairs':20}{s.pairs:9}  neighboring frames of a shot"]
    lines += _lines(_over_time(s), s.notes)
    if s.per_frame is not None:
        lines += ["", f"compared with {printable(s.per_frame)}; ratios below 1 are better"]
        lines += _lines(_beside_per_frame(s), s.notes)
    return "\n".join(lines)


def _over_time(s: Scores) -> list[Row]:
    return [
        ("cdc", s.cdc, f"gray {_number('cdc', s.cdc_gray)}, truth {_number('cdc', s.cdc_truth)}"),
        ("cdc_distance", s.cdc_distance, "from the truth's"),
        (
            "warp_error",
            s.warp_error,
            f"RGB; gray {_number('warp_error', s.warp_error_gray)}, truth"
            f" {_number('warp_error', s.warp_error_truth)}",
        ),
        (
            "chroma_warp_error",
            s.chroma_warp_error,
            f"ab; truth {_number('', s.chroma_warp_error_truth)}",
        ),
        (
            "chroma_jump",
            s.chroma_jump,
            f"ab, at {s.chroma_jump_at}; truth {_number('', s.chroma_jump_truth)},"
            f" at {s.chroma_jump_truth_at}",
        ),
    ]


def _beside_per_frame(s: Scores) -> list[Row]:
    return [
        (
            "colorfulness_kept",
            s.colorfulness_kept,
            f"1 keeps all; per frame {_number('', s.colorfulness_per_frame)}",
        ),
        ("psnr_gain", s.psnr_gain, f"dB, higher is better; per frame {s.psnr_per_frame:.2f}"),
        (
            "cdc_distance_ratio",
            s.cdc_distance_ratio,
            f"cdc per frame {_number('cdc', s.cdc_per_frame)}",
        ),
        (
            "warp_error_ratio",
            s.warp_error_ratio,
            f"per frame {_number('warp_error', s.warp_error_per_frame)}",
        ),
        ("warp_excess_ratio", s.warp_excess_ratio, "of the error above gray's"),
        (
            "chroma_warp_ratio",
            s.chroma_warp_ratio,
            f"per frame {_number('', s.chroma_warp_error_per_frame)}",
        ),
        (
            "chroma_jump_ratio",
            s.chroma_jump_ratio,
            f"per frame {_number('', s.chroma_jump_per_frame)}",
        ),
    ]


def _lines(rows: list[Row], notes: dict[str, str]) -> list[str]:
    return [
        f"{name:20}{_number(name, value):>9}  {printable(notes.get(name, remark))}"
        for name, value, remark in rows
    ]


def _number(name: str, value: float | None) -> str:
    return "-" if value is None else f"{value:.{DIGITS.get(name, 2)}f}"
