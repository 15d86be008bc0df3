"""A color script: the colors of a film's things, decided once and held in all of its shots.

Restorers make one by hand: for each scene a few frames are colored first, and all others follow
them. Here key frames are colored by the net; those that show the same things agree on one color
(`vidcolor.guidance.agreement`).
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import torch
import torch.nn.functional as F  # noqa: N812
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from vidcolor.guidance.local_features import LocalFeatures

STEP = 4
"""The means of so many samples, in each direction, stand for a key frame. With true colors in all
key frames, things of made films differ by 0.39 of what they do without a script; by 0.45 with one
sample in so many, and by 0.38 with the means of 2."""
_STORED = ("places", "automatic", "ab", "weight")


@dataclass(frozen=True)
class KeyLook:
    """What a net knows of a key frame, thinned out."""

    seconds: Fraction
    """When it is shown."""
    places: Tensor
    """``(M, D + 3)`` as of `places_of`."""
    automatic: Tensor
    """``(M, 2)`` ab that the net found."""
    features: LocalFeatures

    @classmethod
    def of(cls, seconds: Fraction, places: Tensor, ab: Tensor, features: LocalFeatures) -> KeyLook:
        """A picture thinned out.

        Half of the digits are kept, as in files: what is read is what was made.

        Args:
            seconds: When it is shown.
            places: ``(h * w, D + 3)`` of `places_of`.
            ab: ``(2, h, w)`` automatic color.
            features: Of the picture.
        """
        maps = torch.cat([places.T.reshape(-1, *ab.shape[1:]), ab])
        means = thin_out(maps, STEP).flatten(1).T.half().float()
        return cls(seconds, means[:, :-2].contiguous(), means[:, -2:].contiguous(), features)


@dataclass(frozen=True)
class ScriptKey:
    """A key frame with the colors that were agreed upon, thinned out."""

    seconds: Fraction
    """When it is shown."""
    group: int
    """Number of the scene: the key frames that show the same."""
    places: Tensor
    """``(M, D + 3)`` as of `places_of`."""
    automatic: Tensor
    """``(M, 2)`` ab that the net found."""
    ab: Tensor
    """``(M, 2)`` ab that its scene agreed upon."""
    weight: Tensor
    """``(M,)`` 0..1: how far frames follow it there."""
    told: bool = False
    """Whether it shows something of which a user said what color it has."""

    @property
    def is_followed(self) -> bool:
        """Whether frames follow it anywhere."""
        return bool(self.weight.any())

    @property
    def change(self) -> Tensor:
        """``(M, 2)`` by how much ab changes."""
        return (self.ab - self.automatic) * self.weight[:, None]

    @cached_property
    def guide(self) -> Tensor:
        """``(M, 3)`` ab times weight, and weight; made once for all frames that follow it."""
        weight = self.weight[:, None]
        return torch.cat([self.ab * weight, weight], 1)

    @property
    def parts(self) -> dict[str, Tensor]:
        """What is stored of it, with half of the digits."""
        return {name: getattr(self, name).half().contiguous() for name in _STORED}


@dataclass(frozen=True)
class ColorScript:
    """Key frames of a film, ascending in time."""

    keys: tuple[ScriptKey, ...]

    @property
    def groups(self) -> int:
        """How many scenes there are."""
        return len({key.group for key in self.keys})

    @cached_property
    def is_followed(self) -> bool:
        """Whether anything was agreed upon."""
        return any(key.is_followed for key in self.keys)

    @cached_property
    def sha256(self) -> str:
        """Of its bytes, hexadecimal."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def keys_within(self, start: Fraction, end: Fraction | None) -> tuple[ScriptKey, ...]:
        """The key frames from one moment on and before another one; None is the end."""
        last = len(self.keys) if end is None else bisect_left(self._times, end)
        return self.keys[bisect_left(self._times, start) : last]

    @cached_property
    def _times(self) -> list[Fraction]:
        return [key.seconds for key in self.keys]

    def to_bytes(self) -> bytes:
        """As safetensors."""
        parts: dict[str, Tensor] = {}
        for number, key in enumerate(self.keys):
            times = _store_times(key.seconds, key.group, key.told)
            parts |= _number(number, key.parts | times)
        return save(parts)

    @classmethod
    def from_bytes(cls, data: bytes) -> ColorScript:
        """The script that `to_bytes` wrote down.

        Raises:
            ValueError: It is none.
        """
        try:
            keys = []
            for times, *stored in _split(load(data), ("times", *_STORED)):
                over, under, group, told = times.tolist()
                places, automatic, ab, weight = (one.float() for one in stored)
                time = Fraction(over, under)
                keys.append(ScriptKey(time, group, places, automatic, ab, weight, bool(told)))
        except (SafetensorError, KeyError, ValueError, ZeroDivisionError) as error:
            raise ValueError("is not a color script") from error
        return cls(tuple(keys))


def digest_keys(keys: Sequence[ScriptKey]) -> str:
    """sha256 of all that frames take from some key frames, hexadecimal; empty without any."""
    if not any(key.is_followed for key in keys):
        return ""
    digest = hashlib.sha256()
    for key in keys:
        digest.update(str(key.seconds).encode())
        for part in key.parts.values():
            digest.update(part.numpy().tobytes())
    return digest.hexdigest()


def store_looks(looks: Sequence[KeyLook]) -> bytes:
    """Key frames as safetensors."""
    parts: dict[str, Tensor] = {}
    for number, look in enumerate(looks):
        own = {name: getattr(look, name).half().contiguous() for name in ("places", "automatic")}
        own |= _store_times(look.seconds) | vars(look.features)
        parts |= _number(number, own)
    return save(parts)


def read_looks(data: bytes) -> tuple[KeyLook, ...]:
    """The key frames that `store_looks` wrote down.

    Raises:
        ValueError: It is something else.
    """
    try:
        looks = []
        names = "times", "places", "automatic", "points", "descriptors"
        for times, places, automatic, *features in _split(load(data), names):
            over, under, *_ = times.tolist()
            maps = places.float(), automatic.float()
            looks.append(KeyLook(Fraction(over, under), *maps, LocalFeatures(*features)))
    except (SafetensorError, KeyError, ValueError, ZeroDivisionError) as error:
        raise ValueError("is no part of a color script") from error
    return tuple(looks)


def thin_out(maps: Tensor, step: int) -> Tensor:
    """``(C, h / step, w / step)`` means of ``(C, h, w)``; what is over at the end falls away."""
    return F.avg_pool2d(maps[None], step)[0]


def enlarge(samples: Tensor, size: Sequence[int], step: int = STEP) -> Tensor:
    """``(C, h, w)`` of ``(M, C)`` samples of a picture that `thin_out` made smaller."""
    h, w = size
    small = samples.T.reshape(1, -1, h // step, w // step)
    return F.interpolate(small, scale_factor=float(step), mode="bilinear")[0]


def _store_times(seconds: Fraction, group: int = 0, told: bool = False) -> dict[str, Tensor]:
    times = seconds.numerator, seconds.denominator, group, int(told)
    return {"times": torch.tensor(times, dtype=torch.int64)}


def _number(number: int, parts: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{number}.{name}": part for name, part in parts.items()}


def _split(parts: dict[str, Tensor], names: Sequence[str]) -> Iterable[list[Tensor]]:
    """The parts of each key frame, in the order of their names."""
    for number in range(len(parts) // len(names)):
        yield [parts[f"{number}.{name}"] for name in names]
