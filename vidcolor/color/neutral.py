"""How much colour a picture may hold: none in a blank frame, none on a card of text."""

from __future__ import annotations

from torch import Tensor


def ramp(value: float, low: float, high: float) -> float:
    """0 at ``low``, 1 at ``high``, smooth between; ``low`` may be the larger."""
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


def contrast_share(L: Tensor) -> float:
    """0 for a frame without contrast (leader, the end of a fade), 1 from an ordinary one on.

    Args:
        L: ``(h, w)`` CIE L*, working size.
    """
    low, high = L.flatten().quantile(L.new_tensor([0.02, 0.98])).tolist()
    return ramp(high - low, 5.0, 18.0)


def title_share(L: Tensor) -> float:
    """0 for light lettering on a dark ground, 1 for a picture.

    A title is mostly ground, and what is not ground or lettering is only the slope between them:
    middle tones are rare and every one of them is near a bright one.

    Args:
        L: ``(h, w)`` CIE L*, working size.
    """
    dark = float((L < 22).float().mean())
    bright = float((L > 60).float().mean())
    middle = 1 - dark - bright
    if bright < 0.002:
        return 1.0
    return 1 - ramp(dark, 0.62, 0.78) * ramp(middle / bright, 2.2, 1.2)


def colour_share(L: Tensor) -> float:
    """The factor, 0..1, on the ab of a frame with this lightness ``(h, w)``."""
    return contrast_share(L) * title_share(L)
