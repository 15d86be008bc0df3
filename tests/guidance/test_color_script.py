"""A color script as data: read as it was written, and found by time."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from torch import Tensor

from vidcolor.guidance.color_script import (
    STEP,
    ColorScript,
    KeyLook,
    ScriptKey,
    enlarge,
    read_looks,
    store_looks,
    thin_out,
)
from vidcolor.guidance.local_features import LocalFeatures

F = Fraction


def some_features(seed: int) -> LocalFeatures:
    chance = torch.Generator().manual_seed(seed)
    points = torch.rand(5 + seed, 2, generator=chance)
    codes = torch.randint(0, 256, (5 + seed, 128), generator=chance, dtype=torch.uint8)
    return LocalFeatures(points, codes)


def look(seconds: Fraction, seed: int = 0) -> KeyLook:
    chance = torch.Generator().manual_seed(seed)
    places = torch.rand(12 * 16, 7, generator=chance)
    return KeyLook.of(
        seconds, places, torch.rand(2, 12, 16, generator=chance) * 50, some_features(seed)
    )


def script_key(seconds: Fraction, group: int = 0) -> ScriptKey:
    one = look(seconds, group)
    return ScriptKey(
        seconds, group, one.places, one.automatic, one.automatic, torch.ones(len(one.places))
    )


def test_a_key_frame_is_the_means_of_its_samples() -> None:
    ab = torch.arange(2 * 12 * 16).view(2, 12, 16).float() / 10
    places = torch.rand(12 * 16, 7)
    found = KeyLook.of(F(1), places, ab, some_features(0))
    assert found.automatic.shape == (12, 2)
    assert found.automatic[0] == pytest.approx(ab[:, :STEP, :STEP].mean((1, 2)), rel=1e-3)
    corner = places.view(12, 16, 7)[-STEP:, -STEP:].mean((0, 1))
    assert found.places[-1] == pytest.approx(corner, rel=1e-2)


def test_what_was_thinned_out_lies_where_it_was() -> None:
    y, x = torch.meshgrid(torch.arange(24.0), torch.arange(32.0), indexing="ij")
    whole = torch.stack([2 * y, x - y])
    samples = thin_out(whole, STEP).flatten(1).T
    inner = slice(STEP, -STEP)
    found = enlarge(samples, (24, 32))
    assert found.shape == whole.shape
    torch.testing.assert_close(found[:, inner, inner], whole[:, inner, inner])


def test_a_script_is_read_as_it_was_made() -> None:
    made = [
        KeyLook.of(F(n, 7), torch.rand(192, 7), torch.rand(2, 12, 16), some_features(n))
        for n in range(12)
    ]
    keys = [
        ScriptKey(one.seconds, n // 2, one.places, one.automatic, one.automatic, torch.ones(12))
        for n, one in enumerate(made)
    ]
    script = ColorScript(tuple(keys))
    again = ColorScript.from_bytes(script.to_bytes())
    assert again.sha256 == script.sha256
    assert len(again.keys) == 12
    for one, other in zip(script.keys, again.keys, strict=True):
        assert (one.seconds, one.group) == (other.seconds, other.group)
        for name in ("places", "automatic", "ab", "weight"):
            assert torch.equal(getattr(one, name), getattr(other, name))


def test_looks_are_read_as_they_were_made() -> None:
    looks = [look(F(n, 24), n) for n in range(11)]
    again = read_looks(store_looks(looks))
    assert len(again) == 11
    for one, other in zip(looks, again, strict=True):
        assert one.seconds == other.seconds
        parts: list[tuple[Tensor, Tensor]] = [
            (one.places, other.places),
            (one.automatic, other.automatic),
            (one.features.points, other.features.points),
            (one.features.descriptors, other.features.descriptors),
        ]
        for mine, theirs in parts:
            assert torch.equal(mine, theirs)


def test_an_empty_script_is_one() -> None:
    assert ColorScript.from_bytes(ColorScript(()).to_bytes()).keys == ()


def test_what_is_something_else_is_refused() -> None:
    whole = ColorScript((script_key(F(0)),)).to_bytes()
    looks = store_looks([look(F(0))])
    for data in (b"", b"{}", whole[:-3], whole[:40], looks):
        with pytest.raises(ValueError, match="is not a color script"):
            ColorScript.from_bytes(data)
    for data in (b"", b"{}", looks[:-3], looks[:40], whole):
        with pytest.raises(ValueError, match="is no part of a color script"):
            read_looks(data)


def test_a_shot_has_the_key_frames_within_it() -> None:
    script = ColorScript(tuple(script_key(F(n)) for n in (1, 4, 7)))
    assert [one.seconds for one in script.keys_within(F(1), F(7))] == [1, 4]
    assert [one.seconds for one in script.keys_within(F(2), None)] == [4, 7]
