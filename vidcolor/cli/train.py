"""``vidcolor train``: learn a net from colour pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.cli.text import Parser, option, say
from vidcolor.errors import SettingsError

if TYPE_CHECKING:
    from vidcolor.training.checkpoints import Position


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = Parser(
        prog="vidcolor train",
        description="Train a colornet on colour pictures; run it again to go on where it stopped.",
    )
    p.add_argument("--stills", nargs="+", required=True, metavar="DIR", help="folders of pictures")
    p.add_argument("--out", type=Path, required=True, metavar="RUN", help="run folder")
    p.add_argument(
        "--vgg",
        default="torchvision",
        metavar="FILE",
        help="VGG16 convolutions (safetensors), or torchvision to fetch them",
    )
    p.add_argument("--preset", default="film", choices=("film", "book"))
    p.add_argument("--minutes", type=float, default=60.0, help="length of the run (%(default)s)")
    p.add_argument("--batch", type=int, default=32, help="crops per step (%(default)s)")
    p.add_argument(
        "--sides",
        type=int,
        nargs="+",
        default=[128, 192],
        metavar="PIXELS",
        help="sides of the crops; the last ones for the last fifths of the run",
    )
    p.add_argument(
        "--source-weight",
        type=option,
        action="append",
        default=[],
        metavar="NAME=FACTOR",
        help="more or less of one source; may be repeated",
    )
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("-v", "--verbose", action="store_true", help="show where an error comes from")
    return p


def run(args: argparse.Namespace) -> int:
    """Train with a bar; 0."""
    try:
        factors = tuple((name, float(factor)) for name, factor in args.source_weight)
    except ValueError as error:
        raise SettingsError("--source-weight takes NAME=FACTOR with a number") from error
    import torch
    from tqdm import tqdm

    from vidcolor.training.trainer import TrainSettings, train

    settings = TrainSettings(
        stills=tuple(str(Path(folder).resolve()) for folder in args.stills),
        vgg=args.vgg,
        preset=args.preset,
        minutes=args.minutes,
        batch=args.batch,
        sides=tuple(args.sides),
        seed=args.seed,
        source_weights=factors,
    )
    # AdamW's moments fall into denormal numbers, which are many times slower to compute with.
    torch.set_flush_denormal(True)
    with tqdm(
        total=args.minutes, unit=" min", bar_format="{l_bar}{bar}| {n:.1f}/{total} min {postfix}"
    ) as bar:

        def advance(at: Position, losses: dict[str, float]) -> None:
            bar.update(at.minutes - bar.n)
            bar.set_postfix({"step": at.step} | {k: f"{v:.3f}" for k, v in losses.items()})

        path = train(settings, args.out, on_step=advance)
    say(f"weights written to {path}; use them with --weights {path}")
    return 0
