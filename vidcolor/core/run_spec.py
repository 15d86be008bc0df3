"""What a run is: all that decides the bits of a colored video, written down before it begins.

Its fields stand in journals, manifests and reports: they decide whether a run goes on. Two runs
whose specs are equal give the same video, to the bit, but for libx265, which gives other bits in a
few packets of small pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from typing import Any

from vidcolor.core.files import FileIdentity, printable
from vidcolor.core.json_types import from_plain
from vidcolor.errors import SettingsError
from vidcolor.settings import MAX_BATCH, ChunkSettings, ShotSettings, TemporalSettings

_MAX_THREADS = 1024
"""More than an encoder was ever given."""
_LONGEST = 10**6
"""Seconds; no video is longer."""
_NAMED = 3
"""Differences that are named."""
_SHOWN = 80
"""Letters of a value that are shown."""


@dataclass(frozen=True)
class PictureSpec:
    """The picture as it is decoded."""

    codec: str
    size: str
    pixels: str
    time_base: str
    """Seconds per unit of pts, as a fraction."""


@dataclass(frozen=True)
class CutSpec:
    """Which part of the source is colored, and which of its streams are read how."""

    start: str | None
    """Seconds, as a fraction; None is the beginning."""
    end: str | None
    video_stream: int | None
    subtitle_encoding: str | None


@dataclass(frozen=True)
class ColorSpec:
    """The dials. Those that mean nothing for an image have their defaults there."""

    size: int
    vivid: float | None
    saturation: float
    titles: str
    stride: int = 1
    script: str = "off"
    """As of `ScriptSettings`; ``off`` also where the weights have no guide."""


@dataclass(frozen=True)
class EncoderSpec:
    """How the target is encoded; of an image only the container."""

    container: str
    codec: str = ""
    pixels: str = ""
    threads: int = 0
    """As decided for the machine that began."""
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NetSpec:
    """The net, and where it runs."""

    weights: str
    """sha256, hexadecimal."""
    device: str
    precision: str
    ranges: str
    """Digest of the ranges of its activations, which int8 needs."""
    batch: int
    """Frames per run of the net, as decided for the machine that began."""
    gate: str = ""
    """sha256 of the trust gate; empty where nothing is smoothed."""
    others: dict[str, str] = field(default_factory=dict)
    """sha256 of the weights that the color sheet names."""
    guides: str = ""
    """sha256 of the guides of all these nets; empty where no hint and no reference is said
    and no color script is made."""


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """A run. Make one with `vidcolor.run.spec`."""

    source: FileIdentity
    picture: PictureSpec | None = None
    """None for an image, as all that has to do with time."""
    cut: CutSpec | None = None
    shots: ShotSettings | None = None
    chunks: ChunkSettings | None = None
    color: ColorSpec
    smoothing: TemporalSettings | None = None
    encoder: EncoderSpec
    net: NetSpec
    versions: dict[str, str]
    """Of Python and the packages that decide bits."""
    colors: str = ""
    """Digest of what the color sheet says; empty where there is none."""
    shot_list: str = ""
    """Digest of the cuts that the user gave; empty where they are looked for."""
    label: bool = False
    """Whether the target says that it was colored; earlier versions had no label."""
    audio: str = "copy"
    """What is done with sound, as of `OutputSettings`; not written down where it is copied."""
    sounds: tuple[FileIdentity, ...] = ()
    """Files whose sound goes beside the source's; not written down where there are none."""

    @classmethod
    def from_dict(cls, entry: object) -> RunSpec:
        """The spec that `to_dict` made plain.

        Raises:
            ValueError: It is none, one of another version of vidcolor, or one no run ever had.
        """
        try:
            spec = from_plain(cls, entry)
        except SettingsError as error:
            raise ValueError(str(error)) from error
        if not (0 <= spec.net.batch <= MAX_BATCH and 0 <= spec.encoder.threads <= _MAX_THREADS):
            raise ValueError("no run has so many threads or so large a batch")
        if spec.picture and spec.time_base <= 0:
            raise ValueError(f"no time base: {spec.picture.time_base[:40]}")
        if spec.cut:
            for second in filter(None, (spec.cut.start, spec.cut.end)):
                parse_fraction(second)
        return spec

    def to_dict(self) -> dict[str, Any]:
        """Plain types only, ready for JSON."""
        found = asdict(self)
        if self.shots:
            del found["shots"]["cuts"]  # their digest tells them
        if not self.shot_list:  # as earlier versions wrote it
            del found["shot_list"]
        if self.audio == "copy":
            del found["audio"]
        if not self.sounds:
            del found["sounds"]
        return found

    @property
    def time_base(self) -> Fraction:
        """Seconds per unit of pts of a video.

        Raises:
            ValueError: It is the spec of an image.
        """
        if self.picture is None:
            raise ValueError("an image has no time base")
        return parse_fraction(self.picture.time_base)

    @property
    def start(self) -> Fraction:
        """Where the part that is colored begins in the source, in seconds."""
        return parse_fraction(self.cut.start) if self.cut and self.cut.start else Fraction(0)

    @property
    def is_whole(self) -> bool:
        """Whether all of the source is colored."""
        return self.cut is None or self.cut.start is self.cut.end is None

    def with_source(self, source: FileIdentity) -> RunSpec:
        """The same run of a file that is known to have the same bytes."""
        return replace(self, source=source)

    def with_colors_of(self, other: RunSpec) -> RunSpec:
        """The same run with the color sheet of another one.

        Which frames it touches is told chunk by chunk: an edit is no reason to make all anew.
        """
        net = replace(self.net, others=other.net.others, guides=other.net.guides)
        return replace(self, colors=other.colors, net=net)

    def with_sound_of(self, other: RunSpec) -> RunSpec:
        """The same run with the sound of another one, which no chunk rests on."""
        return replace(self, audio=other.audio, sounds=other.sounds)

    def with_content(self, content: str) -> RunSpec:
        """The same with the digest of all bytes of the source, where it is known."""
        return replace(self, source=replace(self.source, content=content)) if content else self

    def on_device_of(self, other: RunSpec, asked: str) -> RunSpec:
        """The same run on the device of another one, in its precision unless another is asked for.

        Both show in the bits of a video, and neither is a reason to make it anew.

        Args:
            other: An earlier run.
            asked: ``precision`` of the settings.
        """
        as_asked = asked in ("auto", *other.net.precision.split()[:1])
        precision = other.net.precision if as_asked else self.net.precision
        return replace(self, net=replace(self.net, device=other.net.device, precision=precision))

    def diff(self, before: RunSpec) -> str:
        """What differs from an earlier run, in words; empty where nothing does."""
        here = self.with_colors_of(before)
        then, now = (dict(_flatten(spec.to_dict())) for spec in (before, here))
        names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
        parts = [
            f"{name} was {_shorten(then.get(name))}, is now {_shorten(now.get(name))}"
            for name in names[:_NAMED]
        ]
        if here != self:  # digests say nothing to anybody
            parts.append("the color sheet says something else")
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return printable("; ".join(parts)) + more


def parse_fraction(value: object) -> Fraction:
    """A number of seconds, or of seconds per tick, as a file tells it.

    Raises:
        ValueError: It is none, or so large or so finely written that no video has it.
    """
    text = str(value)
    try:
        number = Fraction(text) if len(text) < 100 and "e" not in text.lower() else None
    except ZeroDivisionError:
        number = None
    if number is None or abs(number) > _LONGEST:
        raise ValueError(f"no number of seconds: {text[:40]}")
    return number


def _flatten(entry: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in entry.items():
        name = f"{path} {key.replace('_', ' ')}".strip()
        if isinstance(value, dict):
            yield from _flatten(value, name)
        else:
            yield name, value


def _shorten(value: object) -> str:
    text = "not set" if value in (None, "") else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
