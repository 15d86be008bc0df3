"""Compares a colored picture with its source, page by page."""

from __future__ import annotations

from pathlib import Path

from vidcolor.core.paths import JPEG_SUFFIXES
from vidcolor.core.report import Report
from vidcolor.media.images.photo import frame_of
from vidcolor.media.images.reader import Still
from vidcolor.settings import InputSettings
from vidcolor.verification.luma import LEAST, LumaTally
from vidcolor.verification.verdict import Verdict


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
        found, wanted = frame_of(ours.photo(page)), frame_of(theirs.photo(number))
        if found.luma.shape != wanted.luma.shape:
            sizes = [f"{f.luma.shape[1]}x{f.luma.shape[0]}" for f in (found, wanted)]
            verdict.deny("luma", f"the picture is {sizes[0]}, that of the source {sizes[1]}")
            continue
        top = (1 << found.layout.bits) - 1
        tally = LumaTally(found.layout.bits)
        luma = wanted.luma
        if found.layout.bits < wanted.layout.bits:
            if lossless:
                verdict.deny("luma", f"8 bits, that of the source has {wanted.layout.bits}")
                continue
            luma = ((luma.int() * top + 32767) // 65535).to(found.luma.dtype)
        tally.see(found.seconds, found.luma, luma)
        tally.tell(verdict, lossless, least, one=True)


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
