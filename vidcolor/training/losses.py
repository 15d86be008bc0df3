"""Losses of the colornet, as dictionaries of named terms that end in ``total``."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

SIGMA = 5.0
"""Width of the soft encoding in ab units (Zhang et al. 2016, section 2.1)."""


def soft_encode(ab: Tensor, bins: Tensor) -> Tensor:
    """Each pixel's colour as a distribution over bins: a Gaussian of its distance to them.

    Args:
        ab: ``(B, 2, h, w)`` float.
        bins: ``(Q, 2)`` centres.

    Returns:
        ``(B, Q, h, w)`` float, sums to 1 over Q.
    """
    # -|ab - bin|^2 / 2 sigma^2 without |ab|^2, which softmax cancels.
    scores = F.conv2d(ab, (bins / SIGMA**2)[:, :, None, None], -(bins**2).sum(1) / (2 * SIGMA**2))
    return F.softmax(scores, dim=1)


def class_weights(prior: Tensor, power: float) -> Tensor:
    """Weights that make rare colours count, with mean 1 under the prior (Zhang et al. 2016).

    Args:
        prior: ``(Q,)`` share of each bin in the training pictures.
        power: 1 is the paper's rebalancing, 0 none; 0.5 gives calmer pictures.

    Returns:
        ``(Q,)`` float.
    """
    mixed = 0.5 * prior + 0.5 / len(prior)
    weights = mixed**-power
    return weights / (prior * weights).sum()


def film_losses(
    logits: Tensor, regressed: Tensor, ab: Tensor, bins: Tensor, weights: Tensor
) -> dict[str, Tensor]:
    """Losses of the film net.

    Args:
        logits: ``(B, Q, h, w)``.
        regressed: ``(B, 2, h, w)`` ab.
        ab: ``(B, 2, h, w)`` true ab at the same size.
        bins: ``(Q, 2)`` centres.
        weights: ``(Q,)`` class weights.

    Returns:
        ``classify`` (rebalanced cross entropy), ``regress`` (smooth L1 on ab / 10), ``total``.
    """
    target = soft_encode(ab, bins)
    importance = torch.einsum("bqhw,q->bhw", target, weights)
    entropy = -(target * F.log_softmax(logits.float(), dim=1)).sum(1)
    classify = (importance * entropy).mean()
    regress = F.smooth_l1_loss(regressed.float() / 10, ab / 10)
    return {"classify": classify, "regress": regress, "total": classify + regress}


def book_losses(predicted: Tensor, ab: Tensor) -> dict[str, Tensor]:
    """The chapter's loss: mean squared error on ab / 128."""
    error = F.mse_loss(predicted.float() / 128, ab / 128)
    return {"mse": error, "total": error}
