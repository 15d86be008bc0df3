"""Plain types, as JSON gives them, back into dataclasses; nothing in them is believed unseen."""

from __future__ import annotations

import dataclasses
import math
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

_LARGEST = 1 << 63
_ROWS = (list, tuple)


def from_plain(kind: type[T], entry: object) -> T:
    """A dataclass of what `dataclasses.asdict` made plain.

    Args:
        kind: A dataclass of numbers, words, rows, dicts and dataclasses.
        entry: What is to be that, as ``json.loads`` gives it.

    Raises:
        ValueError: It is not: a field is missing, unknown, or of another kind.
    """
    known: Any = kind
    hints = _hints(known)
    if not isinstance(entry, dict) or not entry.keys() <= hints.keys():
        raise ValueError(f"is not of type {kind.__name__}")
    try:
        return kind(**{name: _value(hints[name], value) for name, value in entry.items()})
    except TypeError as error:  # a field without a default is missing
        raise ValueError(f"is not of type {kind.__name__}") from error


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return type(value) is int and -_LARGEST <= value < _LARGEST


def _value(hint: Any, value: Any) -> Any:
    """``value`` as what the hint says."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        if value is None and NoneType in inner:
            return None
        (hint,) = (each for each in inner if each is not NoneType)
        return _value(hint, value)
    if origin is tuple and Ellipsis not in inner and isinstance(value, _ROWS):
        return tuple(_value(each, part) for each, part in zip(inner, value, strict=True))
    if origin in _ROWS and isinstance(value, _ROWS):
        return origin(_value(inner[0], each) for each in value)
    if origin is dict and isinstance(value, dict) and all(isinstance(k, str) for k in value):
        return {key: _value(inner[1], each) for key, each in value.items()}
    if dataclasses.is_dataclass(hint):
        return from_plain(hint, value)  # type: ignore[arg-type]
    if hint is float and _is_number(value):
        return float(value)
    if hint in (bool, str, int) and type(value) is hint and (hint is not int or _is_number(value)):
        return value
    raise ValueError(f"{str(value)[:40]!r} is not of type {getattr(hint, '__name__', hint)}")
