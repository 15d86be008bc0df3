"""What the codecs of editing rooms want: ProRes, DNxHD and DNxHR.

They have profiles instead of a rate factor, no full range, and few words for colors.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from vidcolor.core.frames import PixelLayout
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import EncoderMissing, SettingsError

PRORES = ("prores_ks", "prores", "prores_aw")
LIMITED_ONLY = (*PRORES, "dnxhd")
"""Players take their luma for limited range, whatever the film's was."""

_FULL_NEEDS = 10
"""Bits at which every 8-bit code of full range has a code of its own in limited range."""
_CHROMA_OF = {
    **dict.fromkeys(("4444", "4444xq", "dnxhr_444"), "yuv444p"),
    **dict.fromkeys(("dnxhr_lb", "dnxhr_sq", "dnxhr_hq", "dnxhr_hqx", "dnxhd"), "yuv422p"),
    **dict.fromkeys(("proxy", "lt", "standard", "hq"), "yuv422p"),
}
"""Profile -> how the pixel formats begin that it takes."""
_DEPTH_OF = {**dict.fromkeys(("dnxhr_lb", "dnxhr_sq", "dnxhr_hq"), 8), "dnxhr_hqx": 10}
_DNXHR = {"yuv422p": "dnxhr_hq", "yuv422p10le": "dnxhr_hqx", "yuv444p10le": "dnxhr_444"}
_DNXHD_SIZE = (1920, 1080)
_DNXHD_BITS = {
    Fraction(24000, 1001): ("175M", ""),
    Fraction(24): ("175M", ""),
    Fraction(25): ("185M", "185M"),
    Fraction(30000, 1001): ("", "220M"),
    Fraction(50): ("365M", ""),
    Fraction(60000, 1001): ("440M", ""),
}
"""Frames per second -> bits per second of DNxHD for progressive and for interlaced films; empty
where there is none with 10 bits."""
_NONE = ("", "")
_SAME = Fraction(1, 5000)
_DNXHR_LEAST = (256, 120)


def formats_of(codec: str, formats: list[str], profile: str) -> list[str]:
    """The pixel formats of an encoder that a profile takes; all of them where none is asked for."""
    if codec not in LIMITED_ONLY or profile not in _CHROMA_OF:
        return formats
    begin, bits = _CHROMA_OF[profile], _DEPTH_OF.get(profile)
    fitting = [name for name in formats if name.startswith(begin)]
    if bits is not None:
        fitting = [name for name in fitting if name.endswith("10le") == (bits == 10)]
    return fitting


def least_bits(codec: str, source: PixelLayout, asked: int) -> int:
    """Fewest bits per sample with which no luma code of a film is lost."""
    needed = _FULL_NEEDS if codec in LIMITED_ONLY and source.full_range else 0
    return max(asked, needed)


def highest_depth(codec: str, formats: list[str], source: PixelLayout) -> int:
    """To how many bits the luma of a deeper film is rounded; 0 for encoders that refuse it.

    Who asks for ProRes or DNxHR of a scan of 16 bits wants what editors take.
    """
    depth = 10 if any(name.endswith("10le") for name in formats) else 8
    return depth if codec in LIMITED_ONLY and source.bits > depth else 0


def in_words_of(codec: str, layout: PixelLayout) -> PixelLayout:
    """The layout with a range and a matrix that the codec's players assume.

    DNxHD knows the matrix of BT.709 and BT.2020 only. Chroma is new, so it is made for that one;
    luma of gray means the same with both.
    """
    if codec in LIMITED_ONLY:
        layout = replace(layout, full_range=False)
    if codec == "dnxhd" and layout.matrix not in ("bt709", "bt2020"):
        layout = replace(layout, matrix="bt709")
    return layout


def tags_for(info: VideoInfo, layout: PixelLayout) -> dict[str, int]:
    """Color tags that the target gets instead of the film's."""
    told: dict[str, int] = {}
    if layout.full_range != info.layout.full_range:
        told["range"] = 1
    if layout.matrix != info.layout.matrix:
        told["matrix"] = 1
    return told


def color_notes(codec: str, info: VideoInfo, layout: PixelLayout) -> tuple[str, ...]:
    """What a user should know of them."""
    notes = []
    if layout.full_range != info.layout.full_range:
        what = "reversible" if layout.bits - info.layout.bits > 1 else "rounded"
        notes.append(
            f"{codec} has no full range: luma is written in limited range, {layout.bits} bits"
            f" ({what})"
        )
    if layout.matrix != info.layout.matrix:
        notes.append(f"{codec} can only say BT.709 or BT.2020: chroma is written in BT.709")
    return tuple(notes)


def dnxhd_options(info: VideoInfo, layout: PixelLayout, asked: str) -> dict[str, str]:
    """Profile and rate: DNxHR, or DNxHD where it is asked for or only it can say the fields.

    Args:
        info: Of the film.
        layout: What the encoder gets.
        asked: The user's profile; empty for none.

    Raises:
        EncoderMissing: The film is too small for DNxHR.
        SettingsError: DNxHD is asked for, and the film is none of its kinds.
    """
    told = info.frame_rate or Fraction(0)
    rates = next(
        (bits for rate, bits in _DNXHD_BITS.items() if abs(told / rate - 1) < _SAME), _NONE
    )
    interlaced = info.field_order != "progressive"
    rate = rates[interlaced] if (info.width, info.height) == _DNXHD_SIZE else ""
    if layout.format == "yuv444p10le":
        rate = ""
    if asked == "dnxhd":
        if not rate:
            raise SettingsError(
                "DNxHD is for 1920x1080 at 23.976, 24, 25, 50 and 59.94, or interlaced at 25 and"
                " 29.97; leave out profile=dnxhd for DNxHR"
            )
        return {"profile": "dnxhd", "b": rate}
    if asked:
        return {}  # on top of these come the user's words
    if interlaced and rate:
        return {"profile": "dnxhd", "b": rate}
    if info.width < _DNXHR_LEAST[0] or info.height < _DNXHR_LEAST[1]:
        raise EncoderMissing(
            f"DNxHR takes no picture below 256x120, this one is {info.width}x{info.height}; use"
            " --codec ffv1 or prores"
        )
    return {"profile": _DNXHR[layout.format]}


def marks_fields(codec: str, options: dict[str, str]) -> bool:
    """Whether an encoder may be told of fields: DNxHR refuses films that have them."""
    return codec != "dnxhd" or options.get("profile") == "dnxhd"
