"""Describes a run before it begins: `RunSpec` of a video or an image, by session and encoder."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import replace
from fractions import Fraction
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.session import Session
from vidcolor.core.files import check_file, identify
from vidcolor.core.run_spec import ColorSpec, CutSpec, EncoderSpec, NetSpec, PictureSpec, RunSpec
from vidcolor.core.video_info import VideoInfo
from vidcolor.media.encode.encoder import EncodePlan
from vidcolor.media.identity import is_same
from vidcolor.media.sequences.plan import plan_target
from vidcolor.media.sounds import identify_sounds
from vidcolor.settings import EncodeSettings, InputSettings


def plan_spec(info: VideoInfo, target: Path, session: Session, begun: RunSpec | None) -> RunSpec:
    """The spec of making ``target`` of a video; nothing is decoded.

    Args:
        info: Of the video.
        target: Its suffix names the container.
        session: Is configured for the video.
        begun: Of an earlier run, whose decisions for the machine stand.

    Raises:
        EncoderMissing: as `plan_encode`.
        SettingsError: as `plan_encode`.
    """
    plan = plan_target(info, target, resume_threads(session.settings.encode, begun))
    configure_for(session, info, begun)
    return describe_video(info, session, plan)


def resume_threads(settings: EncodeSettings, begun: RunSpec | None) -> EncodeSettings:
    """The settings with the threads of an interrupted run, unless others are asked for."""
    threads = settings.threads or (begun.encoder.threads if begun else 0)
    return replace(settings, threads=threads)


def configure_for(session: Session, info: VideoInfo, begun: RunSpec | None) -> None:
    """Decide how the net is run; an interrupted run has decided it already."""
    session.configure_for(info, begun.net.batch if begun else 0)


def keep_source(spec: RunSpec, begun: RunSpec | None, path: Path, content: str = "") -> RunSpec:
    """The spec with the source as an earlier run saw it, where it has the same bytes still.

    Args:
        spec: Of the video as it is now.
        begun: Of the earlier run.
        path: Where the video is.
        content: Digest of its bytes then; empty where it is not known.
    """
    if begun and is_same(path, begun.source, spec.source, lambda: content):
        return spec.with_source(begun.source)
    return spec


def describe_video(info: VideoInfo, session: Session, plan: EncodePlan) -> RunSpec:
    """The spec of a video.

    What was decided for this machine (the encoder's threads, frames per run of the net) stands in
    it, so that a run that goes on elsewhere decides the same.
    """
    settings = session.settings
    net = settings.colorizer
    return RunSpec(
        source=info.identity,
        picture=PictureSpec(
            info.codec, f"{info.width}x{info.height}", info.stored_format, str(info.time_base)
        ),
        cut=cut_of(settings.open),
        shots=replace(settings.shots, cuts=None),
        shot_list=_digest_of_cuts(settings.shots.cuts),
        chunks=settings.chunks,
        color=ColorSpec(
            size=net.size,
            vivid=net.vivid,
            saturation=settings.paint.saturation,
            titles=settings.titles.cards,
            stride=net.stride,
            script="auto" if session.scripted else "off",
        ),
        smoothing=settings.smooth,
        encoder=EncoderSpec(
            plan.container, plan.codec, plan.layout.format, plan.threads, dict(plan.options)
        ),
        net=replace(
            _net(session.colorizer),
            gate=session.gate_sha256,
            others=session.other_weights,
            guides=session.guides,
        ),
        versions=versions(),
        colors=session.colors,
        label=settings.output.label,
        audio=settings.output.audio,
        sounds=identify_sounds(settings.open),
    )


def describe_image(source: Path, target: Path, session: Session) -> RunSpec:
    """The spec of coloring an image.

    Raises:
        FilmUnreadable: There is no such file.
    """
    settings = session.settings
    net = settings.colorizer
    return RunSpec(
        source=identify(check_file(source)),
        color=ColorSpec(net.size, net.vivid, settings.paint.saturation, settings.titles.cards),
        encoder=EncoderSpec(target.suffix.lower()),
        net=replace(
            _net(session.colorizer),
            batch=net.batch or 1,
            others=session.other_weights,
            guides=session.guides,
        ),
        versions=versions(),
        colors=session.colors,
        label=settings.output.label,
    )


def _digest_of_cuts(cuts: tuple[Fraction, ...] | None) -> str:
    if cuts is None:
        return ""
    return hashlib.sha256(" ".join(map(str, cuts)).encode()).hexdigest()[:16]


def cut_of(settings: InputSettings) -> CutSpec:
    """Which part of a film is read."""
    start, end = (None if time is None else str(time) for time in (settings.start, settings.end))
    return CutSpec(start, end, settings.video_stream, settings.subtitle_encoding)


def device_of(colorizer: Colorizer) -> str:
    """What the net runs on: the kind of device, and which GPU or which unit of the CPU."""
    device = colorizer.device
    unit = torch.backends.cpu.get_cpu_capability()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else unit
    return f"{device.type} {name}"


def _net(colorizer: Colorizer) -> NetSpec:
    return NetSpec(
        weights=digest_net(colorizer),
        device=device_of(colorizer),
        precision=colorizer.precision,
        ranges=_digest(colorizer.net.ranges),
        batch=colorizer.batch,
    )


def _digest(ranges: dict[str, tuple[float, float]]) -> str:
    return hashlib.sha256(repr(sorted(ranges.items())).encode()).hexdigest()[:16]


def digest_net(colorizer: Colorizer) -> str:
    """sha256 of the weights' file, or of the net itself where it comes from none; hexadecimal."""
    if colorizer.sha256:
        return colorizer.sha256
    digest = hashlib.sha256()
    for name, value in sorted(colorizer.net.state_dict().items()):
        if name.startswith("embedding."):  # a part of its guide, which it has once it listens
            continue
        numbers = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(name.encode() + numbers.numpy().tobytes())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Versions of what decides the bits of a result."""
    packages = ("vidcolor", "av", "torch", "numpy", "opencv-python-headless")
    return {"python": platform.python_version()} | {name: _version_of(name) for name in packages}


@cache
def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"
