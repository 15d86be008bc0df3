"""Films made of nothing but pictures, and which FFmpeg makes them."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
from torch import Tensor

from vidcolor.core.frames import PixelLayout
from vidcolor.media.planes import neutral_picture
from vidcolor.media.whitelist import target_errors

LAYOUT = PixelLayout("yuv420p", 8, 1, 1, False, "bt709", "bt1886")


def make_film(path: Path, pictures: Iterable[Tensor], rate: Fraction) -> None:
    """Writes a black-and-white H.264 film, about as good as an archive's copy for viewing.

    Args:
        path: A name that ends in ``.mkv`` or ``.mp4``.
        pictures: Luma codes, ``(H, W)`` uint8, 16..235; H and W are even.
        rate: Frames per second.

    Raises:
        OutputFull: The disk is full.
        OutputError: The file cannot be written.
    """
    with target_errors(path), av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=rate, options={"crf": "20", "preset": "veryfast"}
        )
        stream.pix_fmt = LAYOUT.format
        for pts, luma in enumerate(pictures):
            if not pts:
                stream.height, stream.width = luma.shape
            picture = neutral_picture(luma, LAYOUT)
            picture.pts, picture.time_base = pts, 1 / rate
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def ffmpeg_version() -> str:
    """The version of the FFmpeg that PyAV brings."""
    return str(av.ffmpeg_version_info)
