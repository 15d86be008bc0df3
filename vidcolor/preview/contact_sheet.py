"""Sheets: pictures in rows and columns with lettering, on a dark ground.

Pillow draws here and reads no file but fonts; pictures are read in `vidcolor.media`.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from math import ceil
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from vidcolor.errors import SettingsError

Look = Literal["side", "split", "after"]
LOOKS: tuple[Look, ...] = ("side", "split", "after")
"""How a cell shows before and after: both beside each other, the left half of one and the right
half of the other, or the second alone."""

WIDTH = 1920
"""Pixels across that a sheet aims at."""
MIN_CELL = 160
"""Pixels across below which no picture is shrunk for the sake of others."""
MAX_SIDE = 65_500
"""What a JPEG can hold."""
MAX_PIXELS = 160_000_000
"""Of a sheet; it takes three bytes each, a few times over."""
ROOMY = 64_000_000
"""Pixels above which a sheet of very many pictures rather gets smaller ones."""

GROUND, LINE = (17, 17, 19), (214, 214, 214)
BRIGHT, DIM = (236, 236, 236), (150, 150, 154)
MARGIN, GAP = 16, 6
HEAD = 22
"""Height of the heading's letters."""
_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "arial.ttf")
"""Asked for letters that Pillow's own font lacks."""

_LONGEST = 600
"""Letters of a name that are looked at."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def join_pictures(before: Tensor, after: Tensor, look: Look) -> Tensor:
    """``(3, H, W)`` uint8: two pictures of one size in one, which for ``side`` is wider."""
    if look == "after":
        return after
    if look == "side":
        gap = torch.tensor(GROUND, dtype=torch.uint8)[:, None, None].expand(3, after.shape[1], GAP)
        return torch.cat([before, gap, after], dim=2)
    half, thick = after.shape[2] // 2, 1 + after.shape[2] // 800
    both = after.clone()
    both[:, :, :half] = before[:, :, :half]
    line = torch.tensor(LINE, dtype=torch.uint8)[:, None, None]
    both[:, :, half - thick // 2 : half - thick // 2 + thick] = line
    return both


def cell_width(width: int, look: Look) -> int:
    """Of a cell with pictures of ``width``."""
    return 2 * width + GAP if look == "side" else width


def picture_size(screen: tuple[int, int], columns: int, look: Look) -> tuple[int, int]:
    """(width, height) of the pictures of a sheet with so many columns.

    As large as makes it `WIDTH` wide, no larger than on ``screen``, and `MIN_CELL` at least; high
    pictures are as high at most as they may be wide.
    """
    room = (WIDTH - 2 * MARGIN - (columns - 1) * GAP) // columns
    room = max(MIN_CELL, (room - GAP) // 2 if look == "side" else room)
    scale = min(1.0, room / max(screen))
    return max(1, round(screen[0] * scale)), max(1, round(screen[1] * scale))


class Board:
    """A dark ground to put pictures and letters on."""

    def __init__(self, size: tuple[int, int]) -> None:
        """Begin with nothing on it.

        Args:
            size: (width, height) in pixels.

        Raises:
            SettingsError: It would be too large.
        """
        check_size(size)
        self.size = size
        self._image = Image.new("RGB", size, GROUND)
        self._draw = ImageDraw.Draw(self._image)

    def paste(self, place: tuple[int, int], picture: Tensor) -> None:
        """Put ``(3, H, W)`` uint8 sRGB with its upper left corner at (x, y)."""
        samples = np.ascontiguousarray(picture.permute(1, 2, 0).numpy())
        self._image.paste(Image.fromarray(samples), place)

    def fill(self, box: tuple[int, int, int, int], color: str) -> None:
        """Fill from (x, y) to before (x, y) with a color, ``#rrggbb``."""
        left, top, right, bottom = box
        self._draw.rectangle((left, top, right - 1, bottom - 1), color)

    def write(
        self,
        place: tuple[float, float],
        text: str,
        size: int,
        room: float,
        color: tuple[int, int, int] = BRIGHT,
    ) -> float:
        """Write a line, cut to ``room`` pixels; how wide it got.

        Args:
            place: (x, y) of its left end, half-way up.
            text: What to write.
            size: Of the letters.
            room: Pixels that there are for it.
            color: Of the letters.
        """
        text, face = fit_text(text, size, room)
        self._draw.text(place, text, color, face, anchor="lm")
        return face.getlength(text)

    def print_heading(self, name: str, facts: str) -> None:
        """The name, and the facts behind it where there is room for both."""
        room = self.size[0] - 2 * MARGIN
        facts, small = fit_text(facts, HEAD - 6, room)
        short, face = fit_text(name, HEAD, room - small.getlength(facts) - HEAD)
        if not short:
            (short, face), facts = fit_text(name, HEAD, room), ""
        middle = MARGIN + HEAD / 2
        self._draw.text((MARGIN, middle), short, BRIGHT, face, anchor="lm")
        behind = MARGIN + face.getlength(short) + HEAD * 2 / 3
        self._draw.text((behind, middle), facts, DIM, small, anchor="lm")

    def print_plate(self, x: int, bottom: int, width: int, label: str) -> None:
        """Light letters on a dark plate in the lower left corner of a picture."""
        size = min(17, max(11, width // 26))
        pad = size // 3
        label, face = fit_text(label, size, width - 2 * pad)
        if not label:
            return
        length = ceil(face.getlength(label))
        box = (x, bottom - size - 2 * pad, x + min(width, length + 2 * pad), bottom)
        under = self._image.crop(box)
        self._image.paste(Image.blend(under, Image.new("RGB", under.size, (0, 0, 0)), 0.72), box)
        middle = (box[1] + box[3]) / 2
        self._draw.text((x + pad, middle), label, BRIGHT, face, anchor="lm")

    def tensor(self) -> Tensor:
        """``(3, H, W)`` uint8 sRGB."""
        return torch.from_numpy(np.array(self._image)).permute(2, 0, 1)


class Sheet(Board):
    """A sheet that is filled cell by cell."""

    def __init__(
        self,
        cell: tuple[int, int],
        columns: int,
        rows: int,
        heading: tuple[str, str],
        titles: Sequence[str] = (),
    ) -> None:
        """Draw the heading; leave the cells empty.

        Args:
            cell: (width, height) of a cell in pixels.
            columns: Number of cells across.
            rows: Number of cells down.
            heading: A name, and what is to be said of it.
            titles: One above each column.

        Raises:
            SettingsError: The sheet would be too large.
        """
        self.columns, self.cell = columns, cell
        self._title = min(22, max(13, cell[0] // 22))
        broken = [self._broken(text) for text in titles]
        self._lines = max(map(len, broken), default=0)
        self._top = MARGIN + HEAD + 12 + self._lines * (self._title + 6)
        super().__init__(sheet_size(cell, columns, rows, self._top))
        self.print_heading(*heading)
        for column, lines in enumerate(broken):
            self._column_title(column, lines)

    def place(self, index: int) -> tuple[int, int]:
        """(x, y) of the upper left corner of a cell, counted row by row."""
        row, column = divmod(index, self.columns)
        width, height = self.cell
        return MARGIN + column * (width + GAP), self._top + row * (height + GAP)

    def put(self, index: int, picture: Tensor, label: str) -> None:
        """Fill a cell with ``(3, H, W)`` uint8 sRGB of its size, and print a label on it."""
        x, y = self.place(index)
        self.paste((x, y), picture)
        self.print_plate(x, y + picture.shape[1], self.cell[0], label)

    def _broken(self, title: str) -> list[str]:
        """The title of a column in one line, or in one for each of its parts if it is too long."""
        long = font(self._title, title).getlength(title) > self.cell[0]
        return title.split(", ") if long else [title]

    def _column_title(self, column: int, lines: Sequence[str]) -> None:
        x, _ = self.place(column)
        for number, line in enumerate(lines, self._lines - len(lines)):
            y = self._top - (self._lines - number) * (self._title + 6) + self._title / 2
            self.write((x, y), line, self._title, self.cell[0])


def sheet_size(cell: tuple[int, int], columns: int, rows: int, top: int = 50) -> tuple[int, int]:
    """(width, height) of a sheet whose first row begins at ``top``."""
    width = 2 * MARGIN + columns * (cell[0] + GAP) - GAP
    return width, top + rows * (cell[1] + GAP) - GAP + MARGIN


def check_size(size: tuple[int, int]) -> None:
    """Refuse a sheet that is too large for a file or for memory.

    Raises:
        SettingsError: More than `MAX_SIDE` pixels on a side, or `MAX_PIXELS` in all.
    """
    if max(size) > MAX_SIDE or size[0] * size[1] > MAX_PIXELS:
        raise SettingsError(
            f"a sheet of {size[0]}x{size[1]} pixels is too large; ask for fewer frames"
        )


def columns_for(
    count: int, screen: tuple[int, int], look: Look, columns: int = 0
) -> tuple[int, int]:
    """(columns, most pictures) of a sheet of ``count`` pictures.

    It grows downwards. Where it would have more than `ROOMY` pixels, or be higher than a file can
    be, pictures get smaller, down to `MIN_CELL`; what is too much then has to be left out.

    Args:
        count: Number of pictures.
        screen: (width, height) of the film.
        look: How before and after are shown.
        columns: How many are wanted; 0 leaves it to this.
    """
    most = 0
    for number in [columns] if columns else (6, 8, 10, 11):
        width, height = picture_size(screen, number, look)
        across = sheet_size((cell_width(width, look), height), number, 1)[0]
        rows = (min(MAX_SIDE, ROOMY // across) - 80) // (height + GAP)
        columns, most = number, number * max(1, rows)
        if count <= most:
            break
    return min(columns, count), most


@lru_cache(maxsize=64)
def _faces(size: int) -> list[Font]:
    """Pillow's own font, and those of the machine that may have more letters."""
    faces: list[Font] = [ImageFont.load_default(size)]
    for name in _FONTS:
        try:
            faces.append(ImageFont.truetype(name, size))
        except OSError:
            continue
    return faces


def font(size: int, text: str) -> Font:
    """The first font that has all letters of ``text``; Pillow's own where none has."""
    faces = _faces(size)
    return next((face for face in faces if not _lacks(face, text)), faces[0])


def _lacks(face: Font, text: str) -> bool:
    """Whether a font has no picture of some letter."""
    none = bytes(face.getmask("\uffff"))
    return any(bytes(face.getmask(c)) == none for c in set(text) if not c.isspace())


def drawable(text: str, face: Font) -> str:
    """``text`` in letters that a font has: without accents where it must be, else ``?``."""
    found = []
    for letter in text:
        plain = unicodedata.normalize("NFKD", letter)[0]
        found.append(next((c for c in (letter, plain) if not _lacks(face, c)), "?"))
    return "".join(found)


def fit_text(text: str, size: int, room: float) -> tuple[str, Font]:
    """``text`` as it can be drawn, and its font.

    Where it is longer than ``room`` pixels, it has dots for its middle; at worst nothing is left.
    """
    text = text if len(text) <= _LONGEST else text[: _LONGEST // 2] + text[-_LONGEST // 2 :]
    face = font(size, text)
    text = drawable(text, face)

    def kept(count: int) -> str:
        if count == len(text):
            return text
        return f"{text[: (count + 1) // 2]}...{text[len(text) - count // 2 :]}" if count else ""

    def too_long(count: int) -> bool:
        return face.getlength(kept(count)) > room

    if not too_long(len(text)):
        return text, face
    fits = bisect_left(range(len(text)), True, key=too_long) - 1
    return kept(max(0, fits)), face
