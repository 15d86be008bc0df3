"""The key frames of a long color script agree in parts, which many workers share.

One finds which pairs of key frames may show the same; pairs are compared in parts; scenes agree in
parts, large ones turn by turn; one makes the script of all that. Nothing of a part hangs on who
does it: the bits are those of a script that one worker settles. Each part is a file of the work
folder until the script is there. One that is missing or damaged is made by whoever needs it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from vidcolor.guidance.agreement import (
    TURNS,
    Join,
    Scenes,
    Told,
    agree,
    agree_alone,
    compare_pairs,
    conclude,
    find_pairs,
)
from vidcolor.guidance.color_script import ColorScript, KeyLook
from vidcolor.guidance.local_features import Similarity
from vidcolor.nets.guide_net import GuideNet
from vidcolor.run.sealed import put_sealed, read_sealed
from vidcolor.run.work_dir import WorkDir

LEAST = 128
"""Key frames of a script from which it is settled in parts: fewer agree in 15 seconds, about."""
Pairs = list[tuple[int, int]]
_See = Callable[[object], object]


class Work(StrEnum):
    """What is kept in files of its own while a script is settled."""

    PAIRS = "pairs"
    """Numbers of key frames that may show the same; one file."""
    JOINS = "joins"
    """Those that do, and how; a file for each part of the pairs."""
    COLORS = "colors"
    """What scenes that are not large agreed upon; a file for each part of them."""
    TURNS = "turns"
    """What blocks of large scenes said; a file for each turn of each block."""


@dataclass(frozen=True)
class Settling:
    """The parts in which a color script is settled."""

    digest: str
    """As of `ScriptPlan`."""
    parts: int
    """Of the pairs, and of the scenes."""

    def name(self, work: Work, part: int = -1) -> str:
        """Of the file that keeps a part until the script is there."""
        number = "" if work is Work.PAIRS else f"{part}-{self.parts}."
        return f"script.{self.digest}.{number}{work}"

    def files(self, folder: WorkDir) -> list[Path]:
        """All that are there."""
        folders = folder.folder.glob(f"script.{self.digest}.*")
        return [path for path in folders if path.suffix[1:] in set(Work)]

    def missing(self, folder: WorkDir) -> dict[Work, list[int]]:
        """Numbers of the parts that are still to be made; -1 stands for all pairs.

        What only leads to parts that are there is not missing.
        """
        found: dict[Work, list[int]] = {}
        for work in (Work.COLORS, Work.JOINS, Work.PAIRS):
            parts = [-1] if work is Work.PAIRS else range(self.parts)
            found[work] = [
                n for n in parts if not os.path.lexists(folder.folder / self.name(work, n))
            ]
            if not found[work]:
                break
        return found


def divide_turns(blocks: int) -> list[range]:
    """Numbers of the parts of `Work.TURNS`, of each turn: every second one of so many blocks."""
    return [range(turn * blocks + turn % 2, (turn + 1) * blocks, 2) for turn in range(TURNS)]


class Settler:
    """Settles a script, or parts of it; what it has read of other parts it keeps for the next."""

    def __init__(self, settling: Settling, looks: Sequence[KeyLook], guide: GuideNet) -> None:
        """Settle nothing yet.

        Args:
            settling: In which parts.
            looks: All key frames of the script, ascending in time, each once.
            guide: Tells what looks alike.
        """
        self.settling = settling
        self._looks, self._guide = looks, guide
        self._pairs: Pairs | None = None
        self._scenes: Scenes | None = None
        self._turns: dict[int, dict[int, Tensor]] = {}

    def make(self, folder: WorkDir, work: Work, part: int, see: _See = lambda _: None) -> None:
        """Make a part and keep it, unless it is there. Bits depend on how many threads torch has.

        Args:
            folder: Gets the file.
            work: What is made.
            part: Its number; that of a turn of a block is the turn times `count_blocks`, and the
                number of the block.
            see: Called at each step.

        Raises:
            OutputError: It cannot be kept.
        """
        if work is Work.PAIRS:
            self._find_pairs(folder)
        elif work is Work.JOINS:
            self._compare(folder, part, see)
        elif work is Work.COLORS:
            self._agree(folder, part, see)
        else:
            self._take_turn(folder, part, see)

    def count_blocks(self, folder: WorkDir, see: _See = lambda _: None) -> int:
        """How many blocks large scenes have; arguments as of `make`."""
        return len(self._read_scenes(folder, see).blocks)

    def conclude(
        self, folder: WorkDir, told: Sequence[Told], see: _See = lambda _: None
    ) -> ColorScript:
        """The script.

        Args:
            folder: Has the parts.
            told: What a user said.
            see: As of `make`.
        """
        scenes, found = self._read_scenes(folder, see), dict[int, Tensor]()
        for part in range(self.settling.parts):
            found |= self._agree(folder, part, see)
        for block in range(len(scenes.blocks)):
            found |= self._last_turn(folder, block, TURNS, see)
        return conclude(self._looks, scenes, found, self._guide, told)

    def _find_pairs(self, folder: WorkDir) -> Pairs:
        if self._pairs is None:
            name = self.settling.name(Work.PAIRS)
            parts = _read(folder, name)
            if parts is None:
                pairs = torch.tensor(find_pairs(self._looks), dtype=torch.int64).reshape(-1, 2)
                put_sealed(folder, name, save(parts := {"pairs": pairs}))
            self._pairs = [(n, m) for n, m in parts["pairs"].tolist()]
        return self._pairs

    def _compare(self, folder: WorkDir, part: int, see: _See) -> list[Join]:
        name = self.settling.name(Work.JOINS, part)
        parts = _read(folder, name)
        if parts is None:
            pairs, of = self._find_pairs(folder), self.settling.parts
            some = pairs[len(pairs) * part // of : len(pairs) * (part + 1) // of]
            joins = compare_pairs(self._looks, some, self._guide, see)
            put_sealed(folder, name, save(_store_joins(joins)))
            return joins
        return _read_joins(parts)

    def _read_scenes(self, folder: WorkDir, see: _See) -> Scenes:
        if self._scenes is None:
            parts = range(self.settling.parts)
            joins = (join for part in parts for join in self._compare(folder, part, see))
            self._scenes = Scenes.of(joins, len(self._looks))
        return self._scenes

    def _agree(self, folder: WorkDir, part: int, see: _See) -> dict[int, Tensor]:
        """``(M, 2)`` ab of the key frames of the scenes of a part, by their numbers."""
        name = self.settling.name(Work.COLORS, part)
        parts = _read(folder, name)
        if parts is None:
            scenes, found = self._read_scenes(folder, see), dict[int, Tensor]()
            for own in scenes.divide(self.settling.parts)[part]:
                found |= agree_alone(own, self._looks, scenes, self._guide, see)
            return _keep_colors(folder, name, found)
        return _read_colors(parts)

    def _take_turn(self, folder: WorkDir, number: int, see: _See) -> dict[int, Tensor]:
        """``(M, 2)`` ab of the key frames of a block behind a turn of it."""
        if number not in self._turns:
            name = self.settling.name(Work.TURNS, number)
            parts = _read(folder, name)
            self._turns[number] = (
                _keep_colors(folder, name, self._have_turn(folder, number, see))
                if parts is None
                else _read_colors(parts)
            )
        return self._turns[number]

    def _have_turn(self, folder: WorkDir, number: int, see: _See) -> dict[int, Tensor]:
        scenes = self._read_scenes(folder, see)
        turn, block = divmod(number, len(scenes.blocks))
        own = scenes.blocks[block]
        seen = {*own, *(link.other for n in own for link in scenes.links[n])}
        found: dict[int, Tensor] = {}
        for other, keys in enumerate(scenes.blocks):
            if seen.intersection(keys):
                found |= self._last_turn(folder, other, turn, see)
        return agree(own, found, self._looks, scenes, self._guide, see)

    def _last_turn(self, folder: WorkDir, block: int, before: int, see: _See) -> dict[int, Tensor]:
        """``(M, 2)`` ab of the key frames of a block as they are before a turn."""
        blocks = self._read_scenes(folder, see).blocks
        turn = before - 1 - (before - 1 - block) % 2  # every second one is that of the block
        if turn < 0:
            return {n: self._looks[n].automatic for n in blocks[block]}
        return self._take_turn(folder, turn * len(blocks) + block, see)


def _keep_colors(folder: WorkDir, name: str, found: dict[int, Tensor]) -> dict[int, Tensor]:
    put_sealed(folder, name, save({str(n): ab.contiguous() for n, ab in found.items()}))
    return found


def _read_colors(parts: dict[str, Tensor]) -> dict[int, Tensor]:
    return {int(n): ab for n, ab in parts.items()}


def _store_joins(joins: Sequence[Join]) -> dict[str, Tensor]:
    pairs = [(join.first, join.second) for join in joins]
    placed = [n for n, join in enumerate(joins) if join.way]
    ways = [join.way.matrix for join in joins if join.way]
    return {
        "pairs": torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2),
        "placed": torch.tensor(placed, dtype=torch.int64),
        "ways": torch.tensor(ways, dtype=torch.float64).reshape(-1, 2, 3),
    }


def _read_joins(parts: dict[str, Tensor]) -> list[Join]:
    found = [Join(n, m, None) for n, m in parts["pairs"].tolist()]
    for n, (first, second) in zip(parts["placed"].tolist(), parts["ways"].tolist(), strict=True):
        way = Similarity((tuple(first), tuple(second)))
        found[n] = Join(found[n].first, found[n].second, way)
    return found


def _read(folder: WorkDir, name: str) -> dict[str, Tensor] | None:
    with suppress(SafetensorError):
        data = read_sealed(folder, name)
        return None if data is None else load(data)
    return None
