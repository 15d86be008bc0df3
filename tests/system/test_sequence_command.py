"""Image sequences at the command: what a word means, what comes out, going on after a stop."""

from __future__ import annotations

import argparse
import json
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from command import Command
from frame_files import write_scans
from frames import dpx, moving, write_exr, write_frames
from PIL import Image

from vidcolor.cli.main import main
from vidcolor.cli.words import place_target
from vidcolor.core.find_sequence import find_sequence
from vidcolor.errors import SettingsError
from vidcolor.run.video import colorize_video
from vidcolor.settings import ChunkSettings, ColorizerSettings, InputSettings, ScriptSettings
from vidcolor.settings import Settings as AllSettings

COUNT = 30
QUICK = ("--script", "off")


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder of 10-bit gray DPX frames with a timecode."""
    make = lambda i: dpx(moving(i, 10), 10, timecode=0x01000000)  # noqa: E731
    return write_frames(tmp_path / "scans", COUNT, make)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of numbered PNGs, which may be a film or pictures."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(4):
        Image.fromarray(moving(index).astype(np.uint8)).save(folder / f"p{index + 8}.png")
    return folder


def frames_of(path: Path) -> tuple[list[Fraction], list[np.ndarray], str]:
    """Times and luma of a film, and its timecode."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        times, planes = [], []
        for frame in container.decode(stream):
            plane = frame.planes[0]
            kind = np.dtype("<u2" if frame.format.components[0].bits > 8 else "u1")
            rows = np.frombuffer(plane, kind).reshape(-1, plane.line_size // kind.itemsize)
            times.append((frame.pts or 0) * frame.time_base)
            planes.append(rows[: frame.height, : frame.width].astype(int))
        tags = [stream.metadata, container.metadata]
        code = next((t[k] for t in tags for k in t if k.lower() == "timecode"), "")
        return times, planes, code


@pytest.mark.parametrize("word", ["{}", "{}/scan_%06d.dpx", "{}/scan_*.dpx", "{}/*"])
def test_words(command: Command, scans: Path, tmp_path: Path, word: str) -> None:
    """A folder, a pattern and a glob are the same film: all frames, times, luma, timecode."""
    out = tmp_path / "out.mkv"
    outcome = command(word.format(scans), out, "--lossless", *QUICK)
    assert outcome.code == 0
    assert outcome.report["frames"] == COUNT
    times, planes, code = frames_of(out)
    assert code == "01:00:00:00"
    assert [round(time * 24) for time in times] == list(range(COUNT))
    for index, plane in enumerate(planes):
        assert np.array_equal(plane, moving(index, 10))


def test_frames_of_a_shell(command: Command, scans: Path, tmp_path: Path) -> None:
    """A glob that the shell has spelled out."""
    words = [str(path) for path in sorted(scans.iterdir())]
    usual = ["--size", "64", "--weights", str(command.weights), *QUICK]
    assert command.run(*words, str(tmp_path / "out.mkv"), *usual).code == 0
    assert len(frames_of(tmp_path / "out.mkv")[0]) == COUNT
    refused = command.run(*words[3:], str(tmp_path / "more.mkv"), *usual)
    assert refused.code == 2
    assert "not all frames of scan_%06d.dpx" in refused.err


def test_no_name(command: Command, scans: Path) -> None:
    usual = ["--size", "64", "--weights", str(command.weights), *QUICK]
    outcome = command.run(str(scans), *usual)
    assert outcome.code == 0
    names = sorted(path.name for path in scans.iterdir())
    assert sorted(path.name for path in (scans.parent / "scans.color").iterdir()) == names


def test_pictures_stay_pictures(command: Command, pictures: Path, tmp_path: Path) -> None:
    """Numbered PNGs are a batch unless something says that they are a film."""
    usual = ["--size", "64", "--weights", str(command.weights)]
    outcome = command.run(str(pictures), str(tmp_path / "colored"), *usual)
    assert outcome.code == 0
    assert len(list((tmp_path / "colored").glob("*.png"))) == 4
    for out, options in (("a.mkv", []), ("colored2", ["--fps", "24"])):
        target = tmp_path / out
        outcome = command.run(str(pictures), str(target), *usual, *QUICK, *options)
        if not options:
            assert outcome.code == 2
            assert "nothing says how many frames a second" in outcome.err
    outcome = command(pictures, tmp_path / "film.mp4", "--fps", "24000/1001", *QUICK)
    assert outcome.code == 0
    times, _, _ = frames_of(tmp_path / "film.mp4")
    assert times == [Fraction(1001 * n, 24000) for n in range(4)]


@pytest.mark.parametrize(
    ("word", "rate"),
    [
        ("24", 24),
        ("23.976", Fraction(24000, 1001)),
        ("23.98", Fraction(24000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        ("16.5", Fraction(33, 2)),
        ("24000/1001", Fraction(24000, 1001)),
    ],
)
def test_rates(command: Command, pictures: Path, word: str, rate: Fraction) -> None:
    outcome = command.run("info", str(pictures), "--fps", word, "--json")
    facts = json.loads(outcome.out)
    assert Fraction(facts["frame_rate"]) == rate
    assert facts["sequence"]["first"] == 8
    assert facts["frames"] == 4


@pytest.mark.parametrize("word", ["0", "-24", "x", "24/0", "1000", "nan", "inf"])
def test_no_rates(command: Command, pictures: Path, word: str) -> None:
    assert command.run("info", str(pictures), f"--fps={word}").code == 2


def test_film_from_light(command: Command, tmp_path: Path) -> None:
    """A film holds codes: what EXR frames have beyond them is listed."""
    light = write_exr(tmp_path / "light", [moving(i) / np.float32(200) for i in range(5)], "half")
    outcome = command(light, tmp_path / "out.mkv", *QUICK)
    assert outcome.code == 3
    assert [what for what, _ in outcome.left] == [
        "EXR attributes, other channels, light above white and below black"
    ]
    assert outcome.report["frames"] == 5
    tagged = command.run("info", str(tmp_path / "out.mkv"), "--json")
    assert json.loads(tagged.out)["layout"]["transfer"] == "srgb"


def test_gap(command: Command, scans: Path, tmp_path: Path) -> None:
    (scans / "scan_086417.dpx").unlink()
    outcome = command(scans, tmp_path / "out.mkv", *QUICK)
    assert outcome.code == 2
    assert "scan_086417.dpx is missing; frames 86400 to 86416 and 86418 to 86429" in outcome.err
    assert not (tmp_path / "out.mkv").exists()


def test_damaged_frame(command: Command, scans: Path, tmp_path: Path) -> None:
    path = scans / "scan_086417.dpx"
    path.write_bytes(path.read_bytes()[:2500])
    outcome = command(scans, tmp_path / "out.mkv", *QUICK)
    assert outcome.code == 3
    assert any("scan_086417.dpx" in item["text"] for item in outcome.report["damage"])
    times, _, _ = frames_of(tmp_path / "out.mkv")
    assert [round(time * 24) for time in times] == [n for n in range(COUNT) if n != 17]


def test_batch_of_sequences(
    command: Command, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """DPX and EXR frames are films in a batch too: one a folder."""
    many = tmp_path / "many"
    many.mkdir()
    for name in ("a", "b", "c.1"):
        write_frames(many / name, 5, lambda i: dpx(moving(i), 8))
    write_exr(many / "light", [moving(i) / np.float32(300) for i in range(5)], "half")
    (many / "b" / "scan_086402.dpx").unlink()
    usual = ["--size", "64", "--weights", str(command.weights), *QUICK]
    assert main([str(many), str(tmp_path / "out"), *usual]) == 2
    assert "scan_086402.dpx is missing" in capfd.readouterr().err
    made = sorted(path.name for path in (tmp_path / "out").glob("*.mkv"))
    assert made == ["a.mkv", "c.1.mkv", "light.mkv"]
    assert main([str(many), str(tmp_path / "out"), *usual]) == 2
    assert capfd.readouterr().err.count("skipped") >= 3


def test_rate_for_no_sequence(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name in ("a", "b"):
        Image.fromarray(moving(0).astype(np.uint8)).save(folder / f"{name}.png")
    outcome = command.run(str(folder), str(tmp_path / "out"), "--fps", "24")
    assert outcome.code == 2
    assert "--fps is for image sequences" in outcome.err


def test_other_commands(command: Command, scans: Path, tmp_path: Path) -> None:
    usual = ["--size", "64", "--weights", str(command.weights)]
    shots = command.run("shots", str(scans / "scan_%06d.dpx"), "-q")
    assert shots.code == 0
    assert shots.out.splitlines()[1] == f"1,0:00:00.000,0.000000,0,{COUNT}"
    drawn = command.run("preview", str(scans), str(tmp_path / "p.png"), "--at", "0.5", *usual)
    assert drawn.code == 0
    frame = scans / "scan_086401.dpx"
    both = command.run("compare", str(scans), str(tmp_path / "both.mkv"), *usual)
    assert both.code == 0
    assert len(frames_of(tmp_path / "both.mkv")[0]) == COUNT
    sheet = command.run("colors", str(scans), "-q")
    assert sheet.code == 0
    assert (tmp_path / "scans.colors.toml").is_file()
    colored = command(scans, tmp_path / "out.mkv", "--colors", "auto", *QUICK)
    assert colored.code == 0
    assert colored.report["colors"]["path"].endswith("scans.colors.toml")
    info = command.run("info", str(scans))
    assert "sequence   scan_086400.dpx to scan_086429.dpx" in info.out
    assert frame.read_bytes() == dpx(moving(1, 10), 10, timecode=0x01000000)


def test_source_frame_is_no_target(command: Command, pictures: Path) -> None:
    """Not even with --force is a frame of the source replaced."""
    before = (pictures / "p9.png").read_bytes()
    usual = ["--size", "64", "--weights", str(command.weights), "--force", "--fps", "24"]
    outcome = command.run("preview", str(pictures), str(pictures / "p9.png"), *usual)
    assert outcome.code == 2
    assert "is the source itself" in outcome.err
    assert (pictures / "p9.png").read_bytes() == before


class Stop(Exception):
    """Ends a run in its middle."""


def settings(weights: Path, fps: int | None = None) -> AllSettings:
    return AllSettings(
        open=InputSettings(fps=None if fps is None else Fraction(fps)),
        colorizer=ColorizerSettings(weights=str(weights), device="cpu", size=64, batch=1),
        script=ScriptSettings("off"),
        chunks=ChunkSettings(0.25, 0.5),
    )


def test_going_on(scans: Path, tiny_weights: Path, tmp_path: Path) -> None:
    """A run that was stopped goes on to the same bytes; chunks that are done are kept."""
    wanted = settings(tiny_weights)
    colorize_video(scans, tmp_path / "whole.mp4", settings=wanted)

    def stop(progress: object) -> None:
        if getattr(progress, "frames", 0) >= 20:
            raise Stop

    with pytest.raises(Stop):
        colorize_video(scans, tmp_path / "out.mp4", settings=wanted, on_progress=stop)
    report = colorize_video(scans / "scan_%06d.dpx", tmp_path / "out.mp4", settings=wanted)
    assert any("resumed" in note or "kept" in note for note in report.notes)
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()


@pytest.mark.parametrize("change", ["frame", "rate", "more"])
def test_not_going_on(scans: Path, tiny_weights: Path, tmp_path: Path, change: str) -> None:
    """Frames that changed, or another rate, are another film."""
    wanted = settings(tiny_weights)

    def stop(progress: object) -> None:
        if getattr(progress, "frames", 0) >= 20:
            raise Stop

    with pytest.raises(Stop):
        colorize_video(scans, tmp_path / "out.mkv", settings=wanted, on_progress=stop)
    last = find_sequence(scans).path(COUNT - 1)
    if change == "frame":
        last.write_bytes(dpx(moving(0, 10), 10))
    elif change == "more":
        (scans / f"scan_{86400 + COUNT:06d}.dpx").write_bytes(last.read_bytes())
    else:
        wanted = settings(tiny_weights, 25)
    with pytest.raises(Exception, match=r"--fresh"):
        colorize_video(scans, tmp_path / "out.mkv", settings=wanted)
    assert not (tmp_path / "out.mkv").exists()


def test_library_takes_rate(pictures: Path, tiny_weights: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--fps"):
        colorize_video(pictures, tmp_path / "out.mkv", settings=settings(tiny_weights))
    report = colorize_video(
        os.path.join(pictures, "p%d.png"), tmp_path / "out.mkv", settings=settings(tiny_weights, 24)
    )
    assert report.frames == 4


def test_a_film_of_scans_without_a_name_lies_beside_their_folder(tmp_path: Path) -> None:
    write_scans(tmp_path / "scans", 2)
    args = argparse.Namespace(source=str(tmp_path / "scans" / "reel_%07d.dpx"), target=None)
    args.purpose = "archive"
    assert place_target(args)
    assert args.target == str(tmp_path / "scans.color.mkv")
