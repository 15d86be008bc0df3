"""Specs of runs that nobody made."""

from __future__ import annotations

from vidcolor.core.files import FileIdentity
from vidcolor.core.run_spec import ColorSpec, CutSpec, EncoderSpec, NetSpec, PictureSpec, RunSpec
from vidcolor.settings import ChunkSettings, ShotSettings, TemporalSettings

SOURCE = FileIdentity(bytes=7, changed=8, sha256="aa")


def run_spec(
    *,
    source: FileIdentity = SOURCE,
    time_base: str = "1/25",
    start: str | None = None,
    end: str | None = None,
    saturation: float = 1.0,
    batch: int = 1,
    threads: int = 2,
    device: str = "cpu AVX2",
    precision: str = "float32",
) -> RunSpec:
    """The spec of coloring a small video."""
    return RunSpec(
        source=source,
        picture=PictureSpec("ffv1", "96x64", "yuv420p", time_base),
        cut=CutSpec(start, end, None, None),
        shots=ShotSettings(),
        chunks=ChunkSettings(),
        color=ColorSpec(256, 0.55, saturation, "auto"),
        smoothing=TemporalSettings(),
        encoder=EncoderSpec("matroska", "ffv1", "yuv420p", threads, {"level": "3"}),
        net=NetSpec("bb", device, precision, "cc", batch, "dd"),
        versions={"python": "3.11.0"},
    )


SPEC = run_spec()
