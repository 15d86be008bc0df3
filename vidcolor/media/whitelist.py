"""What may be opened, and what FFmpeg's errors mean to the user.

A film is a stranger's file. Only the demuxers and decoders listed here ever see its bytes, while
FFmpeg looks at its streams too, and no protocol but ``file`` is allowed, so that a playlist in
disguise opens nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from vidcolor.core.files import printable
from vidcolor.core.target import output_errors
from vidcolor.errors import FilmTooLarge, FilmUnreadable, NoPicture, VidcolorError
from vidcolor.media.unsupported import START, unopened_kind
from vidcolor.settings import InputSettings

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,flv,ogg,asf,mxf,gif,apng,nut,dv"
    ",h264,hevc,av1,obu,ivf,yuv4mpegpipe,rm,h261,h263,mjpeg,vc1,vc1test,wtv,dirac"
    # Sound only, so that they are refused for having no picture instead of for being no film.
    ",mp3,wav,w64,flac,aac,ac3,eac3,aiff,caf,amr,ape,tta,wv,dts,dtshd,truehd,au"
)
"""Demuxers that may open a film. None of them opens a second file."""

SEQUENCES = "image2"
"""The demuxer of image sequences: it opens their frames, and only where a sequence is meant."""

# fmt: off
CODECS = frozenset({
    "h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "vp8", "vp9", "av1", "libdav1d",
    "prores", "dnxhd", "cfhd", "ffv1", "huffyuv", "ffvhuff", "utvideo", "mjpeg", "dvvideo",
    "rawvideo", "vc1", "wmv1", "wmv2", "wmv3", "theora", "msmpeg4", "msmpeg4v1", "msmpeg4v2",
    "cinepak", "h261", "h263", "h263p", "h263i", "svq1", "svq3", "flv", "gif", "v210", "v308",
    "v408", "v410", "jpeg2000", "png", "qtrle", "rpza", "indeo3", "indeo4", "indeo5", "rv10",
    "rv20", "rv30", "rv40", "vp6", "vp6f", "vp3", "dirac", "vvc", "y41p", "yuv4", "r210",
    "r10k", "tiff", "webp", "bmp", "msvideo1", "msrle", "smc", "asv1", "asv2", "apng",
})
"""Decoders of pictures that may see a stranger's bytes: widely used and widely fuzzed, or small."""

_SOUND = frozenset({
    "aac", "aac_latm", "ac3", "adpcm_ima_qt", "adpcm_ima_wav", "adpcm_ms", "adpcm_swf",
    "adpcm_yamaha", "alac", "amrnb", "amrwb", "ape", "atrac3", "atrac3plus", "cook", "dca",
    "dvaudio", "eac3", "flac", "g722", "g723_1", "g726", "g726le", "g729", "gsm", "gsm_ms", "imc",
    "iac", "mace3", "mace6", "mlp", "mp1", "mp1float", "mp2", "mp2float", "mp3", "mp3float",
    "nellymoser", "opus", "qcelp", "qdm2", "qdmc", "ralf", "real_144", "real_288", "s302m", "sipr",
    "speex", "tak", "truehd", "truespeech", "tta", "vorbis", "wavpack", "wmalossless", "wmapro",
    "wmav1", "wmav2", "wmavoice", "pcm_alaw", "pcm_bluray", "pcm_dvd", "pcm_f32be", "pcm_f32le",
    "pcm_f64be", "pcm_f64le", "pcm_mulaw", "pcm_s16be", "pcm_s16be_planar", "pcm_s16le",
    "pcm_s16le_planar", "pcm_s24be", "pcm_s24le", "pcm_s24le_planar", "pcm_s32be", "pcm_s32le",
    "pcm_s32le_planar", "pcm_s64be", "pcm_s64le", "pcm_s8", "pcm_s8_planar", "pcm_u16be",
    "pcm_u16le", "pcm_u24be", "pcm_u24le", "pcm_u32be", "pcm_u32le", "pcm_u8",
})
SOUND_DECODERS = frozenset({
    "aac", "aac_latm", "ac3", "adpcm_ima_qt", "adpcm_ima_wav", "adpcm_ms", "alac", "amrnb", "amrwb",
    "dca", "eac3", "flac", "gsm", "gsm_ms", "mlp", "mp1", "mp1float", "mp2", "mp2float", "mp3",
    "mp3float", "opus", "truehd", "vorbis", "wavpack", "wmapro", "wmav1", "wmav2",
    *(name for name in _SOUND if name.startswith("pcm_")),
})
"""Decoders of sound that is converted: widely used and widely fuzzed, or small."""
_TEXT = frozenset({
    "ass", "dvbsub", "dvdsub", "mov_text", "pgssub", "srt", "ssa", "subrip", "text", "webvtt",
    "xsub",
})
# fmt: on
FRAME_CODECS = {
    **dict.fromkeys((".tif", ".tiff"), "tiff"),
    **dict.fromkeys((".jpg", ".jpeg"), "mjpeg"),
    **dict.fromkeys((".jp2", ".j2k", ".j2c", ".jpc"), "jpeg2000"),
    ".dpx": "dpx",
    ".exr": "exr",
    ".png": "png",
}
"""Suffix of the frames of an image sequence -> the decoder that alone may see them."""

DECODERS = CODECS | _SOUND | _TEXT
"""All that FFmpeg may decode with, to learn what a stream is too. Sound and subtitles of other
codecs travel all the same: only what their container says of them is known then."""

CONVERT = "convert the film to ffv1 or h264 first (ffmpeg -i FILM -c:v ffv1 FILM.mkv)"
"""The way out for a film of a kind that is not opened."""

READ_LIMITS = {"max_streams": "1000", "probesize": str(5_000_000), "max_probe_packets": "2500"}
"""What FFmpeg may make and read before the first frame, whatever its next version thinks."""

_PROBE_BYTES = 4096
# The entry, then boxes about the picture, and among them what it was before encryption.
_ENCRYPTED = re.compile(rb"encv.{78,4000}?sinf....frma", re.DOTALL)


def check_length(seconds: Fraction | None, settings: InputSettings, name: str) -> None:
    """Refuses films that say they are longer than the limit.

    Raises:
        FilmTooLarge: More hours than ``settings.max_hours``.
    """
    if seconds is not None and seconds > settings.max_hours * 3600:
        raise FilmTooLarge(
            f"{name}: claims to last {float(seconds / 3600):.0f} hours, more than the limit of"
            f" {settings.max_hours}; remux it with another tool"
        )


@contextmanager
def target_errors(target: Path) -> Iterator[None]:
    """As `output_errors`, for what FFmpeg raises too."""
    import av.error

    with output_errors(target, av.error.FFmpegError):
        yield


@contextmanager
def film_errors(path: Path) -> Iterator[None]:
    """Turns what FFmpeg and the system raise about the film at ``path`` into FilmError.

    Raises:
        FilmUnreadable: With a sentence that says what is wrong with the file.
        NoPicture: The file holds text, no pictures.
    """
    import av.error  # here, so that a file that is missing is told before FFmpeg is loaded

    name = printable(path.name)
    try:
        yield
    except VidcolorError:
        raise
    except av.error.DecoderNotFoundError as exc:
        raise FilmUnreadable(f"{name}: there is no decoder for its video; {CONVERT}") from exc
    except (
        av.error.InvalidDataError,
        av.error.ArgumentError,  # what a demuxer that is not allowed gives
        av.error.EOFError,
        UnicodeDecodeError,
    ) as exc:
        raise _diagnosis(path) from exc
    except MemoryError as exc:
        raise FilmUnreadable(f"{name}: is damaged, or needs more memory than there is") from exc
    except (av.FFmpegError, OSError, ValueError, AssertionError) as exc:
        reason = printable(getattr(exc, "strerror", None) or exc)
        raise FilmUnreadable(f"{name}: cannot be read: {reason}") from exc


def _diagnosis(path: Path) -> VidcolorError:
    """The most helpful error for a file that no allowed demuxer recognises."""
    name = printable(path.name)
    try:
        with open(path, "rb") as file:
            known = unopened_kind(file.read(START))
            file.seek(0)
            head = file.read(_PROBE_BYTES)
    except OSError as exc:
        return FilmUnreadable(f"{name}: cannot be read: {exc.strerror}")
    if known:
        advice = "" if ";" in known else f"; {CONVERT}"
        return FilmUnreadable(f"{name}: vidcolor cannot open this kind of file: {known}{advice}")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith((b"#EXTM3U", b"ffconcat", b"<MPD", b"v=0", b"<smil")):
        return FilmUnreadable(f"{name}: is a playlist; name the film itself")
    if text.startswith((b"WEBVTT", b"[Script Info]")) or b" --> " in head:
        return NoPicture(f"{name}: is a subtitle file; there is nothing to color")
    if head.startswith((b"\x1a\x45\xdf\xa3", b"RIFF")):
        return FilmUnreadable(f"{name}: ends before its first frame, or is too damaged to read")
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"):
        if not _has_box(path, b"moov"):
            return FilmUnreadable(
                f"{name}: never finished recording (no index); recover it with a tool such as"
                " untrunc"
            )
        return FilmUnreadable(f"{name}: its index is too damaged to read")
    return FilmUnreadable(
        f"{name}: not a media file that vidcolor can open; if a player shows it, {CONVERT}"
    )


def _has_box(path: Path, wanted: bytes) -> bool:
    """Whether an MP4 file has the top-level box ``wanted``, complete or not."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        at = 0
        while at + 8 <= size:
            file.seek(at)
            head = file.read(16)
            if head[4:8] == wanted:
                return True
            length = int.from_bytes(head[:4], "big")
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            if length < 8:
                return False
            at += length
    return False


def is_encrypted_mp4(path: Path) -> bool:
    """Whether a sample description of an MP4 file is one of encrypted pictures.

    Some decoders take encrypted bytes for pictures, so the index is asked before they are.
    """
    limit = 1 << 22
    with open(path, "rb") as file:
        head = file.read(limit)
        file.seek(max(0, path.stat().st_size - limit))
        tail = file.read(limit)
    return any(_ENCRYPTED.search(part) for part in (head, tail))
