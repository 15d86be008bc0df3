"""--for archive, edit, share, web: what each purpose makes of films, and what stands above it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from films import Audio, Spec, make_film
from test_audio_convert import heard
from ways import recolor

from vidcolor.core.purposes import PURPOSES, add_suffix, apply_purpose, check_purpose, purpose_of
from vidcolor.errors import EncoderMissing, SettingsError
from vidcolor.settings import EncodeSettings, OutputSettings, Settings


def seen(path: Path) -> tuple[str, str, str]:
    """Codec and pixel format of the picture, codec of the sound."""
    with av.open(str(path)) as film:
        video, sound = film.streams.video[0].codec_context, film.streams.audio[0].codec_context
        return video.name, str(video.pix_fmt), sound.codec.canonical_name


@pytest.mark.parametrize(
    ("purpose", "pix_fmt", "expected"),
    [
        ("archive", "yuv420p", ("ffv1", "yuv420p", "flac")),
        ("archive", "gray16le", ("ffv1", "yuv420p16le", "flac")),
        ("edit", "yuv420p", ("prores", "yuv422p10le", "pcm_s16le")),
        ("edit", "yuv444p", ("prores", "yuv444p12le", "pcm_s16le")),
        ("avid", "yuv420p", ("dnxhd", "yuv422p10le", "pcm_s16le")),
        ("share", "yuv422p", ("h264", "yuv420p", "aac")),
        ("share", "yuv444p10le", ("h264", "yuv420p10le", "aac")),
        ("web", "yuv420p", ("vp9", "yuv420p", "opus")),
        ("web", "yuv420p10le", ("libdav1d", "yuv420p10le", "opus")),
    ],
)
def test_a_purpose_decides_container_codec_and_sound(
    tmp_path: Path, purpose: str, pix_fmt: str, expected: tuple[str, str, str]
) -> None:
    film, suffix = tmp_path / "film.mkv", PURPOSES[purpose].suffix
    spec = Spec(
        pix_fmt=pix_fmt, width=256, height=128, frames=8, audio=(Audio("pcm_s16le", seconds=1),)
    )
    make_film(film, spec)
    out = tmp_path / f"out{suffix}"
    run = recolor(film, out, apply_purpose(purpose, Settings()))
    assert seen(out) == expected
    if purpose != "avid":  # where sound ends with the picture
        assert run.left == []
    if purpose in ("archive", "edit"):
        np.testing.assert_array_equal(heard(out)[0], heard(film)[0])


def test_an_archive_is_exact_and_has_slices_with_checksums(tmp_path: Path) -> None:
    film, out = tmp_path / "film.mkv", tmp_path / "out.mkv"
    made = make_film(film, Spec(width=128, height=96, frames=4))
    run = recolor(film, out, apply_purpose("archive", Settings()))
    options = run.plan.options
    assert (options["level"], options["slicecrc"], options["slices"]) == ("3", "1", "24")
    with av.open(str(out)) as result:
        for frame, luma in zip(result.decode(video=0), made.luma, strict=True):
            np.testing.assert_array_equal(frame.to_ndarray()[:96, :128], luma)


def test_a_share_begins_with_its_index(tmp_path: Path) -> None:
    film, out = tmp_path / "film.mkv", tmp_path / "out.mp4"
    make_film(film, Spec(frames=8))
    recolor(film, out, apply_purpose("share", Settings()))
    data = out.read_bytes()
    assert data.find(b"moov") < data.find(b"mdat")


def test_ten_bits_to_share_are_told_and_twelve_refused(tmp_path: Path) -> None:
    ten, twelve = tmp_path / "ten.mkv", tmp_path / "twelve.mkv"
    make_film(ten, Spec(pix_fmt="yuv420p10le", frames=4))
    make_film(twelve, Spec(pix_fmt="yuv420p12le", frames=4))
    settings = apply_purpose("share", Settings())
    run = recolor(ten, tmp_path / "ten.mp4", settings)
    assert run.plan.luma == "exact"
    assert run.plan.notes == ("H.264 of 10 bits: browsers and many television sets do not play it",)
    with pytest.raises(EncoderMissing, match="libx264 cannot encode 12 bits"):
        recolor(twelve, tmp_path / "twelve.mp4", settings)


def test_an_odd_size_is_shared_as_it_can_be(tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    make_film(film, Spec(width=95, height=63, frames=4))
    run = recolor(film, tmp_path / "out.mp4", apply_purpose("share", Settings()))
    assert run.plan.layout.format == "yuv444p"
    assert "chroma becomes yuv444p" in run.plan.notes[0]


def test_what_is_asked_for_stands_above_the_purpose(tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    make_film(film, Spec(frames=4, audio=(Audio("pcm_s16le", seconds=1),)))
    asked = Settings(encode=EncodeSettings(codec="h264", crf=30, preset="ultrafast"))
    settings = apply_purpose("archive", asked)
    assert settings.encode == asked.encode
    assert settings.output.audio == "flac"
    recolor(film, tmp_path / "a.mkv", settings)
    assert seen(tmp_path / "a.mkv") == ("h264", "yuv420p", "flac")
    copied = replace(apply_purpose("edit", Settings()), output=OutputSettings(audio="copy"))
    recolor(film, tmp_path / "b.mkv", copied)
    assert seen(tmp_path / "b.mkv") == ("prores", "yuv422p10le", "pcm_s16le")
    slices = Settings(encode=EncodeSettings(options=(("slices", "4"),)))
    assert apply_purpose("archive", slices).encode.options == (("slices", "4"),)
    assert apply_purpose("share", Settings(encode=EncodeSettings(crf=20))).encode.crf == 20
    with pytest.raises(SettingsError, match="cannot hold sound as flac; use"):
        recolor(film, tmp_path / "c.mov", settings)


def test_names_that_no_purpose_has_and_targets_that_are_no_films() -> None:
    with pytest.raises(SettingsError, match="no --for tv; use archive, edit"):
        purpose_of("tv")
    for target in ("out.png", "frames/out_%06d.dpx", "a.TIF"):
        with pytest.raises(SettingsError, match=r"--for archive writes a \.mkv film"):
            check_purpose("archive", target)
    check_purpose("archive", "out.mov")
    check_purpose("archive", "-")


def test_a_batch_follows_the_purpose() -> None:
    assert add_suffix("edit", []) == [".mov"]
    assert add_suffix("edit", ["png"]) == ["png", ".mov"]
    assert add_suffix("edit", ["mkv"]) == ["mkv"]


def test_a_rate_of_48000_goes_into_webm(tmp_path: Path) -> None:
    film, out = tmp_path / "film.mkv", tmp_path / "out.webm"
    make_film(film, Spec(frames=25, rate=Fraction(25), audio=(Audio("aac", rate=44100),)))
    recolor(film, out, apply_purpose("web", Settings()))
    with av.open(str(out)) as result:
        assert result.streams.audio[0].codec_context.sample_rate == 48000
