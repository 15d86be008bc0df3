"""MXF as a target: what it takes, and what becomes of all that it has no place for."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from films import Audio, Spec, Subtitle, make_film
from seen import plane_view, see
from ways import Run, recolor

from vidcolor.core.label import Label
from vidcolor.errors import CannotCarry, EncoderMissing, OutputError, SettingsError
from vidcolor.media.decode.decoder import decode
from vidcolor.media.encode.chunk_file import write_chunk
from vidcolor.media.encode.encoder import plan_encode
from vidcolor.media.encode.packet_recovery import ChunkHeads, recover_chunks
from vidcolor.media.mux.concat import stitch
from vidcolor.media.mux.file_sink import FileSink
from vidcolor.media.mux.mxf_stamp import stamp
from vidcolor.media.mux.tags import add_label, find_in_tags
from vidcolor.media.open import open_video
from vidcolor.settings import EncodeSettings, InputSettings, OutputSettings, Settings

FILM = Spec(width=256, height=144, frames=6, rate=Fraction(25))
PCM = Audio("pcm_s16le", layout="stereo")


def color(tmp_path: Path, spec: Spec, source: str = "in.mkv", **changes: Any) -> tuple[Run, Path]:
    film, target = tmp_path / source, tmp_path / "out.mxf"
    make_film(film, spec)
    settings = Settings(encode=EncodeSettings(**changes), output=OutputSettings(force=True))
    return recolor(film, target, settings), target


def sound_of(path: Path, kind: str = "<i2") -> np.ndarray:
    with av.open(str(path)) as film:
        packets = [bytes(p) for p in film.demux(film.streams.audio[0])]
    return np.frombuffer(b"".join(packets), kind)


@pytest.mark.parametrize(
    ("pix_fmt", "profile", "layout"),
    [
        ("yuv420p", "dnxhr_hq", "yuv422p"),
        ("yuv422p10le", "dnxhr_hqx", "yuv422p10le"),
        ("yuv444p10le", "dnxhr_444", "yuv444p10le"),
        ("gray", "dnxhr_hqx", "yuv422p10le"),
        ("gray10le", "dnxhr_hqx", "yuv422p10le"),
    ],
)
def test_film_decides_the_profile(tmp_path: Path, pix_fmt: str, profile: str, layout: str) -> None:
    run, target = color(tmp_path, replace(FILM, pix_fmt=pix_fmt))
    assert (run.plan.codec, run.plan.options["profile"]) == ("dnxhd", profile)
    assert see(target).pix_fmt == layout
    assert len(see(target).luma) == FILM.frames


def test_two_runs_give_the_same_bytes_and_two_films_other_numbers(tmp_path: Path) -> None:
    _, target = color(tmp_path, FILM)
    first = target.read_bytes()
    _, target = color(tmp_path, FILM)
    assert target.read_bytes() == first
    number = see(target).metadata["material_package_umid"]
    color(tmp_path, replace(FILM, brightness=99))
    assert see(target).metadata["material_package_umid"] != number
    assert set(number[-32:-2]) != {"0"}
    color(tmp_path, replace(FILM, metadata={"title": "Another"}))
    assert see(target).metadata["material_package_umid"] != number


def test_number_is_the_same_everywhere_in_the_file(tmp_path: Path) -> None:
    _, target = color(tmp_path, replace(FILM, audio=(PCM,)))
    begin = bytes.fromhex("060A2B340101010501010D0013")
    data = target.read_bytes()
    numbers = {data[m.end() : m.end() + 18] for m in re.finditer(re.escape(begin), data)}
    assert len(numbers) == 1
    assert stamp(BytesIO(data), bytes(range(32))) == 0, "nothing is left to be filled in"


@pytest.mark.parametrize(
    ("rate", "code"),
    [
        (Fraction(25), "01:00:00:00"),
        (Fraction(24000, 1001), "01:00:00:00"),
        (Fraction(30000, 1001), "00:59:59;28"),
        (Fraction(24), "23:59:59:23"),
    ],
)
def test_timecode_is_kept(tmp_path: Path, rate: Fraction, code: str) -> None:
    run, target = color(
        tmp_path, replace(FILM, codec="libx264", rate=rate, timecode=code), "in.mov"
    )
    assert run.left == []
    with open_video(target) as film:
        assert film.info.timecode == code
        assert film.info.frame_rate == rate


def test_timecode_that_the_rate_does_not_have_is_listed(tmp_path: Path) -> None:
    run, target = color(tmp_path, replace(FILM, metadata={"timecode": "01:00:00;00"}))
    assert [line for line in run.left if line.startswith("timecode 01:00:00;00: ")] == run.left
    assert len(run.left) == 1
    with open_video(target) as film:
        assert film.info.timecode == "00:00:00:00"


def test_more_bits_are_luma_times_four(tmp_path: Path) -> None:
    spec = replace(FILM, pix_fmt="yuv422p", tags=(1, 1, 1, 1))
    run, target = color(tmp_path, spec, bits=10, lossless=True)
    assert run.plan.layout.format == "yuv422p10le"
    source = make_film(tmp_path / "in.mkv", spec)
    with av.open(str(target)) as film:
        for before, after in zip(source.luma, film.decode(video=0), strict=True):
            assert (plane_view(after.planes[0], 10) == before.astype(int) * 4).all()


@pytest.mark.parametrize("bits", [12, 16])
def test_deeper_films_are_rounded_and_listed(tmp_path: Path, bits: int) -> None:
    run, target = color(tmp_path, replace(FILM, pix_fmt=f"yuv422p{bits}le", tags=(1, 1, 1, 1)))
    assert run.left == [
        f"{bits} bits per sample: dnxhd holds 10; luma is rounded to these",
    ]
    source = make_film(tmp_path / "in.mkv", replace(FILM, pix_fmt=f"yuv422p{bits}le"))
    with av.open(str(target)) as film:
        for before, after in zip(source.luma, film.decode(video=0), strict=True):
            meant = before / (1 << (bits - 10))
            assert abs(plane_view(after.planes[0], 10) - meant).mean() < 12


def test_full_range_becomes_limited_and_comes_back(tmp_path: Path) -> None:
    spec = replace(FILM, pix_fmt="gray")
    film, target = tmp_path / "in.mkv", tmp_path / "out.mov"
    source = make_film(film, spec)
    run = recolor(film, target, Settings(encode=EncodeSettings(codec="prores")))
    assert "prores_ks has no full range: luma is written in limited range" in run.plan.notes[0]
    assert see(target).tags[0] == 1
    with av.open(str(target)) as made:
        for before, after in zip(source.luma, made.decode(video=0), strict=True):
            found = (plane_view(after.planes[0], 10).astype(float) - 64) * 255 / 876
            assert abs(found - before).mean() < 0.5  # what ProRes loses; a wrong range is 10
            assert abs((found - before).mean()) < 0.2


def test_matrix_is_one_that_the_codec_can_say(tmp_path: Path) -> None:
    run, target = color(tmp_path, replace(FILM, tags=(1, 5, 5, 6)))
    assert run.plan.layout.matrix == "bt709"
    assert see(target).tags[1] == 1
    assert "chroma is written in BT.709" in " ".join(run.plan.notes)
    run, target = color(tmp_path, replace(FILM, tags=(1, 5, 5, 6)), codec="ffv1")
    assert run.plan.layout.matrix == "bt601"


def test_pcm_of_48000_is_copied_and_other_sound_becomes_that(tmp_path: Path) -> None:
    spec = replace(FILM, audio=(PCM, Audio("pcm_s24le"), Audio("aac"), Audio("pcm_s16le", 44100)))
    run, target = color(tmp_path, spec)
    assert run.left == []
    assert run.written.carried[2:4] == (
        "audio stream 3 (aac) converted to pcm_s24le",
        "audio stream 4 (pcm_s16le) converted to pcm_s16le",
    )
    with av.open(str(target)) as film:
        names = [s.codec_context.name for s in film.streams]
        assert names == ["dnxhd", "pcm_s16le", "pcm_s24le", "pcm_s24le", "pcm_s16le"]
        assert {s.codec_context.sample_rate for s in film.streams.audio} == {48000}
    assert (sound_of(target) == sound_of(tmp_path / "in.mkv")).all()


def test_short_sound_is_filled_so_that_no_frame_is_lost(tmp_path: Path) -> None:
    run, target = color(tmp_path, replace(FILM, audio=(replace(PCM, seconds=0.1),)))
    assert run.written.frames == FILM.frames == len(see(target).luma)
    before, after = sound_of(tmp_path / "in.mkv"), sound_of(target)
    assert len(after) == 2 * 48000 * FILM.frames // 25
    assert (after[: len(before)] == before).all()
    assert not after[len(before) :].any()


def test_sound_behind_the_picture_is_cut_and_listed(tmp_path: Path) -> None:
    run, target = color(tmp_path, replace(FILM, audio=(replace(PCM, seconds=1.0),)))
    assert [line.split(":")[0] for line in run.left] == ["0.760 s of audio stream 1 (pcm_s16le)"]
    assert run.damage == []
    after = sound_of(target)
    assert (after == sound_of(tmp_path / "in.mkv")[: len(after)]).all()
    assert len(after) == 2 * 48000 * FILM.frames // 25


def test_sound_before_the_picture_is_cut_and_in_step(tmp_path: Path) -> None:
    late = replace(FILM, time_base=Fraction(1, 1000), pts=tuple(80 + 40 * i for i in range(6)))
    run, target = color(tmp_path, replace(late, audio=(replace(PCM, seconds=0.4),)))
    where = [line.split("they lie ")[1].split(",")[0] for line in run.left]
    assert where == ["before the first frame", "behind the last frame"]
    assert all(line.startswith("0.080 s of audio stream 1") for line in run.left)
    after, before = sound_of(target), sound_of(tmp_path / "in.mkv")
    skipped = 2 * 48000 * 80 // 1000
    assert (after == before[skipped : skipped + len(after)]).all()


def test_gap_of_the_film_repeats_frames(tmp_path: Path) -> None:
    spec = replace(FILM, time_base=Fraction(1, 1000), pts=(0, 40, 160, 200, 240, 280))
    run, target = color(tmp_path, spec)
    assert "2 frames repeated where the film has none: MXF has a constant rate" in run.notes
    luma = see(target).luma
    assert len(luma) == 8
    assert luma[1] == luma[2] == luma[3] != luma[4]


@pytest.mark.parametrize(
    ("changes", "settings", "error", "text"),
    [
        ({"rate": Fraction(18)}, {}, EncoderMissing, "the film has 18 frames a second; MXF holds"),
        ({"width": 96, "height": 64}, {}, EncoderMissing, "takes no picture below 256x120"),
        ({}, {"codec": "libx264"}, EncoderMissing, "a .mxf file cannot hold libx264"),
        (
            {},
            {"codec": "dnxhd", "options": (("profile", "dnxhd"),)},
            SettingsError,
            "DNxHD is for 1920x1080 at",
        ),
        ({"codec": "libx264"}, {"bits": 7}, SettingsError, "--bits 7 is outside 8 to 16"),
        (
            {"time_base": Fraction(1, 1000), "pts": (0, 40, 50, 80, 120, 160)},
            {},
            EncoderMissing,
            "frames 1 and 2 at 0:00:00.050 are closer than at 25 a second; MXF has no variable",
        ),
    ],
)
def test_refusals_come_early_and_leave_nothing(
    tmp_path: Path,
    changes: dict[str, Any],
    settings: dict[str, Any],
    error: type[Exception],
    text: str,
) -> None:
    with pytest.raises(error, match=re.escape(text)):
        color(tmp_path, replace(FILM, **changes), **settings)
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".mkv"] == []


def test_all_that_has_no_place_is_listed(tmp_path: Path) -> None:
    spec = replace(
        FILM,
        audio=(replace(PCM, language="fre", title="Director"),),
        subtitles=(Subtitle(),),
        chapters=((0, 0.1, "one"),),
        attachments=(("a.ttf", "font/ttf", b"font"),),
        sar=Fraction(16, 11),
        codec="libx264",
    )
    run, _ = color(tmp_path, spec)
    assert sorted(line.split(":")[0] for line in run.left) == [
        "1 chapter",
        "attachment a.ttf",
        "pixel aspect 16/11",
        "subtitle stream 2 (subrip, eng)",
        "tags of audio stream 1 (pcm_s16le, fre)",
    ]
    strict = Settings(output=OutputSettings(force=True, strict=True))
    with pytest.raises(CannotCarry, match=r"try \.mkv"):
        recolor(tmp_path / "in.mkv", tmp_path / "out.mxf", strict)


def test_tags_are_user_comments_and_come_back(tmp_path: Path) -> None:
    run, target = color(tmp_path, replace(FILM, metadata={"title": "Füm", "comment": "a\nb"}))
    assert run.left == []
    assert see(target).metadata["comment_title"] == "Füm"
    back = tmp_path / "back.mkv"
    recolor(target, back)
    told = {key.lower(): value for key, value in see(back).metadata.items()}
    assert (told["title"], told["comment"]) == ("Füm", "a\nb")
    assert not {"uid", "company_name", "product_name", "operational_pattern_ul"} & set(told)


def test_label_is_found_in_mxf() -> None:
    tags = {"comment_comment": "of the film"}
    label = Label("0.1.0", "ab" * 32, "default", "")
    add_label(tags, label, "mxf")
    assert set(tags) == {"comment_comment"}
    assert find_in_tags(tags) == label


def test_fields_are_said_where_dnxhd_can(tmp_path: Path) -> None:
    run, target = color(tmp_path, replace(FILM, interlaced="tff"))
    assert run.left == ["field order: DNxHR cannot mark the film as interlaced"]
    assert not see(target).interlaced
    large = replace(FILM, width=1920, height=1080, frames=1, interlaced="tff")
    run, target = color(tmp_path, large)
    assert run.left == []
    assert run.plan.options == {"profile": "dnxhd", "b": "185M"}
    with open_video(target) as film:
        assert film.info.field_order == "top"


def test_start_and_end_keep_sound_in_step(tmp_path: Path) -> None:
    film, target = tmp_path / "in.mkv", tmp_path / "out.mxf"
    make_film(film, replace(FILM, frames=12, audio=(PCM,)))
    cut = InputSettings(start=Fraction(1, 5), end=Fraction(2, 5))
    recolor(film, target, Settings(open=cut))
    assert len(see(target).luma) == 5
    after, before = sound_of(target), sound_of(film)
    assert len(after) == 2 * 48000 // 5
    # Whole packets are cut off the film's sound, and Matroska rounds their times to 1/1000 s.
    found, head = after[4000:6000], 2 * 48000 // 5 + 4000
    near = range(head - 96, head + 97, 2)
    assert any((before[at : at + 2000] == found).all() for at in near)


def test_op_atom_says_where_its_sound_is(tmp_path: Path) -> None:
    film = tmp_path / "picture.mxf"
    with av.open(str(film), "w", format="mxf_opatom") as container:
        video = container.add_stream("dnxhd", rate=25, options={"profile": "dnxhr_hq"})
        video.width, video.height, video.pix_fmt = 256, 144, "yuv422p"
        video.metadata["timecode"] = "01:00:00:00"
        picture = av.VideoFrame(256, 144, "yuv422p")
        for plane in picture.planes:
            plane.update(bytes([128]) * plane.buffer_size)
        picture.pts = 0
        container.mux([*video.encode(picture), *video.encode(None)])
    with open_video(film) as opened:
        assert "none of them was found beside it" in opened.info.notes[-1]
        assert opened.info.timecode == "01:00:00:00"
        number = opened.info.metadata["material_package_umid"]
    (tmp_path / "sound.mxf").write_bytes(b"header" + bytes.fromhex(number[2:]))
    (tmp_path / "other.mxf").write_bytes(b"header")
    with open_video(film) as opened:
        assert opened.info.notes[-1].endswith("(beside it: sound.mxf)")


def test_a_target_that_repeats_frames_gives_none_of_them_back(tmp_path: Path) -> None:
    spec = replace(FILM, time_base=Fraction(1, 1000), pts=(0, 40, 160, 200, 240, 280))
    make_film(tmp_path / "in.mkv", spec)
    target, path = tmp_path / "out.mxf", tmp_path / "chunk"
    with open_video(tmp_path / "in.mkv") as film:
        plan = plan_encode(film.info, target, EncodeSettings())
        facts = write_chunk(decode(film, plan.layout), path, plan, film.info)
        sink = partial(FileSink, target)
        stitch(film, plan, sink, OutputSettings(), [(path, facts)])
    told = [(tmp_path / "again", facts, ChunkHeads.of(path))]
    with pytest.raises(OutputError, match="repeats frames where the film has gaps"):
        list(recover_chunks(target, told))
