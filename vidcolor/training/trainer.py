"""The training loop: plain, resumable, in bf16 autocast."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.data import DataLoader

from vidcolor.color.lab import lab_to_rgb, rgb_to_lab
from vidcolor.errors import SettingsError
from vidcolor.film.still import read_rgb, write_rgb
from vidcolor.metrics import colorfulness, psnr
from vidcolor.model.colornet import ColorNet, ColorNetConfig, FilmNet, build_net
from vidcolor.model.vgg import VGG16Features, load_imagenet
from vidcolor.model.weights import save_weights
from vidcolor.training.augment import clean_pair, film_pair
from vidcolor.training.checkpoints import (
    Average,
    Position,
    load_checkpoint,
    save_checkpoint,
    write_settings,
)
from vidcolor.training.datasets import (
    RandomCrops,
    Still,
    centre_square,
    index_stills,
    split_stills,
)
from vidcolor.training.losses import book_losses, class_weights, film_losses, soft_encode


@dataclass(frozen=True)
class TrainSettings:
    """Everything that decides what a run learns."""

    stills: tuple[str, ...]
    """Folders of colour pictures."""
    vgg: str = "torchvision"
    """Safetensors file with VGG16's ImageNet convolutions, or ``torchvision``."""
    preset: str = "film"
    """``film`` or ``book``."""
    minutes: float = 60.0
    """Length of the run; the learning rate falls to 0 at its end."""
    batch: int = 32
    """Crops per step."""
    sides: tuple[int, ...] = (128, 192)
    """Sides of the crops, pixels: small first, the last ones for the last fifths of the run."""
    learning_rate: float = 1e-3
    """Peak of AdamW's learning rate."""
    weight_decay: float = 1e-2
    """AdamW's weight decay."""
    thawed: int = 1
    """Upper blocks of VGG16 that learn too, at a tenth of the rate."""
    rebalance: float = 0.5
    """Power of the class weights: 0 none, 1 those of Zhang et al."""
    ema: float = 0.999
    """Decay of the moving average of the weights, per step."""
    seed: int = 1
    """Start of all randomness."""
    source_weights: tuple[tuple[str, float], ...] = ()
    """Factors on the shares of single sources."""
    checkpoint_minutes: float = 5.0
    """Minutes between checkpoints, each with a validation and a sheet."""

    def __post_init__(self) -> None:
        if not 0 < self.minutes < math.inf or self.batch < 2:
            raise SettingsError("--minutes must be above 0 and --batch at least 2")
        if any(side % 16 or side < 16 for side in self.sides) or not self.sides:
            raise SettingsError("--sides must be multiples of 16")
        if self.preset not in ("film", "book"):
            raise SettingsError(f"unknown preset {self.preset!r}; use film or book")
        if any(not 0 <= factor < math.inf for _, factor in self.source_weights):
            raise SettingsError("--source-weight takes a factor of 0 or more")


@dataclass
class Trainer:
    """What a run works with."""

    settings: TrainSettings
    run: Path
    net: ColorNet
    average: Average
    optimizer: torch.optim.Optimizer
    at: Position
    train: list[Still]
    validation: list[Still]
    weights: Tensor


def train(
    settings: TrainSettings,
    run: Path,
    on_index: Callable[[int, int], None] | None = None,
    on_step: Callable[[Position, dict[str, float]], None] | None = None,
) -> Path:
    """Train a net, or go on with the run in ``run``.

    Args:
        settings: What to learn from, and how.
        run: Run folder: settings, index, checkpoint, log, sheets and the weights.
        on_index: Called with (pictures looked at, pictures found).
        on_step: Called after each step with the position and the losses.

    Returns:
        The weights file.

    Raises:
        TrainingError: no usable pictures, or the run folder belongs to other settings.
        WeightsError: the VGG16 weights cannot be read.
    """
    trainer = prepare(settings, run, on_index)
    started, spent = time.monotonic(), trainer.at.minutes
    saved = spent
    losses: dict[str, float] = {}
    for rgb in crops(trainer):
        losses = train_step(trainer, rgb)
        trainer.at.step += 1
        trainer.at.minutes = spent + (time.monotonic() - started) / 60
        if on_step:
            on_step(trainer.at, losses)
        if trainer.at.minutes - saved >= settings.checkpoint_minutes:
            saved = trainer.at.minutes
            checkpoint(trainer, losses)
    scores = checkpoint(trainer, losses)
    notes = {
        "preset": settings.preset,
        "pictures": len(trainer.train),
        "steps": trainer.at.step,
        "minutes": round(trainer.at.minutes, 1),
        "batch": settings.batch,
        "sides": list(settings.sides),
    }
    return save_weights(
        averaged_net(trainer), run / "net.safetensors", training=notes, scores=scores
    )


def prepare(
    settings: TrainSettings, run: Path, on_index: Callable[[int, int], None] | None
) -> Trainer:
    """Everything a run needs, restored where the run folder has a checkpoint."""
    write_settings(run, settings)
    stills, _ = index_stills([Path(p) for p in settings.stills], run / "stills.json", on_index)
    torch.manual_seed(settings.seed)
    config = (
        ColorNetConfig(preset="book", embedding=512)
        if settings.preset == "book"
        else ColorNetConfig()
    )
    net = build_net(config)
    vgg = net.vgg
    assert isinstance(vgg, VGG16Features)
    if not (run / "last.pt").is_file():
        load_imagenet(vgg, settings.vgg)
    optimizer = make_optimizer(net, vgg, settings)
    average = Average(net, settings.ema)
    at = load_checkpoint(run, net, average, optimizer)
    chosen, kept = split_stills(stills)
    kept = kept[:: max(1, len(kept) // 200)][:200]
    weights = torch.ones(1)
    if isinstance(net, FilmNet):
        weights = class_weights(count_bins(chosen, net.bins, settings), settings.rebalance)
    net.to(memory_format=torch.channels_last)
    return Trainer(settings, run, net, average, optimizer, at, chosen, kept, weights)


def make_optimizer(
    net: ColorNet, vgg: VGG16Features, settings: TrainSettings
) -> torch.optim.Optimizer:
    """AdamW: VGG16 frozen but for its upper blocks, which learn at a tenth of the rate."""
    convolutions = [layer for layer in vgg.features if isinstance(layer, nn.Conv2d)]
    first_thawed = {0: 13, 1: 10, 2: 7, 3: 4, 4: 2, 5: 0}[settings.thawed]
    for layer in convolutions[:first_thawed]:
        layer.requires_grad_(False)
    slow = [p for layer in convolutions[first_thawed:] for p in layer.parameters()]
    fast = [p for key, p in net.named_parameters() if not key.startswith("vgg.")]
    return torch.optim.AdamW(
        [{"params": fast, "scale": 1.0}, {"params": slow, "scale": 0.1}],
        lr=settings.learning_rate,
        betas=(0.9, 0.99),
        weight_decay=settings.weight_decay,
        fused=True,
    )


def count_bins(stills: list[Still], bins: Tensor, settings: TrainSettings) -> Tensor:
    """(Q,) share of each ab bin in 512 crops."""
    data = RandomCrops(stills, 64, settings.seed + 7919, dict(settings.source_weights), 512)
    total = torch.zeros(len(bins))
    for index in range(0, 512, 32):
        rgb = torch.stack([data[index + i] for i in range(32)])
        ab = F.avg_pool2d(rgb_to_lab(rgb.float() / 255)[:, 1:], 4)
        total += soft_encode(ab, bins).sum((0, 2, 3))
    return total / total.sum()


def crops(trainer: Trainer) -> Iterator[Tensor]:
    """Batches ``(B, 3, side, side)`` uint8 from the run's position to its end."""
    settings, at = trainer.settings, trainer.at
    while at.minutes < settings.minutes:
        side = side_at(settings, at)
        data = RandomCrops(trainer.train, side, settings.seed, dict(settings.source_weights))
        loader = DataLoader(
            data,
            settings.batch,
            sampler=range(at.step * settings.batch, len(data)),
            num_workers=1,
            prefetch_factor=4,
        )
        for rgb in loader:
            yield rgb
            if at.minutes >= settings.minutes or side_at(settings, at) != side:
                break


def side_at(settings: TrainSettings, at: Position) -> int:
    """Side of the crops: each larger one gets a fifth of the run, the first all before."""
    fifths_left = max(1, math.ceil((1 - at.minutes / settings.minutes) * 5))
    larger = settings.sides[1:]
    return settings.sides[max(0, len(larger) - fifths_left + 1)] if larger else settings.sides[0]


def train_step(trainer: Trainer, rgb: Tensor) -> dict[str, float]:
    """One step of the optimiser; returns its losses."""
    settings, at, net = trainer.settings, trainer.at, trainer.net
    rate = settings.learning_rate * schedule(at.minutes / settings.minutes, at.step)
    for group in trainer.optimizer.param_groups:
        group["lr"] = rate * group["scale"]
    draw = torch.Generator().manual_seed(settings.seed * 999_983 + at.step)
    with torch.no_grad():
        lightness, ab = film_pair(rgb, draw) if settings.preset == "film" else clean_pair(rgb)
        lightness = lightness.contiguous(memory_format=torch.channels_last)
    net.train()
    with torch.autocast("cpu", torch.bfloat16):
        if isinstance(net, FilmNet):
            outputs = net.predict(lightness)
        else:
            predicted = net(lightness)
    if isinstance(net, FilmNet):
        losses = film_losses(*outputs, F.avg_pool2d(ab, 4), net.bins, trainer.weights)
    else:
        losses = book_losses(predicted, ab)
    trainer.optimizer.zero_grad()
    losses["total"].backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    trainer.optimizer.step()
    trainer.average.update(net, at.step)
    return {name: float(value.detach()) for name, value in losses.items()}


def schedule(done: float, step: int) -> float:
    """Factor on the learning rate: 200 steps of warm-up, then a half cosine to 0."""
    return min(1.0, (step + 1) / 200) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def averaged_net(trainer: Trainer) -> ColorNet:
    """A net in eval mode with the averaged weights."""
    net = build_net(trainer.net.config)
    net.load_state_dict(trainer.average.state)
    return net.eval()


@torch.inference_mode()
def validate(
    net: ColorNet, stills: list[Still], side: int = 192
) -> tuple[dict[str, float], list[Tensor]]:
    """Scores on the middle squares of pictures kept from training.

    Returns:
        Mean PSNR of the coloured and of the grey picture against the truth, colorfulness of
        result and truth; and for the first 12 pictures the triptych ``(3, side, 3 * side)``
        uint8: grey, result, truth.
    """
    rows: list[tuple[float, float, float, float]] = []
    triptychs: list[Tensor] = []
    for start in range(0, len(stills), 8):
        rgb = torch.stack(
            [centre_square(read_rgb(s.path), side) for s in stills[start : start + 8]]
        )
        lightness, _ = clean_pair(rgb)
        truth_lab = rgb_to_lab(rgb.float() / 255)
        with torch.autocast("cpu", torch.bfloat16):
            ab = net(lightness)
        ab = F.interpolate(ab, (side, side), mode="bilinear")
        result = lab_to_rgb(torch.cat([truth_lab[:, :1], ab], 1)) * 255
        grey = lab_to_rgb(torch.cat([truth_lab[:, :1], ab * 0], 1)) * 255
        for r, g, t in zip(result, grey, rgb.float(), strict=True):
            rows.append((psnr(r, t), psnr(g, t), colorfulness(r), colorfulness(t)))
            if len(triptychs) < 12:
                triptychs.append(torch.cat([g, r, t], 2).round().clamp(0, 255).to(torch.uint8))
    columns = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    names = ("psnr", "psnr_grey", "colorfulness", "colorfulness_truth")
    return dict(zip(names, columns, strict=True)), triptychs


def checkpoint(trainer: Trainer, losses: dict[str, float]) -> dict[str, float]:
    """Save the run, score the averaged net, add a line to the log and draw a sheet."""
    save_checkpoint(trainer.run, trainer.net, trainer.average, trainer.optimizer, trainer.at)
    if not trainer.validation:
        return {}
    scores, triptychs = validate(averaged_net(trainer), trainer.validation)
    scores = {name: round(value, 3) for name, value in scores.items()}
    if not losses:  # a finished run was started again: nothing to tell
        return scores
    line = {"step": trainer.at.step, "minutes": round(trainer.at.minutes, 2)} | losses | scores
    log = trainer.run / "log.csv"
    fresh = not log.is_file()
    with log.open("a", newline="") as file:
        writer = csv.DictWriter(file, line)
        if fresh:
            writer.writeheader()
        writer.writerow(line)
    columns = [torch.cat(triptychs[i::2], 1) for i in range(min(2, len(triptychs)))]
    height = min(column.shape[1] for column in columns)
    sheet = torch.cat([column[:, :height] for column in columns], 2)
    write_rgb(sheet, trainer.run / f"sheet-{trainer.at.step:06d}.png")
    return scores
