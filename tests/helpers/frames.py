"""Frames of image sequences, written byte by byte or by other programs than the one that reads."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np


def moving(index: int, bits: int = 8, size: tuple[int, int] = (96, 64)) -> np.ndarray:
    """A gray frame ``(H, W)`` uint16 in codes of a depth: a gradient that moves, and every code."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    ramp = (x * 7 + y * 3 + index * 5) % 200 + 20
    codes = ramp * ((1 << bits) - 1) // 255
    codes[0] = np.linspace(0, (1 << bits) - 1, width).astype(int)
    return codes.astype(np.uint16)


def dpx(
    samples: np.ndarray,
    bits: int,
    *,
    order: str = ">",
    packing: int | None = None,
    rate: float | None = 24.0,
    timecode: int | None = None,
    transfer: int = 2,
) -> bytes:
    """A DPX file of ``(H, W)`` gray or ``(H, W, 3)`` RGB codes.

    ``packing`` is 1 for method A, 2 for method B. In a word of three samples of gray, the first one
    is in the lowest bits; in one of RGB, red is in the highest.
    """
    height, width, *channels = samples.shape
    if packing is None:
        packing = 1 if bits in (10, 12) else 0
    head = bytearray(b"\xff" * 2048)
    head[0:4] = b"SDPX" if order == ">" else b"XPDS"
    head[8:16] = b"V2.0\0\0\0\0"
    head[36:768] = bytes(768 - 36)
    struct.pack_into(f"{order}I", head, 4, 2048)
    struct.pack_into(f"{order}HHII", head, 768, 0, 1, width, height)
    descriptor = 50 if channels else 6
    fields = (descriptor, transfer, transfer, bits, packing, 0, 2048, 0)
    struct.pack_into(f"{order}BBBBHHII", head, 800, *fields)
    head[1664:1712] = bytes(48)
    if rate is not None:
        struct.pack_into(f"{order}f", head, 1724, rate)
    if timecode is not None:
        struct.pack_into(f"{order}I", head, 1920, timecode)
    pixels = _packed(samples.reshape(height, -1), bits, order, packing, not channels)
    struct.pack_into(f"{order}I", head, 16, 2048 + len(pixels))
    return bytes(head) + pixels


def _packed(rows: np.ndarray, bits: int, order: str, packing: int, gray: bool) -> bytes:
    if bits == 8:
        return np.pad(rows.astype(np.uint8), ((0, 0), (0, -rows.shape[1] % 4))).tobytes()
    if bits == 10:
        threes = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 3))).reshape(len(rows), -1, 3)
        first, second, third = (threes[..., n].astype(np.uint32) for n in range(3))
        if gray:
            first, third = third, first
        low = 2 if packing == 1 else 0
        return (
            (first << (20 + low) | second << (10 + low) | third << low)
            .astype(f"{order}u4")
            .tobytes()
        )
    shift = 4 if bits == 12 and packing == 1 else 0
    return (rows.astype(np.uint16) << shift).astype(f"{order}u2").tobytes()


def write_frames(
    folder: Path, count: int, make: Callable[[int], bytes], name: str = "scan_{:06d}.dpx"
) -> Path:
    """The folder, with ``count`` frames numbered from 86400; ``make`` gives the bytes of each."""
    folder.mkdir(exist_ok=True)
    for index in range(count):
        (folder / name.format(86400 + index)).write_bytes(make(index))
    return folder


def write_exr(folder: Path, frames: list[np.ndarray], kind: str, rate: int = 24) -> Path:
    """The folder, with EXR frames of linear light: ``(H, W)`` or ``(3, H, W)`` as G, B, R.

    ``kind`` is ``half`` or ``float``.
    """
    folder.mkdir(exist_ok=True)
    height, width = frames[0].shape[-2:]
    name = "grayf32le" if frames[0].ndim == 2 else "gbrpf32le"
    with av.open(str(folder / "light.%04d.exr"), "w", format="image2") as container:
        stream = container.add_stream("exr", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, name
        stream.codec_context.options = {"format": kind}
        for index, light in enumerate(frames):
            picture = av.VideoFrame(width, height, name)
            for plane, samples in zip(picture.planes, np.atleast_3d(light.T).T, strict=True):
                rows = np.zeros((height, plane.line_size // 4), np.float32)
                rows[:, :width] = samples
                plane.update(rows.tobytes())
            picture.pts = index
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return folder
