"""The job: everything that decides the bits of a coloured film, written down before it is begun."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from vidcolor.colorizer import Colorizer
from vidcolor.film.encode import EncodePlan
from vidcolor.frames import FilmInfo
from vidcolor.settings import Settings


def describe_job(
    info: FilmInfo, settings: Settings, plan: EncodePlan, colorizer: Colorizer, gate_sha256: str
) -> dict[str, Any]:
    """The job as plain types; two runs whose jobs are equal give the same film.

    To the bit, but for libx265, which gives other bits in a few packets of small pictures.

    What was decided for this machine (the encoder's threads, frames per run of the net) stands in
    it, so that a run that goes on elsewhere decides the same.
    """
    device = colorizer.device
    unit = torch.backends.cpu.get_cpu_capability()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else unit
    return {
        "film": info.identity,
        "picture": {
            "codec": info.codec,
            "size": f"{info.width}x{info.height}",
            "pixels": info.stored_format,
            "ticks": str(info.time_base),
        },
        "settings": {
            "start": str(settings.open.start),
            "end": str(settings.open.end),
            "video stream": settings.open.video_stream,
            "size": colorizer.settings.size,
            "vivid": colorizer.settings.vivid,
            "stride": colorizer.settings.stride,
            "shots": asdict(settings.shots),
            "smooth": asdict(settings.smooth),
            "saturation": settings.paint.saturation,
            "chunks": asdict(settings.chunks),
        },
        "encoder": {
            "codec": plan.codec,
            "container": plan.container,
            "pixels": plan.layout.format,
            "threads": plan.threads,
            "options": plan.options,
        },
        "net": {
            "weights": colorizer.sha256 or _sha256_of(colorizer),
            "gate": gate_sha256,
            "device": f"{device.type} {name}",
            "numbers": colorizer.numbers,
            "ranges": _digest(colorizer.net.ranges),
            "batch": colorizer.batch,
        },
        "versions": versions(),
    }


def _digest(ranges: dict[str, tuple[float, float]]) -> str:
    return hashlib.sha256(repr(sorted(ranges.items())).encode()).hexdigest()[:16]


def _sha256_of(colorizer: Colorizer) -> str:
    """Of the net itself, where it comes from no file; hexadecimal."""
    digest = hashlib.sha256()
    for name, value in sorted(colorizer.net.state_dict().items()):
        digest.update(name.encode() + value.detach().cpu().contiguous().view(torch.uint8).numpy())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Versions of what decides the bits of a result."""
    found = {"python": platform.python_version()}
    for package in ("vidcolor", "av", "torch", "numpy", "opencv-python-headless"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from a checkout that was never installed
            found[package] = "unknown"
    return found
