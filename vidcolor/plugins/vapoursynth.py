"""A filter for VapourSynth: a black-and-white clip in, the same clip in color out.

In a script::

    from vidcolor.plugins.vapoursynth import colorize

    clip = colorize(core.bs.VideoSource("film.mkv"))
    clip.set_output()

docs/vapoursynth.md has more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcolor.colorize.session import Session
from vidcolor.core.frames import Frame
from vidcolor.core.label import Label
from vidcolor.errors import SettingsError, UnsupportedPixels, VidcolorError
from vidcolor.guidance.plan import Guidance
from vidcolor.guidance.types import ColorSheet
from vidcolor.nets.weights import available_weights
from vidcolor.plugins.clip_layout import (
    ClipFormat,
    ClipLayout,
    codes_of,
    given_start,
    read_layout,
    samples_of,
)
from vidcolor.plugins.frame_server import FrameServer, SourceFrame
from vidcolor.run.spec import versions
from vidcolor.settings import (
    ColorizerSettings,
    PaintSettings,
    Settings,
    TemporalSettings,
    TitleSettings,
)

LABEL = "Vidcolor"
"""Name of the frame property that says how a frame was colored."""
_CLOCK = 1_000_000
"""Units of time a second where the frame rate varies."""
_USUAL = Fraction(25)
"""Frames a second where nothing tells them; nothing hangs on it then."""


def colorize(
    clip: Any,
    *,
    weights: str = "default",
    device: str = "auto",
    size: int = ColorizerSettings.size,
    vivid: float | None = None,
    saturation: float = PaintSettings.saturation,
    stride: int = ColorizerSettings.stride,
    smooth: float = TemporalSettings.strength,
    titles: str = TitleSettings.cards,
    colors: ColorSheet | str | Path | None = None,
    radius: int = 24,
    threads: int = 0,
    label: bool = True,
) -> Any:
    """Color a clip.

    Args:
        clip: A ``vs.VideoNode``, GRAY or YUV, 8 to 16 bits or float; neither its size nor its
            format may change.
        weights: As of `ColorizerSettings`, as ``device``, ``size``, ``vivid``, ``stride`` and
            ``threads`` are.
        device: Where the net runs.
        size: Short side of what the net sees.
        vivid: From 0, safe colors, to 1, vivid ones; None is what the weights were tuned for.
        saturation: As of `PaintSettings`.
        stride: The net runs on one frame of so many.
        smooth: Strength, as of `TemporalSettings`.
        titles: What is done with title cards, as of `TitleSettings`.
        colors: A color sheet or its file. Its times are those of the clip. Where it has hints or
            references, the whole clip is read for its shots before the first frame is colored.
        radius: Frames before an asked one from which it takes color after a jump.
        threads: Threads for the arithmetic; 0 takes one for each core.
        label: Whether each frame gets a property, ``Vidcolor``, that says how it was colored.

    Returns:
        A clip of the same format, a GRAY one as YUV 4:4:4 of the same depth. Its luma is that of
        ``clip``, and its frame properties are, but for color tags that were not there.

    Raises:
        vapoursynth.Error: The clip or a setting is refused; the text says what to do.
    """
    import vapoursynth as vs

    try:
        source = _Source(clip, vs)
        net = ColorizerSettings(weights, device, size, vivid=vivid, stride=stride, threads=threads)
        rest = TemporalSettings(smooth), TitleSettings(titles), PaintSettings(saturation)
        settings = Settings(colorizer=net, smooth=rest[0], titles=rest[1], paint=rest[2])
        session = Session.load(settings.without_script, guidance=_plan(source, colors))
        server = _serve(source, session, radius, vs)
    except VidcolorError as error:
        raise vs.Error(f"colorize: {error}") from error
    return _output(source, server, _label_of(session) if label else "", vs)


def _serve(source: _Source, session: Session, radius: int, vs: Any) -> FrameServer:
    return FrameServer(
        source.read,
        source.clip.num_frames,
        session,
        sample_aspect=source.sample_aspect,
        radius=radius,
        requests=vs.core.num_threads,
        rate=source.form.rate,
    )


def _plan(source: _Source, colors: ColorSheet | str | Path | None) -> Guidance | None:
    if colors is None:
        return None
    rate = source.form.rate
    if rate is None and "_AbsoluteTime" not in source.first:
        raise SettingsError(
            "a color sheet needs times: the clip has no frame rate and its frames have no"
            " _AbsoluteTime; set a rate with core.std.AssumeFPS"
        )
    sheet = colors if isinstance(colors, ColorSheet) else ColorSheet.read(colors, rate)
    return Guidance(sheet, rate)


def _label_of(session: Session) -> str:
    sha256 = session.colorizer.sha256
    names = (one.name for one in available_weights().values() if one.sha256 == sha256)
    return str(Label(versions()["vidcolor"], sha256, next(names, ""), session.colors))


def _format_of(clip: Any, vs: Any) -> ClipFormat:
    """The format of a clip.

    Raises:
        UnsupportedPixels: It is none that can be colored.
    """
    if not isinstance(clip, vs.VideoNode):
        raise UnsupportedPixels("this is no clip with a picture; pass a vs.VideoNode")
    form = clip.format
    if form is None or form.color_family == vs.UNDEFINED or not clip.width or not clip.height:
        raise UnsupportedPixels(
            "the size or format of the clip changes within it; color its parts one by one, or bring"
            " them to one size and format with core.resize"
        )
    if form.color_family not in (vs.GRAY, vs.YUV):
        raise UnsupportedPixels(
            "an RGB clip has no luma to keep; make it gray or YUV first: core.resize.Bicubic(clip,"
            ' format=vs.YUV444P16, matrix_s="709")'
        )
    gray = form.color_family == vs.GRAY
    rate = Fraction(clip.fps) if clip.fps and clip.fps.numerator else None
    return ClipFormat(
        width=clip.width,
        height=clip.height,
        bits=form.bits_per_sample,
        is_float=form.sample_type == vs.FLOAT,
        gray=gray,
        sub_x=0 if gray else form.subsampling_w,
        sub_y=0 if gray else form.subsampling_h,
        rate=rate,
    )


@dataclass(frozen=True)
class _Original:
    """What stays of a frame."""

    luma: NDArray[Any]
    props: dict[str, Any]


class _Source:
    """The clip that is colored.

    Attributes:
        clip: The ``vs.VideoNode``.
        form: Its format.
        first: The properties of its first frame.
        sample_aspect: Width of a sample over its height; None where no property says it.
    """

    def __init__(self, clip: Any, vs: Any) -> None:
        """Read the first frame.

        Raises:
            UnsupportedPixels: The clip cannot be colored.
        """
        self.form = _format_of(clip, vs)
        self.clip = clip
        self._range_name = "_Range" if hasattr(vs, "Range") else "_ColorRange"
        self._layouts: dict[tuple[object, ...], ClipLayout] = {}
        self._last: tuple[int, Mapping[str, Any]] = -1, {}
        self.first = dict(clip.get_frame(0).props)
        num, den = (int(self.first.get(f"_SAR{name}", 0)) for name in ("Num", "Den"))
        self.sample_aspect = Fraction(num, den) if num > 0 and den > 0 else None
        self.layout_of(self.first)  # what cannot be colored is not to be met hours later

    def layout_of(self, props: Mapping[str, Any]) -> ClipLayout:
        """What the numbers of a frame with these properties mean; worked out once."""
        names = ("_Matrix", "_Primaries", "_Transfer", "_Range", "_ColorRange")
        key = tuple(props.get(name) for name in (*names, "_ChromaLocation", "_FieldBased"))
        if key not in self._layouts:
            self._layouts[key] = read_layout(self.form, props, self._range_name)
        return self._layouts[key]

    def read(self, number: int) -> SourceFrame:
        """A frame of the clip, whose picture is `_Original`.

        Luma is copied: VapourSynth does not go on once it has lent more memory than it may.
        """
        with self.clip.get_frame(number) as lent:
            props, luma = dict(lent.props), np.array(lent[0])
        meaning = self.layout_of(props)
        before = self._last[1] if self._last[0] == number - 1 else None
        self._last = number, props
        pts, time_base = self._time(number, props)
        frame = Frame(
            luma=codes_of(luma),
            chroma=self.form.blank_chroma(),
            layout=meaning.layout,
            pts=pts,
            duration=0,
            time_base=time_base,
            interlaced=meaning.interlaced,
            top_field_first=meaning.top_field_first,
            picture=_Original(luma, props),
        )
        return SourceFrame(frame, given_start(props, before))

    def _time(self, number: int, props: Mapping[str, Any]) -> tuple[int, Fraction]:
        if self.form.rate is None and "_AbsoluteTime" in props:
            return round(float(props["_AbsoluteTime"]) * _CLOCK), Fraction(1, _CLOCK)
        return number, 1 / (self.form.rate or _USUAL)


def _last_line(error: Exception) -> str:
    """What an error says; VapourSynth tells those of scripts with their whole traceback."""
    return str(error).strip().rsplit("\n", 1)[-1]


def _output(source: _Source, server: FrameServer, label: str, vs: Any) -> Any:
    """The clip in color."""
    form = source.clip.format
    if source.form.gray:
        deep = form.sample_type, form.bits_per_sample
        form = vs.core.query_video_format(vs.YUV, *deep, 0, 0)
    blank = vs.core.std.BlankClip(source.clip, format=form.id, keep=True)
    labels = {LABEL: label} if label else {}

    def fill(n: int, f: Any) -> Any:
        try:
            frame = server.frame(n)
        except (VidcolorError, vs.Error) as error:
            raise vs.Error(f"colorize: {_last_line(error)}") from None
        original: _Original = frame.picture
        made = f.copy()
        np.copyto(np.asarray(made[0]), original.luma)
        for plane, codes in enumerate(frame.chroma, 1):
            samples = np.asarray(made[plane])
            np.copyto(samples, samples_of(codes, samples.dtype))
        made.props.clear()
        added = source.layout_of(original.props).added
        for name, value in {**original.props, **added, **labels}.items():
            made.props[name] = value
        return made

    return vs.core.std.ModifyFrame(blank, [blank], fill)
