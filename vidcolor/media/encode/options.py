"""The words each encoder wants for quality, losslessness, HDR and chroma siting."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from av.codec.context import CodecContext

from vidcolor.core.frames import PixelLayout
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import SettingsError
from vidcolor.media.encode.hardware import is_hardware, quality_options, software_for
from vidcolor.media.encode.intermediate import dnxhd_options
from vidcolor.settings import EncodeSettings, check_quality

ALWAYS_LOSSLESS = frozenset({"ffv1", "ffvhuff", "huffyuv", "utvideo", "rawvideo"})
"""Encoders that have no lossy mode."""

AUTOMATIC = ("libx264", "libx265", "ffv1", "libvpx-vp9", "libsvtav1")
"""Encoders that are chosen where none is asked for."""

_X264_WORDS = {
    "preset": "ultrafast superfast veryfast faster fast medium slow slower veryslow placebo",
    "tune": "film animation grain stillimage psnr ssim fastdecode zerolatency touhou",
}

_LAMBDA = 118  # FFmpeg's unit of quality per step of a quantiser


def encoder_options(
    info: VideoInfo, codec: str, layout: PixelLayout, settings: EncodeSettings
) -> dict[str, str]:
    """The options vidcolor sets for an encoder, the user's on top.

    Raises:
        SettingsError: A setting that this encoder does not know.
    """
    check_quality(codec, settings.crf, settings.preset)
    options: dict[str, str] = {}
    known = {o.name for o in CodecContext.create(codec, "w").supported_options.private}
    if settings.lossless:
        options |= _lossless_options(codec, layout.bits)
        if settings.crf is not None:
            raise SettingsError("--lossless and --crf exclude each other; use one of them")
    else:
        options |= _quality(codec, known, settings)
    usual = {"libx264": "medium", "libx265": "medium", "libsvtav1": "6"}.get(codec)
    if codec.endswith("_nvenc"):
        usual = "p5"
    preset = settings.preset or usual
    if preset is not None:
        if "preset" not in known:
            raise SettingsError(f"{codec} has no presets; leave out --preset")
        options["preset"] = preset
    if codec == "ffv1":
        options |= {"level": "3", "slicecrc": "1", "g": "1"}
    elif codec == "libvpx-vp9":
        options |= {"row-mt": "1", "cpu-used": "4"}
    elif codec == "dnxhd":
        options |= dnxhd_options(info, layout, settings.profile)
    elif codec == "prores_ks":
        options["profile"] = "4444" if layout.format.startswith("yuv444") else "hq"
    _add_params(options, info, codec, layout)
    for key, value in settings.options:
        joined = key in ("x264-params", "x265-params", "svtav1-params") and key in options
        options[key] = f"{options[key]}:{value}" if joined else value
    return options


def fitting(codec: str, settings: EncodeSettings) -> tuple[EncodeSettings, tuple[str, ...]]:
    """The settings without those that belong to other encoders than ``codec``, and a note of each.

    For an encoder that was chosen by the film: a batch may have films of several kinds. What no
    encoder has that could have been chosen stays, and is refused later.
    """
    known = _option_names(codec)
    ignored, kept = [], []
    if settings.preset and not _has_preset(codec, known, settings.preset):
        words = _X264_WORDS["preset"].split()
        if settings.preset in words or settings.preset.isdigit():
            ignored.append(f"--preset {settings.preset}")
            settings = replace(settings, preset=None)
    if settings.crf is not None and not known & {"crf", "cq"} and not settings.lossless:
        ignored.append(f"--crf {settings.crf:g}")
        settings = replace(settings, crf=None)
    others = frozenset().union(*(_option_names(other) for other in AUTOMATIC if other != codec))
    for key, value in settings.options:
        if key not in known and key in others:
            ignored.append(f"--encoder-option {key}={value}")
        else:
            kept.append((key, value))
    settings = replace(settings, options=tuple(kept))
    why = f"{codec}, which this film needs, does not have it"
    return settings, tuple(f"{name} is ignored: {why}" for name in ignored)


def _has_preset(codec: str, known: frozenset[str], preset: str) -> bool:
    return "preset" in known and (codec != "libsvtav1" or preset.lstrip("-").isdigit())


@lru_cache(maxsize=64)
def _option_names(codec: str) -> frozenset[str]:
    """Names of the options of an encoder."""
    options = CodecContext.create(codec, "w").supported_options
    return frozenset(o.name for o in (*options.generic, *options.private))


def check_words(codec: str, options: dict[str, str]) -> None:
    """Refuses what x264 would complain about on stderr by itself, past our reporting.

    Raises:
        ValueError: A preset or a tuning that x264 does not have.
    """
    if codec != "libx264":
        return
    for key, known in _X264_WORDS.items():
        # x264 takes several tunings at once, and the number of a preset.
        for word in re.split("[,./+-]", options.get(key, "")):
            if word and not word.isdigit() and word not in known.split():
                raise ValueError(f"x264 has no {key} {word}")


def _quality(codec: str, known: set[str], settings: EncodeSettings) -> dict[str, str]:
    if is_hardware(codec):
        return quality_options(codec, settings.crf)
    default = {"libx264": 16, "libx265": 16, "libvpx-vp9": 20, "libsvtav1": 20}.get(codec)
    crf = settings.crf if settings.crf is not None else default
    if crf is None:
        scaled = codec in ("mpeg4", "mpeg2video", "mjpeg")
        return {"flags": "+qscale", "global_quality": str(2 * _LAMBDA)} if scaled else {}
    key = next((k for k in ("crf", "cq") if k in known), None)
    if key is None:
        raise SettingsError(f"{codec} has no CRF; leave out --crf")
    if codec == "libvpx-vp9":
        return {key: f"{crf:g}", "b": "0"}
    return {key: f"{crf:g}"}


def _lossless_options(codec: str, bits: int) -> dict[str, str]:
    if codec in ALWAYS_LOSSLESS:
        return {}
    if codec == "libx264":
        return {"qp": "0"}
    if codec == "libx265" and bits <= 10:
        return {"x265-params": "lossless=1"}
    if codec == "libvpx-vp9":
        return {"lossless": "1"}
    if is_hardware(codec):
        raise SettingsError(f"{codec} is never lossless here; use --codec {software_for(codec)}")
    raise SettingsError(f"{codec} cannot encode {bits} bits without loss; use ffv1 in a .mkv file")


def _add_params(options: dict[str, str], info: VideoInfo, codec: str, layout: PixelLayout) -> None:
    """HDR metadata, chroma siting and silence, in each encoder's own words."""
    parts = []
    hdr = info.hdr
    if "display" in hdr and codec in ("libx264", "libx265"):
        r, g, b, w = (hdr["display"][i : i + 2] for i in (0, 2, 4, 6))
        low, high = hdr["display"][8:]
        words = [f"{n}({x},{y})" for n, (x, y) in zip("GBR", (g, b, r), strict=True)]
        text = "".join(words) + f"WP({w[0]},{w[1]})L({high},{low})"
        parts.append(("mastering-display=" if codec == "libx264" else "master-display=") + text)
    if "light" in hdr and codec in ("libx264", "libx265"):
        word = "cll" if codec == "libx264" else "max-cll"
        parts.append(f"{word}={hdr['light'][0]},{hdr['light'][1]}")
    if codec in ("libx264", "libx265") and layout.siting == (0.0, 0.0) and layout.sub_y:
        parts.append("chromaloc=2")
    if codec == "libx264" and info.field_order != "progressive":
        # FFmpeg tells it which field comes first too late for what it says of every picture.
        parts.append("tff=1" if info.field_order == "top" else "bff=1")
    if codec == "libx264":
        # Its fastest mbtree reads memory that it never wrote: the same frames would give other
        # bits on each run, and a film could not be resumed.
        parts.append("cpu-independent=1")
    if codec == "libx265":
        parts += ["hdr10=1"] if hdr else []
        parts.append("log-level=error")  # x265 prints to stderr by itself
    key = {"libx264": "x264-params", "libx265": "x265-params"}.get(codec)
    if key and parts:
        options[key] = ":".join([options[key], *parts] if key in options else parts)
    if codec == "libsvtav1" and hdr:
        options["svtav1-params"] = _svt_hdr(hdr)


def _svt_hdr(hdr: dict[str, tuple[int, ...]]) -> str:
    parts = []
    if "display" in hdr:
        n = [v / 50000 for v in hdr["display"][:8]] + [v / 10000 for v in hdr["display"][8:]]
        words = zip("GBR", (n[2:4], n[4:6], n[0:2]), strict=True)
        text = "".join(f"{name}({x:.5f},{y:.5f})" for name, (x, y) in words)
        parts.append(f"mastering-display={text}WP({n[6]:.5f},{n[7]:.5f})L({n[9]:.4f},{n[8]:.4f})")
    if "light" in hdr:
        parts.append(f"content-light={hdr['light'][0]},{hdr['light'][1]}")
    return ":".join(parts)
