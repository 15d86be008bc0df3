"""Encoders in graphics chips, without one: their words, their pixel formats, what stands in."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from films import Spec, make_film
from seen import see
from ways import paint, recolor

from vidcolor.errors import EncoderMissing, SettingsError
from vidcolor.media.decode.decoder import decode
from vidcolor.media.encode.chunk_file import read_heads, write_chunk
from vidcolor.media.encode.encoder import plan_encode
from vidcolor.media.encode.hardware import quality_options, software_for
from vidcolor.media.open import open_video
from vidcolor.settings import EncodeSettings, Settings


@pytest.mark.parametrize(
    ("codec", "crf", "words"),
    [
        ("h264_nvenc", None, {"rc": "vbr", "cq": "19", "b": "0"}),
        ("hevc_nvenc", 23.0, {"rc": "vbr", "cq": "23", "b": "0"}),
        ("av1_nvenc", None, {"rc": "vbr", "cq": "25", "b": "0"}),
        ("h264_qsv", None, {"global_quality": "19"}),
        ("hevc_amf", None, {"rc": "cqp", "qp_i": "19", "qp_p": "19"}),
        ("av1_amf", None, {"rc": "cqp", "qp_i": "100", "qp_p": "100", "qp_b": "100"}),
        ("h264_vaapi", None, {"rc_mode": "CQP", "global_quality": "19"}),
        ("h264_videotoolbox", None, {"flags": "+qscale", "global_quality": "8850"}),
    ],
)
def test_quality_is_constant(codec: str, crf: float | None, words: dict[str, str]) -> None:
    assert quality_options(codec, crf) == words


@pytest.mark.parametrize("codec", ["h264_nvenc", "hevc_nvenc", "av1_nvenc", "h264_qsv", "av1_qsv",
                                   "hevc_qsv", "h264_amf", "hevc_amf", "av1_amf"])  # fmt: skip
def test_encoders_of_this_build_know_the_words(codec: str, tmp_path: Path) -> None:
    make_film(tmp_path / "in.mkv", Spec(frames=1))
    with open_video(tmp_path / "in.mkv") as film:
        plan = plan_encode(film.info, tmp_path / "o.mp4", EncodeSettings(codec=codec))
    known = av.CodecContext.create(codec, "w").supported_options
    names = {option.name for option in (*known.generic, *known.private)}
    assert set(plan.options) <= names


@pytest.mark.parametrize(
    ("pix_fmt", "codec", "given"),
    [
        ("yuv420p", "h264_nvenc", "yuv420p"),
        ("yuv420p10le", "hevc_nvenc", "p010le"),
        ("yuv422p10le", "hevc_nvenc", "p210le"),
        ("yuv420p", "h264_qsv", "nv12"),
        ("yuv420p10le", "hevc_qsv", "p010le"),
        ("gray", "h264_qsv", "nv12"),
    ],
)
def test_encoder_gets_the_same_numbers_as_it_takes_them(
    pix_fmt: str, codec: str, given: str, tmp_path: Path
) -> None:
    make_film(tmp_path / "in.mkv", Spec(pix_fmt=pix_fmt, frames=1))
    with open_video(tmp_path / "in.mkv") as film:
        plan = plan_encode(film.info, tmp_path / "o.mkv", EncodeSettings(codec=codec))
    assert (plan.given, plan.luma) == (given, "exact")
    assert plan.layout.bits == film.info.layout.bits


def test_woven_chroma_is_the_same_picture(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(frames=4))
    targets = []
    for given in ("", "nv12"):
        with open_video(source) as film:
            plan = plan_encode(film.info, source, EncodeSettings(codec="libx264", lossless=True))
            path = tmp_path / f"chunk{given}"
            frames = paint(decode(film, plan.layout))
            write_chunk(frames, path, replace(plan, given=given, threads=1), film.info)
        targets.append((read_heads(path), path.stat().st_size))
    assert targets[0] == targets[1]


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(frames=1))
    for codec in ("h264_nvenc", "h264_qsv"):
        with pytest.raises(EncoderMissing, match="needs hardware that this machine lacks"):
            recolor(source, tmp_path / "o.mp4", Settings(encode=EncodeSettings(codec=codec)))
    with pytest.raises(SettingsError, match="use --codec libx264"):
        recolor(
            source,
            tmp_path / "o.mp4",
            Settings(encode=EncodeSettings(codec="h264_nvenc", lossless=True)),
        )
    make_film(source, Spec(frames=1, pix_fmt="yuv420p12le"))
    with pytest.raises(EncoderMissing, match="12 bits per sample; choose libx264"):
        recolor(source, tmp_path / "o.mp4", Settings(encode=EncodeSettings(codec="h264_qsv")))
    assert not (tmp_path / "o.mp4").exists()


def test_software_stands_in() -> None:
    assert software_for("hevc_vaapi") == "libx265"
    assert software_for("something") == "libx264"


def test_pictures_of_prores_say_their_colors(tmp_path: Path) -> None:
    source, target = tmp_path / "in.mkv", tmp_path / "o.mov"
    make_film(source, Spec(pix_fmt="yuv422p10le", rate=Fraction(25)))
    recolor(source, target, Settings(encode=EncodeSettings(codec="prores")))
    seen = see(target)
    with open_video(source) as film:
        meant = film.info.tags
    assert seen.tags == (1, meant["matrix"], meant["primaries"], meant["transfer"])
    with av.open(str(target)) as film:
        assert film.streams.video[0].codec_context.codec_tag == "apch"
