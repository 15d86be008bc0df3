"""Which crops each step of a run works on, in which process."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from vidcolor.core.threads import usable_cores
from vidcolor.training.checkpoints import Run
from vidcolor.training.data.stills import RandomCrops, Still, View
from vidcolor.training.distributed import Team
from vidcolor.training.settings import TrainSettings

Micro = tuple[int, Tensor]
"""Number of a batch in the run, and its pictures ``(B, 3, side, side)`` uint8."""


def batches(
    run: Run, stills: list[Still], view: View, emptied: Collection[str] = ()
) -> Iterator[list[Micro]]:
    """For each step from the run's position to its end, the batches of this process.

    Args:
        run: Where it stands.
        stills: Pictures to learn from.
        view: How they become squares.
        emptied: Sources that were found and of which none of these pictures is.
    """
    settings, at = run.settings, run.at
    gpu = run.team.device.type == "cuda"
    workers = readers(settings, run.team)
    while run.done < 1:
        side = side_at(settings.sides, run.done)
        factors = dict(settings.source_weights)
        data = RandomCrops(stills, side, settings.seed, factors, view=view, emptied=emptied)
        loader = DataLoader(
            data,
            settings.batch,
            sampler=Order(settings, run.team, at.step),
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            pin_memory=gpu,  # so that copies go beside the work of the GPU
        )
        micros: list[Micro] = []
        numbers = micro_numbers(settings, run.team, at.step)
        for number, rgb in zip(numbers, loader, strict=False):
            micros.append((number, rgb))
            if len(micros) == settings.accumulate:
                yield micros
                micros = []
                if run.done >= 1 or side_at(settings.sides, run.done) != side:
                    break


def readers(settings: TrainSettings, team: Team) -> int:
    """Processes that read pictures for this one.

    Unless the settings say: one, as on the CPU the net needs the cores; beside a GPU all cores but
    that of this process, and of those of its neighbours on the machine.
    """
    if settings.workers is not None:
        return settings.workers
    if team.device.type != "cuda":
        return 1
    neighbours = min(team.size, torch.cuda.device_count())
    return max(1, usable_cores() // neighbours - 1)


def micro_numbers(settings: TrainSettings, team: Team, step: int) -> Iterator[int]:
    """Numbers of the batches of this process, from a step on.

    One process that accumulates over 2 K batches works on the same ones as 2 over K each.
    """
    while True:
        for turn in range(settings.accumulate):
            yield (step * settings.accumulate + turn) * team.size + team.rank
        step += 1


@dataclass(frozen=True)
class Order:
    """The sampler: numbers of the crops of the batches of this process, without end."""

    settings: TrainSettings
    team: Team
    step: int

    def __iter__(self) -> Iterator[int]:
        for number in micro_numbers(self.settings, self.team, self.step):
            first = number // self.settings.looks * self.settings.batch
            yield from range(first, first + self.settings.batch)


def side_at(sides: tuple[int, ...], done: float) -> int:
    """Side of the crops: each larger one gets a fifth of the run, the first all before."""
    fifths_left = max(1, math.ceil((1 - done) * 5))
    larger = sides[1:]
    return sides[max(0, len(larger) - fifths_left + 1)] if larger else sides[0]
