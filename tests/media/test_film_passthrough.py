"""Everything beside the picture: what travels, how, and the exact list of what does not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.stream import Disposition
from films import PNG_1X1, Audio, Made, Spec, Subtitle, make_film
from seen import md5, see, subtitle_texts
from ways import fast, recolor

from vidcolor.errors import CannotCarry
from vidcolor.settings import EncodeSettings, InputSettings, OutputSettings, Settings

FONT = bytes(range(256)) * 20
CHAPTERS = ((0.0, 0.25, "One"), (0.25, 0.5, "Two ☃"))
RICH = Spec(
    codec="libx264",
    audio=(
        Audio("aac", language="eng"),
        Audio("flac", language="fre", title="Commentary", disposition=Disposition.comment),
    ),
    subtitles=(
        Subtitle("subrip", disposition=Disposition.forced),
        Subtitle("ass", events=((0.1, 0.2, r"{\i1}Styled{\i0}\Nline"),), language="ger"),
    ),
    chapters=CHAPTERS,
    attachments=(
        ("font.ttf", "application/x-truetype-font", FONT),
        ("cover.png", "image/png", PNG_1X1),
    ),
    metadata={"title": "My Film ☃", "artist": "A. Director"},
)


@pytest.fixture
def rich(tmp_path: Path) -> Made:
    return make_film(tmp_path / "rich.mkv", RICH)


def test_rich_matroska_to_matroska_keeps_everything(tmp_path: Path, rich: Made) -> None:
    run = recolor(rich.path, tmp_path / "out.mkv", fast())
    before, after = see(rich.path), see(tmp_path / "out.mkv")
    assert run.left == []
    for index in (1, 2, 3, 4):
        assert after.packets[index] == before.packets[index]
        for key in ("codec", "language", "title", "disposition"):
            assert after.streams[index][key] == before.streams[index][key], key
    assert after.streams[5]["data"] == FONT
    assert after.streams[5]["metadata"]["filename"] == "font.ttf"
    assert after.streams[6]["disposition"] & Disposition.attached_pic
    assert after.packets[6] == [md5(PNG_1X1)]
    assert after.chapters == before.chapters
    assert after.metadata["title"] == "My Film ☃"
    assert after.metadata["ARTIST"] == "A. Director"
    assert run.written.carried == (
        "audio stream 1 (aac, eng)",
        "audio stream 2 (flac, fre)",
        "subtitle stream 3 (subrip, eng)",
        "subtitle stream 4 (ass, ger)",
        "attachment font.ttf",
        "cover picture 6 (png)",
        "2 chapters",
    )


def test_rich_matroska_to_mp4_lists_what_it_cannot_hold(tmp_path: Path, rich: Made) -> None:
    run = recolor(rich.path, tmp_path / "out.mp4", fast())
    before, after = see(rich.path), see(tmp_path / "out.mp4")
    assert run.left == [
        "ASS styling of subtitle stream 4 (ass, ger): mp4 holds its plain text only",
        "attachment font.ttf: mp4 cannot hold attachments",
    ]
    assert after.packets[1] == before.packets[1]
    assert after.packets[2] == before.packets[2]
    kinds = [(s["type"], s["codec"]) for s in after.streams]
    assert kinds[:5] == [
        ("video", "h264"),
        ("audio", "aac"),
        ("audio", "flac"),
        ("subtitle", "mov_text"),
        ("subtitle", "mov_text"),
    ]
    hello = "Hello, wörld".encode()
    assert subtitle_texts(tmp_path / "out.mp4", 3) == [
        (0.1, len(hello).to_bytes(2, "big") + hello),
        (0.5, b"\0\3Two"),
    ]
    assert subtitle_texts(tmp_path / "out.mp4", 4) == [(0.1, b"\0\x0bStyled\nline")]
    assert [s["language"] for s in after.streams[1:5]] == ["eng", "fre", "eng", "ger"]
    cover = next(s for s in after.streams if s["disposition"] & Disposition.attached_pic)
    assert after.packets[cover["index"]] == [md5(PNG_1X1)]
    assert [title for _, _, title in after.chapters] == ["One", "Two ☃"]
    assert after.metadata["title"] == "My Film ☃"


def test_rich_matroska_to_mov_and_webm(tmp_path: Path, rich: Made) -> None:
    mov = recolor(rich.path, tmp_path / "out.mov", fast())
    assert [item.split(":")[0] for item in mov.left] == [
        "flags of subtitle stream 3 (subrip, eng)",
        "ASS styling of subtitle stream 4 (ass, ger)",
        "attachment font.ttf",
        "cover picture 6 (png)",
        "audio stream 2 (flac, fre)",
    ]
    webm = recolor(rich.path, tmp_path / "out.webm")
    assert [item.split(":")[0] for item in webm.left] == [
        "audio stream 1 (aac, eng)",
        "audio stream 2 (flac, fre)",
        "ASS styling of subtitle stream 4 (ass, ger)",
        "attachment font.ttf",
        "cover picture 6 (png)",
    ]
    assert subtitle_texts(tmp_path / "out.webm", 1)[0] == (0.1, "Hello, wörld".encode())


@pytest.mark.parametrize("cover_first", [False, True])
@pytest.mark.parametrize("target", [".mp4", ".mkv"])
def test_rich_mp4(tmp_path: Path, target: str, cover_first: bool) -> None:
    source = tmp_path / "in.mp4"
    text = Subtitle("mov_text", events=((0.1, 0.2, "Grüße"), (0.4, 0.1, "zwei\nZeilen")))
    spec = Spec(
        codec="libx264",
        audio=(Audio(language="eng"),),
        subtitles=(text,),
        chapters=CHAPTERS,
        cover=PNG_1X1,
        cover_first=cover_first,
    )
    make_film(source, spec)
    run = recolor(source, tmp_path / f"out{target}", fast())
    before, after = see(source), see(tmp_path / f"out{target}")
    assert run.left == []
    assert [title for _, _, title in after.chapters] == ["One", "Two ☃"]
    audio = next(s["index"] for s in after.streams if s["type"] == "audio")
    original = next(s["index"] for s in before.streams if s["type"] == "audio")
    assert after.packets[audio] == before.packets[original]
    words = next(s for s in after.streams if s["type"] == "subtitle")
    texts = subtitle_texts(tmp_path / f"out{target}", words["index"])
    if target == ".mkv":
        assert words["codec"] == "subrip"
        assert [t for _, t in texts] == ["Grüße".encode(), b"zwei\nZeilen"]
        assert not any(s["type"] == "data" for s in after.streams)
    else:
        assert [t[2:] for _, t in texts] == ["Grüße".encode(), b"zwei\nZeilen"]
    # Matroska has no edit lists: the encoder delay of AAC moves all streams by 21 ms.
    delay = float(after.pts[0])
    assert [t - delay for t, _ in texts] == pytest.approx([0.1, 0.4], abs=0.002)
    assert delay < 0.03
    covers = [s for s in after.streams if s["disposition"] & Disposition.attached_pic]
    assert len(covers) == 1
    assert after.packets[covers[0]["index"]] == [md5(PNG_1X1)]


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_timecode(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / "in.mov"
    make_film(source, Spec(codec="libx264", rate=Fraction(25), timecode="01:00:00:10"))
    run = recolor(source, tmp_path / f"out{suffix}", fast())
    after = see(tmp_path / f"out{suffix}")
    assert run.left == []
    assert run.written.carried == ("timecode 01:00:00:10",)
    data = [s for s in after.streams if s["type"] == "data"]
    assert [s["metadata"]["timecode"] for s in data] == ["01:00:00:10"]


def test_timecode_into_matroska_is_a_tag(tmp_path: Path) -> None:
    source = tmp_path / "in.mov"
    make_film(source, Spec(codec="libx264", timecode="01:00:00:10"))
    run = recolor(source, tmp_path / "out.mkv", fast())
    assert run.left == []
    assert see(tmp_path / "out.mkv").streams[0]["metadata"]["TIMECODE"] == "01:00:00:10"


AUDIO = [
    ("libopus", ".mkv", ".mp4", True),
    ("libopus", ".mkv", ".webm", True),
    ("pcm_s16le", ".mov", ".mkv", True),
    ("pcm_s16le", ".mov", ".mp4", True),
    ("pcm_s24le", ".mkv", ".mp4", True),
    ("alac", ".mov", ".mkv", True),
    ("ac3", ".mkv", ".mp4", True),
    ("libmp3lame", ".mkv", ".mov", True),
    ("wmav2", ".avi", ".mp4", False),
    ("wmav2", ".avi", ".mkv", True),
    ("adpcm_ms", ".avi", ".mkv", True),
    ("adpcm_ima_wav", ".avi", ".mkv", True),
    ("pcm_alaw", ".avi", ".mkv", True),
    ("pcm_mulaw", ".mov", ".mkv", True),
    ("aac", ".mp4", ".webm", False),
]


@pytest.mark.parametrize(("codec", "suffix", "target", "carried"), AUDIO)
def test_sound_is_copied_or_listed(
    tmp_path: Path, codec: str, suffix: str, target: str, carried: bool
) -> None:
    source = tmp_path / f"in{suffix}"
    video = "mpeg4" if suffix == ".avi" else "libx264"
    make_film(source, Spec(codec=video, frames=8, audio=(Audio(codec, layout="stereo"),)))
    settings = Settings() if target == ".webm" else fast()
    run = recolor(source, tmp_path / f"out{target}", settings)
    before, after = see(source), see(tmp_path / f"out{target}")
    if carried:
        assert run.left == []
        assert after.packets[1] == before.packets[1]
    else:
        name = before.streams[1]["codec"]
        way = f"--audio {'opus' if target == '.webm' else 'aac'} converts it"
        assert run.left == [f"audio stream 1 ({name}): {target[1:]} cannot hold {name}; {way}"]


def test_many_tracks(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    sounds = tuple(Audio("ac3", language="eng", title=str(i)) for i in range(20))
    texts = tuple(Subtitle(language="ger") for _ in range(20))
    make_film(source, Spec(frames=4, audio=sounds, subtitles=texts))
    for target in ("out.mkv", "out.mp4"):
        run = recolor(source, tmp_path / target, fast())
        after = see(tmp_path / target)
        assert run.left == []
        assert [s["type"] for s in after.streams] == ["video"] + ["audio"] * 20 + ["subtitle"] * 20


def test_second_picture_is_copied(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(codec="libx264", second_video="mpeg4"))
    run = recolor(source, tmp_path / "out.mp4", fast())
    assert run.written.carried == ("video stream 1 (mpeg4)",)
    assert see(tmp_path / "out.mp4").packets[1] == see(source).packets[1]
    other = Settings(open=InputSettings(video_stream=1), encode=EncodeSettings(preset="ultrafast"))
    recolor(source, tmp_path / "other.mkv", other)
    after = see(tmp_path / "other.mkv")
    assert [s["codec"] for s in after.streams] == ["h264", "h264"]
    assert after.packets[1] == see(source).packets[0]


def test_second_picture_that_does_not_fit_is_listed(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(codec="libx264", second_video="ffv1"))
    run = recolor(source, tmp_path / "out.mov", fast())
    assert run.left == ["video stream 1 (ffv1): mov cannot hold ffv1"]


def test_strict_refuses_before_anything_is_written(tmp_path: Path, rich: Made) -> None:
    settings = Settings(output=OutputSettings(strict=True))
    with pytest.raises(CannotCarry, match=r"ASS styling .* \(and 1 more\); try \.mkv"):
        recolor(rich.path, tmp_path / "out.mp4", settings)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["rich.mkv"]
    recolor(rich.path, tmp_path / "out.mkv", settings)


def test_tags_that_are_no_utf8_keep_their_bytes(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(metadata={"title": "Caf##"}))
    source.write_bytes(source.read_bytes().replace(b"Caf##", b"Caf\xe9!"))
    recolor(source, tmp_path / "out.mkv", fast())
    assert b"Caf\xe9!" in (tmp_path / "out.mkv").read_bytes()


def test_sound_with_repeated_times_is_carried(tmp_path: Path) -> None:
    source, broken = tmp_path / "in.mkv", tmp_path / "broken.mkv"
    make_film(source, Spec(codec="libx264", frames=48, audio=(Audio("ac3"),)))
    with av.open(str(source)) as a, av.open(str(broken), "w") as b:
        outs = [b.add_stream_from_template(s, opaque=True) for s in a.streams]
        last = 0
        for index, packet in enumerate(p for p in a.demux() if p.size):
            if packet.stream.index == 1:
                if index % 5 == 0:
                    packet.pts = packet.dts = last
                last = packet.pts
            packet.stream = outs[packet.stream.index]
            b.mux(packet)
    run = recolor(broken, tmp_path / "out.mp4", fast())
    assert see(tmp_path / "out.mp4").packets[1] == see(source).packets[1]
    assert run.left == []
    assert {d.kind for d in run.damage} == {"timestamp"}


@pytest.mark.parametrize("target", [".mkv", ".mp4"])
def test_chapters_before_the_first_frame_are_listed(tmp_path: Path, target: str) -> None:
    source, out = tmp_path / "in.mkv", tmp_path / f"out{target}"
    late = tuple(range(2000, 2480, 40))
    chapters = (
        (0.0, 0.5, "Gone"),
        (0.5, 2.0, "Gone, too"),
        (1.0, 2.2, "Cut"),
        (2.2, 2.48, "Whole"),
    )
    spec = Spec(frames=len(late), time_base=Fraction(1, 1000), pts=late, chapters=chapters)
    make_film(source, spec)
    run = recolor(source, out, fast())
    assert run.left == ["2 chapters: they end before the film's first frame"]
    assert [(float(begin), title) for begin, _, title in see(out).chapters] == [
        (0.0, "Cut"),
        (0.2, "Whole"),
    ]
    cut = recolor(
        source, tmp_path / f"cut{target}", Settings(open=InputSettings(start=Fraction(1, 10)))
    )
    assert cut.left == []


@pytest.mark.parametrize(
    ("target", "aspect", "is_kept"), [(".mkv", 1, True), (".mkv", 2, False), (".mp4", 1, False)]
)
def test_two_views_in_one_picture_are_kept_or_listed(
    tmp_path: Path, target: str, aspect: int, is_kept: bool
) -> None:
    """FFmpeg writes square pixels beside Matroska's stereo mode."""
    source, out = tmp_path / "in.mkv", tmp_path / f"out{target}"
    views = {"stereo_mode": "left_right"}
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.metadata.update(views)
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode(None))
    if aspect != 1:
        data = source.read_bytes()
        shown = b"\x54\xb0\x81\x20", b"\x54\xb0\x81\x40"  # DisplayWidth of one view
        assert data.count(shown[0]) == 1
        source.write_bytes(data.replace(*shown))
    run = recolor(source, out, fast())
    with av.open(str(out)) as container:
        picture = container.streams.video[0]
        assert (picture.sample_aspect_ratio or 1) == aspect
        assert (picture.metadata.get("stereo_mode") == "left_right") == is_kept
    assert [text.split(":")[0] for text in run.left] == ["stereo mode left_right"] * (not is_kept)
