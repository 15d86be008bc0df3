"""The job: everything that decides the bits of a colored film, written down before it is begun."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.session import Session
from vidcolor.core.files import check_file, identity
from vidcolor.core.frames import VideoInfo
from vidcolor.core.json_types import number_in, part_of
from vidcolor.media.encode.encoder import EncodePlan, plan_encode
from vidcolor.media.identity import is_same
from vidcolor.settings import MAX_BATCH, ColorizerSettings, EncodeSettings

Job = dict[str, Any]
"""Plain types, as JSON gives them back."""

_MOST_THREADS = 128
"""That an encoder was ever given."""


def job_of(info: VideoInfo, target: Path, session: Session, begun: Job) -> Job:
    """The job of making ``target`` of a film, as `describe_job` tells it; nothing is decoded.

    Args:
        info: Of the film.
        target: Its suffix names the container.
        session: Is configured for the film.
        begun: The job of an earlier run, whose decisions for the machine stand; may be empty.

    Raises:
        EncoderMissing: as `plan_encode`.
        SettingsError: as `plan_encode`.
    """
    plan = plan_encode(info, target, as_begun(session.settings.encode, begun))
    configure_for(session, info, begun)
    return describe_job(info, session, plan)


def as_begun(settings: EncodeSettings, begun: Job) -> EncodeSettings:
    """The settings with the threads that an interrupted job had, unless others are asked for."""
    threads = settings.threads or number_in(begun, "encoder", "threads", _MOST_THREADS)
    return replace(settings, threads=threads)


def as_elsewhere(job: Job, other: Job, settings: ColorizerSettings) -> Job:
    """The job with what a machine has of its own as it stands in another job.

    That is the device, and what the net computes in as far as nothing is asked for: both show in
    the bits of a film, and neither is a reason to make it anew.
    """
    found = part_of(other, "net")
    there = found if isinstance(found, dict) else {}
    as_asked = settings.numbers in ("auto", *str(there.get("numbers", "")).split()[:1])
    own = ("device", "numbers") if as_asked else ("device",)
    return job | {"net": job["net"] | {name: there[name] for name in own if name in there}}


def as_known(job: Job, other: Job, film: Path, content: str = "") -> Job:
    """The job with the film as it stands in another job, where it is the same by its bytes.

    Args:
        job: Of the film as it is now.
        other: An earlier one; may be empty.
        film: Where it is.
        content: Digest of its bytes then; empty where it is not known.
    """
    before = part_of(other, "film")
    if isinstance(before, dict) and is_same(film, before, job["film"], lambda: content):
        return job | {"film": before}
    return job


def with_content(job: Job, content: str) -> Job:
    """The job with the digest of the film's bytes in it, for reports."""
    return job | {"film": job["film"] | {"content": content}} if content else job


def configure_for(session: Session, info: VideoInfo, begun: Job) -> None:
    """Decide how the net is run; an interrupted job has decided it already."""
    session.configure_for(info, number_in(begun, "net", "batch", MAX_BATCH))


def describe_job(info: VideoInfo, session: Session, plan: EncodePlan) -> Job:
    """The job as plain types; two runs whose jobs are equal give the same film.

    To the bit, but for libx265, which gives other bits in a few packets of small pictures.

    What was decided for this machine (the encoder's threads, frames per run of the net) stands in
    it, so that a run that goes on elsewhere decides the same.
    """
    settings = session.settings
    net = settings.colorizer
    job = {
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
            "subtitle encoding": settings.open.subtitle_encoding,
            "size": net.size,
            "vivid": net.vivid,
            "stride": net.stride,
            "shots": asdict(settings.shots),
            "titles": settings.titles.cards,
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
        "net": _net(session.colorizer) | {"gate": session.gate_sha256},
        "versions": versions(),
    }
    return _plain(job)


def describe_still(source: Path, target: Path, session: Session) -> Job:
    """The job of coloring a picture.

    Raises:
        FilmUnreadable: There is no such file.
    """
    settings = session.settings
    net = settings.colorizer
    job = {
        "film": identity(check_file(source)),
        "settings": {
            "size": net.size,
            "vivid": net.vivid,
            "saturation": settings.paint.saturation,
            "titles": settings.titles.cards,
        },
        "encoder": {"container": target.suffix.lower()},
        "net": _net(session.colorizer) | {"batch": net.batch or 1},
        "versions": versions(),
    }
    return _plain(job)


def _plain(job: Job) -> Job:
    plain: Job = json.loads(json.dumps(job))
    return plain


def device_of(colorizer: Colorizer) -> str:
    """What the net runs on: the kind of device, and which GPU or which unit of the CPU."""
    device = colorizer.device
    unit = torch.backends.cpu.get_cpu_capability()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else unit
    return f"{device.type} {name}"


def _net(colorizer: Colorizer) -> Job:
    return {
        "weights": colorizer.sha256 or _sha256_of(colorizer),
        "device": device_of(colorizer),
        "numbers": colorizer.numbers,
        "ranges": _digest(colorizer.net.ranges),
        "batch": colorizer.batch,
    }


def _digest(ranges: dict[str, tuple[float, float]]) -> str:
    return hashlib.sha256(repr(sorted(ranges.items())).encode()).hexdigest()[:16]


def _sha256_of(colorizer: Colorizer) -> str:
    """Of the net itself, where it comes from no file; hexadecimal."""
    digest = hashlib.sha256()
    for name, value in sorted(colorizer.net.state_dict().items()):
        numbers = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(name.encode() + numbers.numpy().tobytes())
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
