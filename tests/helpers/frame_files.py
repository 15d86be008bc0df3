"""Frames of sequences, made byte by byte: DPX as scanners write them, and others."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

EDGE = b"\x30\x31" + b"42" + b"07" + b"123456" + b"0987"


def ramp(number: int, height: int = 64, width: int = 96, bits: int = 10) -> np.ndarray:
    """``(H, W)`` a gray picture that moves from frame to frame, over the whole range."""
    y, x = np.mgrid[:height, :width]
    waves = 0.5 + 0.3 * np.sin((x + 3 * number) / 9) + 0.2 * np.cos(y / 7 + number / 5)
    codes = np.clip(waves, 0, 1) * ((1 << bits) - 1)
    return np.rint(codes).astype(np.uint8 if bits == 8 else np.uint16)


def scanner_header(
    number: int, size: tuple[int, int], bits: int, descriptor: int, order: str, packing: int
) -> bytes:
    """The header of a scanned frame, with all that an archive wants kept."""
    data = bytearray(b"\xff" * 4096)
    data[36:660] = bytes(624)
    data[:4] = {">": b"SDPX", "<": b"XPDS"}[order]
    struct.pack_into(f"{order}I", data, 4, 4096)
    data[8:16] = b"V2.0\0\0\0\0"
    struct.pack_into(f"{order}IIIII", data, 16, 0, 1, 1664, 384, 4096 - 2048)
    data[36:60] = f"reel_{number:07d}.dpx".encode().ljust(24, b"\0")
    data[136:160] = b"2024:05:06:07:08:09 UTC\0"
    data[160:172] = b"ScanStation\0"
    data[460:476] = b"Archive of films"
    struct.pack_into(f"{order}HHII", data, 768, 0, 1, *size)
    struct.pack_into(f"{order}IIfIf", data, 780, 0, 64, 0.0, 940, 2.046)
    data[800:804] = bytes((descriptor, 1, 4, bits))
    struct.pack_into(f"{order}HHIII", data, 804, packing, 0, 4096, 0, 0)
    data[820:852] = b"negative".ljust(32, b"\0")
    data[1664:1680] = EDGE[:12] + f"{number % 10000:04d}".encode()
    struct.pack_into(f"{order}III", data, 1712, number, 300, 1)
    struct.pack_into(f"{order}ff", data, 1724, 24.0, 172.8)
    data[1732:1764] = b"frame id".ljust(32, b"\0")
    data[1764:1864] = b"slate 7 take 2".ljust(100, b"\0")
    seconds, frames = divmod(number, 24)
    digits = f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}{frames:02d}"
    struct.pack_into(f"{order}II", data, 1920, int(digits, 16), 0x12345678)
    data[2048:2080] = b"vendor".ljust(32, b"\0")
    data[2080:4096] = bytes(range(256)) * 7 + bytes(224)
    return bytes(data)


def gray_dpx(number: int, luma: np.ndarray, order: str = ">") -> bytes:
    """A gray frame of 10 bits, three samples to a word of 32 bits (method A)."""
    height, width = luma.shape
    assert width % 3 == 0
    words = luma.reshape(height, -1, 3).astype(np.uint32)
    packed = words[..., 0] << 2 | words[..., 1] << 12 | words[..., 2] << 22
    head = scanner_header(number, (width, height), 10, 6, order, 1)
    return head + packed.astype(f"{order}u4").tobytes()


def rgb_dpx(number: int, rgb: np.ndarray, order: str = ">") -> bytes:
    """An RGB frame of 10 bits, three samples to a word of 32 bits (method A)."""
    height, width = rgb.shape[:2]
    red, green, blue = (rgb[..., at].astype(np.uint32) for at in range(3))
    head = scanner_header(number, (width, height), 10, 50, order, 1)
    return head + (red << 22 | green << 12 | blue << 2).astype(f"{order}u4").tobytes()


def unpacked(data: bytes) -> np.ndarray:
    """``(H, W, 3)`` samples of an RGB frame of 10 bits that vidcolor wrote."""
    order = {b"SDPX": ">", b"XPDS": "<"}[data[:4]]
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    width, height = struct.unpack_from(f"{order}II", data, 772)
    words = np.frombuffer(data, f"{order}u4", width * height, start).reshape(height, width)
    return np.stack([words >> 22 & 1023, words >> 12 & 1023, words >> 2 & 1023], axis=-1)


def write_scans(folder: Path, count: int, *, rgb: bool = False, first: int = 86400) -> Path:
    """A sequence as RAWcooked knows them; its pattern."""
    folder.mkdir(parents=True)
    for number in range(first, first + count):
        luma = ramp(number - first)
        gray = gray_dpx(number, luma) if not rgb else rgb_dpx(number, np.stack([luma] * 3, -1))
        (folder / f"reel_{number:07d}.dpx").write_bytes(gray)
    return folder / "reel_%07d.dpx"
