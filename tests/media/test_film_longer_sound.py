"""A film is as long as its longest stream: none is called truncated whose picture ends first."""

from __future__ import annotations

from pathlib import Path

import pytest
from films import Audio, Spec, Subtitle, cut_file, make_film
from ways import fast, recolor

SOUND = [
    ("in.flv", "flv", Audio("adpcm_swf", rate=22050)),
    ("in.flv", "flv", Audio("nellymoser", rate=22050)),
    ("in.flv", "flv", Audio("libmp3lame", rate=44100)),
    ("in.wmv", "wmv2", Audio("wmav2")),
    ("in.avi", "mpeg4", Audio("adpcm_ms")),
    ("in.mp4", "mpeg4", Audio("aac")),
    ("in.mov", "mpeg4", Audio("adpcm_ima_qt")),
    ("in.mkv", "mpeg4", Audio("wavpack")),
    ("in.mkv", "mpeg4", Audio("ac3")),
    ("in.ts", "mpeg2video", Audio("ac3")),
]


@pytest.mark.parametrize(
    ("name", "codec", "sound"),
    [SOUND[0], *(pytest.param(*row, marks=pytest.mark.slow) for row in SOUND[1:])],
)
@pytest.mark.parametrize("longer", [0.1, pytest.param(0.9, marks=pytest.mark.slow)])
def test_sound_may_last_longer_than_the_picture(
    tmp_path: Path, name: str, codec: str, sound: Audio, longer: float
) -> None:
    source = tmp_path / name
    length = 1 + longer
    sound = Audio(sound.codec, rate=sound.rate, seconds=length)
    make_film(source, Spec(codec=codec, frames=24, audio=(sound,)))
    for target in ("out.mkv", "out.mp4"):
        assert recolor(source, tmp_path / target, fast()).damage == []


@pytest.mark.parametrize("name", ["in.flv", "in.wmv"])
def test_one_that_is_cut_is_still_found_out(tmp_path: Path, name: str) -> None:
    codec, sound = ("flv", "adpcm_swf") if name == "in.flv" else ("wmv2", "wmav2")
    source = tmp_path / name
    sounds = (Audio(sound, rate=22050, seconds=2.0),)
    make_film(source, Spec(codec=codec, frames=48, audio=sounds))
    cut = cut_file(source, tmp_path / f"cut{source.suffix}", 0.5)
    run = recolor(cut, tmp_path / "out.mkv", fast())
    assert "truncated" in {damage.kind for damage in run.damage}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "codec"), [("in.mp4", "mov_text"), ("in.mkv", "subrip")])
def test_subtitles_may_run_on(tmp_path: Path, name: str, codec: str) -> None:
    source = tmp_path / name
    text = Subtitle(codec, events=((0.1, 0.2, "first"), (3.0, 2.0, "long after")))
    make_film(source, Spec(codec="mpeg4", frames=24, audio=(Audio("aac"),), subtitles=(text,)))
    for target in ("out.mkv", "out.mp4", "out.webm"):
        settings = None if target == "out.webm" else fast()
        assert recolor(source, tmp_path / target, settings).damage == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["in.mp4", "in.mkv", "in.avi", "in.ts"])
def test_what_hangs_on_behind_the_film_is_no_matter(tmp_path: Path, name: str) -> None:
    source = tmp_path / name
    codec = "mpeg2video" if name == "in.ts" else "mpeg4"
    make_film(source, Spec(codec=codec, frames=24, audio=(Audio("ac3"),)))
    with open(source, "ab") as file:
        file.write(bytes(5000) + b"TAG" + bytes(125))
    assert recolor(source, tmp_path / "out.mkv", fast()).damage == []
