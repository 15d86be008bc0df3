"""Training pictures: found, filtered, split, sampled and cropped.

A folder given by the user holds pictures, or one folder per *source*. Sources are sampled by a
power of their size, so that a large one does not drown the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms.v2.functional import resize

from vidcolor.errors import FilmError, TrainingError
from vidcolor.film.still import read_rgb
from vidcolor.metrics import colorfulness

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
MIN_COLORFULNESS = 15.0
"""Duller pictures teach grey (the cleaning rule of BigColor)."""
MIN_SIDE = 96
"""Smaller pictures are left out, pixels."""
VALIDATION_SHARE = 40
"""One picture in this many is kept from training."""
NEAR = 6
"""Bits of the look in which a picture may differ from itself after scaling and recompression;
different pictures differ in 13 or more."""


@dataclass(frozen=True)
class Still:
    """One usable training picture."""

    path: str
    source: str
    look: int
    """A 64-bit hash of the picture's gradients; near-duplicates differ in a few bits at most."""

    @property
    def validation(self) -> bool:
        """Whether the picture is kept from training."""
        return (self.look * 0x9E3779B97F4A7C15 >> 40) % VALIDATION_SHARE == 0


def look_of(rgb: Tensor) -> int:
    """Difference hash: is each of 8 x 8 cells of the grey picture brighter than its neighbour?"""
    grey = F.interpolate(rgb.float().mean(0)[None, None], (8, 9), mode="area")[0, 0]
    bits = (grey[:, 1:] > grey[:, :-1]).flatten().tolist()
    return sum(1 << i for i, bit in enumerate(bits) if bit)


def index_stills(
    folders: Sequence[Path], cache: Path, on_progress: Callable[[int, int], None] | None = None
) -> tuple[list[Still], dict[str, int]]:
    """Look at every picture once and remember the answer in ``cache``.

    Args:
        folders: Folders to search, recursively. A folder's first level names the sources.
        cache: JSON file of an earlier run, or where to write one.
        on_progress: Called with (pictures seen, pictures found).

    Returns:
        The usable pictures in a fixed order, and how many were left out for which reason.

    Raises:
        TrainingError: a folder is missing or no picture is usable.
    """
    for folder in folders:
        if not folder.is_dir():
            raise TrainingError(f"{folder} is not a folder; give --stills a folder of pictures")
    files = [(f, p) for f in folders for p in sorted(f.rglob("*")) if p.suffix.lower() in SUFFIXES]
    looked_at = {"folders": [str(folder) for folder in folders], "files": len(files)}
    if cache.is_file():
        stored = json.loads(cache.read_text())
        if all(stored.get(key) == value for key, value in looked_at.items()):
            return [Still(**still) for still in stored["stills"]], stored["skipped"]
    stills: list[Still] = []
    skipped = {"unreadable": 0, "tiny": 0, "dull": 0}
    for seen, (folder, path) in enumerate(files):
        if on_progress and seen % 100 == 0:
            on_progress(seen, len(files))
        try:
            rgb = read_rgb(path)
        except FilmError:
            skipped["unreadable"] += 1
            continue
        if min(rgb.shape[1:]) < MIN_SIDE:
            skipped["tiny"] += 1
        elif colorfulness(rgb[:, ::2, ::2].float()) < MIN_COLORFULNESS:
            skipped["dull"] += 1
        else:
            parts = path.relative_to(folder).parts
            stills.append(Still(str(path), parts[0] if len(parts) > 1 else "", look_of(rgb)))
    if not stills:
        raise TrainingError(f"no usable colour picture among {len(files)} files ({skipped})")
    record = looked_at | {"skipped": skipped, "stills": [asdict(still) for still in stills]}
    cache.write_text(json.dumps(record))
    return stills, skipped


def split_stills(stills: Sequence[Still]) -> tuple[list[Still], list[Still]]:
    """Pictures to train on and pictures to validate on.

    What looks nearly like a validation picture (another scale, another compression) is in neither.
    """
    kept = [still for still in stills if still.validation]
    looks = {still.look for still in kept}
    chosen = [
        still
        for still in stills
        if not still.validation and all((still.look ^ look).bit_count() > NEAR for look in looks)
    ]
    return chosen, kept


class RandomCrops(Dataset[Tensor]):
    """An endless, repeatable sequence of square crops: item i is the same in every run."""

    def __init__(
        self,
        stills: Sequence[Still],
        side: int,
        seed: int,
        source_weights: dict[str, float] | None = None,
        length: int = 1 << 40,
    ) -> None:
        """Sample ``stills``, cropped to ``side`` pixels.

        Args:
            stills: Pictures to draw from.
            side: Side of a crop, pixels.
            seed: Items depend on this and on their number alone.
            source_weights: Factor on a source's share.
            length: Number of items.
        """
        self.side, self.seed, self.length = side, seed, length
        self.sources: dict[str, list[str]] = {}
        for still in stills:
            self.sources.setdefault(still.source, []).append(still.path)
        factors = source_weights or {}
        self.shares = torch.tensor(
            [len(paths) ** 0.6 * factors.get(name, 1.0) for name, paths in self.sources.items()]
        )

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Tensor:
        """``(3, side, side)`` uint8 sRGB."""
        draw = torch.Generator().manual_seed(self.seed * 1_000_003 + index)
        for _ in range(100):
            source = int(torch.multinomial(self.shares, 1, generator=draw))
            paths = list(self.sources.values())[source]
            path = paths[int(torch.randint(len(paths), (1,), generator=draw))]
            try:
                return random_crop(read_rgb(path), self.side, draw)
            except FilmError:
                continue  # the file went away or broke since it was indexed: take another
        raise TrainingError(
            f"a hundred pictures such as {path} cannot be read; are they still there?"
        )


def random_crop(rgb: Tensor, side: int, draw: torch.Generator) -> Tensor:
    """A square crop of random size, place, stretch and direction.

    Args:
        rgb: ``(3, H, W)`` uint8.
        side: Side of the result, pixels.
        draw: Source of randomness.

    Returns:
        ``(3, side, side)`` uint8.
    """
    scale, stretch, top, left, flip = torch.rand(5, generator=draw).tolist()
    H, W = rgb.shape[1:]
    # Widths up to 1.4 times too narrow: some sources were squashed to squares.
    aspect = 1.4 ** (stretch * 1.5 - 0.75)
    height = min(H, W) * (0.45 + 0.55 * scale**0.5)
    width = min(height / aspect, float(W))
    h, w = round(height), max(16, round(width))
    y, x = round(top * (H - h)), round(left * (W - w))
    crop = rgb[:, y : y + h, x : x + w]
    if flip < 0.5:
        crop = crop.flip(2)
    result: Tensor = resize(crop, [side, side], antialias=True)
    return result


def centre_square(rgb: Tensor, side: int) -> Tensor:
    """The middle of a picture as ``(3, side, side)`` uint8, for validation."""
    H, W = rgb.shape[1:]
    short = min(H, W)
    y, x = (H - short) // 2, (W - short) // 2
    result: Tensor = resize(rgb[:, y : y + short, x : x + short], [side, side], antialias=True)
    return result
