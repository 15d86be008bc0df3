"""Losses of the colornet, as dictionaries of named terms that end in ``total``."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.color.lab import lab_to_linear

FLOOR = 1e-4
"""Squared error, sRGB 0..1, that `log_error_loss` adds to each picture's: that of 40 dB."""
SIGMA = 5.0
"""Width of the soft encoding in ab units (Zhang et al. 2016, section 2.1)."""


def soft_encode(ab: Tensor, bins: Tensor) -> Tensor:
    """Each pixel's color as a distribution over bins: a Gaussian of its distance to them.

    Args:
        ab: ``(B, 2, h, w)`` float.
        bins: ``(Q, 2)`` centres.

    Returns:
        ``(B, Q, h, w)`` float, sums to 1 over Q.
    """
    return _encode_ab(ab, bins).permute(0, 3, 1, 2)


def _encode_ab(ab: Tensor, bins: Tensor) -> Tensor:
    """``(B, h, w, Q)``: what `soft_encode` gives, with the bins of a place side by side."""
    with torch.autocast(ab.device.type, enabled=False):  # bf16 would blur vivid colors
        # -|ab - bin|^2 / 2 sigma^2 without |ab|^2, which softmax cancels.
        scores = ab.permute(0, 2, 3, 1).float() @ (bins / SIGMA**2).T
        return F.softmax(scores - (bins**2).sum(1) / (2 * SIGMA**2), dim=-1)


def _log_shares(logits: Tensor) -> Tensor:
    """``(B, Q, h, w)`` logits -> ``(B, h, w, Q)`` logarithms, as they lie in channels-last."""
    return F.log_softmax(logits.permute(0, 2, 3, 1).float(), dim=-1)


def class_weights(prior: Tensor, power: float) -> Tensor:
    """Weights that make rare colors count, with mean 1 under the prior (Zhang et al. 2016).

    Args:
        prior: ``(Q,)`` share of each bin in the training pictures.
        power: 1 is the paper's rebalancing, 0 none; 0.5 gives calmer pictures.

    Returns:
        ``(Q,)`` float.
    """
    mixed = 0.5 * prior + 0.5 / len(prior)
    weights = mixed**-power
    return weights / (prior * weights).sum()


def truth_losses(
    logits: Tensor, regressed: Tensor, ab: Tensor, bins: Tensor, weights: Tensor
) -> dict[str, Tensor]:
    """What a net that predicts a distribution learns from the true colors.

    Args:
        logits: ``(B, Q, h, w)``.
        regressed: ``(B, 2, h, w)`` ab at the dial's safe end.
        ab: ``(B, 2, h, w)`` true ab at the same size.
        bins: ``(Q, 2)`` centres.
        weights: ``(Q,)`` class weights.

    Returns:
        ``classify`` (rebalanced cross entropy) and ``regress`` (smooth L1 on ab / 10).
    """
    target = _encode_ab(ab, bins)
    importance = (target * weights).sum(-1)
    entropy = -(target * _log_shares(logits)).sum(-1)
    return {
        "classify": (importance * entropy).mean(),
        "regress": F.smooth_l1_loss(regressed.float() / 10, ab / 10),
    }


def student_losses(
    logits: Tensor, regressed: Tensor, taught_logits: Tensor, taught_ab: Tensor
) -> dict[str, Tensor]:
    """What a student learns from its teacher (Hinton et al. 2015).

    Args:
        logits: ``(B, Q, h, w)`` of the student.
        regressed: ``(B, 2, h, w)`` ab of the student, at the dial's safe end.
        taught_logits: ``(B, Q, h, w)`` of the teacher.
        taught_ab: ``(B, 2, h, w)`` the same of the teacher.

    Returns:
        ``distil`` (Kullback-Leibler divergence to the teacher's distribution) and ``regress``.
    """
    log_student, log_teacher = _log_shares(logits), _log_shares(taught_logits)
    divergence = (log_teacher.exp() * (log_teacher - log_student)).sum(-1).mean()
    return {
        "distil": divergence,
        "regress": F.smooth_l1_loss(regressed.float() / 10, taught_ab.float() / 10),
    }


def hint_loss(guess: Tensor, features: Tensor) -> Tensor:
    """Distance of a student's guess at its teacher's features (Romero et al. 2015), about 0..1.

    Args:
        guess: ``(B, C, h, w)``.
        features: ``(B, C, H, W)`` of the teacher, brought to unit variance and to h x w.
    """
    pooled = F.adaptive_avg_pool2d(features.float(), (guess.shape[2], guess.shape[3]))
    return F.mse_loss(guess.float(), F.layer_norm(pooled, pooled.shape[1:]))


def recompose(lightness: Tensor, ab: Tensor) -> Tensor:
    """(B, 1, h, w) L and (B, 2, h, w) ab -> (B, 3, h, w) sRGB 0..1, with gradients everywhere.

    Out of gamut colors are clipped, but their gradient is not: it leads them back.
    """
    linear = lab_to_linear(torch.cat([lightness, ab], 1))
    linear = linear + (linear.clamp(0, 1) - linear).detach()
    # The power's slope is infinite at 0; its straight foot is too steep to learn from, too.
    return linear.clamp(min=1e-3) ** (1 / 2.2)


def log_error_loss(result: Tensor, truth: Tensor) -> Tensor:
    """Mean over the pictures of the logarithm of their squared error, as PSNR has it.

    A fault in a dull picture counts for more than the same fault in a bright one: a viewer sees it
    sooner, and so does PSNR, whose mean over pictures judges colorizers. 1 is 4.3 dB.

    Args:
        result: ``(B, 3, h, w)`` sRGB 0..1.
        truth: The same of the true picture.
    """
    errors = ((result - truth) ** 2).mean((1, 2, 3))
    return (errors + FLOOR).log().mean()


def colorful_loss(result: Tensor, truth: Tensor) -> Tensor:
    """Difference in colorfulness, picture by picture, in tens of its units.

    It pulls towards the truth's and not to the maximum, which gives red blocks (DDColor).

    Args:
        result: ``(B, 3, h, w)`` sRGB 0..1.
        truth: The same of the true picture.
    """
    return (_colorfulness(result) - _colorfulness(truth)).abs().mean() * 25.5


def _colorfulness(rgb: Tensor) -> Tensor:
    """(B,) of `vidcolor.evaluation.metrics.colorfulness` / 255, with gradients."""
    red, green, blue = rgb.flatten(2).unbind(1)
    rg, yb = (red - green).abs(), ((red + green) / 2 - blue).abs()
    spread = (rg.var(1) + yb.var(1) + 1e-6).sqrt()
    mean = (rg.mean(1) ** 2 + yb.mean(1) ** 2 + 1e-6).sqrt()
    return spread + 0.3 * mean


def perceptual_loss(
    features: Callable[[Tensor], list[Tensor]], result: Tensor, truth: Tensor
) -> Tensor:
    """L1 distance of VGG16's features (Johnson et al. 2016), divided by their mean size.

    Args:
        features: RGB 0..255 ``(B, 3, h, w)`` -> list of feature maps.
        result: ``(B, 3, h, w)`` sRGB 0..1.
        truth: The same of the true picture.
    """
    with torch.no_grad():
        wanted = features(truth * 255)
    pairs = zip(features(result * 255), wanted, strict=True)
    terms = [(f - w).abs().mean() / w.abs().mean().clamp(min=1e-3) for f, w in pairs]
    return torch.stack(terms).mean()


def book_losses(predicted: Tensor, ab: Tensor) -> dict[str, Tensor]:
    """The chapter's loss: mean squared error on ab / 128."""
    return {"mse": F.mse_loss(predicted.float() / 128, ab / 128)}
