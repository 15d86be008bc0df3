"""``--script``: films and batches get a color script; where there is none, that is said."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import av
import pytest
from guided import SHOT, write_scenes, write_shots
from shared import one_line

from vidcolor.cli.main import main
from vidcolor.cli.progress import Shown, progress_file
from vidcolor.core.paths import report_path
from vidcolor.core.report import Progress

pytestmark = pytest.mark.usefixtures("quick_guide")
DOING = "color script: 12 of 40 frames"


def pictures(film: bytes) -> list[bytes]:
    with av.open(io.BytesIO(film)) as container:
        return [frame.to_ndarray().tobytes() for frame in container.decode(video=0)]


def test_a_film_has_a_line_about_its_script_and_a_stage(
    here: Path, sure_guide: None, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write_scenes(here / "film.mkv", "ABA", 14)
    given = ["--script", "auto", "-v", "--report", "a.json", *options]
    assert main(["film.mkv", "a.mp4", *given]) == 0
    said = capsys.readouterr().err
    assert "  script   3 key frames of 3 shots, 2 groups" in said
    assert "seconds  script " in said
    report = json.loads((here / "a.json").read_text())
    assert report["script"]["shots"] == 3
    assert main(["film.mkv", "c.mp4", *options]) == 0
    capsys.readouterr()
    assert (here / "a.mp4").read_bytes() == (here / "c.mp4").read_bytes(), "it is the default"
    assert main(["film.mkv", "b.mp4", "-v", "--script", "off", *options]) == 0
    assert "script" not in capsys.readouterr().err
    assert (here / "a.mp4").read_bytes() != (here / "b.mp4").read_bytes()


def test_a_batch_takes_it_and_knows_what_is_done(
    here: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write_shots(here / "short.mkv", shots=1)
    words = ["film.mkv", "short.mkv", "colored/", *options]
    assert main([*words, "--script", "auto"]) == 0
    found = [
        json.loads(report_path(here / "colored" / f"{name}.mkv").read_text())["script"]
        for name in ("film", "short")
    ]
    assert (found[0]["shots"], found[1]) == (3, {})
    capsys.readouterr()
    assert main([*words, "--script", "auto"]) == 0
    assert "2 skipped" in capsys.readouterr().err
    assert main([*words, "--script", "off"]) == 2
    assert "color script was auto, is now off" in capsys.readouterr().err


def test_a_pipe_goes_without_and_says_so(
    here: Path, options: list[str], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["film.mkv", "-", "--script", "auto", *options]) == 0
    piped, said = capfdbinary.readouterr()
    assert b"without a color script: a pipe is colored in one pass" in said
    assert main(["film.mkv", "-", *options]) == 0
    assert pictures(capfdbinary.readouterr()[0]) == pictures(piped)


def test_a_word_that_is_none_is_refused(
    here: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["film.mkv", "a.mp4", "--script", "on", *options]) == 2
    assert "no --script 'on'; use auto, off" in one_line(capsys)
    assert not (here / "a.mp4").exists()


@pytest.mark.parametrize("before", [[], [Progress(0, 100, 0.0), Progress(0, 100, 0.0)]])
def test_a_bar_tells_how_far_the_script_is(
    before: list[Progress], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it began before, as on a cluster."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    with Shown(None, False, "a.mp4") as shown:
        assert shown._bar is not None
        for progress in before:
            shown(progress)
        shown(Progress(0, 100, 0.0, DOING))
        if not before:
            shown._face._wait()  # type: ignore[union-attr]
        assert f"a.mp4: {DOING}" in sys.stderr.getvalue()  # type: ignore[attr-defined]
        for frames in (0, 1, 2):
            shown(Progress(frames, 100, 0.0))
        assert DOING not in (shown._bar.desc or "")
        assert (shown._bar.n, shown._bar.total) == (2, 100)


def test_lines_for_programs_tell_it(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    with progress_file(str(path)) as lines:
        assert lines is not None
        lines.film(name="a").prepare(Progress(SHOT, 100, 0.0, DOING))
    assert json.loads(path.read_text()) == {
        "name": "a",
        "frames": SHOT,
        "total": 100,
        "doing": DOING,
    }
