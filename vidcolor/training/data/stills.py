"""Training pictures: filtered, split, sampled and cropped.

A folder given by the user holds pictures, or one folder per *source*. Sources are sampled by a
power of their size, so that a large one does not drown the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms.v2.functional import resize

from vidcolor.core.files import read_own, write_own
from vidcolor.errors import FilmError, FilmTooLarge, TrainingError
from vidcolor.evaluation.metrics import colorfulness
from vidcolor.media.images.files import read_rgb
from vidcolor.training.data.twins import find_groups

_MOST = 1 << 30
"""Bytes of an index that is read."""
MIN_COLORFULNESS = 15.0
"""Duller pictures teach gray (the cleaning rule of BigColor)."""
MIN_SIDE = 96
"""Smaller pictures are left out, pixels."""
MIN_SPREAD = 8.0
"""Standard deviation of luma, in codes of 0..255, below which there is nothing to see: solid cards
and blank scans have less than 5, the flattest photograph among 19,000 had 12."""
FILTERS = [MIN_SIDE, MIN_SPREAD, MIN_COLORFULNESS]
"""What an index was filtered by; with other limits it is made anew."""
VALIDATION_SHARE = 40
"""One picture in this many is kept from training."""
NEAR = 6
"""Bits of each look in which a picture may differ from itself after scaling and recompression. Of
29,000 photographs 1,700 pairs are so near in the first look, and 49 of them in the second too."""


View = Callable[[Tensor, int, torch.Generator], Tensor]
"""(picture ``(3, H, W)`` uint8, side, randomness) -> ``(3, side, side)`` uint8."""


@dataclass(frozen=True)
class Still:
    """One usable training picture."""

    path: str
    source: str
    look: int
    """A 64-bit hash of the picture's gradients from left to right."""
    group: int | None = None
    """The look that decides the side of the split for pictures that must stay together, as the
    frames of a clip must; None for the picture's own."""
    second: int = 0
    """The same from top to bottom. Near-duplicates differ in a few bits of each at most."""
    pixels: int = 0
    """Of the original, which may be larger than the file at ``path``."""
    original: str = ""
    """Absolute path of the picture itself, of which there may be a reduced copy at ``path``; empty
    for the frames of clips."""

    @property
    def validation(self) -> bool:
        """Whether the picture is kept from training where no whole sources are."""
        look = self.look if self.group is None else self.group
        return (look * 0x9E3779B97F4A7C15 >> 40) % VALIDATION_SHARE == 0


def look_of(rgb: Tensor) -> int:
    """Difference hash: is each of 8 x 8 cells of the gray picture brighter than its neighbour?"""
    gray = F.interpolate(rgb.float().mean(0)[None, None], (8, 9), mode="area")[0, 0]
    bits = (gray[:, 1:] > gray[:, :-1]).flatten().tolist()
    return sum(1 << i for i, bit in enumerate(bits) if bit)


def fault_of(rgb: Tensor) -> str | None:
    """Why nothing can be learned from a picture: ``tiny``, ``flat`` or ``dull``; None if it can.

    Args:
        rgb: ``(3, H, W)`` uint8 sRGB.
    """
    short = min(rgb.shape[1:])
    if short < MIN_SIDE:
        return "tiny"
    step = max(2, short // 256)  # every second sample tells enough, fewer of a large picture
    sample = rgb[:, ::step, ::step].float()
    red, green, blue = sample
    if float((0.299 * red + 0.587 * green + 0.114 * blue).std()) < MIN_SPREAD:
        return "flat"
    return "dull" if colorfulness(sample) < MIN_COLORFULNESS else None


def reduce_picture(rgb: Tensor, short_side: int) -> Tensor:
    """A ``(3, H, W)`` uint8 picture whose short side has at most so many pixels."""
    if min(rgb.shape[1:]) <= short_side:
        return rgb
    result: Tensor = resize(rgb, [short_side], antialias=True)
    return result


def reason_of(error: FilmError) -> str:
    """The name under which a picture or film that cannot be read is counted."""
    return "large" if isinstance(error, FilmTooLarge) else "unreadable"


def recall(cache: Path, key: dict[str, object]) -> tuple[list[Still], dict[str, int]] | None:
    """What `remember` wrote under ``key``; None where that is missing, stale or damaged."""
    try:
        stored = json.loads(read_own(cache, _MOST))
        if stored["key"] != key:
            return None
        skipped = {str(reason): int(count) for reason, count in stored["skipped"].items()}
        stills = [
            Still(
                *(str(path), str(source), int(look), None if group is None else int(group)),
                *(int(second), int(pixels), str(original)),
            )
            for path, source, look, group, second, pixels, original in stored["stills"]
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return (stills, skipped) if stills else None


def remember(
    cache: Path, key: dict[str, object], stills: Sequence[Still], skipped: dict[str, int]
) -> None:
    """Write what is known to ``cache``; a stopped write leaves the old file.

    Raises:
        TrainingError: It cannot be written.
    """
    record = {"key": key, "skipped": skipped, "stills": [astuple(still) for still in stills]}
    try:
        write_own(cache, json.dumps(record).encode())
    except OSError as error:
        raise TrainingError(f"{cache} cannot be written ({error.strerror})") from error


def split_stills(
    stills: Sequence[Still], kept_sources: Collection[str] = ()
) -> tuple[list[Still], list[Still]]:
    """Pictures to train on and pictures to validate on.

    What looks nearly like a validation picture (another scale, another compression) is in neither,
    and of training pictures that look nearly the same there is one.

    Args:
        stills: All usable pictures.
        kept_sources: Sources to validate on, whole; where there are none, one picture in
            `VALIDATION_SHARE` of all sources is kept instead.

    Raises:
        TrainingError: There is no picture of one of these sources.
    """
    known = sorted({still.source for still in stills})
    if unknown := sorted(set(kept_sources) - set(known)):
        raise TrainingError(f"no source {unknown[0]!r} for --keep; use some of: {', '.join(known)}")

    def held_out(still: Still) -> bool:
        return still.source in kept_sources if kept_sources else still.validation

    kept = [still for still in stills if held_out(still)]
    rest = [still for still in stills if not held_out(still)]
    return thin_twins(rest, kept), kept


def thin_twins(stills: Sequence[Still], kept: Sequence[Still]) -> list[Still]:
    """One of each group of ``stills`` that look nearly the same, the largest or else the first.

    None of a group that one of ``kept`` belongs to. Groups are as of `find_groups`.
    """
    groups = find_groups([(still.look, still.second) for still in (*stills, *kept)], NEAR)
    closed = set(groups[len(stills) :])
    best: dict[int, Still] = {}
    for group, still in zip(groups, stills, strict=False):
        if group not in closed and (group not in best or still.pixels > best[group].pixels):
            best[group] = still
    chosen = {id(still) for still in best.values()}
    return [still for still in stills if id(still) in chosen]


def group_by_source(stills: Sequence[Still]) -> dict[str, list[Still]]:
    """The pictures of each source, in their order."""
    sources: dict[str, list[Still]] = {}
    for still in stills:
        sources.setdefault(still.source, []).append(still)
    return sources


class RandomCrops(Dataset[Tensor]):
    """An endless, repeatable sequence of square crops: item i is the same in every run."""

    def __init__(
        self,
        stills: Sequence[Still],
        side: int,
        seed: int,
        source_weights: dict[str, float] | None = None,
        length: int = 1 << 40,
        view: View | None = None,
        emptied: Collection[str] = (),
    ) -> None:
        """Sample ``stills``, cropped to ``side`` pixels.

        Args:
            stills: Pictures to draw from.
            side: Side of a crop, pixels.
            seed: Items depend on this and on their number alone.
            source_weights: Factor on a source's share.
            length: Number of items.
            view: Makes a square of a picture; None takes `random_crop`.
            emptied: Sources of which no picture is left; a factor for one has no effect.
        """
        self.view = view or random_crop
        self.side, self.seed, self.length = side, seed, length
        self.sources = {
            name: [still.path for still in each] for name, each in group_by_source(stills).items()
        }
        factors = source_weights or {}
        unknown = sorted(set(factors) - set(self.sources) - set(emptied))
        if unknown:
            known = ", ".join(sorted(self.sources))
            raise TrainingError(
                f"no source {unknown[0]!r} for --source-weight; use one of: {known}"
            )
        self.shares = torch.tensor(
            [len(paths) ** 0.6 * factors.get(name, 1.0) for name, paths in self.sources.items()]
        )
        if not self.shares.sum() > 0:
            raise TrainingError(
                "no picture is left to train on; add some, or give a source a weight above 0"
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
                return self.view(read_rgb(path), self.side, draw)
            except FilmError:
                continue  # the file went away or broke since it was indexed: take another
        raise TrainingError(
            f"a hundred pictures such as {path} cannot be read; check that they are still there"
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


def squash(rgb: Tensor, side: int) -> Tensor:
    """The whole picture as ``(3, side, side)`` uint8, its sides' ratio lost, for validation.

    Colorization papers compare pictures squashed to 256 x 256.

    Args:
        rgb: ``(3, H, W)`` uint8.
        side: Side of the result, pixels.
    """
    result: Tensor = resize(rgb, [side, side], antialias=True)
    return result
