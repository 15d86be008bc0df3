"""Encoders by the names people use, and what rate factors and presets each of them takes."""

from __future__ import annotations

from vidcolor.errors import SettingsError

CODEC_NAMES = {
    **dict.fromkeys(("h264", "x264", "avc"), "libx264"),
    **dict.fromkeys(("h265", "x265", "hevc"), "libx265"),
    "av1": "libsvtav1",
    "vp9": "libvpx-vp9",
    "prores": "prores_ks",
}
"""What people call a codec -> the encoder that is always there for it."""

_X264_CRF, _VPX_CRF = (0.0, 51.0), (0.0, 63.0)
CRF_RANGES = {
    **dict.fromkeys(("libx264", "libx265"), _X264_CRF),
    **dict.fromkeys(("libvpx-vp9", "libvpx", "libsvtav1", "libaom-av1"), _VPX_CRF),
    **dict.fromkeys(("h264_nvenc", "hevc_nvenc"), _X264_CRF),
    "av1_nvenc": _VPX_CRF,
}
"""Rate factors that an encoder takes; beyond them FFmpeg takes the nearest without a word."""

_X264_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)
PRESETS = {
    "libx264": (*_X264_PRESETS, *map(str, range(10))),
    "libx265": (*_X264_PRESETS, *map(str, range(10))),
    "libsvtav1": tuple(map(str, range(-2, 14))),
}
"""Presets of the encoders that have some; a number stands for a name of the first two."""


def check_quality(codec: str | None, crf: float | None, preset: str | None) -> None:
    """See that an encoder takes a rate factor and a preset; None is any that vidcolor may choose.

    Raises:
        SettingsError: It does not.
    """
    if crf is not None:
        least, most = CRF_RANGES.get(codec, (0.0, 63.0)) if codec else (0.0, 63.0)
        if not least <= crf <= most:
            raise SettingsError(
                f"--crf {crf:g} is outside {least:g} to {most:g}" + "; lower is better, 16 is usual"
            )
    if preset is not None and (codec is None or codec in PRESETS):
        known = PRESETS[codec] if codec else {name for names in PRESETS.values() for name in names}
        if preset not in known:
            words = "-2 to 13" if codec == "libsvtav1" else ", ".join(_X264_PRESETS)
            who = codec or "the encoder"
            raise SettingsError(f"{who} does not start with --preset {preset}; it takes {words}")
