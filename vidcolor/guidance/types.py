"""What is said of the colors of one video, and the file that it stands in.

`ColorSheet` is all of it; the entries it is made of are those of `vidcolor.guidance.entries`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from vidcolor.errors import SettingsError
from vidcolor.guidance.entries import (
    Color,
    Hint,
    Palette,
    Point,
    Reference,
    SheetContent,
    Stretch,
)
from vidcolor.guidance.sheet_file import read_sheet
from vidcolor.guidance.sheet_write import write_sheet

__all__ = ["Color", "ColorSheet", "Hint", "Palette", "Point", "Reference", "Stretch"]


@dataclass(frozen=True)
class ColorSheet(SheetContent):
    """All that is said of the colors of one video."""

    path: Path | None = None
    """The file it was read from; images are looked for beside it."""
    rate: Fraction | None = field(default=None, compare=False, repr=False)
    """Frames per second by which SMPTE times of the file were read."""
    start_timecode: str = field(default="", compare=False, repr=False)
    """Timecode of the video's first frame, from which they count."""

    def find_image(self, reference: Reference) -> Path:
        """Where the file of a reference lies: beside the sheet, if its path is relative.

        Raises:
            SettingsError: It is an array, not a file.
        """
        if isinstance(reference.image, np.ndarray):
            raise SettingsError("this reference is an array; it has no file")
        beside = self.path.parent if self.path else Path()
        return beside / reference.image

    @classmethod
    def read(
        cls, path: str | Path, rate: Fraction | None = None, start_timecode: str = ""
    ) -> ColorSheet:
        """The color sheet in a file (docs/colors.md).

        Args:
            path: The TOML file.
            rate: Frames per second of the video; SMPTE times cannot be read without it.
            start_timecode: Timecode of the video's first frame; empty counts from 0.

        Raises:
            ColorSheetError: It cannot be read, or says what cannot be; the text names the line.
        """
        path = Path(path)
        content = read_sheet(path, rate, start_timecode)
        return cls(**vars(content), path=path, rate=rate, start_timecode=start_timecode)

    def write(self, path: str | Path) -> None:
        """Write the sheet into a file; in one that is there, comments stay where they are.

        Paths of images are written as they are: relative ones are looked for beside the file.

        Raises:
            ColorSheetError: The file that is there is no color sheet; it is left alone.
            OutputError: It cannot be written.
            SettingsError: A reference is an array; save it as an image first.
        """
        write_sheet(self, Path(path), self.rate, self.start_timecode)
