"""The acceptance table: which film into which container, how it ends, what is not carried.

The numbers of the cases are those of the project's test list: A good but awkward films, C what is
no film. Every row is held to the pass rule of ``checks``; a row only says what is special.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import row_checks as also
from checks import Look
from command import Outcome

Left = tuple[tuple[str, str], ...]
Check = Callable[[Look, Look, Outcome], None]

NO_ALPHA: Left = (("transparency", "colored films are opaque"),)
ASS_TO_MP4 = ("ASS styling of subtitle stream 4 (ass, ger)", "mp4 holds its plain text only")


@dataclass(frozen=True)
class Row:
    """One case of the list."""

    case: str
    film: str
    """Name in ``items.FILMS``."""
    target: str
    """Suffix of the target."""
    code: int = 0
    left: Left = ()
    """Everything that is not carried, as (what, why), in order."""
    damage: frozenset[str] = frozenset()
    options: tuple[str, ...] = ()
    check: Check | None = None
    says: str = ""
    """For exit 2: the line, with FILM for the film's name, as a regular expression."""
    video: int = 0
    """Which picture is colored."""
    twin: str = ""
    """The same pictures in a container with times, to compare with where the film has none."""

    @property
    def lossless(self) -> bool:
        return "--lossless" in self.options

    @property
    def name(self) -> str:
        return "-".join([self.case, self.film + self.target, *self.options])


def refused(case: str, film: str, says: str, target: str = ".mp4") -> Row:
    return Row(case, film, target, 2, says=says)


def each(case: str, film: str, *targets: str, **more: object) -> list[Row]:
    """The same expectation for several containers."""
    return [Row(case, film, target, **more) for target in targets]  # type: ignore[arg-type]


EXACT = ("--lossless",)
SECOND = ("--video-stream", "1")

GOOD: list[Row] = [
    *each("A1", "base.mp4", ".mp4", ".mkv", ".mov"),
    Row("A2", "rich.mkv", ".mkv"),
    Row(
        "A3",
        "rich.mkv",
        ".mp4",
        3,
        left=(ASS_TO_MP4, ("attachment font.ttf", "mp4 cannot hold attachments")),
    ),
    Row(
        "A3",
        "rich.mkv",
        ".mov",
        3,
        left=(
            ("flags of subtitle stream 3 (subrip, eng)", "mov cannot hold: forced"),
            ("ASS styling of subtitle stream 4 (ass, ger)", "mov holds its plain text only"),
            ("attachment font.ttf", "mov cannot hold attachments"),
            ("cover picture 6 (png)", "mov cannot hold cover pictures"),
            ("audio stream 2 (flac, fre)", "the container refuses it (Invalid argument)"),
        ),
    ),
    Row(
        "A3",
        "rich.mkv",
        ".webm",
        3,
        left=(
            ("audio stream 1 (aac, eng)", "webm cannot hold aac; --audio opus converts it"),
            ("audio stream 2 (flac, fre)", "webm cannot hold flac; --audio opus converts it"),
            ("ASS styling of subtitle stream 4 (ass, ger)", "webm holds its plain text only"),
            ("attachment font.ttf", "webm cannot hold attachments"),
            ("cover picture 6 (png)", "webm cannot hold cover pictures"),
        ),
    ),
    *each("A4", "rich.mp4", ".mkv", ".mp4", check=also.no_chapter_track_in_matroska),
    *each("A5", "coverfirst.mp4", ".mkv", ".mp4"),
    *each("A6", "twofilms.mkv", ".mkv", ".mp4"),
    Row("A6", "twofilms.mkv", ".mkv", options=SECOND, video=1),
    Row(
        "A6",
        "twofilms-ffv1.mkv",
        ".mov",
        3,
        left=(("video stream 1 (ffv1)", "mov cannot hold ffv1"),),
    ),
    *each("A7", "rot90.mp4", ".mp4", ".mov", ".mkv", check=also.has_matrix),
    *each("A7", "rot180.mp4", ".mp4", ".mov", ".mkv", check=also.has_matrix),
    *each("A7", "hflip.mp4", ".mp4", ".mov", ".mkv", check=also.has_matrix),
    *each("A8", "sar.mkv", ".mkv", ".mp4", ".mov", check=also.is_anamorphic),
    *each("A9", "tff.mpg", ".mkv", ".mp4", check=also.fields("top")),
    *each("A9", "bff.mpg", ".mkv", ".mp4", check=also.fields("bottom")),
    *each("A10", "vfr.mkv", ".mkv", ".mp4", ".mov", check=also.is_uneven),
    *each("A10", "vfr.mp4", ".mkv", ".mp4", check=also.is_uneven),
    *each("A11", "film.mp4", ".mp4", ".mkv"),
    *each("A11", "ntsc.mp4", ".mp4", ".mkv"),
    *each("A12", "hdr10.mkv", ".mkv", ".mp4", check=also.is_hdr10),
    Row("A12", "hdr10.mkv", ".mp4", options=("--codec", "libx265"), check=also.is_hdr10),
    Row("A13", "prores.mov", ".mov", check=also.pixels("yuv422p10le")),
    Row("A13", "prores.mov", ".mkv", options=EXACT, check=also.pixels("yuv422p10le")),
    Row("A14", "444p10.mkv", ".mkv", options=EXACT, check=also.pixels("yuv444p10le")),
    Row("A14", "444p10.mkv", ".mp4", check=also.pixels("yuv444p10le")),
    *each("A15", "gray8.mkv", ".mkv", ".mp4", options=EXACT, check=also.full_range),
    *each("A15", "gray16.mkv", ".mkv", ".mp4", options=EXACT, check=also.full_range),
    *each("A15", "gray264.mkv", ".mkv", ".mov", options=EXACT, check=also.full_range),
    Row("A15", "gray8.mkv", ".mp4", check=also.full_range),
    *each("A16", "full.avi", ".mkv", ".mp4", check=also.full_range),
    *each("A17", "bgr0.mkv", ".mkv", ".mp4", check=also.converted("bgr0")),
    *each("A18", "opaque.gif", ".mkv", ".mp4", check=also.converted("bgra")),
    Row("A18", "hole.gif", ".mkv", 3, left=NO_ALPHA),
    *each("A19", "odd.mkv", ".mkv", ".mp4", ".mov", check=also.odd_size_as_444),
    Row("A19", "odd.mkv", ".mkv", options=EXACT, check=also.pixels("yuv420p")),
    *each("A20", "two.mkv", ".mkv", ".mp4"),
    *each("A20", "sixteen.mkv", ".mkv", ".mp4"),
    *each("A21", "frames1.mp4", ".mkv", ".mp4", ".webm"),
    *each("A21", "frames2.mp4", ".mkv", ".mp4", ".webm"),
    *each("A23", "offset.ts", ".mkv", ".mp4", check=also.starts_at_zero),
    *each("A24", "editlist.mp4", ".mp4", ".mkv", check=also.has_hidden_sound),
    *each("A25", "negative.ts", ".mp4", ".mkv", ".mov", check=also.has_frames(12)),
    *each("A26", "captions.mkv", ".mkv", ".mp4", check=also.has_captions(8)),
    *each("A27", "timecode.mov", ".mov", ".mp4", ".mkv", check=also.has_timecode),
    Row("A28", "latin1.mkv", ".mkv", check=also.keeps_title_bytes),
    *each("A29", "tracks.mkv", ".mkv", ".mp4"),
    Row("A30", "bitmaps.mkv", ".mkv"),
    Row(
        "A30",
        "bitmaps.mkv",
        ".mp4",
        3,
        left=(
            ("subtitle stream 1 (hdmv_pgs_subtitle)", "mp4 cannot hold hdmv_pgs_subtitle"),
            ("subtitle stream 3 (dvb_subtitle)", "mp4 cannot hold dvb_subtitle"),
        ),
    ),
    *each("A31", "libopus.mkv", ".mp4", ".mkv", ".webm"),
    *each("A31", "pcm_s24le.mkv", ".mp4", ".mkv"),
    *each("A31", "alac.mkv", ".mp4", ".mkv"),
    *each("A31", "eac3.mkv", ".mp4", ".mkv"),
    *each("A31", "flac.mkv", ".mp4", ".mkv"),
    *each("A31", "mp3.avi", ".mp4", ".mkv"),
    *each("A31", "pcm.mov", ".mp4", ".mkv", ".mov"),
    Row(
        "A31",
        "wma.avi",
        ".mp4",
        3,
        left=(("audio stream 1 (wmav2)", "mp4 cannot hold wmav2; --audio aac converts it"),),
    ),
    Row("A31", "wma.avi", ".mkv"),
    *each("A32", "sd.mp4", ".mp4", ".mkv", check=also.matrix(5)),
    Row("A32", "hd.mp4", ".mp4", check=also.matrix(1)),
    *each("A34", "wrongname.mp4", ".mkv", ".mp4"),
    *each("A35", "raw.h264", ".mkv", ".mp4", check=also.even_steps, twin="rawtwin.mp4"),
    *each("A35", "raw.m2v", ".mkv", ".mp4", check=also.even_steps),
    *each("A36", "repeated.mkv", ".mkv", ".mp4", code=3, damage=frozenset({"timestamp"})),
    *each("A37", "alpha.webm", ".mkv", ".mp4", code=3, left=NO_ALPHA),
    *each("A37", "alpha.mov", ".mkv", ".mov", code=3, left=NO_ALPHA),
    *each("A38", "black.mp4", ".mp4", ".mkv", check=also.stays_black),
    Row("A38", "colored.mp4", ".mp4", check=also.warns("the film was already colored")),
    Row("A38", "tinted.mp4", ".mp4", check=also.warns("the film was already tinted")),
    *each("A39", "bt2020.mkv", ".mkv", ".mp4", check=also.matrix(9)),
    Row("A39", "xyz.nut", ".mkv", check=also.converted("xyz12le")),
    Row("A39", "gbrp.avi", ".mkv", options=EXACT, check=also.converted("gbrp")),
]

NO_FILM: list[Row] = [
    refused("C65", "sound.m4a", "FILM: has sound but no picture; there is nothing to color"),
    refused("C66", "music.mp3", "FILM: has only a cover picture; there is nothing to color"),
    refused(
        "C67",
        "still.png",
        r"out\.mkv: for a picture, the output must end in \.png, .*\.tif.*",
        ".mkv",
    ),
    refused("C68", "folder.mp4", "FILM: is a folder; name a film inside it"),
    refused("C69", "missing.mp4", "FILM: no such file"),
    refused("C70", "zero.mp4", "/dev/zero: is a device or a pipe; save the film to a file first"),
    refused("C70", "fifo.mp4", "FILM: is a device or a pipe; save the film to a file first"),
    refused("C70", "socket.mp4", "FILM: is a device or a pipe; save the film to a file first"),
    *[
        refused("C71", film, r"FILM: is encrypted \(DRM\); vidcolor cannot read it")
        for film in ("encrypted.mp4", "encrypted-av1.mp4")
    ],
    *[
        refused("C72", f"text.{kind}", "FILM: is a subtitle file; there is nothing to color")
        for kind in ("srt", "vtt", "ass")
    ],
]
