"""Films that are meant to do harm: bombs, disguises, and words that steer a terminal."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet
from films import Audio, make_film
from more_films import SMALL

SIDE = 16000
"""Width and height of the pictures that would fill the memory."""

ESCAPES = "\x1b]0;owned\x07\x1b[31mred\x1b[2J\x9b5m\r\b\u202egpj.exe"


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + check


def huge_png(path: Path) -> Path:
    """A few kilobytes that say they are 256 million pixels, and are."""
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    packer = zlib.compressobj(1)
    row = bytes(SIDE + 1)
    data = b"".join(packer.compress(row) for _ in range(64)) + packer.flush()
    png = _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + png)
    return path


def huge_png_in_film(path: Path) -> Path:
    data = huge_png(path.with_name("huge.png")).read_bytes()
    with av.open(str(path), "w") as container:
        stream = container.add_mux_stream("png", rate=24, width=SIDE, height=SIDE)
        container.start_encoding()
        for index in range(3):
            packet = Packet(data)
            packet.pts = packet.dts = index
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 24), stream, True
            container.mux(packet)
    return path


class _Bits:
    """Bits of an H.264 header, with its variable-length numbers."""

    def __init__(self) -> None:
        self.text = ""

    def put(self, value: int, width: int) -> _Bits:
        self.text += f"{value:0{width}b}"
        return self

    def golomb(self, *values: int) -> _Bits:
        for value in values:
            code = f"{value + 1:b}"
            self.text += "0" * (len(code) - 1) + code
        return self

    def bytes(self) -> bytes:
        text = self.text + "1"
        text += "0" * (-len(text) % 8)
        return int(text, 2).to_bytes(len(text) // 8, "big")


def huge_h264(path: Path) -> Path:
    """One kilobyte of H.264 whose header says as many pixels as its name, squared."""
    blocks = int(path.stem) // 16 - 1
    sps = _Bits().put(66, 8).put(0, 8).put(62, 8).golomb(0, 0, 2, 1).put(0, 1)
    sps.golomb(blocks, blocks).put(1, 1).put(1, 1).put(0, 1).put(0, 1)
    pps = _Bits().golomb(0, 0).put(0, 1).put(0, 1).golomb(0, 0, 0).put(0, 1).put(0, 2)
    pps.golomb(0, 0, 0).put(0, 3)
    slices = _Bits().golomb(0, 7, 0).put(0, 4).golomb(0).put(0, 4).put(0, 2).golomb(0, 0)
    units = [b"\x67" + sps.bytes(), b"\x68" + pps.bytes()]
    units += [b"\x65" + slices.bytes() + bytes([0xB5]) * 150] * 6
    path.write_bytes(b"".join(b"\0\0\0\1" + unit for unit in units))
    return path


def _box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", 8 + len(data)) + kind + data


def _grown(data: bytes, names: tuple[bytes, ...], extra: bytes, claim: int | None = None) -> bytes:
    """An MP4 with ``extra`` at the end of a box, named by the way to it; all sizes follow."""
    result, at = bytearray(data), 0
    end = 0
    for name in names:
        at = result.index(name, at) - 4
        size = int.from_bytes(result[at : at + 4], "big")
        end = at + size
        result[at : at + 4] = struct.pack(">I", (claim or len(extra)) + size)
        at += 8
    result[end:end] = extra
    return bytes(result)


def _mp4(path: Path) -> bytes:
    plain = path.with_name("plain.mp4")
    make_film(plain, SMALL)
    return plain.read_bytes()


def many_durations(path: Path) -> Path:
    """A table of a million durations for eight frames, and it says that there are 2^31 more."""
    way = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stts")
    data = bytearray(_grown(_mp4(path), way, struct.pack(">II", 1, 1) * 1_000_000))
    at = data.index(b"stts")
    data[at + 8 : at + 12] = struct.pack(">I", 0x7FFFFFFF)
    path.write_bytes(data)
    return path


def many_streams(path: Path) -> Path:
    """A hundred thousand tracks."""
    head = _box(b"tkhd", bytes(84))
    track = _box(b"trak", head + _box(b"mdia", _box(b"hdlr", bytes(8) + b"vide" + bytes(13))))
    path.write_bytes(_grown(_mp4(path), (b"moov",), track * 100_000))
    return path


def huge_tag(path: Path) -> Path:
    """Metadata that says it has a gigabyte, at the end of a small file."""
    tag = struct.pack(">I", 1 << 30) + b"udta" + struct.pack(">I", (1 << 30) - 8) + b"meta"
    path.write_bytes(_grown(_mp4(path), (b"moov",), tag))
    return path


def endless(path: Path) -> Path:
    """Eight frames that say they last thirty years."""
    plain = path.with_name("plain.mkv")
    make_film(plain, SMALL)
    data = bytearray(plain.read_bytes())
    at = data.index(b"\x44\x89\x88") + 3
    data[at : at + 8] = struct.pack(">d", 30 * 365 * 86400 * 1000.0)
    path.write_bytes(data)
    return path


def concat_script(path: Path) -> Path:
    """Under the name of a film a script that names another one beside it."""
    make_film(path.with_name("other.ts"), replace(SMALL, codec="mpeg2video"))
    path.write_text("ffconcat version 1.0\nfile other.ts\n")
    return path


def playlist(path: Path) -> Path:
    make_film(path.with_name("other.ts"), replace(SMALL, codec="mpeg2video"))
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nother.ts\n#EXT-X-ENDLIST\n")
    return path


def pictures_elsewhere(path: Path) -> Path:
    """A QuickTime film whose pictures lie, so it says, in another file beside it."""
    other = path.with_name("other.mov")
    make_film(other, replace(SMALL, container_options={"movflags": "faststart"}))
    data = other.read_bytes()
    name = str(other).encode()
    alias = bytearray(150)  # the fixed part of an alias record of classic Mac OS
    struct.pack_into(">H", alias, 130, 1)  # levels from here to there
    record = bytes([0, 0, 0, 0]) + bytes(alias)
    record += struct.pack(">HH", 2, len(name)) + name + bytes(len(name) % 2)
    record += struct.pack(">HH", 0xFFFF, 0)
    at = data.index(b"dref") + 4
    old = data[at + 8 : at + 8 + int.from_bytes(data[at + 8 : at + 12], "big")]
    assert old[4:8] in (b"url ", b"alis")
    new = _box(b"alis", record)
    grown = _grown(data, (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"), b"", 0)
    path.write_bytes(_replaced(grown, old, new))
    return path


def _replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    result, at = bytearray(data), 0
    for name in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        at = result.index(name, at) - 4
        size = int.from_bytes(result[at : at + 4], "big")
        result[at : at + 4] = struct.pack(">I", size + len(new) - len(old))
        at += 8
    at = result.index(old, at)
    result[at : at + len(old)] = new
    return bytes(result)


def unsafe_codec(path: Path) -> Path:
    return make_film(path, replace(SMALL, codec="magicyuv", pix_fmt="yuv420p")).path


def steers_a_terminal(path: Path) -> Path:
    """Titles and names of attachments that would recolor, rename or clear a terminal."""
    sound = Audio("flac", title=ESCAPES)
    tags = {"title": ESCAPES, "artist" + ESCAPES: "x", "comment": "<script>alert(1)</script>"}
    fonts = ((f"font{ESCAPES}.ttf", "application/x-truetype-font", bytes(100)),)
    spec = replace(SMALL, audio=(sound,), metadata=tags, attachments=fonts)
    return make_film(path, spec).path
