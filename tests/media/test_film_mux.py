"""The target: refusals, and that nothing is lost or left over when something goes wrong."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from films import Audio, Spec, make_film
from seen import see
from ways import fast, forced, lossless, recolor

from vidcolor.core.paths import part_path
from vidcolor.core.target import claim
from vidcolor.errors import OutputError, OutputExists, OutputFull
from vidcolor.media.decode.decoder import decode
from vidcolor.media.encode.chunk_file import read_chunk, write_chunk
from vidcolor.media.encode.encoder import EncodePlan, plan_encode
from vidcolor.media.mux.file_sink import FileSink
from vidcolor.media.mux.muxer import Muxer, PacketRefused
from vidcolor.media.open import VideoReader, open_video
from vidcolor.settings import EncodeSettings, OutputSettings

OLD = b"the old film"


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "in.mkv"
    make_film(path, Spec(codec="libx264", audio=(Audio("ac3"),)))
    return path


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_existing_target_needs_force(tmp_path: Path, film: Path) -> None:
    target = tmp_path / "out.mkv"
    target.write_bytes(OLD)
    with pytest.raises(OutputExists, match="exists; use --force"):
        recolor(film, target)
    assert target.read_bytes() == OLD
    recolor(film, target, forced())
    assert len(see(target).pts) == 12
    assert names(tmp_path) == ["in.mkv", "out.mkv"]


def test_source_is_never_the_target(tmp_path: Path, film: Path) -> None:
    before = film.read_bytes()
    link = tmp_path / "link.mkv"
    os.link(film, link)
    soft = tmp_path / "soft.mkv"
    soft.symlink_to(film)
    for target in (film, link, soft):
        with pytest.raises(OutputError, match="is the source itself"):
            recolor(film, target, forced())
    assert film.read_bytes() == before


def test_places_that_cannot_be_written(tmp_path: Path, film: Path) -> None:
    (tmp_path / "folder.mkv").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        recolor(film, tmp_path / "folder.mkv", forced())
    with pytest.raises(OutputError, match="there is no folder"):
        recolor(film, tmp_path / "none" / "out.mkv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder(tmp_path: Path, film: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="is read-only"):
        recolor(film, folder / "out.mkv")


class Stop(Exception):
    pass


@pytest.fixture
def coded(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """A plan for a film, and what gives its packets for a stream of the target."""
    path = tmp_path_factory.mktemp("work") / "chunk"

    def code(film: VideoReader, target: Path) -> tuple[EncodePlan, Callable[[Any], Iterator[Any]]]:
        plan = plan_encode(film.info, target, EncodeSettings())
        facts = write_chunk(decode(film), path, plan, film.info)
        return plan, lambda video: read_chunk(path, facts, video, facts.delay)

    return code


def test_failure_midway_leaves_the_old_target_and_nothing_else(
    tmp_path: Path, film: Path, coded: Callable[..., Any]
) -> None:
    target = tmp_path / "out.mp4"
    target.write_bytes(OLD)

    def failing(packets: Iterator[Any]) -> Iterator[Any]:
        for index, packet in enumerate(packets):
            if index == 5:
                raise Stop
            yield packet

    with open_video(film) as opened:
        plan, pictures = coded(opened, target)
        with (
            pytest.raises(Stop),
            Muxer(opened, plan, FileSink(target, OutputSettings(force=True))) as writer,
        ):
            writer.write(failing(pictures(writer.video)))
    assert target.read_bytes() == OLD
    assert names(tmp_path) == ["in.mkv", "out.mp4"]


def test_leaving_without_finish_leaves_nothing(
    tmp_path: Path, film: Path, coded: Callable[..., Any]
) -> None:
    target = tmp_path / "out.mp4"
    with open_video(film) as opened:
        plan, pictures = coded(opened, target)
        with Muxer(opened, plan, FileSink(target)) as writer:
            writer.write(pictures(writer.video))
    assert names(tmp_path) == ["in.mkv"]


def test_nothing_written_is_no_film(tmp_path: Path, film: Path) -> None:
    target = tmp_path / "out.mp4"
    with open_video(film) as opened:
        plan = plan_encode(opened.info, target, EncodeSettings())
        sink = FileSink(target)
        with Muxer(opened, plan, sink) as writer:
            writer.complete()
            with pytest.raises(OutputError, match="no frame was written"):
                sink.publish(opened, writer)
    assert names(tmp_path) == ["in.mkv"]


def test_a_dead_runs_leftover_is_replaced(tmp_path: Path, film: Path) -> None:
    target = tmp_path / "out.mkv"
    part_path(target).write_bytes(b"junk" * 100_000)
    recolor(film, target, lossless())
    assert see(target).luma == see(film).luma
    assert names(tmp_path) == ["in.mkv", "out.mkv"]


def test_two_runs_do_not_share_a_target(tmp_path: Path, film: Path) -> None:
    target = tmp_path / "out.mkv"
    file = claim(part_path(target), target)
    with pytest.raises(OutputError, match="another vidcolor is writing this target"):
        recolor(film, target)
    os.close(file)
    recolor(film, target)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EFBIG])
@pytest.mark.parametrize("when", ["mux", "close"])
def test_full_disk(
    tmp_path: Path, film: Path, when: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.mkv"
    target.write_bytes(OLD)

    def full(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    class Container:
        def __init__(self, inner: object) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> object:
            return (
                full
                if name == when or (name, when) == ("mux_one", "mux")
                else getattr(self._inner, name)
            )

    build = Muxer._build

    def wrapped(self: Muxer) -> None:
        build(self)
        self._container = Container(self._container)  # type: ignore[assignment]

    monkeypatch.setattr(Muxer, "_build", wrapped)
    says = "cannot be that large" if code == errno.EFBIG else "the disk is full"
    with pytest.raises(OutputFull, match=says):
        recolor(film, target, forced())
    assert target.read_bytes() == OLD
    assert names(tmp_path) == ["in.mkv", "out.mkv"]


def test_a_short_file_is_found_out(
    tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.mkv"
    close = av.container.OutputContainer.close

    def torn(self: FileSink, *rest: Any) -> None:
        size = self._part.stat().st_size
        os.truncate(self._part, size // 2)
        verify(self, *rest)

    verify = FileSink._verify
    monkeypatch.setattr(FileSink, "_verify", torn)
    with pytest.raises(OutputError, match="12 frames were written but"):
        recolor(film, target, fast())
    assert names(tmp_path) == ["in.mkv"]
    assert close is not None


def test_header_that_fails_drops_only_the_stream_at_fault(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(codec="libx264", audio=(Audio("aac"), Audio("flac"))))
    run = recolor(source, tmp_path / "out.mov", fast())
    assert [item.what for item in run.written.left_behind] == ["audio stream 2 (flac)"]
    assert run.written.carried == ("audio stream 1 (aac)",)


@pytest.mark.parametrize("when", ["packet", "end"])
def test_a_stream_whose_packets_are_refused_is_left_behind_alone(
    when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Matroska refuses sound whose header is damaged: its packets, not the stream.

    FFmpeg may say so when it is given the packet of another stream, or at the end.
    """
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    make_film(source, Spec(codec="libx264", audio=(Audio("aac"), Audio("flac"), Audio("aac"))))
    write, complete = Muxer.write, Muxer.complete

    def refuse(writer: Muxer, here: str) -> None:
        if here == when and 2 in writer._outs:
            raise PacketRefused("no")

    def writing(self: Muxer, packets: Iterator[Any]) -> None:
        write(self, packets)
        refuse(self, "packet")

    def completing(self: Muxer) -> None:
        refuse(self, "end")
        complete(self)

    monkeypatch.setattr(Muxer, "write", writing)
    monkeypatch.setattr(Muxer, "complete", completing)
    run = recolor(source, target, fast())
    assert run.left == ["audio stream 2 (flac): the container refuses its packets"]
    assert run.written.carried == ("audio stream 1 (aac)", "audio stream 3 (aac)")
    assert len(see(target).pts) == 12
    assert names(tmp_path) == ["in.mkv", "out.mkv"]
