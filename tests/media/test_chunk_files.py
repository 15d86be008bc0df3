"""Chunk files: a film that was encoded in pieces is the film that was encoded at once."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path

import av
import pytest
from films import Audio, Spec, make_film
from seen import see

from vidcolor.core.frames import Frame
from vidcolor.errors import OutputError, OutputFull
from vidcolor.media.decode.decoder import decode
from vidcolor.media.encode.chunk_file import ChunkFileInfo, read_chunk, write_chunk
from vidcolor.media.encode.encoder import EncodePlan, open_encoder, plan_encode
from vidcolor.media.mux import concat as stitching
from vidcolor.media.mux.concat import stitch
from vidcolor.media.mux.file_sink import FileSink
from vidcolor.media.open import VideoReader, open_video
from vidcolor.settings import EncodeSettings, OutputSettings

VFR = (0, 40, 83, 125, 300, 341, 700, 733, 766, 800, 1500, 1533, 1600, 1640, 1680, 1800)
BORDERS = (0, 5, 6, 13, 16)
"""The film's 16 frames in four chunks, one of them a single frame."""


def join(
    film: VideoReader, target: Path, plan: EncodePlan, chunks: list[tuple[Path, ChunkFileInfo]]
) -> None:
    """The target of these chunks."""
    stitch(film, plan, partial(FileSink, target, OutputSettings()), OutputSettings(), chunks)


def pieces(
    film: VideoReader, target: Path, settings: EncodeSettings
) -> list[tuple[Path, ChunkFileInfo]]:
    """The film in chunk files, and the target made of them."""
    plan = plan_encode(film.info, target, settings)
    frames = decode(film, plan.layout)

    def run(count: int) -> Iterator[Frame]:
        for _, frame in zip(range(count), frames, strict=False):
            yield frame

    chunks = []
    for number, (begin, end) in enumerate(pairwise(BORDERS)):
        path = target.with_name(f"{number}.packets")
        chunks.append((path, write_chunk(run(end - begin), path, plan, film.info)))
    assert next(frames, None) is None
    join(film, target, plan, chunks)
    return chunks


CODECS = [
    ("libx264", ".mp4", {"bf": "3"}),
    ("libx264", ".mkv", {"bf": "3"}),
    ("libx265", ".mp4", {}),
    ("libx265", ".mkv", {}),
    ("libsvtav1", ".mp4", {}),
    ("libvpx-vp9", ".webm", {}),
    ("ffv1", ".mkv", {}),
    ("prores_ks", ".mov", {}),
    ("libvpx", ".webm", {"deadline": "realtime", "cpu-used": "8"}),
    ("mpeg4", ".mkv", {"bf": "2"}),
]


@pytest.mark.parametrize(("codec", "suffix", "options"), CODECS, ids=lambda x: str(x))
def test_pieces_make_the_film(
    codec: str, suffix: str, options: dict[str, str], tmp_path: Path
) -> None:
    tick = Fraction(1, 1000)
    pix_fmt = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    spec = Spec(codec="ffv1", time_base=tick, pts=VFR, pix_fmt=pix_fmt, audio=(Audio("flac"),))
    make_film(tmp_path / "in.mkv", spec)
    target = tmp_path / f"out{suffix}"
    with open_video(tmp_path / "in.mkv") as film:
        chunks = pieces(film, target, EncodeSettings(codec, options=tuple(options.items())))
    assert [facts.frames for _, facts in chunks] == [5, 1, 7, 3]
    found = see(target)
    slack = tick if suffix in (".mkv", ".webm") else Fraction(0)
    assert len(found.pts) == len(VFR)
    start = found.pts[0]
    assert start < Fraction(1, 4)
    for now, then in zip(found.pts, VFR, strict=True):
        assert abs(now - start - then * tick) <= slack
    assert len({facts.extradata for _, facts in chunks}) == 1
    with av.open(str(target)) as container:
        video = container.streams.video[0]
        moments = [(p.dts, p.pts) for p in container.demux(video) if p.size]
    decoding = [dts for dts, _ in moments if dts is not None]
    assert decoding == sorted(set(decoding)), "decoding times stand or go back"
    assert all(dts is None or dts <= pts for dts, pts in moments)


def test_the_last_frame_keeps_its_duration(tmp_path: Path) -> None:
    spec = Spec(codec="libx264", rate=Fraction(25), frames=16, options={"bf": "0"})
    make_film(tmp_path / "in.mp4", spec)
    target = tmp_path / "out.mp4"
    with open_video(tmp_path / "in.mp4") as film:
        pieces(film, target, EncodeSettings("libx265"))
    found = see(target)
    assert found.pts[-1] + found.durations[-1] == Fraction(16, 25)


def test_negative_times(tmp_path: Path) -> None:
    keep = {"avoid_negative_ts": "disabled"}
    times = tuple(range(-3, 13))
    spec = Spec(codec="libx264", pts=times, options={"bf": "0"}, container_options=keep)
    make_film(tmp_path / "in.ts", spec)
    with open_video(tmp_path / "in.ts") as film:
        pieces(film, tmp_path / "out.mp4", EncodeSettings(options=(("bf", "3"),)))
    assert len(see(tmp_path / "out.mp4").pts) == 16


@pytest.fixture
def chunk(tmp_path: Path) -> tuple[Path, ChunkFileInfo, Path]:
    """A film of one chunk file."""
    source = tmp_path / "in.mp4"
    make_film(source, Spec(codec="libx264", frames=16))
    with open_video(source) as film:
        plan = plan_encode(film.info, tmp_path / "out.mp4", EncodeSettings())
        path = tmp_path / "one.packets"
        return path, write_chunk(decode(film), path, plan, film.info), source


def test_packets_are_read_as_they_were_written(
    chunk: tuple[Path, ChunkFileInfo, Path], tmp_path: Path
) -> None:
    path, facts, source = chunk
    assert facts.bytes == path.stat().st_size
    with open_video(source) as film, av.open("made.mp4", "w") as container:
        plan = plan_encode(film.info, tmp_path / "out.mp4", EncodeSettings())
        video = open_encoder(container, plan, film.info)
        first = [*read_chunk(path, facts, video, facts.delay)]
        again = [*read_chunk(path, facts, video, facts.delay)]
    assert [bytes(p) for p in first] == [bytes(p) for p in again]
    assert sorted(p.pts for p in first) == [n * (facts.last_pts // 15) for n in range(16)]
    assert first[0].is_keyframe
    assert not first[1].is_keyframe


@pytest.mark.parametrize("damage", ["flip", "cut", "cut in a head", "longer"])
def test_a_damaged_chunk_is_not_stitched(
    chunk: tuple[Path, ChunkFileInfo, Path], damage: str, tmp_path: Path
) -> None:
    path, facts, source = chunk
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= damage == "flip"
    length = {"cut": -3, "cut in a head": 25}.get(damage, len(data))
    path.write_bytes(bytes(data[:length]) + b"more" * (damage == "longer"))
    target = tmp_path / "out.mp4"
    with open_video(source) as film:
        list(decode(film))
        plan = plan_encode(film.info, target, EncodeSettings())
        with pytest.raises(OutputError, match="a finished chunk is damaged; run the same command"):
            join(film, target, plan, [(path, facts)])
    assert not target.exists()


def test_chunks_of_another_encoder_do_not_fit(
    chunk: tuple[Path, ChunkFileInfo, Path], tmp_path: Path
) -> None:
    path, facts, source = chunk
    target = tmp_path / "out.mp4"
    with open_video(source) as film:
        list(decode(film))
        plan = plan_encode(film.info, target, EncodeSettings(preset="ultrafast"))
        with pytest.raises(OutputError, match="cannot be joined"):
            join(film, target, plan, [(path, facts)])


def test_no_room_for_the_target(
    chunk: tuple[Path, ChunkFileInfo, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, facts, source = chunk
    target = tmp_path / "out.mp4"

    class Usage:
        free = facts.bytes - 1

    monkeypatch.setattr(stitching.shutil, "disk_usage", lambda _: Usage)
    with open_video(source) as film:
        list(decode(film))
        plan = plan_encode(film.info, target, EncodeSettings())
        with pytest.raises(OutputFull, match="free some space and run the same command again"):
            join(film, target, plan, [(path, facts)])


def test_a_chunk_that_fails_leaves_no_file(tmp_path: Path) -> None:
    make_film(tmp_path / "in.mp4", Spec(codec="libx264", frames=16))
    (tmp_path / "work").mkdir()

    def failing(frames: Iterator[Frame]) -> Iterator[Frame]:
        for index, frame in enumerate(frames):
            if index == 9:
                raise KeyboardInterrupt
            yield frame

    with open_video(tmp_path / "in.mp4") as film:
        plan = plan_encode(film.info, tmp_path / "out.mp4", EncodeSettings())
        with pytest.raises(KeyboardInterrupt):
            write_chunk(failing(decode(film)), tmp_path / "work" / "one", plan, film.info)
    assert list((tmp_path / "work").iterdir()) == []
