"""The table of damaged films: how each one ends, and what the report says of it.

The numbers of the cases are those of the project's test list, B. What was broken inside the
picture (errors, concealed and missing frames) is counted by ``damage_checks`` with a decoder loop
of its own, so a row names only the kinds, and the words of what is known beforehand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import damage_checks as also
from command import Outcome
from damage_checks import Survey

Check = Callable[[Survey, Survey, Outcome], None]


@dataclass(frozen=True)
class Row:
    """One case of the list."""

    case: str
    film: str
    """Name in ``damaged_films.DAMAGED``."""
    target: str = ".mkv"
    """Suffix of the target."""
    kinds: frozenset[str] = frozenset()
    """Every kind of damage that the report names."""
    texts: dict[str, str] = field(default_factory=dict)
    """Kind -> its first entry as ``seconds text``, as a regular expression."""
    left: tuple[tuple[str, str], ...] = ()
    """Everything that is not carried, as (what, why)."""
    check: Check | None = None
    options: tuple[str, ...] = ()

    @property
    def code(self) -> int:
        return 3 if self.kinds or self.left else 0

    @property
    def name(self) -> str:
        return "-".join([self.case, self.film + self.target, *self.options])


@dataclass(frozen=True)
class Refusal:
    """A case that ends with 2 and one line."""

    case: str
    film: str
    says: str
    """The line, with FILM for the film's name, as a regular expression."""

    @property
    def name(self) -> str:
        return f"{self.case}-{self.film}"


def survives(case: str, film: str, *kinds: str, **more: object) -> Row:
    """A row into a lossless Matroska file: before the damage luma is the film's, byte for byte."""
    found = frozenset(kinds)
    return Row(case, film, ".mkv", found, options=("--lossless",), **more)  # type: ignore[arg-type]


def into_mp4(row: Row) -> Row:
    """The same expectation for a lossy MP4."""
    return replace(row, target=".mp4", options=())


def ends(at: str, of: str) -> dict[str, str]:
    return {"truncated": rf"{at}\d* the film ends at {at}\d* of {of} s; \d+ bytes of its file .*"}


CLIPPED = {"truncated": r"(1\.9|2\.0)\d* the film ends at (1\.9|2\.0)\d s; 1\d\d\d bytes of .*"}
NO_SOUND = {"truncated": r"0.0 audio stream 1 \(aac\): all its packets are missing"}
SHORT = r"1\.\d+ the {} ends at 1\.\d\d of (1\.92|2\.\d\d) s"
UNKNOWN = ("audio stream 1 (unknown codec)", "FFmpeg does not know its codec")

MATROSKA: list[Row] = [
    survives("B41", "flips.mp4", "concealed frame"),
    survives("B41", "flips.mov", "concealed frame"),
    survives(
        "B42",
        "flips.mkv",
        *("concealed frame", "decode error", "gap", "missing frame"),
        check=also.misses(6),
    ),
    survives(
        "B43",
        "flips.ts",
        *("concealed frame", "corrupt packet", "decode error", "gap", "missing frame"),
    ),
    survives("B44", "flips.mpg", "concealed frame", "timestamp", "gap", "missing frame"),
    survives(
        "B44",
        "flips.avi",
        *("concealed frame", "gap", "truncated"),
        texts={"truncated": r"\S+ audio stream 1 \(mp2\): \d of \d+ packets are missing"},
    ),
    survives("B45", "cut.mp4", "truncated", "corrupt packet", texts=ends("1.2", "2.00")),
    survives("B45", "cut.mov", "truncated", "corrupt packet", texts=ends("1.2", "2.00")),
    survives("B46", "cut.mkv", "truncated", texts=ends("1.2", "2.02")),
    survives("B46", "cut.avi", "truncated", texts={"truncated": "1.0 23 of 48 frames are .*"}),
    survives("B47", "cut.ts", "truncated", texts={"truncated": ".*; 38 bytes of its file .*"}),
    survives("B47", "cut.mpg", "concealed frame"),
    survives("B45", "clipped.mp4", "truncated", "corrupt packet", texts=CLIPPED),
    survives("B46", "clipped.mkv", "truncated", texts=CLIPPED),
    survives("B46", "clipped.avi", "truncated", texts=CLIPPED),
    Row("B53", "nosound.mkv", left=(UNKNOWN,)),
    survives(
        "B56",
        "restart.ts",
        "timestamp",
        "corrupt packet",
        texts={"timestamp": r"1.92 the timestamps jumped by -1.920 s; joined without a gap"},
        check=also.steps(1 / 25),
    ),
    survives("B57", "wrap.ts", check=also.steps(1 / 25)),
    survives("B59", "hole.mkv", "gap", texts={"gap": r"0.96 no frames for 10.040 s"}),
    survives("B60", "midstart.mkv", "missing frame", check=also.misses(11)),
    survives("B60", "midstart.ts", "missing frame", check=also.misses(11)),
    survives("B60", "lost.mkv", "gap", texts={"gap": r"0.792 no frames for 0.125 s"}),
    survives("B61", "badsound.mkv"),
    survives("B61", "badpicture.mkv", "decode error", "gap", "missing frame"),
    survives("B61", "badend.mkv", "decode error", "gap", "missing frame"),
    survives("B61", "repeated.mkv", "timestamp"),
    survives("B61", "nosoundindex.mp4", "truncated", texts=NO_SOUND),
    survives("B46", "short.webm", "truncated", texts={"truncated": SHORT.format("video")}),
    survives("B46", "short.flv", "truncated", texts={"truncated": SHORT.format("film")}),
    survives(
        "B46", "short.avi", "truncated", texts={"truncated": "1.8 3 of 48 frames are missing"}
    ),
    survives("B47", "mute.ts", "gap", texts={"gap": r"1.\d+ audio stream 1 \(mp2\): no sound .*"}),
    survives("B47", "pause.mkv"),
]

MP4 = ("flips.mp4", "flips.mkv", "cut.mp4", "clipped.mkv", "restart.ts", "midstart.mkv", "lost.mkv")
SURVIVE = MATROSKA + [into_mp4(row) for row in MATROSKA if row.film in MP4]

CHANGES = (
    r"FILM: the picture changes from {} to {} at frame 47 \(1\.930 s\); cut the film there and"
    " color each part"
)
NO_FILM = "FILM: not a media file that vidcolor can open; .*"
NO_INDEX = r"FILM: never finished recording \(no index\); recover it with a tool such as untrunc"

REFUSED: list[Refusal] = [
    Refusal("B48", "noindex.mp4", NO_INDEX),
    Refusal("B48", "noindex.mov", NO_INDEX),
    Refusal("B49", "empty.mp4", "FILM: is an empty file"),
    Refusal("B50", "random.mp4", NO_FILM),
    Refusal("B51", "text.mp4", NO_FILM),
    Refusal("B52", "header.mp4", "FILM: has a header but no frames"),
    Refusal("B52", "header.mkv", "FILM: ends before its first frame, or is too damaged to read"),
    Refusal("B53", "nodecoder.mkv", "FILM: the codec of its video is not on .* list .*"),
    Refusal("B54", "sizes.ts", CHANGES.format("64x64", "128x64")),
    Refusal("B55", "pixels.ts", CHANGES.format("yuv420p", "yuv422p")),
]
