"""Encoders in graphics chips: their words for quality, their pixel formats, what to use instead.

None of them is ever chosen without being asked for, and whether chunks that they encode come out
with equal bits on another day is for their makers to say.
"""

from __future__ import annotations

_SUFFIXES = ("_nvenc", "_qsv", "_amf", "_vaapi", "_videotoolbox", "_v4l2m2m", "_vulkan", "_mf")
_SOFTWARE = {"h264": "libx264", "hevc": "libx265", "av1": "libsvtav1", "vp9": "libvpx-vp9"}

TWINS = {
    "yuv420p": "nv12",
    "yuv420p10le": "p010le",
    "yuv422p": "nv16",
    "yuv422p10le": "p210le",
}
"""Planar format -> the one with the same numbers whose chroma planes are woven into one."""

_QUALITY = {"h264": 19.0, "hevc": 19.0, "av1": 25.0, "vp9": 25.0}
_TOOLBOX_QUALITY = 75.0
_LAMBDA = 118  # FFmpeg's unit of quality per step of a quantiser


def is_hardware(codec: str) -> bool:
    """Whether an encoder needs a chip that the machine may lack."""
    return codec.endswith(_SUFFIXES)


def software_for(codec: str) -> str:
    """The encoder that does the same everywhere."""
    return _SOFTWARE.get(codec.split("_")[0], "libx264")


def woven(formats: list[str]) -> list[str]:
    """Pixel formats of an encoder, with the planar twins of those that it lacks."""
    twins = [planar for planar, twin in TWINS.items() if twin in formats and planar not in formats]
    return [*formats, *twins]


def given_format(planar: str, formats: list[str]) -> str:
    """What an encoder of ``formats`` gets for a planar picture."""
    return planar if planar in formats or planar not in TWINS else TWINS[planar]


def quality_options(codec: str, crf: float | None) -> dict[str, str]:
    """A constant quality in the words of each maker.

    Args:
        codec: One for which `is_hardware` holds.
        crf: As `vidcolor.settings.EncodeSettings`; None takes the default of docs/formats.md.
    """
    kind = codec.split("_")[0]
    value = _QUALITY.get(kind, 19.0) if crf is None else crf
    if codec.endswith("_nvenc"):
        return {"rc": "vbr", "cq": f"{value:g}", "b": "0"}
    if codec.endswith("_qsv"):
        return {"global_quality": f"{value:g}"}
    if codec.endswith("_amf"):
        step = f"{round(value * (4 if kind == 'av1' else 1))}"  # AV1 counts to 255
        words = {"rc": "cqp", "qp_i": step, "qp_p": step}
        return words | ({"qp_b": step} if kind == "av1" else {})
    if codec.endswith("_vaapi"):
        return {"rc_mode": "CQP", "global_quality": f"{round(value)}"}
    if codec.endswith("_videotoolbox"):
        level = _TOOLBOX_QUALITY if crf is None else 100 - crf * 100 / 51
        return {"flags": "+qscale", "global_quality": f"{round(level * _LAMBDA)}"}
    return {}
