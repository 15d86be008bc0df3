"""``vidcolor train``: learn a net from color pictures and clips."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidcolor.cli.checks import check_folder, check_source, check_weights
from vidcolor.cli.text import Parser, option, say
from vidcolor.errors import OutputError, SettingsError, TrainingError

if TYPE_CHECKING:
    from vidcolor.training.checkpoints import Position
    from vidcolor.training.settings import TrainSettings

USUAL: dict[str, dict[str, Any]] = {
    "book": {"sides": (256,)},
    "gate": {"sides": (192,), "batch": 4, "learning_rate": 3e-3},
}
"""Defaults of a preset where they are not those of ``TrainSettings``."""


def parser() -> argparse.ArgumentParser:
    """The options of the command; what is left out takes the default of ``TrainSettings``."""
    p = Parser(
        prog="vidcolor train",
        description="Train a colornet, or the smoother's gate, on color pictures and clips; run "
        "it again to go on where it stopped. A colornet learns on several GPUs, too: "
        "torchrun --nproc-per-node N -m vidcolor train ...",
        argument_default=argparse.SUPPRESS,
    )
    p.add_argument("--out", type=Path, required=True, metavar="RUN", help="run folder")
    data = p.add_argument_group("what to learn from")
    data.add_argument("--stills", nargs="+", metavar="DIR", help="folders of pictures")
    data.add_argument("--clips", nargs="+", metavar="DIR", help="folders of short color films")
    data.add_argument(
        "--source-weight",
        type=option,
        action="append",
        metavar="NAME=FACTOR",
        help="more or less of one source (a folder's subfolder); may be repeated",
    )
    data.add_argument("--start", metavar="NAME|FILE", help="weights to start from, such as default")
    data.add_argument(
        "--teacher",
        metavar="NAME|FILE",
        help="weights that a mini learns from, or whose colors a gate steadies (default)",
    )
    data.add_argument(
        "--motions", type=int, metavar="N", help="moving scenes to make from stills (gate, 120)"
    )
    data.add_argument(
        "--vgg",
        metavar="FILE",
        help="VGG16's ImageNet weights (safetensors), or torchvision to fetch them (default)",
    )
    _add_run(p)
    _add_recipe(p)
    p.add_argument("-v", "--verbose", action="store_true", help="show where an error comes from")
    return p


def _add_run(p: argparse.ArgumentParser) -> None:
    run = p.add_argument_group("the run")
    run.add_argument("--minutes", type=float, help="length by the clock (60)")
    run.add_argument("--steps", type=int, help="length in steps; on the CPU repeatable bit for bit")
    run.add_argument(
        "--batch", type=int, help="pictures at once in each process (32; gate: 4 sequences)"
    )
    run.add_argument("--accumulate", type=int, help="batches to a step (1)")
    run.add_argument(
        "--sides",
        type=int,
        nargs="+",
        metavar="PIXELS",
        help="sides of the crops; the last ones for the last fifths of the run (128 192; gate 192)",
    )
    run.add_argument("--seed", type=int, help="start of all randomness (1)")
    run.add_argument(
        "--workers", type=int, help="processes that read pictures (1; with a GPU one a core)"
    )
    run.add_argument("--device", help="auto, cpu or cuda")
    run.add_argument("--checkpoint-minutes", type=float, metavar="M", help="between two (5)")
    run.add_argument("--validate-minutes", type=float, metavar="M", help="between two (15)")


def _add_recipe(p: argparse.ArgumentParser) -> None:
    recipe = p.add_argument_group("the recipe")
    recipe.add_argument(
        "--preset", choices=("film", "mini", "book", "gate"), help="which net (film)"
    )
    recipe.add_argument("--learning-rate", type=float, help="peak of the rate (0.001; gate 0.003)")
    recipe.add_argument("--thawed", type=int, help="upper blocks of VGG16 that learn too (1)")
    recipe.add_argument("--rebalance", type=float, help="power of the class weights (0.5)")
    recipe.add_argument("--perceptual", type=float, help="weight of the perceptual loss (0)")
    recipe.add_argument("--colorful", type=float, help="weight of the colorfulness loss (0)")
    recipe.add_argument(
        "--adversarial", type=float, metavar="SHARE", help="last share of the run with a critic (0)"
    )
    recipe.add_argument("--views", type=int, help="agings of a batch for a student (4)")
    recipe.add_argument("--ema", type=float, help="decay of the average of the weights (0.999)")


def settings_of(args: argparse.Namespace) -> TrainSettings:
    """The settings that the options ask for.

    Raises:
        SettingsError: a value is out of range.
    """
    from vidcolor.training.settings import TrainSettings

    given = vars(args)
    known = {field.name for field in fields(TrainSettings)}
    values = {name: value for name, value in given.items() if name in known}
    for name in ("stills", "clips"):
        values[name] = tuple(str(Path(folder).resolve()) for folder in given.get(name, ()))
    try:
        weights = [(name, float(factor)) for name, factor in given.get("source_weight", ())]
    except ValueError as error:
        raise SettingsError("--source-weight takes NAME=FACTOR with a number") from error
    values["source_weights"] = tuple(weights)
    if "sides" in values:
        values["sides"] = tuple(values["sides"])
    for name, value in USUAL.get(values.get("preset", "film"), {}).items():
        values.setdefault(name, value)
    if not values.get("steps"):
        values.setdefault("minutes", 60.0)
    return TrainSettings(**values)


def check(settings: TrainSettings, out: Path) -> None:
    """All that can be known before anything is learned.

    Raises:
        TrainingError: A folder is missing.
        WeightsNotFound: There are no such weights.
        OutputError: The run folder cannot be made.
    """
    for folder in (*settings.stills, *settings.clips):
        if not Path(folder).is_dir():
            raise TrainingError(f"{folder} is not a folder; name a folder of pictures or films")
    check_weights(*filter(None, (settings.start, settings.teacher)))
    if settings.preset != "gate" and settings.vgg != "torchvision":
        check_source(settings.vgg)
    if out.exists() and not out.is_dir():
        raise OutputError(f"--out {out}: is no folder; name one for the run")
    check_folder(str(out))


def run(args: argparse.Namespace) -> int:
    """Train with a bar; 0."""
    settings = settings_of(args)
    check(settings, args.out)
    import torch
    from tqdm import tqdm

    from vidcolor.training.loop import train

    # AdamW's moments fall into denormal numbers, which are many times slower to compute with.
    torch.set_flush_denormal(True)
    by_steps = settings.steps > 0
    with tqdm(
        total=settings.steps if by_steps else settings.minutes,
        bar_format="{l_bar}{bar}| {n:.4g}/{total} {unit} {postfix}",
        unit="steps" if by_steps else "minutes",
    ) as bar:

        def look(seen: int, found: int) -> None:
            bar.set_postfix_str(f"looking at pictures: {seen} of {found}")

        def note(line: str) -> None:
            bar.clear()
            say(line)

        def advance(at: Position, losses: dict[str, float]) -> None:
            bar.update((at.step if by_steps else at.minutes) - bar.n)
            values = {name: f"{value:.3f}" for name, value in losses.items()}
            bar.set_postfix({"step": str(at.step)} | values)

        path = train(settings, args.out, on_index=look, on_step=advance, on_note=note)
    if path.is_file():  # of several processes the first one alone writes
        gate = settings.preset == "gate"  # which no option takes: the smoother has one of its own
        say(f"weights written to {path}" + ("" if gate else f"; use them with --weights {path}"))
    return 0
