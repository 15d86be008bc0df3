"""Sources that ``films.make_film`` cannot describe: packets rewritten, bytes changed, no films."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.packet import Packet
from films import Spec, make_film, make_picture

SMALL = Spec(codec="libx264", width=64, height=64, frames=8)
PCS_AND_END = struct.pack(">BHHHBHBBBB", 0x16, 11, 64, 64, 0x10, 0, 0x80, 0, 0, 0) + b"\x80\0\0"
"""A PGS display set that shows nothing: what the Matroska muxer wants to see of a subtitle."""
BITMAP = {"pgssub": PCS_AND_END, "dvdsub": bytes(range(60)), "dvbsub": bytes(range(60))}


def captioned(path: Path) -> Path:
    """MPEG-2 with an EIA-608 pair in the user data of every picture, as DVDs and DVB have them."""
    plain = path.with_name("plain-" + path.name)
    make_film(plain, replace(SMALL, codec="mpeg2video", options={"bf": "0"}))

    def inject(index: int, data: bytes) -> bytes:
        at = data.index(b"\0\0\1\1")  # the first slice; user data belongs before it
        pair = bytes([0xFC, 0x80 | (0x41 + index), 0x80])
        return data[:at] + b"\0\0\1\xb2GA94\x03\x41\xff" + pair + b"\xff" + data[at:]

    return _rewritten(plain, path, inject)


def repeated_times(path: Path) -> Path:
    """Sound whose every fifth packet has the time of the one before, as VBR joins leave it."""
    plain = path.with_name("plain-" + path.name)
    make_film(plain, replace(SMALL, frames=48, audio=(_aac(),)))
    last = 0
    with av.open(str(plain)) as a, av.open(str(path), "w") as b:
        outs = [b.add_stream_from_template(s, opaque=True) for s in a.streams]
        for count, packet in enumerate(p for p in a.demux() if p.size):
            if packet.stream.index == 1:
                if count % 5 == 0:
                    packet.pts = packet.dts = last
                last = packet.pts
            packet.stream = outs[packet.stream.index]
            b.mux(packet)
    return path


def edit_list(path: Path) -> Path:
    """Cut without decoding: 15 frames and their sound lie before 0 and are not to be played."""
    plain = path.with_name("plain-" + path.name)
    make_film(plain, replace(SMALL, frames=48, audio=(_aac(),), options={"bf": "0"}))
    early = Fraction(15, 24)
    with av.open(str(plain)) as a, av.open(str(path), "w") as b:
        outs = [b.add_stream_from_template(s, opaque=True) for s in a.streams]
        for packet in (p for p in a.demux() if p.size):
            ticks = round(early / packet.time_base)
            packet.pts, packet.dts = packet.pts - ticks, packet.dts - ticks
            packet.stream = outs[packet.stream.index]
            b.mux(packet)
    return path


def _aac() -> Any:
    from films import Audio

    return Audio("aac")


def _rewritten(source: Path, target: Path, change: Any) -> Path:
    """A copy of the picture of a film with ``change(index, payload)`` on every packet."""
    with av.open(str(source)) as a, av.open(str(target), "w") as b:
        out = b.add_stream_from_template(a.streams.video[0], opaque=True)
        for index, packet in enumerate(p for p in a.demux(video=0) if p.size):
            made = Packet(change(index, bytes(packet)))
            made.pts, made.dts, made.duration = packet.pts, packet.dts, packet.duration
            made.time_base, made.is_keyframe = packet.time_base, packet.is_keyframe
            made.stream = out
            b.mux(made)
    return target


def bitmap_subtitles(path: Path) -> Path:
    """One subtitle of pictures of each kind: Blu-ray, DVD, DVB."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=24)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        tick = Fraction(1, 1000)
        texts = {c: container.add_mux_stream(c, time_base=tick) for c in BITMAP}
        container.start_encoding()
        for codec, stream in texts.items():
            packet = Packet(BITMAP[codec])
            packet.pts, packet.dts, packet.duration, packet.time_base = 100, 100, 100, tick
            packet.stream = stream
            container.mux(packet)
        for index in range(8):
            picture, _ = make_picture(SMALL, index)
            picture.pts, picture.time_base = index, Fraction(1, 24)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
    return path


def odd_bytes_in_title(path: Path) -> Path:
    """A Matroska title in Latin-1, which is no UTF-8."""
    make_film(path, replace(SMALL, metadata={"title": "Caf##"}))
    path.write_bytes(path.read_bytes().replace(b"Caf##", b"Caf\xe9!"))
    return path


def gif_with_a_hole(path: Path) -> Path:
    """A GIF of one picture whose right half is transparent."""
    width = height = 16
    pixels = bytes(1 if x < width // 2 else 0 for _ in range(height) for x in range(width))
    # Each pixel as a nine-bit code, with a clear code often enough that codes never grow.
    codes = [256]
    for index, pixel in enumerate(pixels):
        codes += [256] * (index % 64 == 0) + [pixel]
    bits = sum(code << (9 * place) for place, code in enumerate([*codes, 257]))
    data = bits.to_bytes((9 * (len(codes) + 1) + 7) // 8, "little")
    blocks = b"".join(
        bytes([len(data[at : at + 255])]) + data[at : at + 255] for at in range(0, len(data), 255)
    )
    size = struct.pack("<HH", width, height)
    palette = bytes([0, 0, 0, 200, 200, 200]) + bytes(3 * 254)
    control = b"\x21\xf9\x04\x01\x0a\0\0\0"  # color 0 is transparent, 0.1 s
    image = b"\x2c" + bytes(4) + size + b"\0\x08" + blocks + b"\0"
    path.write_bytes(b"GIF89a" + size + b"\xf7\0\0" + palette + control + image + b"\x3b")
    return path


def wrong_suffix(path: Path) -> Path:
    """Matroska under the name of an MP4."""
    made = make_film(path.with_suffix(".mkv"), SMALL)
    return made.path.rename(path)


def raw_mpeg2(path: Path) -> Path:
    """An elementary stream: payloads one after the other, no times."""
    plain = path.with_suffix(".mpg")
    make_film(plain, replace(SMALL, codec="mpeg2video", rate=Fraction(25), options={"bf": "0"}))
    with av.open(str(plain)) as container:
        path.write_bytes(b"".join(bytes(p) for p in container.demux(video=0) if p.size))
    return path


def encrypted(path: Path) -> Path:
    """CENC, made by FFmpeg itself.

    AV1 may stay decodable, to noise; without the table of keys FFmpeg does not warn of that.
    """
    options = {
        "encryption_scheme": "cenc-aes-ctr",
        "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
        "encryption_kid": "a7e61c373e219033c21091fa607bf3b8",
    }
    os.environ.setdefault("SVT_LOG", "1")  # read once a process; other tests listen for its noise
    codec = "libsvtav1" if "av1" in path.name else "libx264"
    make_film(path, replace(SMALL, codec=codec, container_options=options))
    if codec == "libsvtav1":
        data = path.read_bytes()
        for box in (b"senc", b"saiz", b"saio", b"tenc"):
            data = data.replace(box, b"free")
        path.write_bytes(data)
    return path


def sound_only(path: Path) -> Path:
    """Half a second of silence; an MP3 gets a cover picture, as music files have."""
    mp3 = path.suffix == ".mp3"
    with av.open(str(path), "w", format="mp3" if mp3 else "ipod") as container:
        stream = container.add_stream("libmp3lame" if mp3 else "aac", rate=48000)
        stream.codec_context.layout = "mono"
        cover = container.add_mux_stream("png", width=16, height=16) if mp3 else None
        if cover is not None:
            packet = Packet(still(path.with_name("cover.png")).read_bytes())
            packet.pts = packet.dts = 0
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 1000), cover, True
            container.start_encoding()
            container.mux(packet)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 24000), np.int16), "s16", "mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def still(path: Path) -> Path:
    """A gray picture with structure, PNG or JPEG by its name."""
    codec = "png" if path.suffix == ".png" else "mjpeg"
    context: Any = av.CodecContext.create(codec, "w")
    context.width = context.height = 80
    context.pix_fmt = "gray" if codec == "png" else "yuvj420p"
    context.time_base = Fraction(1, 1)
    picture, _ = make_picture(Spec(pix_fmt=context.pix_fmt, width=80, height=80), 3)
    picture.pts, picture.time_base = 0, Fraction(1, 1)
    packets = [*context.encode(picture), *context.encode(None)]
    path.write_bytes(b"".join(bytes(packet) for packet in packets))
    return path


def folder(path: Path) -> Path:
    path.mkdir(exist_ok=True)
    return path


def missing(path: Path) -> Path:
    return path


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def unix_socket(path: Path) -> Path:
    # A socket's path may hold 107 bytes, so it is made under a short name.
    here = os.getcwd()
    with socket.socket(socket.AF_UNIX) as made:
        try:
            os.chdir(path.parent)
            made.bind(path.name)
        finally:
            os.chdir(here)
    return path


def endless_device(_path: Path) -> Path:
    return Path("/dev/zero")


def text_file(path: Path) -> Path:
    """Subtitles in the three usual forms, by suffix."""
    texts = {
        ".srt": "1\n00:00:00,500 --> 00:00:01,500\nHello\n",
        ".vtt": "WEBVTT\n\n00:00.500 --> 00:01.500\nHello\n",
        ".ass": "[Script Info]\nScriptType: v4.00+\n\n[Events]\nDialogue: 0,0:00:00.50,,Hello\n",
    }
    path.write_text(texts[path.suffix])
    return path
