"""Damaged films: good ones from ``films``, and then changes to their bytes or packets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from films import Audio, Spec, cut_file, flip_bytes, joined, make_film
from more_films import SMALL

MS = Fraction(1, 1000)
FASTSTART = {"movflags": "faststart"}
WRAP = 1 << 33
"""Ticks of 1/90000 s after which the clock of a transport stream begins anew."""

H264 = replace(SMALL, frames=48, audio=(Audio(),), options={"g": "12", "bf": "2"})
MPEG2 = replace(SMALL, codec="mpeg2video", frames=48, audio=(Audio("mp2"),), rate=Fraction(25))


def good(path: Path) -> Path:
    """A whole film of two seconds with sound, to be damaged."""
    path = path.with_name("good-" + path.name)
    mpeg = path.suffix in (".ts", ".mpg", ".avi")
    spec = MPEG2 if mpeg else replace(H264, container_options=_options(path))
    make_film(path, replace(spec, codec="mpeg4") if path.suffix == ".avi" else spec)
    return path


def _options(path: Path) -> dict[str, str]:
    return FASTSTART if path.suffix in (".mp4", ".mov") else {}


def flipped(path: Path) -> Path:
    """Forty bytes changed; the same ones on all machines, so no sound whose encoder has floats."""
    plain = path.with_name("plain-" + path.name)
    if path.suffix in (".mp4", ".mov", ".mkv"):
        options = _options(path)
        same = H264.options | {"x264-params": "asm=AVX2"}  # AVX-512 gives other bits
        film = replace(H264, audio=(Audio("mp2"),), options=same, container_options=options)
        make_film(plain, film)
    else:
        plain = good(path)
    return flip_bytes(plain, path, 40)


def cut(share: float) -> Callable[[Path], Path]:
    return lambda path: cut_file(good(path), path, share)


def without_index(path: Path) -> Path:
    """A recording that was broken off: the index of an MP4 is written last."""
    plain = path.with_name("plain.mp4")
    make_film(plain, H264)
    return cut_file(plain, path, 0.6)


def header_only(path: Path) -> Path:
    """A film of no frames: an MP4 without samples, a Matroska file cut before its first cluster."""
    if path.suffix == ".mkv":
        data = good(path).read_bytes()
        path.write_bytes(data[: data.index(bytes.fromhex("1f43b675"))])
        return path
    options = {"movflags": "empty_moov+frag_keyframe"}
    make_film(path, replace(SMALL, container_options=options))
    path.write_bytes(path.read_bytes().partition(b"moof")[0][:-4])
    return path


def random_bytes(path: Path) -> Path:
    path.write_bytes(np.random.default_rng(7).bytes(20000))
    return path


def text(path: Path) -> Path:
    path.write_text("To whom it may concern\n" * 100)
    return path


def empty(path: Path) -> Path:
    path.touch()
    return path


def renamed(old: bytes, new: bytes) -> Callable[[Path], Path]:
    """A film with the name of a codec changed to one that nobody has heard of."""

    def make(path: Path) -> Path:
        data = good(path).read_bytes()
        assert len(old) == len(new)
        assert old in data
        path.write_bytes(data.replace(old, new))
        return path

    return make


def joined_with(**changes: Any) -> Callable[[Path], Path]:
    """Two recordings as bytes one after the other, the second with some changes."""

    def make(path: Path) -> Path:
        parts = []
        for name, spec in (("a", MPEG2), ("b", replace(MPEG2, **changes))):
            parts.append(make_film(path.with_name(f"{name}.ts"), spec).path)
        return joined(path, *parts)

    return make


def wrapped_clock(path: Path) -> Path:
    """A transport stream whose clock of 33 bits begins anew after half a second."""
    offset = str(float(Fraction(WRAP, 90000) - Fraction(1, 2)))
    make_film(path, replace(MPEG2, container_options={"output_ts_offset": offset}))
    return path


def hole(path: Path) -> Path:
    """Ten seconds without a picture."""
    times = (*range(0, 1000, 40), *range(11000, 12000, 40))
    make_film(path, replace(SMALL, time_base=MS, pts=times, audio=(Audio(seconds=12),)))
    return path


def starts_in_the_middle(path: Path) -> Path:
    """Without its first key frame: eleven frames refer to a picture that is not there."""
    return _copied(path, lambda index, stream: stream == "video" and index == 0)


def without_some_frames(path: Path) -> Path:
    """Three frames of sixty that nothing refers to were lost on the way."""
    return _copied(path, lambda index, stream: stream == "video" and index in (20, 21, 30))


def _copied(path: Path, drops: Callable[[int, str], bool]) -> Path:
    plain = path.with_name("plain.mkv")
    options = {"g": "12", "bf": "0", "sc_threshold": "0"}
    make_film(plain, replace(H264, options=options, audio=(Audio("mp2"),)))
    with av.open(str(plain)) as a, av.open(str(path), "w") as b:
        outs = [b.add_stream_from_template(s, opaque=True) for s in a.streams]
        counts = [0, 0]
        for packet in (p for p in a.demux() if p.size):
            index = packet.stream.index
            counts[index] += 1
            if drops(counts[index] - 1, packet.stream.type):
                continue
            packet.stream = outs[index]
            b.mux(packet)
    return path


def broken_payloads(kind: str, first: int, count: int) -> Callable[[Path], Path]:
    """``count`` packets of a stream overwritten from within, from the ``first`` on."""

    def make(path: Path) -> Path:
        plain = good(path)
        data = bytearray(plain.read_bytes())
        for payload in list(_payloads(plain, kind))[first : first + count]:
            at = data.index(payload)
            data[at + 4 : at + len(payload)] = b"\xff" * (len(payload) - 4)
        path.write_bytes(data)
        return path

    return make


def _payloads(path: Path, kind: str) -> Iterator[bytes]:
    with av.open(str(path)) as container:
        stream = next(s for s in container.streams if s.type == kind)
        yield from (bytes(p) for p in container.demux(stream) if p.size)


def without_end(path: Path) -> Path:
    """Without the last three pictures and the sound beside them: zeros up to the index."""
    if path.suffix == ".flv":  # has no index and no size: it ends where its bytes end
        make_film(path.with_name("plain.flv"), replace(H264, audio=(Audio(),)))
        data = path.with_name("plain.flv").read_bytes()
        path.write_bytes(data[: len(data) * 85 // 100])
        return path
    plain = path.with_name("plain" + path.suffix)
    codec = {".webm": "libvpx-vp9", ".avi": "mpeg4"}[path.suffix]
    sound = {".webm": "libopus", ".avi": "mp2"}[path.suffix]
    make_film(plain, replace(MPEG2, codec=codec, audio=(Audio(sound),), options={}))
    data = bytearray(plain.read_bytes())
    head = 16
    begin = data.index(list(_payloads(plain, "video"))[-3]) - head
    end = data.rindex(b"idx1" if path.suffix == ".avi" else bytes.fromhex("1c53bb6b"))
    data[begin:end] = bytes(end - begin)
    path.write_bytes(data)
    return path


def without_sound_index(path: Path) -> Path:
    """An MP4 that knows how many packets of sound it has, but not how long they are."""
    data = bytearray(good(path).read_bytes())
    at = data.rindex(b"stsz")
    data[at : at + 4] = b"zzzz"
    path.write_bytes(data)
    return path


def without_some_sound(path: Path) -> Path:
    """A fifth of a second of sound is missing, and the picture goes on."""
    return _copied(path, lambda index, stream: stream == "audio" and 50 <= index < 60)


def repeated_sound(path: Path) -> Path:
    """Every fifth packet of sound has the time of the one before, and so have two pictures."""
    plain = path.with_name("plain.mkv")
    make_film(plain, replace(H264, options={"bf": "0"}))
    last = [0, 0]
    with av.open(str(plain)) as a, av.open(str(path), "w") as b:
        outs = [b.add_stream_from_template(s, opaque=True) for s in a.streams]
        for count, packet in enumerate(p for p in a.demux() if p.size):
            index = packet.stream.index
            if count % 5 == 0 and (index == 1 or count in (30, 55)):
                packet.pts = packet.dts = last[index]
            last[index] = packet.pts or 0
            packet.stream = outs[index]
            b.mux(packet)
    return path


def large(path: Path) -> Path:
    """Several megabytes, so that FFmpeg cannot have read it all before the first frame."""
    spec = Spec(codec="rawvideo", width=320, height=240, frames=60, pix_fmt="yuv420p")
    return make_film(path, spec).path


DAMAGED: dict[str, Callable[[Path], Path]] = {
    **{f"flips{suffix}": flipped for suffix in (".mp4", ".mov", ".mkv", ".ts", ".mpg", ".avi")},
    **{f"cut{suffix}": cut(0.6) for suffix in (".mp4", ".mov", ".mkv", ".avi", ".ts", ".mpg")},
    **{f"clipped{suffix}": cut(0.97) for suffix in (".mp4", ".mkv", ".avi")},
    "noindex.mp4": without_index,
    "noindex.mov": without_index,
    "empty.mp4": empty,
    "random.mp4": random_bytes,
    "text.mp4": text,
    "header.mp4": header_only,
    "header.mkv": header_only,
    "nodecoder.mkv": renamed(b"V_MPEG4/ISO/AVC", b"V_ZZZZZ/ZZZ/ZZZ"),
    "nosound.mkv": renamed(b"A_AAC", b"A_ZZZ"),
    "sizes.ts": joined_with(width=128),
    "pixels.ts": joined_with(pix_fmt="yuv422p"),
    "restart.ts": joined_with(),
    "wrap.ts": wrapped_clock,
    "hole.mkv": hole,
    "midstart.mkv": starts_in_the_middle,
    "midstart.ts": starts_in_the_middle,
    "lost.mkv": without_some_frames,
    "badsound.mkv": broken_payloads("audio", 20, 30),
    "badpicture.mkv": broken_payloads("video", 20, 3),
    "badend.mkv": broken_payloads("video", 45, 1),
    "repeated.mkv": repeated_sound,
    "short.webm": without_end,
    "short.flv": without_end,
    "short.avi": without_end,
    "nosoundindex.mp4": without_sound_index,
    "mute.ts": without_some_sound,
    "pause.mkv": without_some_sound,
    "large.mkv": large,
    "good.mkv": lambda path: good(path).rename(path),
}


def build(name: str, folder: Path) -> Path:
    """Makes the source ``name`` in a folder of its own and returns its path."""
    folder.mkdir()
    return DAMAGED[name](folder / name)
