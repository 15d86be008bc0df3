"""What a clip of a frame server says of its samples: its format and its frame properties.

Names and numbers of properties are those of VapourSynth, whose numbers for colors are those of
ITU-T H.273.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidcolor.core.frames import PixelLayout
from vidcolor.errors import UnsupportedPixels
from vidcolor.media.pixel_formats import (
    RANGE_FULL,
    RANGE_LIMITED,
    SHIFTS,
    UNSPECIFIED,
    Storage,
    fill_tags,
    make_layout,
)

_DEEPEST = 16
"""Bits a sample at most; floats are painted in so many, over the full range."""
_TAGS = {"matrix": "_Matrix", "primaries": "_Primaries", "transfer": "_Transfer"}
_SITES = {0: (0, 1), 1: (1, 1), 2: (0, 0), 3: (1, 0), 4: (0, 2), 5: (1, 2)}
"""``_ChromaLocation`` -> where the first chroma sample is, in halves of the way from the first to
the last of its luma samples."""


@dataclass(frozen=True)
class ClipFormat:
    """The format of a GRAY or YUV clip."""

    width: int
    height: int
    bits: int
    is_float: bool
    gray: bool
    sub_x: int
    """log2 of the subsampling of chroma that is painted; 0 for a GRAY clip."""
    sub_y: int
    rate: Fraction | None
    """Frames per second; None where it varies."""

    def __post_init__(self) -> None:
        if not self.is_float and self.bits > _DEEPEST:
            raise UnsupportedPixels(
                f"integers of {self.bits} bits are not supported; bring the clip to 16 bits or"
                " float with core.resize"
            )
        if (self.sub_x, self.sub_y) not in SHIFTS.values():
            raise UnsupportedPixels(
                "this chroma subsampling is not supported; bring the clip to YUV444 with"
                " core.resize"
            )

    @property
    def depth(self) -> int:
        """Bits of the integers that are painted."""
        return _DEEPEST if self.is_float else self.bits

    @property
    def chroma_size(self) -> tuple[int, int]:
        """Rows and columns of a chroma plane."""
        return -(-self.height >> self.sub_y), -(-self.width >> self.sub_x)

    def blank_chroma(self) -> tuple[Tensor, Tensor]:
        """Two planes to be painted."""
        dtype = torch.uint8 if self.depth == 8 else torch.uint16
        return torch.empty(self.chroma_size, dtype=dtype), torch.empty(
            self.chroma_size, dtype=dtype
        )


@dataclass(frozen=True)
class ClipLayout:
    """What the numbers of a frame mean."""

    layout: PixelLayout
    added: dict[str, int]
    """Frame properties that were missing and say how its colors are to be read."""
    interlaced: bool
    top_field_first: bool


def read_layout(form: ClipFormat, props: Mapping[str, Any], range_name: str) -> ClipLayout:
    """What the numbers of a frame with these properties mean.

    Where no property says it, matrix, primaries and transfer are those that vidcolor guesses by the
    size, and integers have the limited range, as VapourSynth itself takes them.

    Args:
        form: Of the clip.
        props: Of the frame.
        range_name: ``_Range`` (1 is full), or ``_ColorRange`` (0 is full) before release 74.

    Raises:
        UnsupportedPixels: The matrix is not a plain YCbCr one.
    """
    tags = {name: _number(props, prop, UNSPECIFIED) for name, prop in _TAGS.items()}
    stated = _range_of(props)
    tags["range"] = RANGE_FULL if form.is_float or stated else RANGE_LIMITED
    stored = Storage(
        *("", form.depth, form.sub_x, form.sub_y),
        gray=False,  # a GRAY clip may well say what its chroma is to be
        rgb=False,
        alpha=False,
        luma_plane=True,
    )
    filled = fill_tags(tags, stored, "", (form.width, form.height), form.rate)
    added = {prop: filled[name] for name, prop in _TAGS.items() if filled[name] != tags[name]}
    if stated is None and not form.is_float:
        added[range_name] = 0 if range_name == "_Range" else 1
    site = _number(props, "_ChromaLocation", -1)
    if site not in _SITES:
        site = 0
        if form.sub_x or form.sub_y:
            added["_ChromaLocation"] = site
    fields = _number(props, "_FieldBased", 0)
    layout = replace(make_layout(stored, filled, ""), siting=_siting(form, site))
    return ClipLayout(layout, added, fields in (1, 2), fields != 1)


def _range_of(props: Mapping[str, Any]) -> bool | None:
    """Whether luma uses all codes; None where no property says it."""
    names = set(props)  # asking for the old name warns where it has another
    if "_Range" in names:
        return int(props["_Range"]) == 1
    if "_ColorRange" in names:
        return int(props["_ColorRange"]) == 0
    return None


def _number(props: Mapping[str, Any], name: str, missing: int) -> int:
    return int(props.get(name, missing))


def _siting(form: ClipFormat, site: int) -> tuple[float, float]:
    across, down = _SITES[site]
    x, y = ((2**form.sub_x - 1) * across / 2, (2**form.sub_y - 1) * down / 2)
    # Samples at the lower of two rows of luma are taken to be a quarter of a row above it.
    return x, min(y, 0.75) if form.sub_y == 1 else min(y, (2**form.sub_y - 1) / 2)


def given_start(props: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool | None:
    """Whether a frame starts a shot, by its own properties and those of the frame before it.

    None where no property says it.
    """
    own, last = props.get("_SceneChangePrev"), (before or {}).get("_SceneChangeNext")
    return None if own is None and last is None else bool(own or last)


def codes_of(plane: NDArray[Any]) -> Tensor:
    """``(H, W)`` integer codes of a plane of luma; those of floats are 16 bits, of full range.

    Integers are not copied.
    """
    if plane.dtype.kind != "f":
        return torch.from_numpy(plane)
    top = (1 << _DEEPEST) - 1
    unit = np.nan_to_num(plane.astype(np.float32), nan=0.0).clip(0, 1)
    return torch.from_numpy((unit * top + 0.5).astype(np.uint16))


def samples_of(codes: Tensor, dtype: np.dtype[Any]) -> NDArray[Any]:
    """A painted chroma plane as a clip stores it: codes, or floats of -0.5 to 0.5."""
    plane = codes.numpy()
    if dtype.kind != "f":
        return plane
    top = (1 << _DEEPEST) - 1
    unit: NDArray[Any] = ((plane.astype(np.float32) - (top + 1) / 2) / top).astype(dtype)
    return unit
