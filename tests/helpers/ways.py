"""The way of a film through vidcolor.media, with a painter that only needs to be seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from vidcolor.core.frames import Frame
from vidcolor.core.report import Damage
from vidcolor.media.decode.decoder import decode
from vidcolor.media.encode.chunk_file import write_chunk
from vidcolor.media.encode.encoder import EncodePlan, plan_encode
from vidcolor.media.mux.concat import check_writable, stitch
from vidcolor.media.mux.file_sink import FileSink, Written
from vidcolor.media.open import open_video
from vidcolor.settings import EncodeSettings, InputSettings, OutputSettings, Settings


@dataclass
class Run:
    plan: EncodePlan
    written: Written
    damage: list[Damage]
    source_color: str
    notes: list[str]

    @property
    def left(self) -> list[str]:
        return [f"{item.what}: {item.why}" for item in self.written.left_behind]


def paint(frames: Iterator[Frame]) -> Iterator[Frame]:
    """Sets chroma in place to one color."""
    for frame in frames:
        for plane, code in zip(frame.chroma, (90, 150), strict=True):
            plane.fill_(code << (frame.layout.bits - 8))
        yield frame


def recolor(source: Path, target: Path, settings: Settings | None = None) -> Run:
    settings = settings or Settings()
    with open_video(source, settings.open) as film, TemporaryDirectory() as folder:
        plan = plan_encode(film.info, target, settings.encode)
        check_writable(film, target, plan, settings.output)
        path = Path(folder) / "chunk"
        facts = write_chunk(paint(decode(film, plan.layout)), path, plan, film.info)
        written = stitch(
            film, plan, partial(FileSink, target, settings.output), settings.output, [(path, facts)]
        )
        return Run(plan, written, film.log.damage, film.log.source_color, film.log.remarks)


def lossless(**changes: object) -> Settings:
    return Settings(encode=EncodeSettings(lossless=True, **changes))  # type: ignore[arg-type]


def fast(**changes: object) -> Settings:
    base: dict[str, object] = {"preset": "ultrafast"}
    return Settings(encode=EncodeSettings(**base | changes))  # type: ignore[arg-type]


def cut(start: Fraction | None, end: Fraction | None) -> Settings:
    return Settings(open=InputSettings(start=start, end=end), encode=EncodeSettings(lossless=True))


def forced() -> Settings:
    return Settings(output=OutputSettings(force=True))
