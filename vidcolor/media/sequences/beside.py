"""What frames carry of a film beside its picture, and what stays behind."""

from __future__ import annotations

from pathlib import Path

from vidcolor.core.files import printable
from vidcolor.core.label import without_label
from vidcolor.core.report import Dropped
from vidcolor.errors import CannotCarry
from vidcolor.media.encode.encoder import EncodePlan
from vidcolor.media.mux.routes import count_chapters, label
from vidcolor.media.mux.tags import COMMENT, chapters, film_tags
from vidcolor.media.open import VideoReader
from vidcolor.settings import OutputSettings

_WITH_TIMECODE = ("dpx", "exr")
_WHY = "frames are pictures alone; keep it in a film (.mkv)"


def check_carried(film: VideoReader, plan: EncodePlan, settings: OutputSettings) -> None:
    """See that frames leave nothing of a film behind where nothing may be.

    Raises:
        CannotCarry: They do.
    """
    left = [*plan.left_behind, *beside_frames(film, plan)[1]]
    if settings.strict and left:
        more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
        raise CannotCarry(f"cannot copy {left[0].what}: {left[0].why}{more}")


def beside_frames(film: VideoReader, plan: EncodePlan) -> tuple[list[str], list[Dropped]]:
    """What travels into the headers of frames, and what of a film they cannot hold."""
    info = film.info
    carried = []
    sounds = [Dropped(f"sound {printable(Path(name).name)}", _WHY) for name in film.settings.sound]
    if info.timecode and plan.container in _WITH_TIMECODE:
        carried.append(f"timecode {printable(info.timecode)}")
    if info.sequence and plan.container == info.codec == "dpx":
        carried.append("DPX headers")
    if info.sequence and plan.container == info.codec == "exr":
        carried.append("EXR attributes and other channels")
    if info.sequence:
        lost = [Dropped("transparency", "colored frames are opaque")] if info.has_alpha else []
        lost = lost if "EXR attributes and other channels" not in carried else []
        return carried, lost + sounds
    lost = sounds
    for stream in film.container.streams:
        made_anew = stream.type == "data" and (
            stream.name == "bin_data" or "timecode" in stream.metadata
        )
        if stream.index != film.video.index and not made_anew:
            lost.append(Dropped(label(stream), _WHY))
    kept, early = chapters(film)
    if kept or early:
        lost.append(Dropped(count_chapters(len(kept) + early), _WHY))
    if tags := sorted(
        printable(tag) for tag, text in film_tags(film).items() if _counts(tag, text)
    ):
        lost.append(Dropped(f"tags ({', '.join(tags)})", _WHY))
    if info.has_alpha:
        lost.append(Dropped("transparency", "colored frames are opaque"))
    return carried, lost


def _counts(tag: str, text: str) -> bool:
    """Whether a tag is lost where it is not written: timecode and label have their own places."""
    if tag.lower() == COMMENT:
        return bool(without_label(text))
    return tag.lower() not in ("timecode", "material_package_umid")
