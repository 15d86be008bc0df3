"""Whether the disk has room for a film, before hours of work find out that it has not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from vidcolor.core.files import printable
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import OutputFull
from vidcolor.media.encode.encoder import EncodePlan
from vidcolor.media.encode.intermediate import LIMITED_ONLY
from vidcolor.media.metadata import expected_frames
from vidcolor.run.unfinished import kept_of
from vidcolor.settings import EncodeSettings, InputSettings

_LEAST, _USUAL = 0.03, 0.35
"""Bits of a pixel at the usual rate factor: of still, clean pictures, and of old film with grain
(2.8 MB for 348 frames of 480x360)."""
_LEAST_LOSSLESS, _USUAL_LOSSLESS = 0.4, 4.0
_LEAST_EDIT, _USUAL_EDIT = 0.5, 3.6
"""ProRes 422 HQ and DNxHR HQX: 184 Mbit/s for 25 frames a second of 1920x1080."""
_HALF = 6  # steps of the rate factor that halve the size
_USUAL_CRF = 16
_TWICE = 2  # the chunks, and the film that is made of them
_MEGA = 10**6


def check_room(
    info: VideoInfo,
    target: Path,
    plan: EncodePlan,
    opened: InputSettings,
    settings: EncodeSettings,
) -> str:
    """See whether a film's target can fit on its disk.

    Args:
        info: Of the film.
        target: Where to write.
        plan: How it is encoded.
        opened: What of the film.
        settings: How small it is to be.

    Returns:
        What is to be said where the room may be short; empty where it does.

    Raises:
        OutputFull: It cannot be enough.
    """
    frames = expected_frames(info, opened)
    if not frames:
        return ""
    lossless = plan.lossless
    least, usual = (_LEAST_LOSSLESS, _USUAL_LOSSLESS) if lossless else (_LEAST, _USUAL)
    if plan.codec in LIMITED_ONLY:
        least, usual = _LEAST_EDIT, _USUAL_EDIT
    pixels = frames * info.width * info.height
    # A factor that is not asked for is the encoder's usual one; ProRes and others have none.
    shrunk = 1.0 if lossless or settings.crf is None else 2 ** ((_USUAL_CRF - settings.crf) / _HALF)
    kept = kept_of(target)
    done = kept.bytes if kept else 0
    folder = Path(os.path.abspath(target)).parent
    free = shutil.disk_usage(folder).free
    needed, likely = (
        max(0, round(_TWICE * pixels * bits / 8 * shrunk) - done) for bits in (least, usual)
    )
    if free < max(needed, 1):
        raise OutputFull(
            f"{printable(folder)}: the disk has {_format_bytes(free)} free, the film needs"
            f" {_format_bytes(likely)}"
            " or so while it is written; free some space and run again"
        )
    if free < likely:
        room, need = _format_bytes(free), _format_bytes(likely)
        return f"the disk has {room} free; the film may need {need} while it is written"
    return ""


def _format_bytes(size: int) -> str:
    """Bytes for people."""
    if size < _MEGA:
        return f"{size / 1000:.0f} kB"
    return f"{size / _MEGA:.0f} MB" if size < 1000 * _MEGA else f"{size / 1000 / _MEGA:.1f} GB"
