"""Digests of what a color sheet says: equal ones give equal colors, whatever else was edited."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, fields
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from vidcolor.core.files import file_sha256, printable
from vidcolor.core.frames import Dials
from vidcolor.errors import SettingsError
from vidcolor.guidance.plan import Guidance
from vidcolor.guidance.types import ColorSheet, Hint, Reference

_FOR_PEOPLE = ("name", "line")
"""Fields that change no color."""


def digest_part(
    guidance: Guidance, first: Fraction, last: Fraction, nets: Mapping[str, str]
) -> str:
    """Of all that a sheet says of some frames and of the shots that they lie in.

    Args:
        guidance: With the shots, if it needs them.
        first: When the first of the frames is shown, in seconds from the source's start.
        last: When the last one is.
        nets: sha256 of the weights that stretches name; without a name, of the guides.

    Returns:
        Hexadecimal; empty where nothing is said of them.

    Raises:
        SettingsError: An image cannot be read.
    """
    begin, end = guidance.widen(first, last)
    shots = [shot for shot in guidance.shots if shot.start_seconds >= begin]
    shots = [shot for shot in shots if end is None or shot.start_seconds < end]
    hints = [hint for shot in shots for hint in guidance.hints_of(shot)]
    references = {id(one): one for shot in shots for one in guidance.references_of(shot)}
    dials = guidance.dials_within(first, last)
    return _digest(guidance.sheet, dials, hints, references.values(), nets)


def digest_whole(guidance: Guidance, nets: Mapping[str, str]) -> str:
    """Of all that a sheet says; arguments and errors as of `digest_part`."""
    sheet = guidance.sheet
    return _digest(
        sheet, guidance.dials_within(*guidance.span), sheet.hints, sheet.references, nets
    )


def digest_told(guidance: Guidance | None) -> str:
    """Of a sheet's hints and references, wherever they are; result and errors as `digest_part`."""
    if guidance is None or not guidance.needs_shots:
        return ""
    sheet = guidance.sheet
    return _digest(sheet, [], sheet.hints, sheet.references, {})


def with_script(said: str, script: str) -> str:
    """Digest of what a sheet says of some frames and of the color script that they follow.

    Args:
        said: As `digest_part` gives it.
        script: As of `digest_keys`, of the key frames of their shots.
    """
    return hashlib.sha256(f"{said} {script}".encode()).hexdigest()[:32] if script else said


def _digest(
    sheet: ColorSheet,
    dials: list[tuple[Fraction | None, Dials]],
    hints: Collection[Hint],
    references: Collection[Reference],
    nets: Mapping[str, str],
) -> str:
    if not hints and not references and all(each == Dials() for _, each in dials):
        return ""
    said = {
        "dials": [[str(border), _describe_dials(each, sheet, nets)] for border, each in dials],
        "hints": [_describe_hint(hint, sheet) for hint in hints],
        "references": [_describe_reference(one, sheet) for one in references],
        "guides": nets.get("", "") if hints or references else "",
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def _describe_dials(dials: Dials, sheet: ColorSheet, nets: Mapping[str, str]) -> dict[str, Any]:
    found = {name: value for name, value in asdict(dials).items() if value is not None}
    if dials.weights is not None:
        found["weights"] = nets.get(dials.weights, dials.weights)
    if dials.palette is not None:
        colors = next((one.colors for one in sheet.palettes if one.name == dials.palette), ())
        found["palette"] = [sheet.resolve(color) for color in colors]
    return found


def _describe_hint(hint: Hint, sheet: ColorSheet) -> dict[str, str]:
    found = _describe(hint)
    return found | {"color": str(sheet.resolve(hint.color))}


def _describe_reference(reference: Reference, sheet: ColorSheet) -> dict[str, str]:
    found = _describe(reference)
    image = reference.image
    if isinstance(image, np.ndarray):
        data = np.ascontiguousarray(image)
        digest = hashlib.sha256(repr((data.shape, str(data.dtype))).encode() + data.tobytes())
        return found | {"image": digest.hexdigest()}
    path = sheet.find_image(reference)
    try:
        state = path.stat()
        return found | {"image": _digest_once(path, state.st_size, state.st_mtime_ns)}
    except OSError as error:
        name = printable(image)
        raise SettingsError(f"{name}: the image of the color sheet cannot be read") from error


def _describe(entry: Hint | Reference) -> dict[str, str]:
    names = [field.name for field in fields(entry) if field.name not in (*_FOR_PEOPLE, "image")]
    return {name: str(getattr(entry, name)) for name in names}


@cache
def _digest_once(path: Path, _bytes: int, _changed: int) -> str:
    """Of a file as it is now; read once until it changes."""
    return file_sha256(path)
