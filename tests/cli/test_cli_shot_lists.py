"""``vidcolor shots FILM --to KIND`` and ``--shots FILE``, through the command line."""

from __future__ import annotations

import re
from base64 import b64decode
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from shared import one_line
from synthetic import texture

from vidcolor.cli.main import main

Captured = pytest.CaptureFixture[str]
NTSC = Fraction(30000, 1001)
LENGTHS = (12, 9, 20)


def write_reel(path: Path, rate: Fraction = NTSC, start: str = "01:00:00;00", gap: int = 0) -> Path:
    """Three still views; ``gap`` frames are missing in the last one."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.options = {"qscale": "2"}
        stream.time_base = stream.codec_context.time_base = 1 / rate
        if start:
            stream.metadata["timecode"] = start
        views = [texture(seed, 96, 128) for seed, n in enumerate(LENGTHS, 3) for _ in range(n)]
        for pts, view in enumerate(views):
            codes = (view * 219 + 16).numpy().astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(codes, "gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = pts + gap * (pts > 30), 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def reel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_reel(tmp_path_factory.mktemp("reel") / "reel.mov")


def written(kind: str, reel: Path, tmp_path: Path, capsys: Captured) -> str:
    path = tmp_path / f"list.{kind}"
    assert main(["shots", str(reel), "-q", "--to", kind, "-o", str(path)]) == 0
    assert capsys.readouterr() == ("", "")
    return path.read_text()


def test_an_edl_has_the_timecode_of_the_film(reel: Path, tmp_path: Path, capsys: Captured) -> None:
    lines = written("edl", reel, tmp_path, capsys).splitlines()
    assert lines[:2] == ["TITLE: reel", "FCM: DROP FRAME"]
    assert [line for line in lines if line[:1].isdigit()] == [
        f"{n:03d}  REEL     V     C        {a} {b} {a} {b}"
        for n, (a, b) in enumerate(
            [
                ("01:00:00;00", "01:00:00;12"),
                ("01:00:00;12", "01:00:00;21"),
                ("01:00:00;21", "01:00:01;11"),
            ],
            1,
        )
    ]


def test_scenedetect_reads_the_csv_with_its_own_reader(
    reel: Path, tmp_path: Path, capsys: Captured
) -> None:
    """Its command ``load-scenes`` reads this column like this."""
    scenedetect = pytest.importorskip("scenedetect")
    controller = pytest.importorskip("scenedetect._cli.controller")
    text = written("csv", reel, tmp_path, capsys)
    (path,) = tmp_path.glob("*.csv")

    class Stream:
        frame_rate = NTSC
        base_timecode = scenedetect.FrameTimecode(0, NTSC)
        duration = scenedetect.FrameTimecode(sum(LENGTHS), NTSC)

    class Context:
        load_scenes_input = str(path)
        load_scenes_column_name = "Start Frame"
        video_stream = Stream()
        start_time = end_time = duration = None

    scenes, cuts = controller._load_scenes(Context())
    assert [cut.frame_num for cut in cuts] == [12, 21]
    spans = [(start.frame_num, end.frame_num) for start, end in scenes]
    assert spans == [(0, 12), (12, 21), (21, 41)]
    from scenedetect.output import write_scene_list

    other = tmp_path / "other.csv"
    write_scene_list(str(other), scenes, include_cut_list=False)
    assert other.read_text().splitlines() == text.splitlines()


def test_ffmpeg_reads_the_chapters(reel: Path, tmp_path: Path, capsys: Captured) -> None:
    written("ffmetadata", reel, tmp_path, capsys)
    with av.open(str(tmp_path / "list.ffmetadata"), format="ffmetadata") as container:
        chapters = [
            tuple(each[key] * each["time_base"] * NTSC for key in ("start", "end"))
            for each in container.chapters()
        ]
    assert chapters == [(0, 12), (12, 21), (21, 41)]


def test_the_page_has_a_picture_of_each_shot(reel: Path, tmp_path: Path, capsys: Captured) -> None:
    from PIL import Image

    text = written("html", reel, tmp_path, capsys)
    assert "3 shots, 0:00:01.368, 41 frames, 29.97 frames a second" in text
    assert re.findall(r"01:00:0\d;\d\d", text) == ["01:00:00;00", "01:00:00;12", "01:00:00;21"]
    assert not re.search(r"(src|href)=.(?!data:)", text)  # nothing lies elsewhere
    found = re.findall(r"data:image/jpeg;base64,([^\"]+)", text)
    assert len(found) == 3
    for seed, data in enumerate(found, 3):
        picture = Image.open(BytesIO(b64decode(data))).convert("L").resize((128, 96))
        view = (texture(seed, 96, 128) * 255).numpy()
        assert np.corrcoef(np.asarray(picture).ravel(), view.ravel())[0, 1] > 0.95


def test_names_in_a_page_are_only_text(tmp_path: Path, capsys: Captured) -> None:
    reel = write_reel(tmp_path / "<b>&.mov")
    text = written("html", reel, tmp_path, capsys)
    assert "&lt;b&gt;&amp;.mov" in text
    assert "<b>&" not in text


def test_lists_lie_beside_the_film_and_are_not_replaced(tmp_path: Path, capsys: Captured) -> None:
    reel = write_reel(tmp_path / "reel.mov")
    words = ["shots", str(reel), "--to", "csv", "--to", "edl"]
    assert main(words) == 0
    err = capsys.readouterr().err
    assert f"{tmp_path / 'reel.shots.csv'}: 3 shots" in err
    before = (tmp_path / "reel.shots.edl").read_bytes()
    assert main([*words, "-q"]) == 2
    assert "reel.shots.csv: exists" in one_line(capsys)
    assert main([*words, "-q", "-y"]) == 0
    assert (tmp_path / "reel.shots.edl").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {
        "reel.mov",
        "reel.shots.csv",
        "reel.shots.edl",
    }


def test_a_list_goes_to_standard_output(reel: Path, capsys: Captured) -> None:
    assert main(["shots", str(reel), "-q", "--to", "csv", "-o", "-"]) == 0
    assert capsys.readouterr().out.count("\n") == 4


@pytest.mark.parametrize("kind", ["csv", "edl", "otio", "ffmetadata"])
def test_a_list_comes_back(kind: str, reel: Path, tmp_path: Path, capsys: Captured) -> None:
    if kind == "otio":
        pytest.importorskip("opentimelineio")
    text = written(kind, reel, tmp_path, capsys)
    path = tmp_path / f"list.{kind}"
    words = ["shots", str(reel), "-q", "--to", kind, "-o", "-", "--shots", str(path)]
    assert main(words) == 0
    assert capsys.readouterr().out == text
    path.unlink()


def test_a_variable_frame_rate_has_times_only(tmp_path: Path, capsys: Captured) -> None:
    reel = write_reel(tmp_path / "reel.mkv", start="", gap=3)
    assert main(["shots", str(reel), "-q", "--to", "edl", "--to", "csv"]) == 2
    assert "frame rate is variable, or frames are missing" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.shots.*"))
    assert main(["shots", str(reel), "-q", "--to", "csv", "-o", "-"]) in (0, 3)
    rows = capsys.readouterr().out.splitlines()
    assert [row.split(",")[1] for row in rows[1:]] == ["1", "13", "22"]
    assert rows[3].split(",")[6] == "1.468"  # 44 frames of 1001/30000 s


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-o", "x.csv"], "--to csv"),
        (["--to", "pdf"], "pdf"),
        (["--to", "csv", "--start", "1"], "whole film"),
        (["--to", "csv", "--to", "edl", "-o", "x"], "several"),
        (["--to", "csv", "-o", "no/such/x.csv"], "no folder"),
        (["--shots", "none.csv"], "none.csv"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], told: str, reel: Path, capsys: Captured) -> None:
    assert main(["shots", str(reel), "-q", *words]) == 2
    assert told in one_line(capsys)


def test_a_film_is_colored_by_a_list(
    reel: Path, tmp_path: Path, quick_weights: Path, capsys: Captured
) -> None:
    import json

    cuts, report = tmp_path / "cuts.txt", tmp_path / "report.json"
    cuts.write_text("5\n21\n")
    words = [str(reel), str(tmp_path / "out.mov"), "--weights", str(quick_weights), "--size", "64"]
    words += ["--script", "off", "-q", "--device", "cpu", "--report", str(report)]
    assert main([*words, "--shots", str(cuts)]) == 0
    starts = json.loads(report.read_text())["shot_starts"]
    assert [round(start * NTSC) for start in starts] == [0, 5, 21]


def test_a_bad_list_leaves_the_target(
    reel: Path, tmp_path: Path, quick_weights: Path, capsys: Captured
) -> None:
    cuts, target = tmp_path / "cuts.txt", tmp_path / "out.mov"
    cuts.write_text("5\n500\n")
    target.write_bytes(b"mine")
    words = [str(reel), str(target), "--weights", str(quick_weights), "-q", "-y"]
    assert main([*words, "--shots", str(cuts)]) == 2
    assert "belongs to another film" in one_line(capsys)
    assert target.read_bytes() == b"mine"


def test_a_list_is_of_one_film(
    reel: Path, tmp_path: Path, quick_weights: Path, capsys: Captured
) -> None:
    words = [str(reel), str(reel), str(tmp_path), "--weights", str(quick_weights), "-q"]
    assert main([*words, "--shots", "x.csv"]) == 2
    assert "--shots is of one film" in one_line(capsys)


def test_previews_and_sheets_take_any_list(
    reel: Path, tmp_path: Path, quick_weights: Path, capsys: Captured
) -> None:
    cuts = tmp_path / "cuts.txt"
    cuts.write_text("5\n21\n30\n")
    words = ["--weights", str(quick_weights), "--size", "64", "--device", "cpu"]
    target = str(tmp_path / "sheet.png")
    assert main(["preview", str(reel), target, "--shots", str(cuts), *words]) == 0
    assert "4 frames" in capsys.readouterr().err
    sheet = tmp_path / "sheet.toml"
    assert main(["colors", str(reel), "--sheet", str(sheet), "--shots", str(cuts), "-q"]) == 0
    assert "4 shots of reel.mov" in capsys.readouterr().err


@pytest.mark.parametrize("out", ["shots", "shots/film_%03d.mov"])
def test_split_writes_a_file_for_each_shot(
    out: str, reel: Path, tmp_path: Path, quick_weights: Path, capsys: Captured
) -> None:
    folder = tmp_path / "shots"
    if "%" in out:
        folder.mkdir()
    words = [str(reel), str(tmp_path / out), "--split", "--weights", str(quick_weights), "-q"]
    words += ["--script", "off", "--size", "64", "--device", "cpu"]
    assert main(words) == 0
    assert capsys.readouterr() == ("", "")
    stem = "film" if "%" in out else "reel"
    paths = sorted(folder.iterdir())
    assert [path.name for path in paths] == [f"{stem}_00{n}.mov" for n in (1, 2, 3)]
    for path, frames, start in zip(
        paths, LENGTHS, ("01:00:00;00", "01:00:00;12", "01:00:00;21"), strict=True
    ):
        with av.open(str(path)) as container:
            assert container.streams.video[0].frames == frames
            assert container.streams.video[0].metadata["timecode"] == start
    before = [path.read_bytes() for path in paths]
    for more in ([], ["--dry-run"]):
        assert main([*words, *more]) == 2
        assert "_001.mov: exists; use --force" in one_line(capsys)
    assert [path.read_bytes() for path in paths] == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["out.mov"], "use out_%03d.mov"),
        (["out_%d_%d.mov"], "use out_%03d.mov"),
        (["out.png"], "use out_%03d.mov"),
        (["shots", "--to", "png"], "--split takes one --to of .mp4"),
        (["-"], "name a folder"),
        ([], "name a folder"),
        (["shots", "--cluster"], "exclude each other"),
        (["no.mov", "shots"], "for one film"),
    ],
)
def test_split_that_cannot_be_is_one_line(
    words: list[str], told: str, reel: Path, capsys: Captured
) -> None:
    assert main([str(reel), *words, "--split", "-q"]) == 2
    assert told in one_line(capsys)


def test_a_dry_run_and_a_refusal_leave_no_folder(
    reel: Path, tmp_path: Path, quick_weights: Path, capsys: Captured
) -> None:
    folder = tmp_path / "shots"
    words = [str(reel), str(folder), "--split", "--weights", str(quick_weights), "--size", "64"]
    words += ["--script", "off", "--device", "cpu", "-q"]
    assert main([*words, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "reel_%03d.mov" in out
    assert "note     one file for each shot" in out
    cuts = tmp_path / "cuts.txt"
    cuts.write_text("12\n21\n")
    for more, suffix in ((["--for", "share"], "mp4"), (["--for", "web", "--to", "mkv"], "mkv")):
        assert main([*words, "--dry-run", "--shots", str(cuts), *more]) == 0
        out = capsys.readouterr().out
        assert f"reel_%03d.{suffix}" in out
        assert "note     3 files, one for each shot" in out
    assert main([*words, "--shots", str(tmp_path / "none.edl")]) == 2
    one_line(capsys)
    assert not folder.exists()
