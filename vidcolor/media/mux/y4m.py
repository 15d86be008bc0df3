"""Writes a film as y4m, the raw format of pipes (``-f yuv4mpegpipe``): frames, and nothing else.

Its first line tells size, rate, fields, pixel aspect, sampling and range; all other things that a
film has are listed as left behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from vidcolor.core.files import printable
from vidcolor.core.frames import Frame
from vidcolor.core.report import Dropped
from vidcolor.core.timecode import timecode
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import SettingsError
from vidcolor.media.container_heads import linked_parts
from vidcolor.media.encode.encoder import EncodePlan
from vidcolor.media.mux.passthrough import check_strict
from vidcolor.media.mux.pipe_sink import Output
from vidcolor.media.mux.routes import Passthrough, count_chapters, label
from vidcolor.media.mux.tags import chapters, film_tags
from vidcolor.media.open import VideoReader
from vidcolor.media.pixel_formats import (
    RANGE_FULL,
    SHIFTS,
    UNSPECIFIED,
    planar_format,
    siting,
    storage,
)
from vidcolor.media.whitelist import target_errors
from vidcolor.settings import EncodeSettings, OutputSettings

SUFFIX = ".y4m"
_CODEC = "rawvideo"
_DEPTHS = (8, 9, 10, 12, 14, 16)
_SAMPLINGS = {"440": "444", "410": "420", "gray": "420"}
"""What becomes of those that y4m has no name for; of more than 8 bits it has none for 4:1:1."""
_FIELDS = {"progressive": "p", "top": "t", "bottom": "b"}
_WHY = "y4m holds pictures only"


def plan_y4m(info: VideoInfo, settings: EncodeSettings) -> EncodePlan:
    """How a film is written as y4m: raw, at its own depth.

    Raises:
        SettingsError: Something is asked of an encoder.
    """
    asked = {
        "--codec": settings.codec,
        "--crf": settings.crf,
        "--preset": settings.preset,
        "--encoder-option": settings.options or None,
    }
    for name, value in asked.items():
        if value is not None:
            raise SettingsError(f"y4m is raw and has no encoder; leave out {name}")
    source = info.layout
    names = {shifts: name for name, shifts in SHIFTS.items()}
    gray = source.format.startswith("gray")
    own = "gray" if gray else names[source.sub_x, source.sub_y]
    bits = next(depth for depth in _DEPTHS if depth >= source.bits)
    sampling = _SAMPLINGS.get(own, own if bits == 8 or own != "411" else "444")
    form = planar_format(sampling, bits)
    assert form is not None
    sub_x, sub_y = SHIFTS[sampling]
    layout = replace(source, format=form, bits=bits, sub_x=sub_x, sub_y=sub_y)
    layout = replace(layout, siting=siting(sub_x, sub_y, _CODEC, info.tags))
    stored = info.stored_format
    same = not storage(stored).rgb and not stored.startswith("mono")
    exact = same and bits == source.bits
    changed = not gray and sampling != own
    return EncodePlan(
        container="yuv4mpegpipe",
        codec=_CODEC,
        layout=layout,
        options={},
        luma="exact" if exact else f"converted from {stored}",
        lossless=True,
        threads=1,
        notes=(f"y4m has no {source.format}; chroma becomes {form}",) if changed else (),
    )


class Y4mWriter:
    """Writes frames one after the other.

    Attributes:
        passthrough: What is left behind of the film, which is all but its picture.
    """

    def __init__(
        self,
        film: VideoReader,
        plan: EncodePlan,
        output: Output,
        settings: OutputSettings,
        name: Path,
    ) -> None:
        """Get ready; nothing is written yet.

        Args:
            film: The film.
            plan: Of `plan_y4m`.
            output: Takes the bytes; it is left open.
            settings: Whether things may be left behind.
            name: What errors call the target.

        Raises:
            CannotCarry: Something would be, and the settings are strict.
        """
        self._info, self._plan, self._output = film.info, plan, output
        self._settings, self._name = settings, name
        self._rate = film.info.frame_rate or Fraction(25)
        self._first: Fraction | None = None
        self._count = 0
        self._off: Fraction | None = None
        self.passthrough = Passthrough(left_behind=list(_left_behind(film)))
        check_strict(self.passthrough, settings)

    def write(self, frames: Iterable[Frame]) -> None:
        """Write all frames; times that are not those of a constant rate are listed at the end.

        Raises:
            CannotCarry: There are such times, and the settings are strict.
            OutputError: It cannot be written.
            BrokenPipeError: Nobody reads on.
        """
        with target_errors(self._name):
            self._output.write(first_line(self._info, self._plan, self._rate))
            for frame in frames:
                self._see(frame.pts * frame.time_base)
                self._output.write(b"FRAME\n")
                for plane in (frame.luma, *frame.chroma):
                    self._output.write(plane.contiguous().numpy().tobytes())
                self._output.flush()
        if self._off is not None:
            self._drop_times(self._off)

    def _see(self, moment: Fraction) -> None:
        """Take note of when a frame is shown."""
        self._first = moment if self._first is None else self._first
        told = self._first + self._count / self._rate
        self._count += 1
        if self._off is None and abs(moment - told) > 1 / (2 * self._rate):
            self._off = moment
            if self._settings.strict:
                self._drop_times(moment)
                check_strict(self.passthrough, self._settings)

    def _drop_times(self, moment: Fraction) -> None:
        rate = f"{float(self._rate):.5g} frames a second"
        why = f"y4m has a constant rate; from {timecode(moment)} on they are not those of {rate}"
        self.passthrough.left_behind.append(Dropped("times of frames", why))


def first_line(info: VideoInfo, plan: EncodePlan, rate: Fraction) -> bytes:
    """The line with which a y4m of such frames begins."""
    layout = plan.layout
    sampling = layout.format.removeprefix("yuv").partition("p")[0]
    color = {"420": "420mpeg2"}.get(sampling, sampling) if layout.bits == 8 else sampling
    color += f"p{layout.bits}" if layout.bits > 8 else ""
    aspect = info.sample_aspect or Fraction(0, 1)
    shape = f"{aspect.numerator}:{aspect.denominator}" if aspect else "0:0"
    full = "FULL" if info.tags["range"] == RANGE_FULL else "LIMITED"
    line = (
        f"YUV4MPEG2 W{info.width} H{info.height} F{rate.numerator}:{rate.denominator}"
        f" I{_FIELDS[info.field_order]} A{shape} C{color} XCOLORRANGE={full}\n"
    )
    return line.encode("ascii")


def _left_behind(film: VideoReader) -> Iterator[Dropped]:
    """All that a film has beside its frames."""
    info = film.info
    for stream in film.container.streams:
        made_anew = "timecode" in stream.metadata or getattr(stream, "name", "") == "bin_data"
        if stream.index != film.video.index and not (stream.type == "data" and made_anew):
            yield Dropped(label(stream), _WHY)
    for sound in film.settings.sound:
        yield Dropped(f"sound of {printable(Path(sound).name)}", _WHY)
    if number := len(chapters(film)[0]):
        yield Dropped(count_chapters(number), _WHY)
    if info.timecode:
        yield Dropped(f"timecode {printable(info.timecode)}", _WHY)
    if tags := film_tags(film):
        yield Dropped(f"tags ({', '.join(printable(key) for key in sorted(tags))})", _WHY)
    if any(film.first_tags[key] not in (0, UNSPECIFIED) for key in ("matrix", "primaries")):
        yield Dropped("color tags", f"y4m cannot say that its chroma is {info.layout.matrix}")
    if info.hdr:
        yield Dropped("HDR10 mastering data", _WHY)
    if info.rotation:
        yield Dropped("display matrix", "y4m cannot turn or mirror a picture")
    if info.has_alpha:
        yield Dropped("transparency", "colored films are opaque")
    if info.container == "matroska,webm":
        for part in linked_parts(film.source):
            yield Dropped(*part)
