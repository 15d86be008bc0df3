"""Films in y4m, the raw format of pipes, written byte by byte."""

from __future__ import annotations

from pathlib import Path

from films import luma_pattern
from seen import md5

NARROWER = {"420": (2, 2), "422": (2, 1), "444": (1, 1), "411": (4, 1)}


def write_y4m(
    path: Path, color: str, frames: int = 9, size: tuple[int, int] = (96, 64), more: str = ""
) -> list[str]:
    """A gray film; md5 of the luma of every frame.

    Args:
        path: Of the film.
        color: As behind the C of its first line.
        frames: How many.
        size: (width, height).
        more: At the end of its first line.
    """
    width, height = size
    bits = int(color.partition("p")[2]) if color[3:4] == "p" and color[4:].isdigit() else 8
    kind = "<u2" if bits > 8 else "u1"
    chroma = 0
    if color != "mono":
        across, down = NARROWER[color[:3]]
        chroma = 2 * -(-width // across) * -(-height // down)
    neutral = (1 << (bits - 1)).to_bytes(2 if bits > 8 else 1, "little") * chroma
    made = []
    with open(path, "wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F24:1 Ip A1:1 C{color}{more}\n".encode())
        for number in range(frames):
            luma = luma_pattern(width, height, number, bits).astype(kind).tobytes()
            made.append(md5(luma))
            file.write(b"FRAME\n" + luma + neutral)
    return made
