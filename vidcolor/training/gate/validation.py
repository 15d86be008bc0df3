"""Scores of a gate on sequences kept from training."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from vidcolor.nets.trust_gate import Gate
from vidcolor.training.data.sequences import LENGTH, Maps
from vidcolor.training.gate.batches import join_sequences, smooth_runs
from vidcolor.training.gate.losses import agreement, compose_flows, drift, hidden, strength

GAP = LENGTH - 4
"""Frames between the two that ``long_ratio`` compares."""

GATE_SCORES = ("short_ratio", "long_ratio", "chroma", "psnr_gain", "keep_off", "ghost", "score")
"""Change of color along the ways, from one frame to the next and over `GAP` frames, in shares of
what it was frame by frame; strength of color in the same way; dB by which ab came nearer to the
truth; what smoothing does to true colors, in ab units: everywhere, and where things come or go;
and the score."""

GHOST, FADED = 0.1, 2.0
"""What a unit of ab of a ghost, and all color lost, cost in the score."""


class Formula(Gate):
    """Trust by a formula set by hand; what a trained gate has to beat."""

    def forward(self, features: Tensor) -> Tensor:
        """As `Gate.forward`; less where lightness changed, or the flow misses on its way back."""
        change, missed, length = (
            10 * features[:, 1:2],
            features[:, 3:4].expm1() / 4,
            features[:, 4:5],
        )
        return torch.exp(-((change / 6) ** 2) - missed / (0.25 + 0.02 * length.expm1() / 4))


def gate_score(scores: dict[str, float]) -> float:
    """What the best gate is chosen by: the share of the flicker that is gone, less what it costs.

    The mean over both spans of time, less 0.1 for each unit of ab in which things that come or go
    have wrong colors, and less twice the share of color that is lost.
    """
    gone = 1 - (scores["short_ratio"] + scores["long_ratio"]) / 2
    return gone - GHOST * scores["ghost"] - FADED * max(0.0, 1 - scores["chroma"])


@torch.inference_mode()
def validate_gate(gate: Gate, sequences: Sequence[Maps]) -> dict[str, float]:
    """`GATE_SCORES` of a gate.

    Args:
        gate: To be judged.
        sequences: ``(T, C, h, w)`` maps each, kept from training.
    """
    sums: dict[str, float] = {}
    for one in sequences:
        for name, value in _sums(gate, join_sequences([one])).items():
            sums[name] = sums.get(name, 0.0) + float(value)
    scores = {
        "short_ratio": sums["short"] / max(sums["short_alone"], 1e-6),
        "long_ratio": sums["long"] / max(sums["long_alone"], 1e-6),
        "chroma": sums["chroma"] / max(sums["chroma_alone"], 1e-6),
        "psnr_gain": 10 * math.log10(max(sums["error_alone"], 1e-6) / max(sums["error"], 1e-6)),
        "keep_off": sums["off"] / max(sums["samples"], 1.0),
        "ghost": sums["ghost"] / max(sums["hidden"], 1.0),
    }
    return scores | {"score": gate_score(scores)}


def _sums(gate: Gate, maps: Maps) -> dict[str, Tensor]:
    """Sums over the samples of one batch, of which shares are made when all are known."""
    steady, kept = smooth_runs(gate, maps)
    ab, truth, way, seen = (maps[name] for name in ("ab", "truth", "way", "seen"))
    off = (kept - truth).norm(dim=2, keepdim=True)
    unseen = hidden(seen).clamp(max=1)
    found = {
        "chroma": strength(steady).sum(),
        "chroma_alone": strength(ab).sum(),
        "error": (steady - truth).square().mean(),
        "error_alone": (ab - truth).square().mean(),
        "off": off.sum(),
        "samples": torch.tensor(off.numel()),
        "ghost": (off * unseen).sum(),
        "hidden": unseen.sum(),
    }
    for name, gap in (("short", 1), ("long", GAP)):
        over, sure = compose_flows(way, seen, gap)
        weight = sure * agreement(truth, over)
        found[name] = (drift(steady, over) * weight).sum()
        found[f"{name}_alone"] = (drift(ab, over) * weight).sum()
    return found
