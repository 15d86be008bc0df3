"""A colored film is held against its report and its source, and what differs is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from films import Spec, make_film
from guided import guided_settings
from seen import plane_view
from shared import slow_but
from specs import Audio, Subtitle

from vidcolor.cli.main import main
from vidcolor.core.paths import report_path
from vidcolor.errors import FilmUnreadable, SettingsError
from vidcolor.media.stream_digests import StreamContent, add_packet
from vidcolor.run.batch import write_report
from vidcolor.run.video import colorize_video
from vidcolor.settings import (
    EncodeSettings,
    InputSettings,
    OutputSettings,
    Settings,
    ShotSettings,
)
from vidcolor.verification.verdict import Verdict
from vidcolor.verification.verify import Held, verify

Make = Callable[..., Path]
FULL = Spec(
    codec="libx264",
    frames=24,
    audio=(Audio("aac"), Audio("aac")),
    subtitles=(Subtitle("subrip"),),
    chapters=((0.0, 0.5, "One"), (0.5, 1.0, "Two")),
)
HEARD = Spec(frames=12, audio=(Audio("pcm_s16le"),))


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    return guided_settings(quick_weights, encode=EncodeSettings(lossless=True))


@pytest.fixture
def color(tmp_path: Path, settings: Settings) -> Make:
    """Colors a film; the target, with its report beside it."""

    def make(source: str | Path, target: str = "out.mkv", **more: Any) -> Path:
        told = replace(settings, **more)
        write_report(colorize_video(tmp_path / source, tmp_path / target, settings=told))
        return tmp_path / target

    return make


@pytest.fixture
def colored(tmp_path: Path, color: Make) -> Make:
    """Makes a film and colors it; the target, with its report beside it."""

    def make(spec: Spec, source: str = "in.mkv", target: str = "out.mkv", **more: Any) -> Path:
        make_film(tmp_path / source, spec)
        return color(source, target, **more)

    return make


def write_gray(path: Path, lumas: Sequence[np.ndarray], pts: Sequence[int]) -> Path:
    """A lossless film of these pictures at these times, in 1/24 s."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.height, stream.width = lumas[0].shape
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 24)
        for luma, time in zip(lumas, pts, strict=True):
            picture = av.VideoFrame(stream.width, stream.height, "yuv420p")
            plane_view(picture.planes[0], 8)[:] = luma
            for plane in picture.planes[1:]:
                plane_view(plane, 8)[:] = 128
            picture.pts, picture.time_base = time, Fraction(1, 24)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def pictures(count: int = 12) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(16, 200, (64, 96)).astype(np.uint8) for _ in range(count)]


def denied(verdict: Verdict) -> list[str]:
    return [f"{one.what}: {one.text}" for one in verdict.differs]


def said(verdict: Verdict) -> list[str]:
    return [f"{one.what}: {one.text}" for one in verdict.same]


SOURCES, TARGETS = ("in.mkv", "in.mp4", "in.ts", "in.avi"), ("out.mkv", "out.mp4", "out.mov")
EACH_ONCE = [
    *(("in.mkv", "out.mkv"), ("in.mp4", "out.mp4"), ("in.ts", "out.mov"), ("in.avi", "out.mkv")),
    *(("in.mkv", "out.mov"), ("in.ts", "out.mp4")),
]


@pytest.mark.parametrize(("source", "target"), slow_but(EACH_ONCE, product(SOURCES, TARGETS)))
def test_what_was_written_holds(source: str, target: str, colored: Make) -> None:
    sound = replace(FULL, subtitles=(), chapters=())
    spec = {
        "in.mkv": FULL,
        "in.mp4": replace(FULL, subtitles=(Subtitle("mov_text"),)),
        "in.ts": sound,
        "in.avi": replace(sound, codec="mpeg4", audio=(Audio("pcm_s16le"),)),
    }[source]
    verdict = verify(colored(spec, source, target))
    assert (denied(verdict), verdict.result) == ([], "same")
    kinds = {one.what for one in verdict.same}
    assert kinds >= {"sha256", "source", "label", "frames", "times", "luma", "streams"}
    assert "luma: equal in all 24 frames" in said(verdict)
    equal = [line for line in said(verdict) if line.startswith("streams: audio")]
    assert len(equal) == len(spec.audio)


@pytest.mark.parametrize("target", ["out.mkv", "out.mp4"])
def test_a_part_of_a_film_is_held_against_that_part(target: str, colored: Make) -> None:
    part = InputSettings(start=Fraction(1, 4), end=Fraction(3, 4))
    path = colored(FULL, target=target, open=part)
    verdict = verify(path)
    assert denied(verdict) == []
    assert "luma: equal in all 12 frames" in said(verdict)
    report_path(path).unlink()
    source = path.with_name("in.mkv")
    assert denied(verify(path, Held(source=source, settings=part))) == []
    assert "frames: the file has 12, the source 24" in denied(verify(path, Held(source=source)))


def test_each_file_of_a_split_film_is_held_against_its_shot(
    tmp_path: Path, settings: Settings
) -> None:
    spec = replace(HEARD, codec="libx264", frames=24, timecode="01:00:00:00")
    film = make_film(tmp_path / "in.mov", spec).path
    cuts = ShotSettings(cuts=(Fraction(5, 24), Fraction(17, 24)))
    settings = replace(settings, shots=cuts, output=OutputSettings(split=True))
    told = write_report(colorize_video(film, tmp_path / "%d.mov", settings=settings))
    for name, frames in (("1.mov", 5), ("2.mov", 12), ("3.mov", 7)):
        verdict = verify(tmp_path / name, Held(report=told))
        assert (denied(verdict), verdict.unchecked) == ([], [])
        assert f"luma: equal in all {frames} frames" in said(verdict)
        assert any(line.startswith("timecode: ") for line in said(verdict))
    (tmp_path / "2.mov").rename(tmp_path / "renamed.mov")
    assert denied(verify(tmp_path / "renamed.mov", Held(report=told))) == []
    shutil.copy(tmp_path / "1.mov", tmp_path / "2.mov")
    assert any(line.startswith("sha256") for line in denied(verify(tmp_path / "2.mov", Held(told))))
    shutil.copy(film, tmp_path / "other.mov")
    with pytest.raises(SettingsError, match=r"the report is of 1\.mov to 3\.mov; name one"):
        verify(tmp_path / "other.mov", Held(report=told))


def test_sound_of_a_part_that_has_other_packets_is_compared() -> None:
    def content(sizes: Sequence[int], data: bytes) -> StreamContent:
        found, place = StreamContent("audio stream 1 (pcm_s16le)", "audio", "pcm_s16le"), 0
        for size in sizes:
            add_packet(found, data[place : place + size], place / 96000)
            place += size
        return found

    data = bytes(np.random.default_rng(1).integers(0, 256, 900).astype(np.uint8))
    whole = content([200, 100, 300, 300], data)
    assert whole.find_samples(content([100, 300, 200], data[300:])) == 2
    assert whole.find_samples(content([400], data[200:600])) == 1
    assert whole.find_samples(content([400], data[201:601])) is None
    bad = bytearray(data[200:600])
    bad[77] ^= 1
    assert whole.find_samples(content([400], bytes(bad))) is None
    assert whole.find_samples(content([], b"")) is None


def test_one_sample_that_differs_is_found_and_named(tmp_path: Path, color: Make) -> None:
    lumas = pictures()
    source = write_gray(tmp_path / "in.mkv", lumas, range(12))
    for number, codes in ((4, 1), (5, 3), (9, 2)):
        lumas[number] = lumas[number].copy()
        lumas[number][63, 95] += codes
    path = color(write_gray(tmp_path / "other.mkv", lumas, range(12)))
    assert denied(verify(path)) == []
    assert denied(verify(path, Held(source=source))) == [
        "source: in.mkv is not the file that was colored",
        "luma: from 0:00:00.167 (frame 4) to 0:00:00.208 (frame 5), by up to 3 codes",
        "luma: at 0:00:00.375 (frame 9), by up to 2 codes",
    ]
    report_path(path).unlink()  # that FFV1 has no loss needs no report to be known
    assert len(denied(verify(path, Held(source=source)))) == 2


@pytest.mark.parametrize("target", ["out.mkv", "out.mp4"])
def test_frames_and_times_that_differ_are_named(target: str, tmp_path: Path, color: Make) -> None:
    lumas, times = pictures(), [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12]
    source = write_gray(tmp_path / "in.mkv", lumas, times)
    path = color(
        write_gray(tmp_path / "b.mkv", lumas[:5] + lumas[6:], times[:5] + times[6:]), target
    )
    found = denied(verify(path, Held(source=source)))[1:]
    assert found == ["frames: the file has 11, the source 12", "times: no frame at 0:00:00.208"]
    moved = [*times[:6], 7, *times[7:]]
    path = color(write_gray(tmp_path / "c.mkv", lumas, moved), f"c{target}")
    found = denied(verify(path, Held(source=source)))[1:]
    assert found == ["times: no frame at 0:00:00.250", "times: a frame too many at 0:00:00.292"]


def test_bytes_that_differ_are_told_without_the_source(colored: Make) -> None:
    path = colored(HEARD)
    path.with_name("in.mkv").unlink()
    verdict = verify(path)
    assert denied(verdict) == []
    assert [one.what for one in verdict.unchecked] == ["source"]
    with path.open("ab") as file:
        file.write(b"\0")
    (line,) = denied(verify(path))
    assert line.startswith("sha256: ")
    assert line.endswith(
        f"; the file has {path.stat().st_size} bytes and not {path.stat().st_size - 1}"
    )
    path.write_bytes(b"no film at all")
    assert [line.split(":")[0] for line in denied(verify(path))] == ["sha256", "file"]


def test_sound_that_differs_is_told(colored: Make) -> None:
    path = colored(HEARD)
    with av.open(str(path)) as container:
        packets = [bytes(p) for p in container.demux(container.streams.audio[0]) if p.size]
    data = bytearray(path.read_bytes())
    data[data.index(packets[5]) + 7] ^= 1
    path.write_bytes(data)
    sound = [line for line in denied(verify(path)) if line.startswith("streams")]
    (line,) = sound
    assert line.startswith("streams: audio stream 1 (pcm_s16le): packet 6 of ")
    assert line.endswith(" is not that of the source")


def remux(path: Path, late: float = 0.0, sound: bool = True, comment: str | None = None) -> None:
    """Writes a film anew, with its sound later, without it, or with another comment."""
    aside = path.with_name(f"aside{path.suffix}")
    with av.open(str(path)) as source, av.open(str(aside), "w") as target:
        target.metadata.update(dict(source.metadata) | ({"comment": comment} if comment else {}))
        kept = [s for s in source.streams if sound or s.type == "video"]
        outs = {s.index: target.add_stream_from_template(s, opaque=True) for s in kept}
        for packet in source.demux(*kept):
            if not packet.size:
                continue
            if packet.stream.type == "audio":
                packet.pts += round(late / packet.time_base)
                packet.dts = packet.pts
            packet.stream = outs[packet.stream.index]
            target.mux(packet)
    aside.replace(path)


def test_sound_that_is_late_or_gone_is_told(colored: Make) -> None:
    path = colored(HEARD)
    remux(path)
    assert denied(verify(path))[1:] == []
    remux(path, late=0.5)
    lines = denied(verify(path))[1:]
    assert lines == ["streams: audio stream 1 (pcm_s16le) is 0.500 s later than in the source"]
    remux(path, sound=False)
    lines = denied(verify(path))[1:]
    assert lines == ["streams: audio stream 1 (pcm_s16le) is not in the file"]


def test_a_label_that_says_something_else_is_told(colored: Make, tmp_path: Path) -> None:
    path = colored(HEARD)
    remux(path, comment=f"Colored by vidcolor 0.0.1, weights sha256:{'a' * 64}")
    (line,) = (line for line in denied(verify(path)) if line.startswith("label"))
    assert line.startswith("label: it says vidcolor 0.0.1, weights aaaaaaaa; the report says ")
    remux(path, comment="by Karl")
    assert "label: the file has none" in denied(verify(path))
    bare = colored(HEARD, target="bare.mkv", output=OutputSettings(label=False))
    verdict = verify(bare)
    assert denied(verdict) == []
    assert "label" in {one.what for one in verdict.unchecked}


def test_a_lossy_film_is_held_to_a_limit(colored: Make) -> None:
    path = colored(replace(HEARD, frames=24), target="out.mp4", encode=EncodeSettings(crf=30))
    (line,) = (line for line in said(verify(path)) if line.startswith("luma"))
    assert line.startswith("luma: lossy: PSNR ")
    (line,) = denied(verify(path, Held(least=90)))
    assert line.endswith("; less than 90 dB is not the same picture")


def test_another_film_is_not_taken_for_the_source(tmp_path: Path, colored: Make) -> None:
    path = colored(HEARD, encode=EncodeSettings())
    other = write_gray(tmp_path / "other.mkv", pictures(), range(12))
    lines = denied(verify(path, Held(source=other)))
    assert any(line.startswith("luma: lossy: PSNR ") for line in lines)
    small = write_gray(tmp_path / "small.mkv", [p[:32] for p in pictures()], range(12))
    lines = denied(verify(path, Held(source=small)))
    assert "luma: the picture is 96x64, that of the source 96x32" in lines


def test_a_source_of_one_size_and_ends_is_told_by_its_content(
    colored: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = colored(HEARD)
    report = json.loads(report_path(path).read_text())
    report["spec"]["source"]["content"] = "0" * 64
    report_path(path).write_text(json.dumps(report))
    (line,) = denied(verify(path))
    assert line.startswith("source: in.mkv is not the file that was colored, though")


def test_deep_and_converted_luma(colored: Make) -> None:
    for pixels in ("gray10le", "gray16le", "yuv420p10le", "bgr0", "gray"):
        path = colored(Spec(pix_fmt=pixels, frames=4), f"{pixels}.mkv", f"{pixels}.color.mkv")
        verdict = verify(path)
        assert denied(verdict) == []
        assert any(line.startswith("luma: equal") for line in said(verdict))


def test_the_command(colored: Make, capsys: pytest.CaptureFixture[str]) -> None:
    path = colored(HEARD)
    assert main(["verify", str(path), "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["verify", str(path)]) == 0
    assert "same         luma: equal in all 12 frames\n" in capsys.readouterr().out
    moved = path.with_name("moved.mkv")
    shutil.move(path, moved)
    told = ["--report", str(report_path(path)), "--json"]
    assert main(["verify", str(moved), *told]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["result"] == "same"
    assert found["source"].endswith("in.mkv")
    assert main(["verify", str(moved)]) == 2
    assert "nothing to check it against; give --report" in capsys.readouterr().err
    with moved.open("ab") as file:
        file.write(b"\0")
    assert main(["verify", str(moved), *told[:2], "-q"]) == 3
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("DIFFERS      sha256: ")


def test_what_cannot_be_checked_is_refused(colored: Make, tmp_path: Path) -> None:
    path = colored(HEARD)
    with pytest.raises(FilmUnreadable, match="no such file"):
        verify(path, Held(source=tmp_path / "gone.mkv"))
    with pytest.raises(FilmUnreadable, match=r"nowhere\.json: No such file"):
        verify(path, Held(report=tmp_path / "nowhere.json"))
    report_path(path).write_text("[]")
    with pytest.raises(FilmUnreadable, match="is not a report of this version"):
        verify(path)
    report_path(path).unlink()
    picture = tmp_path / "in.png"
    with av.open(str(picture), "w", format="image2") as container:
        stream = container.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "gray"
        frame = av.VideoFrame.from_ndarray(pictures(1)[0], format="gray")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(SettingsError, match="is a film, and its source is a picture"):
        verify(path, Held(source=picture))


def test_sound_that_the_report_tells_was_converted_is_not_compared(colored: Make) -> None:
    path = colored(replace(HEARD, audio=(Audio("pcm_s16le"), Audio("flac"))))
    report = json.loads(report_path(path).read_text())
    assert report["carried"] == ["audio stream 1 (pcm_s16le)", "audio stream 2 (flac)"]
    first = "audio stream 1 (pcm_s16le) converted to flac"
    report["carried"] = [first, "sound take.wav (flac)"]
    report_path(path).write_text(json.dumps(report))
    verdict = verify(path)
    assert denied(verdict) == []
    assert [one.text for one in verdict.unchecked] == [
        f"{first}: what it holds is not compared",
        "sound take.wav (flac): what it holds is not compared",
    ]
    report["carried"] = report["carried"][:1]
    report_path(path).write_text(json.dumps(report))
    assert denied(verify(path)) == [
        "streams: audio stream 2 (flac) of the file is not of the source"
    ]


@pytest.mark.parametrize("seconds", [0.3, 0.9])
def test_sound_that_mxf_cut_or_filled_is_compared_sample_by_sample(
    seconds: float, tmp_path: Path, color: Make
) -> None:
    spec = Spec(codec="libx264", frames=12, audio=(Audio("pcm_s16le", seconds=seconds),))
    film = make_film(tmp_path / "film.mov", spec).path
    target = color(film, "out.mxf")
    verdict = verify(target)
    assert not verdict.differs
    heard = "audio stream 1 (pcm_s16le): all samples equal, from the first frame to the last"
    assert heard in [one.text for one in verdict.same if one.what == "streams"]
    data = bytearray(target.read_bytes())
    with av.open(str(film)) as container:
        packet = next(p for p in container.demux(audio=0) if p.size)
        start = bytes(packet)[1000:1100]
    at = data.find(start)
    data[at : at + 2] = bytes((data[at] ^ 255, data[at + 1]))
    target.write_bytes(data)
    assert any(one.what == "streams" for one in verify(target).differs)
