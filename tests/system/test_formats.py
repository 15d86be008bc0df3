"""Formats of archives and editing rooms, in and out: frames, times, timecode, fields, luma, sound.

PyAV is the first reader. Where ffprobe or mediainfo are installed, they are the second ones.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from command import Command, Outcome, listing
from films import Audio, Spec, make_film
from seen import Seen, plane_view, see
from specs import Audio as Sound

from vidcolor import __version__
from vidcolor.errors import OutputFull
from vidcolor.media.decode.decoder import decode
from vidcolor.media.encode.chunk_file import read_heads, write_chunk
from vidcolor.media.encode.encoder import plan_encode
from vidcolor.media.open import open_video
from vidcolor.run import video as pipeline
from vidcolor.settings import EncodeSettings

PAL, NTSC, SLOWED = Fraction(25), Fraction(30000, 1001), Fraction(24000, 1001)
PCM = Sound("pcm_s16le", layout="stereo")
BASE = Spec(width=256, height=144, frames=5, rate=PAL)
INTRA = {"g": "1", "b": "30M"}


@dataclass(frozen=True)
class Row:
    """A film, its target, and what has to be true of that."""

    source: str
    spec: Spec
    target: str
    options: tuple[str, ...] = ()
    codec: str = ""
    """The target's encoder."""
    pixels: str = ""
    times: int = 0
    """Luma of the target is that of the film so many times; 0 where it is lossy."""
    code: str = ""
    """Timecode of the first frame."""
    fields: str = "progressive"
    left: tuple[str, ...] = ()
    """How what is listed as left behind begins."""
    sound: bool = False
    """Whether the target has the samples of the film's sound."""
    slow: bool = False
    damage: frozenset[str] = field(default_factory=frozenset)

    def __str__(self) -> str:
        what = self.spec.codec + self.source
        return f"{what}-{self.target}-{'-'.join(o.lstrip('-') for o in self.options) or 'usual'}"


def mov(codec: str, pix_fmt: str, **more: Any) -> Spec:
    return replace(BASE, codec=codec, pix_fmt=pix_fmt, audio=(PCM,), **more)


HQX = {"profile": "dnxhr_hqx"}
ROWS = [
    Row(".mxf", mov("dnxhd", "yuv422p10le", options=HQX, timecode="01:00:00:00"), ".mxf",
        codec="dnxhd", pixels="yuv422p10le", code="01:00:00:00", sound=True),
    Row(".mxf", mov("dnxhd", "yuv422p10le", options=HQX, rate=NTSC, timecode="00:59:59;28"),
        ".mov", ("--codec", "prores"), "prores_ks", "yuv422p10le", code="00:59:59;28", sound=True),
    Row(".mov", mov("prores_ks", "yuv422p10le", rate=SLOWED, timecode="01:00:00:00"), ".mxf",
        codec="dnxhd", pixels="yuv422p10le", code="01:00:00:00", sound=True),
    Row(".mov", mov("prores_ks", "yuv422p10le", interlaced="tff"), ".mov", ("--codec", "prores"),
        "prores_ks", "yuv422p10le", fields="top", sound=True),
    Row(".mov", mov("prores_ks", "yuv444p10le", options={"profile": "4444"}), ".mov",
        ("--codec", "prores_4444"), "prores_ks", "yuv444p12le", left=("12 bits per sample",),
        sound=True),
    Row(".mxf", mov("mpeg2video", "yuv422p", options={"g": "5", "bf": "2", "b": "9M"},
                    timecode="10:00:00:00", frames=11), ".mkv", ("--lossless",), "ffv1",
        "yuv422p", 1, "10:00:00:00", sound=True),
    Row(".mxf", mov("jpeg2000", "yuv422p10le"), ".mxf", ("--lossless",), "ffv1", "yuv422p10le", 1,
        "00:00:00:00", sound=True),
    Row(".mkv", replace(BASE, pix_fmt="yuv422p", tags=(1, 1, 1, 1), audio=(PCM,)), ".mxf",
        ("--lossless", "--bits", "10"), "ffv1", "yuv422p10le", 4, "00:00:00:00", sound=True),
    Row(".mkv", replace(BASE, interlaced="bff", audio=(Audio("aac"),)), ".mxf", (), "dnxhd",
        "yuv422p", code="00:00:00:00",
        left=("field order",)),
    Row(".dv", replace(BASE, codec="dvvideo", width=720, height=576, interlaced="bff", frames=2,
                       audio=(PCM,)), ".mkv", ("--lossless",), "ffv1", "yuv420p", 1, "00:00:00:00",
        "bottom", ("pixel aspect",), sound=True),
    Row(".mxf", mov("libx264", "yuv422p10le", options={"avcintra-class": "100"}, width=1920,
                    height=1080, frames=2), ".mxf", (), "dnxhd", "yuv422p10le",
        code="00:00:00:00", sound=True, slow=True),
    Row(".mxf", mov("dnxhd", "yuv422p", options={"profile": "dnxhd", "b": "185M"}, width=1920,
                    height=1080, frames=2, interlaced="tff"), ".mxf", (), "dnxhd", "yuv422p",
        code="00:00:00:00", fields="top", sound=True, slow=True),
    Row(".mxf", mov("mpeg2video", "yuv422p", options=INTRA, width=720, height=608, frames=3),
        ".mkv", ("--lossless",), "ffv1", "yuv422p", 1, "00:00:00:00", sound=True, slow=True),
    Row(".avi", replace(BASE, codec="dvvideo", width=720, height=576, frames=3, interlaced="bff",
                        audio=(PCM,)), ".mov", ("--codec", "prores"), "prores_ks", "yuv422p10le",
        fields="bottom", sound=True, slow=True),
    Row(".mkv", replace(BASE, pix_fmt="yuv420p10le", audio=(PCM,), timecode="01:00:00:00"), ".mxf",
        (), "dnxhd", "yuv422p10le", code="01:00:00:00", sound=True, slow=True),
    Row(".mkv", replace(BASE, pix_fmt="yuv444p10le"), ".mxf", (), "dnxhd", "yuv444p10le",
        code="00:00:00:00", slow=True),
    Row(".mkv", replace(BASE, pix_fmt="gray"), ".mov", ("--codec", "prores"), "prores_ks",
        "yuv422p10le", slow=True),
    Row(".mkv", replace(BASE, pix_fmt="gray10le"), ".mxf", ("--codec", "jpeg2000"), "jpeg2000",
        "yuv420p10le", code="00:00:00:00", slow=True),
    Row(".mov", mov("prores_ks", "yuv422p10le"), ".mkv", ("--lossless",), "ffv1", "yuv422p10le", 1,
        sound=True, slow=True),
]  # fmt: skip


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=str(row), marks=[pytest.mark.slow] * row.slow) for row in ROWS]
)
def test_format(row: Row, command: Command, tmp_path: Path) -> None:
    film, target = tmp_path / f"in{row.source}", tmp_path / f"out{row.target}"
    make_film(film, row.spec)
    outcome = command(film, target, *row.options)
    assert outcome.code == (3 if row.left else 0), outcome.err
    assert len(outcome.left) == len(row.left), outcome.left
    assert all(
        what.startswith(begin) for (what, _), begin in zip(outcome.left, row.left, strict=True)
    )
    assert outcome.damage == set()
    before, after = see(film), see(target)
    assert (outcome.report["codec"], after.pix_fmt) == (row.codec, row.pixels)
    check_times(before, after, row)
    check_luma(film, target, row)
    if row.sound:
        check_sound(film, target)
    with open_video(target) as opened:
        assert (opened.info.timecode, opened.info.field_order) == (row.code, row.fields)
    check_others(target, row)
    assert f"Colored by vidcolor {__version__}" in command.run("info", str(target)).out


def check_times(before: Seen, after: Seen, row: Row) -> None:
    assert len(after.pts) == len(before.pts) == row.spec.frames
    first, begin = after.pts[0], before.pts[0]
    slack = Fraction(1, 1000) if row.target == ".mkv" or row.source == ".mkv" else Fraction(0)
    for found, meant in zip(after.pts, before.pts, strict=True):
        assert abs((found - first) - (meant - begin)) <= slack


def luma_of(path: Path) -> list[tuple[np.ndarray, int]]:
    """Luma of every frame, and its bits; the decoder of ProRes 4444 gives 12."""
    with av.open(str(path)) as film:
        frames = list(film.decode(video=0))
    depth = frames[0].format.components[0].bits
    return [(plane_view(frame.planes[0], depth).astype(int), depth) for frame in frames]


def check_luma(film: Path, target: Path, row: Row) -> None:
    """Equal where that is promised; else within what such a codec loses of the same range."""
    becomes_limited = row.spec.pix_fmt.startswith("gray") and row.codec == "prores_ks"
    for (one, depth), (other, bits) in zip(luma_of(film), luma_of(target), strict=True):
        if row.times:
            assert (other == one * row.times).all()
            continue
        meant, found = one / 2 ** (depth - 8), other / 2 ** (bits - 8)
        if becomes_limited:
            meant = meant * 219 / 255 + 16
        assert abs(found - meant).mean() < 2.5
        assert abs((found - meant).mean()) < 0.5


def check_sound(film: Path, target: Path) -> None:
    """The same samples; MXF ends with its picture, so the last ones may be silence there."""
    found, meant = samples(target), samples(film)
    length = min(len(found), len(meant))
    assert length > 0
    assert len(meant) - length < 48000 // 100 * 2
    assert (found[:length] == meant[:length]).all()
    assert not found[length:].any()


def samples(path: Path) -> np.ndarray:
    with av.open(str(path)) as film:
        data = b"".join(bytes(packet) for packet in film.demux(film.streams.audio[0]))
    return np.frombuffer(data, "<i2")


def check_others(target: Path, row: Row) -> None:
    """What other programs say, where they are installed."""
    if shutil.which("ffprobe"):
        words = ["-v", "error", "-count_frames", "-select_streams", "v:0", "-show_streams"]
        told = subprocess.run(
            ["ffprobe", *words, "-of", "json", str(target)], capture_output=True, check=True
        )
        stream = json.loads(told.stdout)["streams"][0]
        assert int(stream["nb_read_frames"]) == row.spec.frames
    if shutil.which("mediainfo"):
        told = subprocess.run(
            ["mediainfo", "--Output=JSON", str(target)], capture_output=True, check=True
        )
        tracks = json.loads(told.stdout)["media"]["track"]
        video = next(track for track in tracks if track["@type"] == "Video")
        assert int(video.get("FrameCount", row.spec.frames)) == row.spec.frames


@pytest.mark.skipif(
    not (shutil.which("ffprobe") or shutil.which("mediainfo")),
    reason="neither ffprobe nor mediainfo is installed: PyAV is the only reader here",
)
def test_there_is_a_second_reader() -> None:
    assert shutil.which("ffprobe") or shutil.which("mediainfo")


@pytest.mark.parametrize("suffix", [".mxf", ".mov"])
def test_a_run_that_resumes_gives_the_same_bytes(
    suffix: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film, whole, target = tmp_path / "in.mkv", tmp_path / f"whole{suffix}", tmp_path / f"o{suffix}"
    make_film(film, replace(BASE, frames=24, audio=(PCM,), timecode="01:00:00:00"))
    options = ["--chunk", "0.2", "--codec", "prores" if suffix == ".mov" else "dnxhr"]
    assert command(film, whole, *options).code == 0
    write = vars(pipeline)["write_chunk"]

    def full(frames: Any, path: Path, *rest: Any) -> Any:
        if path.stem != "000000":
            raise OutputFull("no room")
        return write(frames, path, *rest)

    monkeypatch.setattr(pipeline, "write_chunk", full)
    assert command(film, target, *options).code == 2
    monkeypatch.setattr(pipeline, "write_chunk", write)
    assert command(film, target, *options).code == 0
    assert target.read_bytes() == whole.read_bytes()


def test_ffv1_is_what_archives_expect_on_any_machine(tmp_path: Path) -> None:
    film = tmp_path / "in.mkv"
    make_film(film, replace(BASE, width=720, height=576, frames=2))
    digests = set()
    for threads in (1, 2, 7):
        with open_video(film) as opened:
            plan = plan_encode(opened.info, film, EncodeSettings(lossless=True, threads=threads))
            facts = write_chunk(decode(opened, plan.layout), tmp_path / "c", plan, opened.info)
        digests.add((facts.sha256, facts.extradata))
        assert plan.options == {"level": "3", "slicecrc": "1", "g": "1"}
        assert [is_key for _, _, is_key in read_heads(tmp_path / "c")] == [True, True]
    assert len(digests) == 1


def damaged(folder: Path, name: str) -> Path:
    """An MXF film of 12 frames, with damage."""
    film = folder / "in.mxf"
    make_film(film, mov("dnxhd", "yuv422p10le", options=HQX, timecode="01:00:00:00", frames=12))
    data = bytearray(film.read_bytes())
    if name == "no index":
        mark = bytes.fromhex("060e2b34025301010d01020101100100")
        at = data.find(mark)
        while at >= 0:
            data[at + 10] = 0x55  # now nobody knows what it is
            at = data.find(mark, at + 1)
    elif name == "header only":
        del data[9000:]
    else:
        del data[len(data) * 6 // 10 :]
    film.write_bytes(data)
    return film


def damage_outcome(command: Command, folder: Path, name: str) -> tuple[Outcome, Path]:
    target = folder / "out.mxf"
    return command(damaged(folder, name), target), target


def test_mxf_without_its_index_is_colored(command: Command, tmp_path: Path) -> None:
    outcome, target = damage_outcome(command, tmp_path, "no index")
    assert outcome.code == 0
    assert len(see(target).pts) == 12
    with open_video(target) as film:
        assert film.info.timecode == "01:00:00:00"


def test_mxf_that_is_cut_short_says_so(command: Command, tmp_path: Path) -> None:
    outcome, target = damage_outcome(command, tmp_path, "cut")
    assert outcome.code == 3
    assert "truncated" in outcome.damage
    assert 5 <= len(see(target).pts) == outcome.report["frames"] < 12


def test_mxf_without_frames_is_refused(command: Command, tmp_path: Path) -> None:
    outcome, _ = damage_outcome(command, tmp_path, "header only")
    assert outcome.code == 2
    assert listing(tmp_path) == [b"in.mxf"]


@pytest.mark.parametrize(
    ("codec", "software"),
    [
        ("h264_nvenc", "libx264"),
        ("hevc_nvenc", "libx265"),
        ("av1_nvenc", "libsvtav1"),
        ("h264_qsv", "libx264"),
        ("hevc_amf", "libx265"),
        ("h264_vaapi", "libx264"),
        ("hevc_videotoolbox", "libx265"),
    ],
)
def test_missing_hardware_is_one_line_before_the_net_is_loaded(
    codec: str,
    software: str,
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    film = tmp_path / "in.mkv"
    make_film(film, BASE)
    monkeypatch.setattr("vidcolor.colorize.session.Session.load", None)
    outcome = command(film, tmp_path / "out.mp4", "--codec", codec)
    if outcome.code == 0:  # a machine that has it
        pytest.skip(f"this machine has {codec}")
    assert outcome.code == 2
    assert f"use --codec {software}" in outcome.err
    assert listing(tmp_path) == [b"in.mkv"]
