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
from vidcolor.media.sequences.plan import is_frames
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
_FRAME_BITS = {"dpx": (1.0, 1.0), "jpeg": (0.02, 0.2), "exr": (0.2, 0.9)}
"""Of the bits of all samples, what frames of a kind take at least, and usually."""
_PACKED = (0.1, 0.7)
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
    kept = kept_of(target)
    folder = Path(os.path.abspath(target)).parent
    if is_frames(plan):  # they are renamed in the end, and never there twice
        folder = folder if folder.is_dir() else folder.parent
        left = frames - (kept.frames if kept else 0)
        needed, likely = (round(left * part) for part in _frame_bytes(info, plan))
    else:
        done = kept.bytes if kept else 0
        sizes = _film_bytes(frames * info.width * info.height, plan, settings)
        sound = sum(os.path.getsize(name) for name in opened.sound if os.path.isfile(name))
        needed, likely = (max(0, round(_TWICE * size) - done) for size in sizes)
        likely += sound  # as large as it is, or smaller
    free = shutil.disk_usage(folder).free
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


def _film_bytes(pixels: int, plan: EncodePlan, settings: EncodeSettings) -> tuple[float, float]:
    """What a film takes at least, and usually."""
    lossless = plan.lossless
    least, usual = (_LEAST_LOSSLESS, _USUAL_LOSSLESS) if lossless else (_LEAST, _USUAL)
    if plan.codec in LIMITED_ONLY:
        least, usual = _LEAST_EDIT, _USUAL_EDIT
    # A factor that is not asked for is the encoder's usual one; ProRes and others have none.
    shrunk = 1.0 if lossless or settings.crf is None else 2 ** ((_USUAL_CRF - settings.crf) / _HALF)
    return pixels * least / 8 * shrunk, pixels * usual / 8 * shrunk


def _frame_bytes(info: VideoInfo, plan: EncodePlan) -> tuple[float, float]:
    """What a frame takes at least, and usually."""
    stored = {"8": 24, "10": 32}.get(plan.options["bits"], 48)
    whole = info.width * info.height * stored / 8
    least, usual = _FRAME_BITS.get(plan.container, _PACKED)
    return whole * least, whole * usual


def _format_bytes(size: int) -> str:
    """Bytes for people."""
    if size < _MEGA:
        return f"{size / 1000:.0f} kB"
    return f"{size / _MEGA:.0f} MB" if size < 1000 * _MEGA else f"{size / 1000 / _MEGA:.1f} GB"
