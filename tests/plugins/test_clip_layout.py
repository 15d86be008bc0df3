"""What frame properties of VapourSynth mean; no VapourSynth is needed for it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from vidcolor.errors import UnsupportedPixels
from vidcolor.plugins.clip_layout import (
    ClipFormat,
    codes_of,
    given_start,
    read_layout,
    samples_of,
)


def form(bits: int = 8, sub: tuple[int, int] = (1, 1), **changes: Any) -> ClipFormat:
    usual: dict[str, Any] = {"width": 720, "height": 576, "is_float": False, "gray": False}
    return ClipFormat(bits=bits, sub_x=sub[0], sub_y=sub[1], **usual | {"rate": None} | changes)


def test_what_is_missing_is_guessed_by_the_size_and_added() -> None:
    found = read_layout(form(), {}, "_Range")
    assert (found.layout.matrix, found.layout.full_range) == ("bt601", False)
    assert found.added == {
        "_Matrix": 5,
        "_Primaries": 5,
        "_Transfer": 6,
        "_Range": 0,
        "_ChromaLocation": 0,
    }
    large = read_layout(form(width=1920, height=1080, sub=(0, 0)), {"_Matrix": 2}, "_ColorRange")
    assert large.layout.matrix == "bt709"
    assert large.added == {"_Matrix": 1, "_Primaries": 1, "_Transfer": 1, "_ColorRange": 1}
    ntsc = read_layout(form(height=480, rate=Fraction(30000, 1001)), {}, "_Range")
    assert ntsc.added["_Matrix"] == 6


def test_what_is_there_holds() -> None:
    props = {"_Matrix": 9, "_Primaries": 9, "_Transfer": 16, "_Range": 1, "_ChromaLocation": 2}
    found = read_layout(form(10), props, "_Range")
    layout = found.layout
    assert (layout.matrix, layout.transfer, layout.full_range) == ("bt2020", "pq", True)
    assert (layout.bits, layout.siting) == (10, (0.0, 0.0))
    assert found.added == {}


@pytest.mark.parametrize(
    ("props", "full"),
    [
        ({"_Range": 1}, True),
        ({"_Range": 0}, False),
        ({"_ColorRange": 0}, True),
        ({"_ColorRange": 1}, False),
        ({"_Range": 1, "_ColorRange": 1}, True),
        ({}, False),
    ],
)
def test_the_range_has_two_names(props: dict[str, int], full: bool) -> None:
    assert read_layout(form(), props, "_Range").layout.full_range is full


def test_a_gray_clip_may_say_what_its_chroma_is_to_be() -> None:
    gray = form(sub=(0, 0), gray=True)
    assert read_layout(gray, {"_Matrix": 1}, "_Range").layout.matrix == "bt709"
    assert read_layout(gray, {"_Matrix": 0}, "_Range").layout.matrix == "bt601"  # it was RGB once


@pytest.mark.parametrize(
    ("sub", "site", "place"),
    [
        *(((1, 1), site, place) for site, place in enumerate([(0, 0.5), (0.5, 0.5), (0, 0)])),
        *(((1, 1), site + 3, place) for site, place in enumerate([(0.5, 0), (0, 0.75)])),
        ((1, 1), 5, (0.5, 0.75)),
        ((1, 0), 1, (0.5, 0)),
        ((0, 0), 1, (0, 0)),
        ((2, 2), 0, (0, 1.5)),
        ((2, 0), 1, (1.5, 0)),
        ((1, 1), 77, (0, 0.5)),
    ],
)
def test_where_chroma_is(sub: tuple[int, int], site: int, place: tuple[float, float]) -> None:
    found = read_layout(form(sub=sub), {"_ChromaLocation": site}, "_Range")
    assert found.layout.siting == place
    assert ("_ChromaLocation" in found.added) is (site == 77)


@pytest.mark.parametrize(("value", "fields"), [(0, (False, True)), (1, (True, False))])
def test_fields(value: int, fields: tuple[bool, bool]) -> None:
    found = read_layout(form(), {"_FieldBased": value}, "_Range")
    assert (found.interlaced, found.top_field_first) == fields


def test_a_matrix_that_is_no_plain_one_is_refused() -> None:
    with pytest.raises(UnsupportedPixels, match="color matrix 8 is not supported"):
        read_layout(form(), {"_Matrix": 8}, "_Range")


def test_formats_that_are_refused() -> None:
    with pytest.raises(UnsupportedPixels, match=r"32 bits .* core\.resize"):
        form(32)
    with pytest.raises(UnsupportedPixels, match="YUV444"):
        form(sub=(3, 0))


@pytest.mark.parametrize(
    ("own", "before", "starts"),
    [
        ({}, None, None),
        ({}, {}, None),
        ({"_SceneChangePrev": 1}, None, True),
        ({"_SceneChangePrev": 0}, {}, False),
        ({}, {"_SceneChangeNext": 1}, True),
        ({}, {"_SceneChangeNext": 0}, False),
        ({"_SceneChangePrev": 0}, {"_SceneChangeNext": 1}, True),
    ],
)
def test_scene_changes(own: Any, before: Any, starts: bool | None) -> None:
    assert given_start(own, before) is starts


def test_floats_become_codes_of_full_range() -> None:
    layout = read_layout(form(32, is_float=True, sub=(0, 0)), {"_Range": 0}, "_Range").layout
    assert (layout.bits, layout.full_range) == (16, True)
    plane = np.array([[0, 0.5, 1], [-1, 2, np.nan]], np.float32)
    assert codes_of(plane).tolist() == [[0, 32768, 65535], [0, 65535, 0]]
    assert codes_of(plane.astype(np.float16)).dtype == torch.uint16


def test_integers_are_not_copied() -> None:
    plane = np.arange(12, dtype=np.uint16).reshape(3, 4)
    assert codes_of(plane).data_ptr() == plane.ctypes.data


def test_chroma_codes_become_floats_around_zero() -> None:
    codes = torch.tensor([[0, 32768, 65535]], dtype=torch.int32).to(torch.uint16)
    found = samples_of(codes, np.dtype(np.float32))
    assert np.abs(found - [[-0.5, 0, 0.5]]).max() < 1e-5
    assert found[0, 1] == 0
    assert samples_of(codes, np.dtype(np.float16)).dtype == np.float16
    assert samples_of(codes, np.dtype(np.uint16)).dtype == np.uint16
