"""Frames as files: luma to the last code, what stands beside the samples, names, refusals."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from synthetic import make_layout, make_plane

from vidcolor.color.chroma import KR_KB
from vidcolor.color.lab import linear_to_srgb
from vidcolor.color.yuv import luma_scale
from vidcolor.core.frame_target import check_frames, existing_frames, frame_target, place_frames
from vidcolor.core.frames import Frame
from vidcolor.core.label import Label
from vidcolor.core.sequence import FrameSequence, SequenceName
from vidcolor.core.timecode import smpte_after
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import OutputError, OutputExists, SettingsError
from vidcolor.media.images.reader import Still
from vidcolor.media.images.rgb import frame_rgb
from vidcolor.media.open import open_video
from vidcolor.media.sequences.dpx import read_header
from vidcolor.media.sequences.exr_writer import linear_rgb
from vidcolor.media.sequences.frame_chunk import frames_are_whole, publish_frames, write_frames
from vidcolor.media.sequences.plan import bits_of, plan_target
from vidcolor.settings import EncodeSettings, OutputSettings

LABEL = Label("0.1.0", "a" * 64, "default")
SIZE = 48, 64


def random_frame(bits: int = 8, matrix: str = "bt709", full_range: bool = True) -> Frame:
    """A frame of any codes, most of whose colors do not fit."""
    draw = torch.Generator().manual_seed(bits)
    layout = make_layout(bits, (0, 0), full_range, matrix)
    planes = [torch.randint(0, 1 << bits, SIZE, generator=draw) for _ in range(3)]
    luma, u, v = (make_plane(plane, bits) for plane in planes)
    return Frame(luma, (u, v), layout, 0, 1, Fraction(1, 24))


@pytest.mark.parametrize("matrix", list(KR_KB))
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_luma_is_kept_to_the_last_code(bits: int, matrix: str) -> None:
    frame = random_frame(bits, matrix)
    rgb = frame_rgb(frame, bits).astype(np.float64)
    kr, kb = KR_KB[frame.layout.matrix]
    luma = np.rint(rgb @ np.array([kr, 1 - kr - kb, kb]))
    assert (luma == frame.luma.numpy()).all()
    assert rgb.max() <= (1 << bits) - 1


def test_the_light_of_video_gives_its_codes_back_where_an_exr_is_read_again() -> None:
    frame = random_frame(16)
    assert frame.layout.transfer == "bt1886"
    codes = linear_to_srgb(torch.from_numpy(linear_rgb(frame)).double()) * 65535
    assert np.abs(codes.numpy() - frame_rgb(frame, 16)).max() < 1


def test_gray_stays_gray() -> None:
    frame = random_frame(10)
    for plane in frame.chroma:
        plane.fill_(512)
    assert (frame_rgb(frame, 10) == frame.luma.numpy()[..., None]).all()


def test_limited_range_becomes_full_and_deeper() -> None:
    frame = random_frame(8, full_range=False)
    rgb = frame_rgb(frame, 16).astype(np.float64)
    black, span = luma_scale(frame.layout)
    wanted = np.clip(np.rint((frame.luma.numpy() - black) / span * 65535), 0, 65535)
    assert np.abs(rgb @ np.array([0.2126, 0.7152, 0.0722]) - wanted).max() <= 0.5


@pytest.mark.parametrize(
    ("kind", "bits", "found"),
    [
        ("dpx", 8, 8),
        ("dpx", 9, 10),
        ("dpx", 10, 10),
        ("dpx", 12, 12),
        ("dpx", 14, 16),
        ("dpx", 16, 16),
        ("tiff", 8, 8),
        ("png", 10, 16),
        ("jpeg2000", 12, 16),
        ("jpeg", 16, 8),
        ("exr", 8, 16),
    ],
)
def test_depths(kind: str, bits: int, found: int) -> None:
    assert bits_of(kind, bits) == found


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Three gray frames of 10 bits with a timecode that drops frames, a title and sound."""
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "A film"
        video = container.add_stream("ffv1", rate=Fraction(30000, 1001))
        video.width, video.height, video.pix_fmt = 64, 48, "gray10le"
        video.metadata["timecode"] = "00:00:59;28"
        for number in range(3):
            codes = np.full((48, 64), 300 + number, np.uint16)
            frame = av.VideoFrame.from_ndarray(codes, format="gray10le")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return path


def written(film: Path, target: Path, label: Label | None = LABEL) -> tuple[VideoInfo, Any]:
    """The frames of a film, all of them of any color, in their place."""
    work = target.parent / ".work"
    work.mkdir(parents=True)
    with open_video(film) as reader:
        plan = plan_target(reader.info, target, EncodeSettings())
        frames = []
        for number in range(3):
            frame = random_frame(10, plan.layout.matrix)
            picture = av.VideoFrame(64, 48, plan.layout.format)
            frame.picture, frame.pts, frame.time_base = picture, number, Fraction(1001, 30000)
            frames.append(frame)
        path = work / "000000.packets"
        facts = write_frames(frames, path, plan, reader.info, 0, label)
    assert facts.frames == 3
    assert frames_are_whole(path)
    name = frame_target(target)
    assert name
    done = publish_frames(name, [path])
    assert frames_are_whole(path), "in their place as well"
    return reader.info, done


@pytest.mark.parametrize("suffix", ["dpx", "tif", "png", "jp2", "j2k"])
def test_each_kind_is_read_back_as_it_was_written(suffix: str, film: Path, tmp_path: Path) -> None:
    _, done = written(film, tmp_path / "out" / f"f_%03d.{suffix}")
    paths = sorted((tmp_path / "out").glob(f"*.{suffix}"))
    assert [path.name for path in paths] == [f"f_{n:03d}.{suffix}" for n in (1, 2, 3)]
    assert done.bytes == sum(path.stat().st_size for path in paths)
    bits = 10 if suffix == "dpx" else 16
    wanted = frame_rgb(random_frame(10, "bt601"), bits)
    demuxer = {"dpx": "dpx_pipe", "jp2": "j2k_pipe", "j2k": "j2k_pipe"}.get(suffix)
    with av.open(str(paths[1]), format=demuxer) as container:
        (frame,) = container.decode(video=0)
    name = frame.format.name
    assert name in ("gbrp10le", "rgb48le", "rgb48be")
    assert (frame.to_ndarray(format=name) == wanted).all()


def test_dpx_frames_count_timecode_as_the_film_does(film: Path, tmp_path: Path) -> None:
    written(film, tmp_path / "out" / "f_%03d.dpx")
    headers = [read_header(path) for path in sorted((tmp_path / "out").glob("*.dpx"))]
    assert [header.timecode() for header in headers] == [
        "00:00:59;28",
        "00:00:59;29",
        "00:01:00;02",
    ]
    assert [header.position for header in headers] == [0, 1, 2]
    assert {header.frame_rate for header in headers} == {Fraction(30000, 1001)}
    assert [header.file_name for header in headers] == ["f_001.dpx", "f_002.dpx", "f_003.dpx"]
    assert {header.project for header in headers} == {f"Colored by {LABEL}"}


@pytest.mark.parametrize("suffix", ["tif", "png", "jpg"])
def test_pictures_have_the_label_in_their_xmp(suffix: str, film: Path, tmp_path: Path) -> None:
    written(film, tmp_path / "out" / f"f_%03d.{suffix}")
    for path in (tmp_path / "out").glob(f"*.{suffix}"):
        assert str(LABEL).encode() in Still(path).extras().xmp


def test_jpeg_2000_has_the_label_in_a_box(film: Path, tmp_path: Path) -> None:
    written(film, tmp_path / "out" / "f_%03d.jp2")
    assert str(LABEL).encode() in (tmp_path / "out" / "f_001.jp2").read_bytes()


@pytest.mark.parametrize("suffix", ["dpx", "tif", "png", "jpg", "jp2"])
def test_no_label(suffix: str, film: Path, tmp_path: Path) -> None:
    written(film, tmp_path / "out" / f"f_%03d.{suffix}", None)
    for path in (tmp_path / "out").glob(f"*.{suffix}"):
        assert b"Colored by" not in path.read_bytes()
        assert b"AISystem" not in path.read_bytes()


def test_a_damaged_frame_is_noticed(film: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "f_%03d.png"
    written(film, target)
    path = tmp_path / "out" / "f_002.png"
    data = path.read_bytes()
    path.write_bytes(data[:-20] + b"!" + data[-19:])
    assert not frames_are_whole(tmp_path / "out" / ".work" / "000000.packets")
    path.unlink()
    assert not frames_are_whole(tmp_path / "out" / ".work" / "000000.packets")
    name = frame_target(target)
    assert name
    with pytest.raises(OutputError, match=r"f_002\.png: a finished frame is damaged"):
        publish_frames(name, [tmp_path / "out" / ".work" / "000000.packets"])


def test_what_was_there_before_is_told(film: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "f_007.png").write_bytes(b"old")
    _, done = written(film, tmp_path / "out" / "f_%03d.png")
    assert "1 other frames" in "".join(done.notes)


def test_frames_know_no_encoder(film: Path, tmp_path: Path) -> None:
    target = tmp_path / "f_%d.jpg"
    with open_video(film) as reader:
        info = reader.info
    for settings in (
        EncodeSettings(codec="ffv1"),
        EncodeSettings(options=(("pred", "dwt53"),)),
        EncodeSettings(lossless=True),
        EncodeSettings(bits=10),
    ):
        with pytest.raises(SettingsError):
            plan_target(info, target, settings)
    deep = plan_target(info, target.with_suffix(".dpx"), EncodeSettings(bits=16))
    assert (deep.options["bits"], deep.luma) == ("16", "converted from gray10le")
    notes = plan_target(info, target, EncodeSettings(crf=3, preset="fast")).notes
    assert [note.split()[0] for note in notes] == ["--crf", "--preset"]
    assert plan_target(info, target.with_suffix(".png"), EncodeSettings(lossless=True)).lossless
    assert not plan_target(info, target, EncodeSettings()).lossless
    assert plan_target(info, tmp_path / "f.mkv", EncodeSettings()).container == "matroska"


def test_what_frames_cannot_say_is_listed(film: Path, tmp_path: Path) -> None:
    with open_video(film) as reader:
        info = replace(reader.info, sample_aspect=Fraction(16, 11), field_order="top", hdr={"a": 1})
    plan = plan_target(info, tmp_path / "f_%d.png", EncodeSettings())
    whats = [one.what for one in plan.left_behind]
    assert whats == ["timecode", "pixel aspect 16/11", "HDR10 mastering data", "field order"]
    plan = plan_target(info, tmp_path / "f_%d.dpx", EncodeSettings())
    assert [one.what for one in plan.left_behind] == ["HDR10 mastering data", "field order"]


# Names.


def sequence(folder: Path, suffix: str = ".dpx") -> FrameSequence:
    return FrameSequence(SequenceName(folder, "scan_", 6, suffix), 100, 5)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("f_%06d.png", True),
        ("%d.DPX", True),
        ("f_%06d.mkv", False),
        ("f.png", False),
        ("100%.png", False),
        ("100%%d.png", False),
    ],
)
def test_which_names_are_frames(name: str, is_one: bool, tmp_path: Path) -> None:
    assert (frame_target(tmp_path / name) is not None) == is_one


def test_folders_get_the_names_of_the_source(tmp_path: Path) -> None:
    frames = sequence(tmp_path)
    source = frames.name.pattern_path
    assert place_frames("out", source, frames) == Path("out/scan_%06d.dpx")
    assert place_frames("out", source, frames, "png") == Path("out/scan_%06d.png")
    assert place_frames("out", Path("a 50% film.mkv"), None, "tif") == Path(
        "out/a 50%% film_%06d.tif"
    )
    with pytest.raises(SettingsError, match="--to"):
        place_frames("out", source, sequence(tmp_path, ".bmp"))
    with pytest.raises(SettingsError, match="--to"):
        place_frames("out", Path("film.mkv"), None)


def test_the_sources_own_frames_are_never_replaced(tmp_path: Path) -> None:
    frames = sequence(tmp_path)
    force = OutputSettings(force=True)
    with pytest.raises(OutputError, match="source's own"):
        check_frames(frames.name, frames, force)
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    with pytest.raises(OutputError, match="source's own"):
        check_frames(replace(frames.name, folder=link), frames, force)
    with pytest.raises(OutputError, match="source's own"):
        check_frames(replace(frames.name, digits=7), frames, force)
    check_frames(replace(frames.name, suffix=".tif"), frames, force)


def test_frames_that_are_there_stay_without_force(tmp_path: Path) -> None:
    name = SequenceName(tmp_path, "f_", 3, ".png")
    check_frames(name, None, OutputSettings())
    for there in ("f_x.png", "f_1.png", "g_001.png", "notes.txt"):
        (tmp_path / there).touch()
    check_frames(name, None, OutputSettings())
    (tmp_path / "f_012.png").touch()
    (tmp_path / "f_1234.png").touch()
    assert existing_frames(name) == [12, 1234]
    with pytest.raises(OutputExists, match=r"f_012\.png exists; use --force"):
        check_frames(name, None, OutputSettings())
    check_frames(name, None, OutputSettings(force=True))


def test_a_folder_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is no folder"):
        check_frames(SequenceName(tmp_path / "file", "f_", 3, ".png"), None, OutputSettings())
    with pytest.raises(OutputError, match="create it first"):
        check_frames(SequenceName(tmp_path / "a" / "b", "f_", 3, ".png"), None, OutputSettings())
    check_frames(SequenceName(tmp_path / "new", "f_", 3, ".png"), None, OutputSettings())


@pytest.mark.parametrize(
    ("start", "frames", "rate", "found"),
    [
        ("00:00:00;00", 1800, Fraction(30000, 1001), "00:01:00;02"),
        ("00:00:00;00", 17982, Fraction(30000, 1001), "00:10:00;00"),
        ("00:08:59;29", 1, Fraction(30000, 1001), "00:09:00;02"),
        ("00:09:59;29", 1, Fraction(30000, 1001), "00:10:00;00"),
        ("23:59:59;29", 1, Fraction(30000, 1001), "00:00:00;00"),
        ("00:00:59;59", 1, Fraction(60000, 1001), "00:01:00;04"),
        ("10:00:00:00", 24 * 3600, Fraction(24000, 1001), "11:00:00:00"),
        ("23:59:59:24", 1, Fraction(25), "00:00:00:00"),
    ],
)
def test_timecode_counts_on(start: str, frames: int, rate: Fraction, found: str) -> None:
    assert smpte_after(start, frames, rate) == found
