"""What a gate makes of sequences: batches of them, smoothed as in a film, and the losses."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vidcolor.nets.trust_gate import Gate
from vidcolor.settings import TemporalSettings
from vidcolor.temporal.propagation import (
    FramePair,
    average_along_flow,
    link,
    restore_saturation,
    with_energy,
)
from vidcolor.training.data.augment import rand
from vidcolor.training.data.sequences import Maps
from vidcolor.training.gate.losses import (
    WEIGHTS,
    compose_flows,
    keep_loss,
    near_loss,
    vivid_loss,
    warp_loss,
    within,
)

CROP = 36
"""Side of the squares that are cut from sequences, in samples of ab: more of them in less time."""
STRENGTH = TemporalSettings().strength
"""Gates learn at the strength that films are smoothed with unless the user asks for another."""

EARLIER_LATER = (slice(None, -1), slice(1, None))
"""Frames of a run that have one after them, and those that have one before."""


def smooth_runs(gate: Gate, maps: Maps) -> tuple[Tensor, Tensor]:
    """Whole runs, smoothed from both sides.

    Args:
        gate: Decides on the trust, by the colors that the colornet found.
        maps: ``(B, T, C, h, w)`` each, float32.

    Returns:
        ``(B, T, 2, h, w)`` the colornet's colors, smoothed as in films, and the means of the true
        ones along the same links.
    """
    L, ab, truth = maps["L"], maps["ab"], maps["truth"]
    B, T = L.shape[:2]
    ends = [(L[:, part].flatten(0, 1), ab[:, part].flatten(0, 1)) for part in EARLIER_LATER]
    flows = maps["flow"].flatten(0, 1), maps["back"].flatten(0, 1)
    one = link(gate, ends[0], ends[1], flows, STRENGTH)
    parts = [value.unflatten(0, (B, T - 1)) for value in vars(one).values()]
    links: list[FramePair | None] = [None]
    links += [FramePair(*(part[:, t] for part in parts)) for t in range(T - 1)]
    # Both kinds of colors are carried in one go.
    carried = [
        torch.cat([with_energy(found), true], 1)
        for found, true in zip(ab.unbind(1), truth.unbind(1), strict=True)
    ]
    means = average_along_flow(carried, links, T, None)[0]
    steady = torch.stack([restore_saturation(mean[:, :3]) for mean in means], 1)
    return steady, torch.stack([mean[:, 3:] for mean in means], 1)


def gate_losses(gate: Gate, maps: Maps, gap: int) -> dict[str, Tensor]:
    """Weighted losses.

    Args:
        gate: To be judged.
        maps: ``(B, T, C, h, w)`` each, float32.
        gap: Frames between the two that ``long`` compares.
    """
    steady, kept = smooth_runs(gate, maps)
    truth, way, seen = maps["truth"], maps["way"], maps["seen"]
    found = {
        "keep": keep_loss(kept, truth, seen),
        "near": near_loss(steady, truth),
        "short": warp_loss(steady, truth, way, seen),
        "long": warp_loss(steady, truth, *compose_flows(way, seen, gap)),
        "vivid": vivid_loss(steady, maps["ab"]),
    }
    return {name: WEIGHTS[name] * value for name, value in found.items()}


def batch_of(
    clips: Sequence[Maps], scenes: Sequence[Maps], size: int, draw: torch.Generator
) -> Maps:
    """A random batch, half of it from clips and half from scenes, where there are both.

    Args:
        clips: Sequences out of clips.
        scenes: Sequences made from stills.
        size: Of the batch.
        draw: Source of randomness.

    Returns:
        ``(B, T, C, h, w)`` each, float32.
    """
    chosen = []
    kinds = [kind for kind in (clips, scenes) if kind]
    for number in range(size):
        kind = kinds[number % len(kinds)]
        one = kind[int(rand(draw, 1) * len(kind))]
        chosen.append(crop_sequence(mirror_sequence(one, *(rand(draw, 3) < 0.5).tolist()), draw))
    return join_sequences(chosen)


def crop_sequence(maps: Maps, draw: torch.Generator) -> Maps:
    """A random square of a sequence."""
    y, x = (int(rand(draw, 1) * (max(0, n - CROP) + 1)) for n in maps["L"].shape[2:])
    return {name: value[:, :, y : y + CROP, x : x + CROP] for name, value in maps.items()}


def join_sequences(sequences: Sequence[Maps]) -> Maps:
    """``(B, T, C, h, w)`` float32 of several sequences; what comes from outside is not in sight."""
    maps = {name: torch.stack([one[name] for one in sequences]).float() for name in sequences[0]}
    return maps | {"seen": maps["seen"] * within(maps["way"])}


def mirror_sequence(maps: Maps, sideways: bool, upside_down: bool, on_its_side: bool) -> Maps:
    """A sequence seen in one of eight ways; flows turn with it.

    There is no need for one seen backwards: the smoother treats past and future alike.

    Args:
        maps: ``(T, C, h, w)`` each; h = w where it is laid on its side.
        sideways: Left and right change places.
        upside_down: Above and below do.
        on_its_side: x and y do.
    """
    result = {}
    for name, value in maps.items():
        flows = name in ("flow", "back", "way")
        if on_its_side:
            value = value.transpose(2, 3)
            value = value.flip(1) if flows else value
        if sideways:
            value = value.flip(3)
        if upside_down:
            value = value.flip(2)
        if flows:
            signs = value.new_tensor([-1.0 if sideways else 1.0, -1.0 if upside_down else 1.0])
            value = value * signs.view(1, 2, 1, 1)
        result[name] = value
    return result
