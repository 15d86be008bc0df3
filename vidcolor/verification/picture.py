"""Compares a colored picture with its source, page by page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vidcolor.core.paths import JPEG_SUFFIXES
from vidcolor.core.report import Report
from vidcolor.media.images.photo import Photo, frame_of
from vidcolor.media.images.reader import Still
from vidcolor.settings import InputSettings
from vidcolor.verification.luma import LEAST, LumaTally
from vidcolor.verification.verdict import Verdict

ROUNDED = 1
"""Codes that luma may be off: it is stored as RGB, and rounded."""
EDGE = 1 / 32
"""Of full range: how far it may be off where red, green or blue is at its least or its most, since
a color that lies beyond is cut off there."""


def check_picture(
    target: Path,
    source: Path,
    report: Report | None,
    settings: InputSettings,
    verdict: Verdict,
    least: float = LEAST,
) -> None:
    """Write down whether the pictures of a file have the luma of its source.

    Args:
        target: The colored file.
        source: The file that was colored.
        report: Of the run; None where there is none.
        settings: Limits of reading.
        verdict: Gets it.
        least: As of `LumaTally.tell`.

    Raises:
        FilmError: One of them cannot be read.
    """
    ours, theirs = Still(target, settings), Still(source, settings)
    unread = {one.what for one in report.left_behind} if report else set()
    numbers = [n for n in range(theirs.pages) if f"{theirs.unit} {n + 1}" not in unread]
    if ours.pages == 1:
        numbers = numbers[:1]
    verdict.judge(
        len(numbers) == ours.pages,
        "pictures",
        f"{ours.pages}",
        f"the file has {ours.pages}, the source {theirs.pages}",
    )
    lossless = target.suffix.lower() not in JPEG_SUFFIXES
    for page, number in zip(range(ours.pages), numbers, strict=False):
        photo = ours.photo(page)
        found, wanted = frame_of(photo), frame_of(theirs.photo(number))
        if found.luma.shape != wanted.luma.shape:
            sizes = [f"{f.luma.shape[1]}x{f.luma.shape[0]}" for f in (found, wanted)]
            verdict.deny("luma", f"the picture is {sizes[0]}, that of the source {sizes[1]}")
            continue
        top = (1 << found.layout.bits) - 1
        tally = LumaTally(found.layout.bits, ROUNDED)
        luma = wanted.luma
        if found.layout.bits < wanted.layout.bits:
            if lossless:
                verdict.deny("luma", f"8 bits, that of the source has {wanted.layout.bits}")
                continue
            luma = ((luma.int() * top + 32767) // 65535).to(found.luma.dtype)
        elif lossless:
            luma = _forgive_edges(found.luma, luma, photo, verdict)
        tally.see(found.seconds, found.luma, luma)
        tally.tell(verdict, lossless, least, one=True)


def _forgive_edges(found: Tensor, wanted: Tensor, photo: Photo, verdict: Verdict) -> Tensor:
    """Luma that is wanted, but what was found where a color at the edge of RGB was cut off."""
    top = np.iinfo(photo.samples.dtype).max
    if photo.samples.ndim == 2:
        return wanted
    edge = torch.from_numpy(((photo.samples == 0) | (photo.samples == top)).any(-1))
    if edge.shape != found.shape:  # turned by another program
        return wanted
    apart = (found.int() - wanted.int()).abs()
    forgiven = edge & (apart > ROUNDED) & (apart <= top * EDGE)
    if forgiven.any():
        most, share = int(apart[forgiven].max()), float(forgiven.float().mean())
        text = f"{share:.2%} of the samples are at the edge of RGB, where luma is off by up to"
        verdict.holds("luma", f"{text} {most} of {top} codes")
    return torch.where(forgiven, found.int(), wanted.int()).to(wanted.dtype)


def check_extras(target: Path, report: Report, settings: InputSettings, verdict: Verdict) -> None:
    """Write down whether a picture still has what the report says was kept of EXIF and the like.

    Raises:
        FilmError: It cannot be read.
    """
    found = {one.split(" (")[0] for one in Still(target, settings).photo().extras.named()}
    for one in report.carried:
        if one.startswith("text "):  # becomes EXIF in other kinds of pictures
            continue
        verdict.judge(one.split(" (")[0] in found, "kept", one, f"{one} is not in the file")
