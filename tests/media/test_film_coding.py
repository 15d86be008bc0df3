"""Text in old code pages: subtitles, titles and names are read as they were meant, or listed."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import av
import pytest
from films import Spec, Subtitle, make_film
from seen import see, subtitle_texts
from ways import fast, recolor

from vidcolor.cli.color import parser, settings_of
from vidcolor.errors import SettingsError
from vidcolor.media.mux.text_encoding import find_coding
from vidcolor.media.open import open_video
from vidcolor.settings import InputSettings, Settings

FRENCH = "Où est-il allé ? Je ne sais pas.", "Il était là hier soir, après le dîner."
# fmt: off
LINES = [
    ("fre", "cp1252", FRENCH),
    ("und", "cp1252", ("Schöne Grüße aus München.", "Ich weiß es nicht, ehrlich gesagt.")),
    ("pol", "cp1250", ("Gdzie jesteś, mój przyjacielu?", "Nie wiem, co się stało.")),
    ("cze", "cp1250", ("Kde jsi byl včera večer?", "Řekni mi pravdu, prosím.")),
    ("rus", "cp1251", ("Где ты был вчера вечером?", "Я не знаю, что случилось.")),
    ("und", "cp1251", ("Где ты был вчера вечером?", "Я не знаю, что случилось.")),
    ("rus", "koi8_r", ("Где ты был вчера вечером?", "Я не знаю, что случилось.")),
    ("gre", "cp1253", ("Πού ήσουν χθες το βράδυ;", "Δεν ξέρω τι έγινε.")),
    ("tur", "cp1254", ("Dün akşam neredeydin?", "Gitmemiz gerek, geç oldu.")),
    ("heb", "cp1255", ("איפה היית אתמול בערב?", "אני לא יודע מה קרה.")),
    ("ara", "cp1256", ("أين كنت مساء أمس؟", "لا أعرف ماذا حدث.")),
    ("jpn", "cp932", ("昨日の夜はどこにいたの?", "本当のことを言って。")),
    ("und", "cp932", ("昨日の夜はどこにいたの?", "本当のことを言って。")),
    ("chi", "gb18030", ("你昨天晚上在哪里?", "我不知道发生了什么。")),
    ("kor", "cp949", ("어젯밤에 어디 있었어?", "무슨 일이 일어났는지 모르겠어.")),
]
# fmt: on


def raw(text: str, coding: str) -> str:
    """Text whose bytes in ``coding`` are written as they are."""
    return text.encode(coding).decode("utf-8", errors="surrogateescape")


def subtitled(
    path: Path, lines: tuple[str, ...], coding: str, codec: str = "subrip", language: str = "und"
) -> None:
    events = tuple((0.1 * n, 0.1, raw(line, coding)) for n, line in enumerate(lines))
    text = Subtitle(codec, events=events, language=language)
    make_film(path, Spec(codec="libx264", subtitles=(text,)))


def given(coding: str) -> Settings:
    return replace(fast(), open=InputSettings(subtitle_encoding=coding))


@pytest.mark.parametrize(("language", "coding", "lines"), LINES)
def test_the_code_page_is_found_out(language: str, coding: str, lines: tuple[str, ...]) -> None:
    data = "\n".join(lines).encode(coding)
    assert data.decode(find_coding(data, language)) == "\n".join(lines)


@pytest.mark.parametrize(
    ("codec", "target"),
    [
        ("subrip", ".mp4"),
        *(pytest.param(codec, ".mp4", marks=pytest.mark.slow) for codec in ("ass", "webvtt")),
        *(pytest.param(codec, ".webm", marks=pytest.mark.slow) for codec in ("subrip", "ass")),
    ],
)
def test_old_subtitles_become_text(tmp_path: Path, codec: str, target: str) -> None:
    source, out = tmp_path / "in.mkv", tmp_path / f"out{target}"
    subtitled(source, FRENCH, "cp1252", codec, "fre")
    settings = fast() if target == ".mp4" else Settings()
    with open_video(source) as film:
        assert film.log.remarks == []
    run = recolor(source, out, settings)
    texts = [data[2 * (target == ".mp4") :].decode() for _, data in subtitle_texts(out, 1)]
    assert texts == list(FRENCH)
    assert run.damage == []
    assert any("not UTF-8; read as cp1252" in note for note in run.notes)
    assert [item for item in run.left if "styling" not in item] == []


@pytest.mark.slow
def test_mov_text_of_a_code_page(tmp_path: Path) -> None:
    source, out = tmp_path / "in.mp4", tmp_path / "out.mkv"
    lines = LINES[4][2]
    subtitled(source, lines, "cp1251", "mov_text", "rus")
    recolor(source, out, fast())
    assert [data.decode() for _, data in subtitle_texts(out, 1)] == list(lines)


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["subrip", "ass", "webvtt"])
def test_copies_keep_their_bytes_unless_the_code_page_is_given(tmp_path: Path, codec: str) -> None:
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    subtitled(source, FRENCH, "cp1252", codec, "fre")
    run = recolor(source, out, fast())
    assert see(out).packets[1] == see(source).packets[1]
    assert any("not UTF-8; copied as it is" in note for note in run.notes)
    recolor(source, tmp_path / "given.mkv", given("cp1252"))
    for (_, data), line in zip(subtitle_texts(tmp_path / "given.mkv", 1), FRENCH, strict=True):
        assert data.decode().endswith(line)


def test_a_given_code_page_is_taken(tmp_path: Path) -> None:
    source, out = tmp_path / "in.mkv", tmp_path / "out.mp4"
    subtitled(source, FRENCH, "cp437")
    recolor(source, out, given("cp437"))
    assert [data[2:].decode() for _, data in subtitle_texts(out, 1)] == list(FRENCH)


@pytest.mark.slow
def test_utf8_stays_utf8_whatever_is_given(tmp_path: Path) -> None:
    source, out = tmp_path / "in.mkv", tmp_path / "out.mp4"
    subtitled(source, FRENCH, "utf-8")
    run = recolor(source, out, given("cp1251"))
    assert [data[2:].decode() for _, data in subtitle_texts(out, 1)] == list(FRENCH)
    assert run.notes == []


@pytest.mark.slow
@pytest.mark.parametrize("settings", [fast(), given("cp932")])
def test_what_no_code_page_explains_is_listed(tmp_path: Path, settings: Settings) -> None:
    source, out = tmp_path / "in.mkv", tmp_path / "out.mp4"
    chance = random.Random(300)
    nonsense = "".join(chr(0xDC00 + chance.randrange(128, 256)) for _ in range(300))
    text = Subtitle(events=((0.1, 0.2, nonsense), (0.3, 0.1, "plain")))
    make_film(source, Spec(codec="libx264", subtitles=(text,)))
    run = recolor(source, out, settings)
    assert [damage.kind for damage in run.damage] == ["text"]
    assert "--subtitle-encoding" in run.damage[0].text
    assert "\ufffd" not in subtitle_texts(out, 1)[0][1][2:].decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "target"), [(".mkv", ".mp4"), (".avi", ".mkv"), (".mkv", ".mov")]
)
def test_titles_become_text(tmp_path: Path, suffix: str, target: str) -> None:
    source, out = tmp_path / f"in{suffix}", tmp_path / f"out{target}"
    chapters = ((0.0, 0.2, raw("Été", "cp1252")), (0.2, 0.4, raw("Forêt près d'ici", "cp1252")))
    spec = Spec(
        codec="mpeg4",
        metadata={"title": raw("Le Château", "cp1252")},
        chapters=chapters if suffix == ".mkv" else (),
    )
    make_film(source, spec)
    run = recolor(source, out, fast())
    after = see(out)
    assert after.metadata["title"] == "Le Château"
    if suffix == ".mkv":
        assert [title for _, _, title in after.chapters] == ["Été", "Forêt près d'ici"]
    assert run.damage == []


@pytest.mark.slow
def test_an_attachment_may_have_any_name(tmp_path: Path) -> None:
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    font = ("caf##.ttf", "application/x-truetype-font", bytes(100))
    make_film(source, Spec(codec="libx264", attachments=(font,)))
    source.write_bytes(source.read_bytes().replace(b"caf##.ttf", b"caf\xe9s.ttf"))
    run = recolor(source, out, fast())
    assert run.left == []
    with av.open(str(out)) as container:
        assert container.streams[1].metadata["filename"] == "cafés.ttf"


def test_the_option_is_checked_and_kept() -> None:
    settings = settings_of(parser().parse_args(["a.mkv", "b.mp4", "--subtitle-encoding", "cp1251"]))
    assert settings.open.subtitle_encoding == "cp1251"
    for name in ("klingon", "rot13", "", "hex"):
        with pytest.raises(SettingsError, match="unknown encoding"):
            InputSettings(subtitle_encoding=name)
