"""Settings of encoders, where a film needs another encoder than they are meant for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from films import Spec, make_film
from seen import see
from ways import recolor

from vidcolor.errors import EncoderMissing, SettingsError
from vidcolor.media.encode.encoder import plan_encode
from vidcolor.media.open import open_video
from vidcolor.settings import EncodeSettings, Settings

DEEP, FLAT = Spec(pix_fmt="gray14le", frames=2), Spec(frames=2)
TEN = Spec(pix_fmt="yuv420p10le", frames=2)

IGNORED: list[tuple[Spec, str, dict[str, Any], list[str]]] = [
    (DEEP, "o.mkv", {"preset": "ultrafast"}, ["--preset ultrafast"]),
    (DEEP, "o.mkv", {"crf": 20.0}, ["--crf 20"]),
    (DEEP, "o.mkv", {"options": (("aq-mode", "2"),)}, ["--encoder-option aq-mode=2"]),
    (DEEP, "o.mp4", {"preset": "slow", "crf": 20.5}, ["--preset slow", "--crf 20.5"]),
    (FLAT, "o.mkv", {"lossless": True, "preset": "fast"}, ["--preset fast"]),
    (FLAT, "o.webm", {"preset": "fast"}, ["--preset fast"]),
    (TEN, "o.webm", {"preset": "fast"}, ["--preset fast"]),
    (FLAT, "o.mkv", {"options": (("slicecrc", "1"),)}, ["--encoder-option slicecrc=1"]),
    (FLAT, "o.mkv", {"preset": "fast", "crf": 20.0, "options": (("bf", "1"),)}, []),
    (TEN, "o.webm", {"preset": "8", "crf": 20.0}, []),
]


@pytest.mark.parametrize(("spec", "target", "changes", "names"), IGNORED)
def test_settings_for_another_codec_than_the_film_needs_are_ignored_with_a_note(
    tmp_path: Path, spec: Spec, target: str, changes: dict[str, Any], names: list[str]
) -> None:
    make_film(tmp_path / "in.mkv", spec)
    settings = Settings(encode=EncodeSettings(**changes))
    run = recolor(tmp_path / "in.mkv", tmp_path / target, settings)
    assert len(see(tmp_path / target).pts) == 2
    found = [note for note in run.plan.notes if "is ignored" in note]
    assert [note.split(" is ignored")[0] for note in found] == names
    assert all(f"{run.plan.codec}, which this film needs" in note for note in found)


REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"preset": "quick"}, SettingsError, "--preset quick; use ultrafast, "),
    ({"codec": "ffv1", "preset": "fast"}, SettingsError, "ffv1 has no presets"),
    ({"codec": "ffv1", "crf": 20.0}, SettingsError, "ffv1 has no CRF"),
    ({"lossless": True, "crf": 20.0}, SettingsError, "exclude each other"),
]


@pytest.mark.parametrize(("changes", "error", "words"), REFUSED)
def test_what_is_wrong_for_any_codec_or_asked_for_is_refused(
    tmp_path: Path, changes: dict[str, Any], error: type[Exception], words: str
) -> None:
    make_film(tmp_path / "in.mkv", DEEP)
    with open_video(tmp_path / "in.mkv") as film, pytest.raises(error, match=words):
        plan_encode(film.info, tmp_path / "o.mkv", EncodeSettings(**changes))


def test_an_option_that_no_codec_has_is_refused(tmp_path: Path) -> None:
    make_film(tmp_path / "in.mkv", DEEP)
    settings = Settings(encode=EncodeSettings(options=(("crff", "18"),)))
    with pytest.raises((SettingsError, EncoderMissing), match="does not know the option crff=18"):
        recolor(tmp_path / "in.mkv", tmp_path / "o.mkv", settings)
