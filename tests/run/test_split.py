"""``OutputSettings(split=True)``: one file a shot, each as its part of the film would be."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from films import make_film
from guided import guided_settings
from specs import Audio, Spec, Subtitle

import vidcolor.run.split
from vidcolor.core.paths import work_folder
from vidcolor.errors import OutputError, OutputExists, SettingsError
from vidcolor.run.split import is_split_name, shot_path
from vidcolor.run.video import colorize_video
from vidcolor.settings import EncodeSettings, InputSettings, OutputSettings, Settings, ShotSettings

F = Fraction
CUTS = (F(10, 25), F(11, 25), F(30, 25))
FRAMES = 50


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    found = guided_settings(quick_weights)
    return replace(found, shots=ShotSettings(cuts=CUTS), encode=EncodeSettings(lossless=True))


def split(film: Path, target: Path, settings: Settings, **output: bool) -> list[Path]:
    settings = replace(settings, output=OutputSettings(split=True, **output))
    report = colorize_video(film, target, settings=settings)
    assert report.frames == FRAMES
    assert "4 files, one for each shot" in report.notes
    return [shot_path(target, number) for number in range(1, 5)]


def pictures(path: Path) -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    first = frames[0].pts * frames[0].time_base
    return [(f.pts * f.time_base - first, bytes(f.planes[0])) for f in frames]


def others(path: Path) -> list[tuple[str, Fraction, bytes]]:
    with av.open(str(path)) as container:
        start = F(container.start_time or 0, av.time_base)
        return [
            (p.stream.type, p.pts * p.time_base - start, bytes(p))
            for p in container.demux()
            if p.size and p.stream.type not in ("video", "data")
        ]


SPEC = Spec(
    codec="mpeg4",
    rate=F(25),
    frames=FRAMES,
    audio=(Audio("aac"), Audio("pcm_s16le")),
    chapters=((0.0, 1.0, "One"), (1.0, 2.0, "Two")),
    timecode="01:00:00:00",
)


@pytest.mark.parametrize("suffix", [".mov", ".mkv"])
def test_each_file_is_what_the_part_alone_would_be(
    suffix: str, settings: Settings, tmp_path: Path
) -> None:
    film = make_film(tmp_path / f"film{suffix}", SPEC).path
    (tmp_path / "shots").mkdir()
    files = split(film, tmp_path / "shots" / f"out_%03d{suffix}", settings)
    assert [path.name for path in files] == [f"out_{n:03d}{suffix}" for n in range(1, 5)]
    assert sorted(tmp_path.joinpath("shots").iterdir()) == files
    whole = tmp_path / f"whole{suffix}"
    colorize_video(film, whole, settings=settings)
    seen = pictures(whole)
    borders = [0, 10, 11, 30, FRAMES]
    for number, path in enumerate(files):
        first, after = borders[number : number + 2]
        shot = pictures(path)
        assert [luma for _, luma in shot] == [luma for _, luma in seen[first:after]]
        rounded = F(1, 1000) if suffix == ".mkv" else 0
        assert all(abs(time - F(n, 25)) <= rounded for n, (time, _) in enumerate(shot))
        part = tmp_path / f"part{number}{suffix}"
        cut = InputSettings(start=F(first, 25) if first else None, end=F(after, 25))
        colorize_video(film, part, settings=replace(settings, open=cut))
        assert others(path) == others(part)
        assert others(path)
        with av.open(str(path)) as one, av.open(str(part)) as other:
            assert [c["start"] for c in one.chapters()] == [c["start"] for c in other.chapters()]
            tags = {**one.metadata, **one.streams.video[0].metadata}
            code = {key.lower(): value for key, value in tags.items()}["timecode"]
        assert code == f"01:00:0{first // 25}:{first % 25:02d}"


def test_a_long_shot_has_several_chunks_and_one_file(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import vidcolor.run.video
    from vidcolor.settings import ChunkSettings

    monkeypatch.setattr(vidcolor.run.video, "SPLIT_CHUNKS", ChunkSettings(1e-9, 0.3))
    film = make_film(tmp_path / "film.mkv", SPEC).path
    files = split(film, tmp_path / "%d.mkv", settings)
    assert [len(pictures(path)) for path in files] == [10, 1, 19, 20]


def test_a_part_of_a_film_is_split(settings: Settings, tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mov", SPEC).path
    part = replace(settings, open=InputSettings(start=F(20, 25), end=F(40, 25)))
    part = replace(part, output=OutputSettings(split=True))
    colorize_video(film, tmp_path / "s%02d.mov", settings=part)
    files = sorted(tmp_path.glob("s*.mov"))
    assert [len(pictures(path)) for path in files] == [10, 10]
    with av.open(str(files[1])) as container:
        assert container.streams.video[0].metadata["timecode"] == "01:00:01:05"


def test_a_stopped_split_is_gone_on_with(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = make_film(tmp_path / "film.mov", SPEC).path
    wanted = [path.read_bytes() for path in split(film, tmp_path / "a%d.mov", settings)]
    target, stitch = tmp_path / "b%d.mov", vidcolor.run.split.stitch
    calls: list[int] = []

    def halt(*given: object) -> object:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return stitch(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(vidcolor.run.split, "stitch", halt)
        with pytest.raises(KeyboardInterrupt):
            split(film, target, settings)
    assert sorted(path.name for path in tmp_path.glob("b*.mov")) == ["b1.mov", "b2.mov"]
    assert work_folder(target).is_dir()
    assert [path.read_bytes() for path in split(film, target, settings)] == wanted
    assert not work_folder(target).is_dir()


def test_files_that_are_there_stay(settings: Settings, tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mov", SPEC).path
    mine = tmp_path / "out_007.mov"
    mine.write_bytes(b"mine")
    with pytest.raises(OutputExists, match=r"out_007\.mov: exists; use --force"):
        split(film, tmp_path / "out_%03d.mov", settings)
    assert mine.read_bytes() == b"mine"
    split(film, tmp_path / "out_%03d.mov", settings, force=True)


def test_shots_in_mxf(settings: Settings, tmp_path: Path) -> None:
    spec = replace(SPEC, audio=(Audio("pcm_s16le", rate=48000),), chapters=())
    film = make_film(tmp_path / "film.mov", spec).path
    files = split(film, tmp_path / "%d.mxf", settings)
    for path, frames in zip(files, (10, 1, 19, 20), strict=True):
        with av.open(str(path)) as container:
            assert sum(1 for _ in container.decode(video=0)) == frames
        with av.open(str(path)) as container:
            assert sum(frame.samples for frame in container.decode(audio=0)) == frames * 48000 // 25


def test_the_film_itself_is_none_of_the_files(settings: Settings, tmp_path: Path) -> None:
    film = make_film(tmp_path / "film_2.mov", SPEC).path
    before = film.read_bytes()
    with pytest.raises(OutputError, match=r"film_2\.mov: is the film itself; name the shots other"):
        split(film, tmp_path / "film_%d.mov", settings, force=True)
    assert film.read_bytes() == before
    assert list(tmp_path.iterdir()) == [film]


@pytest.mark.parametrize("name", ["out.mov", "%03d-%03d.mov", "100%.mov", "%s.mov"])
def test_a_name_without_a_place_is_refused(name: str, settings: Settings, tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mov", SPEC).path
    assert not is_split_name(name)
    with pytest.raises(SettingsError, match="number of a shot"):
        split(film, tmp_path / name, settings)


def test_subtitles_and_what_cannot_be_copied(settings: Settings, tmp_path: Path) -> None:
    spec = replace(SPEC, subtitles=(Subtitle(events=((0.1, 0.2, "a"), (1.3, 0.3, "b"))),))
    spec = replace(spec, attachments=(("a.ttf", "font/ttf", b"1"),), timecode="")
    film = make_film(tmp_path / "film.mkv", spec).path
    target = tmp_path / "%d.mp4"
    report = colorize_video(
        film, target, settings=replace(settings, output=OutputSettings(split=True))
    )
    assert len([each for each in report.left_behind if "a.ttf" in each.what]) == 1
    texts = [
        [data[2:] for kind, _, data in others(shot_path(target, n)) if kind == "subtitle"]
        for n in range(1, 5)
    ]
    assert [b"a" in text for text in texts] == [True, False, False, False]
    assert [b"b" in text for text in texts] == [False, False, False, True]
