"""The sources of the acceptance table, by file name: a Spec for make_film, or a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import more_films as more
from av.stream import Disposition
from films import PNG_1X1, Audio, Spec, Subtitle, make_film
from more_films import SMALL

MS = Fraction(1, 1000)
UNEVEN = (0, 40, 83, 125, 300, 341, 700, 733, 766, 800, 1500, 1533)
"""Times in ms of a film of variable rate."""

ROTATIONS = {
    "rot90": (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30),
    "rot180": (-65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30),
    "hflip": (-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30),
}

_CHAPTERS = ((0.0, 0.15, "One"), (0.15, 0.33, "Two ☃"))
_HDR = (
    "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    ":max-cll=1000,400:hdr10=1"
)


def _small(**changes: Any) -> Spec:
    return replace(SMALL, **changes)


def _ffv1(**changes: Any) -> Spec:
    return _small(codec="ffv1", **changes)


def _mpeg2(**changes: Any) -> Spec:
    return _small(codec="mpeg2video", **changes)


_BASE = _small(frames=12, audio=(Audio(),), options={"bf": "3", "g": "24"})
_RICH = _small(
    audio=(
        Audio("aac", language="eng"),
        Audio("flac", language="fre", title="Commentary", disposition=Disposition.comment),
    ),
    subtitles=(
        Subtitle("subrip", disposition=Disposition.forced),
        Subtitle("ass", events=((0.1, 0.2, r"{\i1}Styled{\i0}\Nline"),), language="ger"),
    ),
    chapters=_CHAPTERS,
    attachments=(
        ("font.ttf", "application/x-truetype-font", bytes(range(256)) * 20),
        ("cover.png", "image/png", PNG_1X1),
    ),
    metadata={"title": "My Film ☃", "artist": "A. Director"},
)
_RICH_MP4 = _small(
    audio=(Audio(language="eng", title="Main"),),
    subtitles=(Subtitle("mov_text", events=((0.1, 0.1, "Grüße"), (0.2, 0.1, "zwei\nZeilen"))),),
    chapters=_CHAPTERS,
    cover=PNG_1X1,
    metadata={"title": "My Film ☃"},
)
_TRACKS = _small(
    frames=4,
    audio=tuple(Audio("ac3", language="eng", title=f"Track {i}") for i in range(40)),
    subtitles=tuple(Subtitle(language="ger", events=((0, 0.1, f"{i}"),)) for i in range(60)),
)


def _sound(codec: str) -> Spec:
    return _small(audio=(Audio(codec, layout="stereo"),))


def _negative(**changes: Any) -> Spec:
    return _small(pts=tuple(range(-3, 9)), options={"bf": "0"}, **changes)


FILMS: dict[str, Spec | Callable[[Path], Path]] = {
    "base.mp4": _BASE,
    "rich.mkv": _RICH,
    "rich.mp4": _RICH_MP4,
    "coverfirst.mp4": replace(_RICH_MP4, cover_first=True),
    "twofilms.mkv": _small(second_video="mpeg4"),
    "twofilms-ffv1.mkv": _small(second_video="ffv1"),
    **{f"{name}.mp4": _small(matrix=matrix) for name, matrix in ROTATIONS.items()},
    "sar.mkv": _small(width=88, height=72, rate=Fraction(25), sar=Fraction(16, 11)),
    "tff.mpg": _mpeg2(interlaced="tff", rate=Fraction(25)),
    "bff.mpg": _mpeg2(interlaced="bff", rate=Fraction(25)),
    "vfr.mkv": _small(time_base=MS, pts=UNEVEN, options={"bf": "3"}),
    "vfr.mp4": _small(
        time_base=MS,
        pts=UNEVEN,
        options={"bf": "3"},
        container_options={"video_track_timescale": "1000"},
    ),
    "film.mp4": _small(rate=Fraction(24000, 1001), frames=24),
    "ntsc.mp4": _small(rate=Fraction(30000, 1001), frames=24),
    "hdr10.mkv": _small(
        codec="libx265",
        pix_fmt="yuv420p10le",
        tags=(1, 9, 9, 16),
        options={"x265-params": _HDR},
    ),
    "prores.mov": _small(codec="prores_ks", pix_fmt="yuv422p10le"),
    "444p10.mkv": _ffv1(pix_fmt="yuv444p10le"),
    "gray8.mkv": _ffv1(pix_fmt="gray"),
    "gray16.mkv": _ffv1(pix_fmt="gray16le"),
    "gray264.mkv": _small(pix_fmt="gray", tags=(2, 6, 6, 6)),
    "full.avi": _small(codec="mjpeg", pix_fmt="yuvj420p"),
    "bgr0.mkv": _ffv1(pix_fmt="bgr0"),
    "hole.gif": more.gif_with_a_hole,
    "opaque.gif": _small(codec="gif", pix_fmt="rgb8", rate=Fraction(10)),
    "odd.mkv": _ffv1(width=97, height=65),
    "two.mkv": _ffv1(width=2, height=2),
    "sixteen.mkv": _ffv1(width=16, height=16),
    "frames1.mp4": _small(frames=1),
    "frames2.mp4": _small(frames=2),
    "offset.ts": _mpeg2(
        frames=24,
        audio=(Audio("mp2"),),
        options={"bf": "2"},
        container_options={"output_ts_offset": "3600"},
    ),
    "editlist.mp4": more.edit_list,
    "negative.ts": _negative(container_options={"avoid_negative_ts": "disabled"}),
    "captions.mkv": more.captioned,
    "timecode.mov": _small(rate=Fraction(25), timecode="01:00:00:10"),
    "latin1.mkv": more.odd_bytes_in_title,
    "tracks.mkv": _TRACKS,
    "bitmaps.mkv": more.bitmap_subtitles,
    **{f"{codec}.mkv": _sound(codec) for codec in ("libopus", "pcm_s24le", "alac", "eac3", "flac")},
    "wma.avi": replace(_sound("wmav2"), codec="mpeg4"),
    "mp3.avi": replace(_sound("libmp3lame"), codec="mpeg4"),
    "pcm.mov": _sound("pcm_s16le"),
    "sd.mp4": _small(width=96, height=72, rate=Fraction(25)),
    "hd.mp4": _small(width=1280, height=720, frames=2),
    "wrongname.mp4": more.wrong_suffix,
    "raw.h264": _small(rate=Fraction(25), options={"bf": "0"}),
    "rawtwin.mp4": _small(rate=Fraction(25), options={"bf": "0"}),
    "raw.m2v": more.raw_mpeg2,
    "repeated.mkv": more.repeated_times,
    "alpha.webm": _small(codec="libvpx-vp9", pix_fmt="yuva420p"),
    "alpha.mov": _small(codec="prores_ks", pix_fmt="yuva444p10le"),
    "black.mp4": _small(brightness=16),
    "colored.mp4": _small(color="full"),
    "tinted.mp4": _small(color="tint"),
    "bt2020.mkv": _small(pix_fmt="yuv420p10le", tags=(1, 9, 9, 14)),
    "xyz.nut": _small(codec="rawvideo", pix_fmt="xyz12le"),
    "gbrp.avi": _small(codec="utvideo", pix_fmt="gbrp"),
    "422p8.mkv": _ffv1(pix_fmt="yuv422p"),
    "444p8.mkv": _ffv1(pix_fmt="yuv444p"),
    "420p8.mkv": _ffv1(),
    "420p10.mkv": _ffv1(pix_fmt="yuv420p10le"),
    "full.mkv": _ffv1(tags=(2, 1, 1, 1)),
    "sound.m4a": more.sound_only,
    "music.mp3": more.sound_only,
    "still.png": more.still,
    "still.jpg": more.still,
    "folder.mp4": more.folder,
    "missing.mp4": more.missing,
    "zero.mp4": more.endless_device,
    "fifo.mp4": more.fifo,
    "socket.mp4": more.unix_socket,
    "encrypted.mp4": more.encrypted,
    "encrypted-av1.mp4": more.encrypted,
    "text.srt": more.text_file,
    "text.vtt": more.text_file,
    "text.ass": more.text_file,
}


def build(name: str, folder: Path) -> Path:
    """Makes the source ``name`` in a folder of its own and returns its path."""
    place = folder / name.replace(".", "-")
    place.mkdir()
    film = FILMS[name]
    if isinstance(film, Spec):
        return make_film(place / name, film).path
    return film(place / name)
