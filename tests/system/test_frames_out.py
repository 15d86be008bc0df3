"""Numbered frames as the target, with the whole command: in and out, killed, begun again."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from command import Command, listing
from frame_files import ramp, unpacked, write_scans
from killing import CHUNKS, SHOTS, lines_of, make_reel, start
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from shared import save_quick_net, slow_but

from vidcolor import __version__
from vidcolor.cli.main import main
from vidcolor.media.open import open_video
from vidcolor.media.planes import planes
from vidcolor.media.sequences.label import find_in_frames
from vidcolor.run import video as pipeline
from vidcolor.run.journal import Journal
from vidcolor.settings import InputSettings

USUAL = ("--size", "64", "--batch", "1", "--chunk", "0.5")
LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of a picture of 96 x 64."""


@pytest.fixture
def command(tiny_weights: Path, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command(tiny_weights, capfd)


# In and out.


@pytest.mark.parametrize(
    ("kind", "count"), slow_but([("gray", 60), ("rgb", 60)], [*product(("gray", "rgb"), (60, 300))])
)
def test_scans_come_out_under_their_names_with_their_headers(
    kind: str, count: int, command: Command, tmp_path: Path
) -> None:
    scans = write_scans(tmp_path / "scans", count, rgb=kind == "rgb")
    outcome = command(scans, f"{tmp_path}/out/", "--chunk", "1")
    assert outcome.code == 0, outcome.err
    report = outcome.report
    assert (report["frames"], report["chunks"]) == (count, 1 if count < 72 else 5)
    assert report["carried"] == ["timecode 01:00:00:00", "DPX headers"]
    assert listing(tmp_path / "out") == listing(tmp_path / "scans")
    assert report["bytes"] == sum(path.stat().st_size for path in (tmp_path / "out").iterdir())
    colorful = 0.0
    for number in range(count):
        name = f"reel_{86400 + number:07d}.dpx"
        before = (tmp_path / "scans" / name).read_bytes()
        after = (tmp_path / "out" / name).read_bytes()
        check_header(before[:4096], after[:4096], len(after))
        rgb = unpacked(after)
        assert (np.rint(rgb @ LUMA) == ramp(number)).all(), name
        colorful = max(colorful, float(np.ptp(rgb, axis=-1).mean()))
    assert colorful > 20


def check_header(before: bytes, after: bytes, size: int) -> None:
    """Every field is the source's but for the size, the label and what describes the samples."""
    assert struct.unpack_from(">I", after, 16) == (size,)
    assert after[260:460].rstrip(b"\0").startswith(b"Colored by vidcolor ")
    assert after[800] == 50
    same = [*range(16), *range(20, 260), *range(460, 800), *range(801, 804), *range(804, 4096)]
    wrong = [at for at in same if before[at] != after[at]]
    assert wrong == []


@pytest.mark.parametrize(
    ("target", "names", "left"),
    [
        ("out/graded_%06d.tif", "graded_086412.tif", "DPX headers"),
        ("out/%d.png", "86412.png", "DPX headers"),
        ("out/x%08d.dpx", "x00086412.dpx", ""),
        ("out/x%08d.jp2", "x00086412.jp2", "DPX headers"),
        ("out/x%08d.jpg", "x00086412.jpg", "DPX headers"),
    ],
)
def test_a_part_keeps_the_numbers_of_the_source(
    target: str, names: str, left: str, command: Command, tmp_path: Path
) -> None:
    scans = write_scans(tmp_path / "scans", 24)
    outcome = command(scans, tmp_path / target, "--start", "0.5", "--end", "0.75")
    assert outcome.code == (3 if left else 0), outcome.err
    assert left in "".join(what for what, _ in outcome.left)
    found = sorted((tmp_path / "out").iterdir())
    assert len(found) == 6
    assert names in [path.name for path in found]
    if target.endswith("jpg"):
        return
    demuxer = {".dpx": "dpx_pipe", ".jp2": "j2k_pipe"}.get(found[0].suffix)
    for at, path in enumerate(found, 12):
        with av.open(str(path), format=demuxer) as container:
            (frame,) = container.decode(video=0)
        rgb = frame.to_ndarray(format=frame.format.name)
        scale = 1 if found[0].suffix == ".dpx" else 65535 / 1023
        assert np.abs(rgb @ LUMA - np.rint(ramp(at) * scale)).max() <= 0.5


@pytest.mark.parametrize("suffix", ["dpx", "tif", "png", "jpg", "jp2"])
def test_info_reads_the_label_of_frames(suffix: str, command: Command, tmp_path: Path) -> None:
    scans = write_scans(tmp_path / "scans", 2)
    target = tmp_path / "out" / f"f_%d.{suffix}"
    assert command(scans, target, "-q").code in (0, 3)
    with open_video(target, InputSettings(fps=Fraction(24))) as film:
        frames = film.info.sequence
    assert frames
    assert frames.count == 2
    label = find_in_frames(frames)
    assert label
    assert label.version == __version__


def test_a_film_becomes_frames_and_says_what_they_cannot_hold(
    command: Command, tmp_path: Path
) -> None:
    film = make_reel(tmp_path / "my film.mp4")
    outcome = command(film, tmp_path / "out", "--to", "png")
    assert outcome.code == 3, outcome.err
    assert outcome.report["luma"] == "converted from yuv420p"
    assert [what for what, _ in outcome.left] == ["audio stream 1 (aac)"]
    names = [os.fsencode(f"my film_{number:06d}.png") for number in range(1, sum(SHOTS) + 1)]
    assert listing(tmp_path / "out") == names
    refused = command(film, tmp_path / "other", "--to", "png", "--strict")
    assert refused.code == 2
    assert "cannot copy audio stream 1" in refused.err
    assert not (tmp_path / "other").exists()


def test_frames_without_a_target_get_a_folder_beside(command: Command, tmp_path: Path) -> None:
    scans = write_scans(tmp_path / "scans", 3)
    outcome = command.run(str(scans), *USUAL, "--weights", str(command.weights), "-q")
    assert outcome.code == 0, outcome.err
    assert listing(tmp_path / "scans.color") == listing(tmp_path / "scans")


@pytest.mark.parametrize("word", ["scans", "scans/", "scans/*.dpx", "all of them"])
def test_a_folder_a_glob_or_all_frames_go_into_a_folder(
    word: str, command: Command, tmp_path: Path
) -> None:
    write_scans(tmp_path / "scans", 3)
    words = [f"{tmp_path}/{word}"]
    if word == "all of them":  # a shell has put them in the place of the glob
        words = [str(path) for path in sorted((tmp_path / "scans").iterdir())]
    outcome = command.run(*words, f"{tmp_path}/out", *USUAL, "--weights", str(command.weights))
    assert outcome.code == 0, outcome.err
    assert listing(tmp_path / "out") == listing(tmp_path / "scans")


def test_frames_are_colored_as_a_film_is(command: Command, tmp_path: Path) -> None:
    """The same film in a file of its own and as frames: the same color."""
    scans = write_scans(tmp_path / "scans", 12)
    film = command(scans, tmp_path / "film.mkv", "--lossless")
    assert film.code == 3
    assert [what.split(" of ")[0][:14] for what, _ in film.left] == ["film edge code", "user data"]
    assert command(scans, tmp_path / "out" / "f_%d.dpx").code == 0
    with av.open(str(tmp_path / "film.mkv")) as container:
        for number, frame in enumerate(container.decode(video=0)):
            luma = planes(frame)[0].numpy()
            rgb = unpacked((tmp_path / "out" / f"f_{86400 + number}.dpx").read_bytes())
            assert (np.rint(rgb @ LUMA) == luma).all()


def test_a_film_whose_frames_are_uneven_loses_its_times(command: Command, tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    with av.open(str(film), "w") as container:
        video = container.add_stream("ffv1", rate=24)
        video.width, video.height, video.pix_fmt = 64, 48, "gray"
        for number, moment in enumerate((0, 1, 2, 12, 13)):
            frame = av.VideoFrame.from_ndarray(ramp(number, 48, 64, 8), format="gray")
            frame.pts = moment
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    outcome = command(film, tmp_path / "out" / "f_%d.png")
    assert outcome.code == 3
    assert "timestamps" in [what for what, _ in outcome.left]
    assert outcome.report["frames"] == len(listing(tmp_path / "out")) == 5


# What stands beside the samples.


def write_pictures(folder: Path, suffix: str, count: int = 3) -> Path:
    """Frames with texts, a resolution and a profile of sRGB; TIFFs have 16 bits."""
    folder.mkdir()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for number in range(1, count + 1):
        more: dict[str, Any] = {"dpi": (300, 300), "icc_profile": profile}
        if suffix == "tif":
            image = Image.fromarray(ramp(number, bits=16))
            more |= {"tiffinfo": {270: f"scan {number}", 271: "ScanStation", 274: 3}}
            del more["icc_profile"]
        else:
            image = Image.fromarray(np.stack([ramp(number, bits=8)] * 3, -1))
            texts = PngInfo()
            texts.add_text("Author", f"scan {number}")
            more |= {"pnginfo": texts}
        image.save(folder / f"p{number}.{suffix}", **more)
    return folder / f"p%d.{suffix}"


def test_tags_of_tiff_frames_are_kept(command: Command, tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path / "in", "tif")
    outcome = command(pictures, f"{tmp_path}/out/", "--fps", "24")
    assert outcome.code == 0, outcome.err
    for number in (1, 2, 3):
        path = tmp_path / "out" / f"p{number}.tif"
        with Image.open(path) as image:
            tags = image.tag_v2  # type: ignore[attr-defined]
            assert tags[258] == (16, 16, 16)
            assert (tags[270], tags[271], tags[274]) == (f"scan {number}", "ScanStation", 3)
            assert (tags[282], tags[283]) == (300, 300)
        with av.open(str(path)) as container:
            (frame,) = container.decode(video=0)
        rgb = frame.to_ndarray(format="rgb48le")
        assert (np.rint(rgb @ LUMA) == ramp(number, bits=16)).all()


def test_texts_and_profiles_of_png_frames_are_kept(command: Command, tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path / "in", "png")
    outcome = command(pictures, f"{tmp_path}/out/", "--fps", "24")
    assert outcome.code == 0, outcome.err
    for number in (1, 2, 3):
        with Image.open(tmp_path / "out" / f"p{number}.png") as image:
            assert image.info["icc_profile"]
            assert image.info["Author"] == f"scan {number}"
            assert round(image.info["dpi"][0]) == 300
            rgb = np.asarray(image).astype(np.float64)
        assert (np.rint(rgb @ LUMA) == ramp(number, bits=8)).all()
    outcome = command(pictures, tmp_path / "dpx" / "f_%d.dpx", "--fps", "24")
    whats = [what for what, _ in outcome.left]
    assert outcome.code == 3
    assert whats == ["ICC profile", "resolution (300 dpi)", "text 'Author'"]


# Refused, and untouched.


def test_frames_that_are_there_are_only_replaced_by_force(command: Command, tmp_path: Path) -> None:
    scans = write_scans(tmp_path / "scans", 4)
    target = tmp_path / "out" / "f_%d.png"
    target.parent.mkdir()
    old = target.parent / "f_86401.png"
    old.write_bytes(b"old")
    other = target.parent / "f_7.png"
    other.write_bytes(b"another")
    refused = command(scans, target)
    assert refused.code == 2
    assert "exists; use --force" in refused.err
    assert sorted(listing(target.parent)) == [b"f_7.png", b"f_86401.png"]
    outcome = command(scans, target, "--force")
    assert outcome.code == 3
    assert old.read_bytes() != b"old"
    assert other.read_bytes() == b"another"
    assert any("1 other frames" in note for note in outcome.report["notes"])


def test_frames_are_not_split_and_hold_no_sound(command: Command, tmp_path: Path) -> None:
    scans = write_scans(tmp_path / "scans", 2)
    for words in (("--split",), ("--sound", str(scans.with_name("reel_0086400.dpx")))):
        refused = command(scans, tmp_path / "out" / "f_%d.png", *words)
        assert refused.code == 2
        assert f"{words[0]} is for films" in refused.err
    assert not (tmp_path / "out").exists()


def test_a_run_that_fails_leaves_no_folder(command: Command, tmp_path: Path) -> None:
    scans = write_scans(tmp_path / "scans", 4)
    (tmp_path / "scans" / "reel_0086402.dpx").write_bytes(b"SDPX")
    bad = command(scans, tmp_path / "new" / "f_%d.jpg", "--lossless")
    assert bad.code == 2
    assert not (tmp_path / "new").exists()


def test_a_frame_that_cannot_be_read_leaves_its_number_free(
    command: Command, tmp_path: Path
) -> None:
    scans = write_scans(tmp_path / "scans", 6)
    path = tmp_path / "scans" / "reel_0086402.dpx"
    path.write_bytes(path.read_bytes()[:5000])
    outcome = command(scans, f"{tmp_path}/out/")
    assert outcome.code == 3
    assert "reel_0086402.dpx" in "".join(item["text"] for item in outcome.report["damage"])
    missing = set(listing(tmp_path / "scans")) - set(listing(tmp_path / "out"))
    assert missing == {b"reel_0086402.dpx"}
    rgb = unpacked((tmp_path / "out" / "reel_0086403.dpx").read_bytes())
    assert (np.rint(rgb @ LUMA) == ramp(3)).all()


# Killed, and begun again.


@dataclass
class Stage:
    """A film, its frames as an uninterrupted run writes them, and the folder at each moment."""

    film: Path
    weights: Path
    whole: dict[str, bytes]
    moments: list[Path]
    """Copies of the folder of the frames, in the order of time."""


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """What a SIGKILL leaves is what the system knows of the files at that moment."""
    folder = tmp_path_factory.mktemp("stage")
    film, weights = make_reel(folder / "in.mp4"), save_quick_net(folder)
    target = folder / "out" / "f_%04d.png"
    moments: list[Path] = []
    lock = threading.RLock()

    def take() -> None:
        moments.append(folder / f"moment{len(moments):04d}")
        shutil.copytree(target.parent, moments[-1])

    replace, add, unlink = os.replace, Journal.add, os.unlink

    def replaced(source: Path, named: Path) -> None:
        with lock:
            replace(source, named)
            take()

    def added(journal: Journal, chunk: Any) -> None:
        with lock:
            add(journal, chunk)
            take()

    def unlinked(path: Path, **more: Any) -> None:
        with lock:
            unlink(path, **more)
            if Path(path).name == "journal.jsonl":
                take()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", replaced)
        patch.setattr(os, "unlink", unlinked)
        patch.setattr(Journal, "add", added)
        words = [str(film), str(target), *USUAL, "-q", "--weights", str(weights)]
        assert main(words) == 3
    yield Stage(film, weights, contents(target.parent), moments)
    shutil.rmtree(folder)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.4, 0.49, 0.52, 0.75, 0.95, 0.99])
def test_killed_at_a_moment(
    share: float, stage: Stage, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = stage.moments[int(share * (len(stage.moments) - 1))]
    check_killed(moment, stage, command, tmp_path / "out", monkeypatch)


@pytest.mark.slow
def test_killed_at_every_moment(
    stage: Stage, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(stage.moments) > 2 * sum(SHOTS)
    for number, moment in enumerate(stage.moments[:-1]):
        check_killed(moment, stage, command, tmp_path / str(number), monkeypatch)


def check_killed(
    moment: Path, stage: Stage, command: Command, folder: Path, patch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(moment, folder)
    target = folder / "f_%04d.png"
    redone: list[int] = []
    write = vars(pipeline)["write_frames"]

    def watched(frames: Any, path: Path, *rest: Any) -> Any:
        redone.append(int(path.stem))
        return write(frames, path, *rest)

    done = set(lines_of(target))
    command.weights = stage.weights
    with patch.context() as inner:
        inner.setattr(pipeline, "write_frames", watched)
        outcome = command(stage.film, target, "--batch", "1", "--chunk", "0.5")
    assert outcome.code == 3, outcome.err
    assert redone == [number for number in range(len(CHUNKS)) if number not in done]
    assert outcome.report["frames"] == sum(SHOTS)
    assert outcome.report["resumed"] == len(done)
    assert contents(folder) == stage.whole
    assert listing(folder) == sorted(map(os.fsencode, stage.whole))


def test_a_process_that_is_killed_goes_on(stage: Stage, command: Command, tmp_path: Path) -> None:
    target = tmp_path / "out" / "f_%04d.png"
    more = ("--weights", str(stage.weights))
    running = start(stage.film, target, *more, trap="line 3")
    assert running.wait(60) == -signal.SIGKILL
    assert running.stderr
    running.stderr.close()
    names = [name for name in listing(target.parent) if not name.startswith(b".")]
    assert names == [], "no frame has its name before all are done"
    assert len(lines_of(target)) == 3
    command.weights = stage.weights
    outcome = command(stage.film, target, "--batch", "1", "--chunk", "0.5")
    assert outcome.code == 3, outcome.err
    assert outcome.report["resumed"] == 3
    assert contents(target.parent) == stage.whole


def test_a_damaged_frame_is_colored_again(stage: Stage, command: Command, tmp_path: Path) -> None:
    """A chunk of which a frame is not what was written is not done."""
    folder = tmp_path / "out"
    lines = [len(lines_of(moment / "f_%04d.png")) for moment in stage.moments]
    shutil.copytree(stage.moments[lines.index(3)], folder)
    work = folder / ".f_%04d.png.vidcolor"
    victim = min((work / "000001.frames").iterdir())
    data = bytearray(victim.read_bytes())
    data[-20] ^= 1
    victim.write_bytes(bytes(data))
    command.weights = stage.weights
    outcome = command(stage.film, folder / "f_%04d.png", "--batch", "1", "--chunk", "0.5")
    assert outcome.report["resumed"] == 2
    assert contents(folder) == stage.whole


def test_a_batch_of_scans_becomes_folders_of_frames(
    tiny_weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for reel in ("a", "b"):
        write_scans(tmp_path / "in" / reel, 3)
    words = [str(tmp_path / "in"), str(tmp_path / "out"), "--to", "dpx", "--script", "off"]
    words += ["--weights", str(tiny_weights), "--size", "64"]
    assert main(words) == 0
    assert {*listing(tmp_path / "in" / "b")} < {*listing(tmp_path / "out" / "b")}
    assert main(["verify", str(tmp_path / "out" / "b")]) == 0
    capfd.readouterr()
    assert main(words) == 0
    assert "2 skipped" in capfd.readouterr().err
    (tmp_path / "out" / "b" / "reel_0086401.dpx").unlink()
    assert main(words) == 2
    assert "does not match the report" in capfd.readouterr().err
