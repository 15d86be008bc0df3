"""Colors as people write them: ``#rrggbb``, CSS names, numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from vidcolor.color.css_names import CSS_NAMES

_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE | re.ASCII)


def parse_color(color: str | Sequence[int]) -> tuple[int, int, int]:
    """sRGB 0..255 of ``#rrggbb``, ``#rgb``, a CSS name in any case, or three numbers.

    Raises:
        ValueError: It is none of these; the text says what to write instead.
    """
    if not isinstance(color, str):
        return _three_numbers(color)
    code = CSS_NAMES.get(color.strip().lower(), color.strip())
    match = _HEX.fullmatch(code)
    if not match:
        raise ValueError(f"no color {color[:40]!r}; {_advice(color)}")
    digits = match[1] if len(match[1]) == 6 else "".join(2 * digit for digit in match[1])
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def write_color(color: str | Sequence[int]) -> str:
    """A color as text: numbers become ``#rrggbb``, text stays."""
    if isinstance(color, str):
        return color
    red, green, blue = _three_numbers(color)
    return f"#{red:02x}{green:02x}{blue:02x}"


def color_ab(color: str | Sequence[int], lightness: float | None = None) -> tuple[float, float]:
    """CIE a* and b* of a color.

    Args:
        color: As `parse_color` takes it.
        lightness: L* 0..100 of the place that gets it, at which the color is made so weak that it
            can be shown; None takes it as it is.

    Raises:
        ValueError: As `parse_color`.
    """
    import torch

    from vidcolor.color.difference import nearest_shown
    from vidcolor.color.lab import rgb_to_lab

    red, green, blue = parse_color(color)
    if red == green == blue:  # rounding may not make color of gray
        return 0.0, 0.0
    rgb = torch.tensor([red, green, blue], dtype=torch.float64).view(3, 1, 1) / 255
    ab = rgb_to_lab(rgb)[1:].flatten()
    if lightness is not None:
        ab = nearest_shown(torch.tensor(lightness, dtype=torch.float64), ab)
    a, b = ab.tolist()
    return a, b


def _three_numbers(color: Sequence[int]) -> tuple[int, int, int]:
    try:
        red, green, blue = (int(each) for each in color)
        whole = all(int(each) == each and 0 <= each <= 255 for each in color)
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole:
        raise ValueError("a color in numbers has three of them, red, green, blue, each 0 to 255")
    return red, green, blue


def _advice(text: str) -> str:
    """What to write instead of text that is no color."""
    word = re.sub(r"[\s_-]", "", text.lower())
    if re.fullmatch(r"[0-9a-f]{6}", word):
        return f'write "#{word}"'
    near = get_close_matches(word[:40], [*CSS_NAMES, "auto"], n=1)
    if near:
        return f'did you mean "{near[0]}"?'
    return "write #rrggbb or a CSS name such as navy"
