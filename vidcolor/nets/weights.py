"""Weights files: safetensors that carry their net's config, training notes and scores.

The list of shipped weights is ``models/weights.toml``; in an installed vidcolor the folder lies
inside the package, in a checkout beside it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from vidcolor.core.files import file_sha256
from vidcolor.core.paths import HELPERS, models_folder
from vidcolor.errors import WeightsCorrupt, WeightsMismatch, WeightsNotFound
from vidcolor.nets.colornet import ColorNet, ColorNetConfig
from vidcolor.nets.guide_net import GuideConfig, GuideNet
from vidcolor.nets.registry import build_net
from vidcolor.nets.trust_gate import Gate, GateConfig
from vidcolor.nets.vgg import VGG16Features

FORMAT = "vidcolor-1"
GATE_FORMAT = "vidcolor-gate-1"
GUIDE_FORMAT = "vidcolor-guide-1"
FEATURES_FORMAT = "vidcolor-features-1"
KINDS = {
    FORMAT: "colornet",
    GATE_FORMAT: "gate for the smoother",
    GUIDE_FORMAT: "guide for hints",
    FEATURES_FORMAT: "measure for vidcolor evaluate",
}

FEATURE_BLOCKS = 4
"""Of VGG16, that ship as ImageNet left them."""

C = TypeVar("C", ColorNetConfig, GateConfig, GuideConfig)

_NAMED = 3
"""Tensors that are named where they do not fit."""

MAX_BYTES = 2 << 30
"""Largest weights file that is opened."""

DTYPES = {torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64}
"""Types of numbers that weights files may hold."""


@dataclass(frozen=True)
class WeightsInfo:
    """One entry of the list of weights."""

    name: str
    path: Path
    sha256: str
    """Of the whole file, hexadecimal."""
    licence: str
    training_data: str
    scores: dict[str, float]
    ranges: dict[str, tuple[float, float]]
    """`ColorNet.ranges` of the net."""
    guides: str = ""
    """sha256 of the colornet's file that it is the guide of; empty for all others."""


def available_weights() -> dict[str, WeightsInfo]:
    """The shipped weights by name.

    Raises:
        WeightsCorrupt: the list is missing, so the installation is damaged.
    """
    folder = models_folder()
    try:
        entries = tomllib.loads((folder / "weights.toml").read_text(encoding="utf-8"))["weights"]
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise WeightsCorrupt(
            f"the list of weights in {folder} is missing or damaged; install vidcolor again"
        ) from error
    return {
        entry["name"]: WeightsInfo(
            name=entry["name"],
            path=folder / entry["file"],
            sha256=entry["sha256"],
            licence=entry["licence"],
            training_data=entry["training_data"],
            scores=entry["scores"],
            ranges={name: (low, high) for name, (low, high) in entry.get("ranges", {}).items()},
            guides=entry.get("guides", ""),
        )
        for entry in entries
    }


def find_weights(name: str | Path) -> tuple[Path, str | None]:
    """The file for a name from the list or for a path, and the sha256 it must have if listed.

    Raises:
        WeightsNotFound: neither a listed name nor a file.
    """
    listed = available_weights()
    if str(name) in listed:
        info = listed[str(name)]
        if not info.path.is_file():
            raise WeightsNotFound(f"{info.path} is missing; install vidcolor again")
        return info.path, info.sha256
    if Path(name).is_file():
        return Path(name), None
    names = ", ".join(sorted(set(listed) - set(HELPERS)))
    raise WeightsNotFound(f"no weights {str(name)!r}; give a .safetensors file or one of: {names}")


def load_weights(name: str | Path) -> tuple[ColorNet, str]:
    """A net with its weights, on the CPU, in float32, in eval mode.

    Args:
        name: A name from `available_weights` or the path of a safetensors file.

    Returns:
        The net and the sha256 of the file.

    Raises:
        WeightsNotFound: there is no such file.
        WeightsCorrupt: the file is damaged, truncated, too large or not a safetensors file.
        WeightsMismatch: its tensors do not fit the net that its metadata describes.
    """
    file = _read_weights(name)
    config = _config_of(file, FORMAT, ColorNetConfig)
    listed = next((one for one in available_weights().values() if one.sha256 == file.sha256), None)
    if not listed:  # a stranger's
        _check_shapes(lambda: build_net(config), file)
    net = build_net(config)
    _fill(net, file)
    if listed:
        net.ranges = listed.ranges
    return net.eval(), file.sha256


def load_gate(name: str | Path = "gate") -> tuple[Gate, str]:
    """The smoother's gate, on the CPU, in float32, in eval mode.

    Args:
        name: As for `load_weights`.

    Returns:
        The gate and the sha256 of the file.

    Raises:
        WeightsError: as for `load_weights`.
    """
    file = _read_weights(name)
    gate = Gate(_config_of(file, GATE_FORMAT, GateConfig))
    _fill(gate, file)
    return gate.eval(), file.sha256


def load_guide(net: str, weights: str | Path = "") -> tuple[GuideNet, str]:
    """The guide of a colornet, on the CPU, in float32, in eval mode.

    A guide of the user's own, in a file ``guide-*.safetensors`` beside the colornet's weights,
    goes before the one that ships.

    Args:
        net: sha256 of the colornet's weights file, hexadecimal; empty where it comes from none.
        weights: This file, or the name of shipped weights, beside which nothing is looked for.

    Returns:
        The guide and the sha256 of its file.

    Raises:
        WeightsNotFound: There is none for this net.
        WeightsMismatch: There are several.
        WeightsError: As for `load_weights`.
    """
    listed = available_weights()
    own = bool(net) and str(weights) not in listed and Path(weights).is_file()
    found, damaged = _guides_beside(Path(weights), net) if own else ([], [])
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise WeightsMismatch(
            f"{len(found)} guides for {weights} lie beside it ({names}); move all but one away"
        )
    if found:
        return read_guide(found[0])
    for info in listed.values():
        if net and info.guides == net:
            return read_guide(info.name)
    if damaged:
        raise WeightsCorrupt(f"{damaged[0]} is damaged or not a safetensors file; get it again")
    if own:
        raise WeightsNotFound(
            f"hints and references need a guide, and no guide-*.safetensors beside {weights} was"
            " trained for it; train one with `vidcolor train --preset guide --teacher"
            f" {weights}`, or use --weights default or mini"
        )
    raise WeightsNotFound(
        "hints and references need a guide, and these weights have none; use --weights default or"
        " mini"
    )


def _guides_beside(weights: Path, net: str) -> tuple[list[Path], list[Path]]:
    """The guides of a colornet in the folder of its file, and files there that may be some.

    Nobody can tell of a damaged file what it was.
    """
    from safetensors import SafetensorError, safe_open

    found, damaged = [], []
    for path in sorted(weights.parent.glob("guide-*.safetensors")):
        try:
            with safe_open(path, "pt") as file:
                metadata = file.metadata() or {}
            if json.loads(metadata["config"])["net"] == net:
                found.append(path)
        except (SafetensorError, OSError):
            damaged.append(path)
        except (KeyError, TypeError, ValueError, RecursionError):  # not a guide
            continue
    return found, damaged


def read_guide(name: str | Path) -> tuple[GuideNet, str]:
    """As `load_guide`, by the guide's own name or path."""
    file = _read_weights(name)
    config = _config_of(file, GUIDE_FORMAT, GuideConfig)
    _check_shapes(lambda: GuideNet(config), file)
    guide = GuideNet(config)
    _fill(guide, file)
    return guide.eval().requires_grad_(False), file.sha256


def load_features(name: str | Path = "vgg16") -> VGG16Features:
    """The first `FEATURE_BLOCKS` blocks of VGG16 as ImageNet left them, in float32, in eval mode.

    Args:
        name: As for `load_weights`.

    Raises:
        WeightsError: as for `load_weights`.
    """
    file = _read_weights(name)
    if (found := file.metadata.get("format", "")) != FEATURES_FORMAT:
        kind = KINDS.get(found, "strange file")
        raise WeightsMismatch(f"{file.path} holds a {kind}, not a {KINDS[FEATURES_FORMAT]}")
    vgg = VGG16Features(FEATURE_BLOCKS)
    _fill(vgg, file)
    return vgg.eval()


@dataclass(frozen=True)
class _File:
    path: Path
    sha256: str
    metadata: dict[str, str]
    state: dict[str, Tensor]


def _read_weights(name: str | Path) -> _File:
    """A weights file, checked against the list where it is listed."""
    from safetensors import SafetensorError, safe_open

    path, expected = find_weights(name)
    if path.stat().st_size > MAX_BYTES:
        raise WeightsCorrupt(f"{path} is larger than {MAX_BYTES >> 30} GiB; not a colornet")
    sha256 = file_sha256(path)
    if expected and sha256 != expected:
        raise WeightsCorrupt(f"{path} is damaged (its sha256 differs); install vidcolor again")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsCorrupt(
            f"{path} is damaged or not a safetensors file; get it again"
        ) from error
    return _File(path, sha256, metadata, state)


def _config_of(file: _File, form: str, kind: type[C]) -> C:
    """The config in the file's metadata."""
    found = file.metadata.get("format", "")
    if found in KINDS and found != form:
        raise WeightsMismatch(f"{file.path} holds a {KINDS[found]}, not a {KINDS[form]}")
    if found != form:
        raise WeightsMismatch(f"{file.path} was not written by vidcolor; see `vidcolor weights`")
    try:
        fields = json.loads(file.metadata["config"])
        lists = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
        return kind(**(fields | lists))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise WeightsMismatch(
            f"{file.path} has a config that this version of vidcolor does not know"
        ) from error


def _check_shapes(build: Callable[[], nn.Module], file: _File) -> None:
    """Refuses a file whose tensors are not those of its net, before that takes memory or time."""
    with torch.device("meta"):
        wanted = {key: value.shape for key, value in build().state_dict().items()}
    found = {key: value.shape for key, value in file.state.items()}
    if wrong := sorted(
        key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key)
    ):
        names = ", ".join(wrong[:_NAMED]) + (", ..." if len(wrong) > _NAMED else "")
        raise WeightsMismatch(
            f"{file.path} does not fit its net: {len(wrong)} tensors are missing, superfluous or"
            f" of another shape ({names[:200]})"
        )


def _fill(net: ColorNet | Gate | GuideNet | VGG16Features, file: _File) -> None:
    for key, value in file.state.items():
        if value.dtype not in DTYPES:
            raise WeightsMismatch(f"{file.path} has values of type {value.dtype} in {key}")
        # One float32 sum shows a NaN or an infinity anywhere, much faster than a look at each.
        if not value.sum(dtype=torch.float32).isfinite():
            raise WeightsCorrupt(f"{file.path} has values that are not finite in {key}")
    try:
        net.load_state_dict(file.state, strict=True)  # copying turns float16 into float32
    except RuntimeError as error:
        detail = " ".join(str(error).split())[:200]
        raise WeightsMismatch(f"{file.path} does not fit its net: {detail}") from error


def _format_of(net: ColorNet | Gate | GuideNet) -> str:
    if isinstance(net, ColorNet):
        return FORMAT
    return GATE_FORMAT if isinstance(net, Gate) else GUIDE_FORMAT


def save_weights(
    net: ColorNet | Gate | GuideNet,
    path: Path,
    *,
    training: dict[str, Any],
    scores: dict[str, float],
) -> Path:
    """Write it as float16 safetensors; its sha256 becomes part of the name.

    Args:
        net: On any device.
        path: Such as ``models/default.safetensors``; written as
            ``models/default-1a2b3c4d.safetensors``.
        training: A description of the training data, for the metadata.
        scores: Its scores, for the metadata.

    Returns:
        The path written.
    """
    from safetensors.torch import save_file

    metadata = {
        "format": _format_of(net),
        "config": json.dumps(asdict(net.config)),
        "training": json.dumps(training),
        "scores": json.dumps(scores),
    }
    state = {
        key: (value.half() if value.is_floating_point() else value).cpu().contiguous()
        for key, value in net.state_dict().items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part")
    aside.unlink(missing_ok=True)  # whatever it is
    save_file(state, aside, metadata)
    target = path.with_name(f"{path.stem}-{file_sha256(aside)[:8]}.safetensors")
    aside.chmod(0o644)  # safetensors makes files that only their owner can read
    aside.replace(target)
    return target
