"""What `vidcolor doctor` looks at: is the installation whole, and does it color here."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from time import perf_counter
from typing import Literal

import torch

from vidcolor.benchmark.machine import describe_machine, describe_versions
from vidcolor.benchmark.synthetic_video import RATE, pictures
from vidcolor.core.files import file_sha256
from vidcolor.core.iterators import prefetch
from vidcolor.core.system import pick_device
from vidcolor.errors import VidcolorError
from vidcolor.media.decode.decoder import decode
from vidcolor.media.encode.encoder import missing_encoders
from vidcolor.media.encode.synthetic import make_film
from vidcolor.media.open import open_video
from vidcolor.nets.weights import available_weights
from vidcolor.run.video import colorize_video
from vidcolor.settings import ColorizerSettings, EncodeSettings, OutputSettings, Settings

EXTRAS = {
    "cluster": ("ray",),
    "docs": ("mkdocs", "material", "mkdocstrings"),
    "edit": ("opentimelineio",),
    "evaluate": ("torchmetrics",),
    "exr": ("OpenEXR",),
    "onnx": ("onnx", "onnxruntime", "onnxscript"),
    "release": ("build", "cyclonedx_py", "hatchling", "twine"),
    "train": ("matplotlib", "tensorboard"),
    "vapoursynth": ("vapoursynth",),
    "web": ("gradio", "multipart", "starlette"),
}
"""Extras of the package, and the modules that they bring."""

_SIZE, _FRAMES = (320, 240), 32
"""Of the film of the self-test."""
_SCARCE_DISK, _SCARCE_MEMORY = 2 << 30, 1 << 30
"""Bytes below which a word is said."""
_GRAY = 1.0
"""Codes that chroma must differ from gray on the mean, to be called color."""

State = Literal["ok", "note", "FAIL"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: State
    text: str


def check_up(device: str = "auto", folder: Path | None = None) -> Iterator[Finding]:
    """Looks at one thing after the other; a fault is a finding, and stops none of the others.

    Args:
        device: As of `ColorizerSettings`, for the self-test.
        folder: Where the self-test writes; None is the system's folder for what is temporary.
    """
    steps: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("versions", _check_versions),
        ("machine", lambda: _check_machine(device)),
        ("disk", lambda: _check_disk(folder)),
        ("weights", _check_weights),
        ("encoders", _check_encoders),
        ("extras", _check_extras),
        ("self-test", lambda: _color_something(device, folder)),
    )
    for name, look in steps:
        try:
            yield from look()
        except Exception as error:  # a broken installation breaks anywhere
            words = str(error) if isinstance(error, VidcolorError) else repr(error)
            yield Finding(name, "FAIL", words)


def _check_versions() -> Iterator[Finding]:
    found = " ".join(f"{name} {version}" for name, version in describe_versions().items())
    where = Path(__file__).resolve().parents[1]
    yield Finding("versions", "ok", f"{found}; Python {platform.python_version()}")
    yield Finding("installed", "ok", f"{where}; {sys.executable}")


def _check_machine(device: str) -> Iterator[Finding]:
    chosen = pick_device(device)
    found = describe_machine(chosen)
    units = [found["vectors"], *(unit for unit in ("avx512_bf16", "vnni", "amx") if found[unit])]
    cores = f"{found['usable_cores']} of {found['cores']} cores"
    yield Finding("machine", "ok", f"{found['cpu']}, {cores}, {' '.join(units)}; {found['system']}")
    free = found["free_memory_bytes"]
    words = f"{free / 2**30:.1f} GiB free"
    if free < _SCARCE_MEMORY:
        yield Finding("memory", "note", f"{words}; close other programs, or use --size 192")
    else:
        yield Finding("memory", "ok", words)
    if "gpu" in found:
        room = found["gpu_memory_bytes"] / 2**30
        yield Finding("device", "ok", f"{found['gpu']}, {room:.0f} GiB; torch {torch.__version__}")
    else:
        why = "" if torch.version.cuda else "; this torch is built without CUDA"
        yield Finding("device", "ok", f"{chosen.type}{why}")


def _check_disk(folder: Path | None) -> Iterator[Finding]:
    for name, path in (("here", Path()), ("temporary", folder or Path(gettempdir()))):
        free = shutil.disk_usage(path).free
        words = f"{name}: {free / 2**30:.1f} GiB free in {os.path.abspath(path)}"
        state: State = "ok" if free > _SCARCE_DISK else "note"
        yield Finding("disk", state, words)


def _check_weights() -> Iterator[Finding]:
    for name, info in available_weights().items():
        if not info.path.is_file():
            yield Finding("weights", "FAIL", f"{info.path} is missing; install vidcolor again")
        elif file_sha256(info.path) != info.sha256:
            yield Finding("weights", "FAIL", f"{info.path} is damaged; install vidcolor again")
        else:
            yield Finding("weights", "ok", f"{name} {info.sha256[:8]}")


def _check_encoders() -> Iterator[Finding]:
    if missing := missing_encoders():
        yield Finding("encoders", "FAIL", f"PyAV has no {', '.join(missing)}; install PyAV's wheel")
    else:
        yield Finding("encoders", "ok", "all that vidcolor chooses by itself")


def _check_extras() -> Iterator[Finding]:
    for extra, modules in EXTRAS.items():
        lacking = [module for module in modules if find_spec(module) is None]
        if lacking:
            how = f"pip install 'vidcolor[{extra}]'"
            yield Finding("extra", "note", f"{extra}: not installed ({', '.join(lacking)}); {how}")
        else:
            yield Finding("extra", "ok", extra)


def _color_something(device: str, folder: Path | None) -> Iterator[Finding]:
    """Colors a made film without loss, and compares the result with it."""
    with TemporaryDirectory(dir=folder) as name:
        source, target = Path(name, "film.mkv"), Path(name, "color.mkv")
        make_film(source, pictures(*_SIZE, _FRAMES), RATE)
        settings = Settings(
            colorizer=ColorizerSettings(weights="mini", device=device),
            encode=EncodeSettings(lossless=True),
            output=OutputSettings(),
        )
        began = perf_counter()
        report = colorize_video(source, target, settings=settings)
        took = perf_counter() - began
        fault = _compare(source, target)
    if fault:
        yield Finding("self-test", "FAIL", f"{fault}; please report it")
    else:
        words = f"{report.frames} frames colored in {took:.1f} s, luma and times equal"
        yield Finding("self-test", "ok", words)


def _compare(source: Path, target: Path) -> str:
    """What is wrong with the colors of a film; empty where nothing is."""
    count, chroma = 0, 0.0
    with (
        open_video(source) as before,
        open_video(target) as after,
        closing(prefetch(decode(before))) as gray,
        closing(prefetch(decode(after))) as colored,
    ):
        for one, other in zip(gray, colored, strict=True):
            if not torch.equal(one.luma, other.luma):
                return f"luma of frame {count} differs"
            if abs(one.seconds - other.seconds) > Fraction(1, 1000):
                return f"the time of frame {count} differs"
            chroma += sum(float((c.float() - 128).abs().mean()) for c in other.chroma)
            count += 1
    if count != _FRAMES:
        return f"{count} frames came of {_FRAMES}"
    return "" if chroma / count > _GRAY else "the result is gray"
