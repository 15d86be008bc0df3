"""``vidcolor FOLDER OUTFOLDER`` as a user runs it: table, codes, what goes on after a kill."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from checks import look
from command import TIME_LIMIT, Command, listing
from films import cut_file, make_film
from killing import CHUNKS, lines_of, make_reel, start
from more_films import SMALL

from vidcolor.cli.batch import INTERRUPTED
from vidcolor.cli.main import main
from vidcolor.run import batch

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films, a cut one, one that is none, a picture and a letter."""
    folder = tmp_path_factory.mktemp("shelf")
    (folder / "deep \N{SNOWMAN}").mkdir()
    make_film(folder / "a.mp4", SMALL)
    make_film(folder / "deep \N{SNOWMAN}" / "-b.avi", replace(SMALL, options={"bf": "0"}))
    whole = make_film(folder / "whole.mkv", replace(SMALL, frames=40)).path
    cut_file(whole, folder / "cut.mkv", 0.7)
    whole.unlink()
    (folder / "none.mov").write_bytes(b"\0\0\0\x14ftypqt  and nothing else")
    shutil.copy(Path(__file__).parents[2] / "samples" / "officer.jpg", folder / "p.jpg")
    (folder / "letter.txt").write_text("mine")
    return folder


@pytest.fixture
def here(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the shelf in it; names are relative to it."""
    shutil.copytree(shelf, tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    return tmp_path


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(command: Command, capfd: Captured) -> Run:
    """``run(*words)`` -> exit code, and what stood on stderr; nothing does on stdout."""

    def again(*words: str) -> tuple[int, str]:
        capfd.readouterr()
        code = main(["--size", "64", "--weights", str(command.weights), *words])
        out, err = capfd.readouterr()
        assert out == ""
        assert "Traceback" not in err
        return code, err

    return again


def results(err: str) -> dict[str, str]:
    """Name -> how it went, as the table says."""
    lines = err.split("\n\n")[1].splitlines()
    at, end = lines[0].index("result"), lines[0].index("frames") - 2
    return {line[:at].strip(): line[at:end].strip() for line in lines[1:]}


def refusal(run: Run, *words: str) -> str:
    """The one line of a command that does nothing."""
    code, err = run(*words)
    assert code == 2
    assert err.count("\n") == 1, err
    return err


def test_a_folder(run: Run, here: Path) -> None:
    code, err = run("in", "out/made", "--progress", "lines")
    assert code == 2
    names = ["a.mp4", "cut.mkv", "none.mov", "p.jpg", "deep \N{SNOWMAN}/-b.avi"]
    how = ["done", "damaged", "failed", "done", "done"]
    assert results(err) == dict(zip(names, how, strict=True))
    assert "1/5 out/made/a.mp4: 8 frames, 1 shot in 0:00:" in err
    assert "vidcolor: 3/5 none.mov: never finished recording (no index)" in err
    assert "1 truncated" in err
    last = "5 films: 3 done, 1 damaged, 1 failed; 1 other file ignored: letter.txt"
    assert err.splitlines()[-1] == last
    made = here / "out" / "made"
    assert listing(made) == [
        *(b"a.mp4", b"a.mp4.json", b"cut.mkv", b"cut.mkv.json"),
        *("deep \N{SNOWMAN}".encode(), b"p.jpg", b"p.jpg.json"),
    ]
    assert listing(made / "deep \N{SNOWMAN}") == [b"-b.mkv", b"-b.mkv.json"]
    source, target = look(here / "in" / "a.mp4"), look(made / "a.mp4")
    assert target.seen.pts == source.seen.pts
    lines = [json.loads(line) for line in (here / "lines").read_text().splitlines()]
    ends = [
        (line["film"], line["name"], line["frames"], line["total"], line["left"])
        for line in lines
        if line["left"] == 0
    ]
    assert ends[0] == (1, "a.mp4", 8, 8, 0)
    assert [end[0] for end in ends] == [1, 2, 4, 5]
    assert {line["films"] for line in lines} == {5}


def test_codes_and_what_is_skipped(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "in" / "none.mov").unlink()
    code, err = run("in", "out", "-q")
    assert (code, err) == (3, "")

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a film was colored again")

    monkeypatch.setattr(batch, "colorize_video", refuse)
    code, err = run("in", "out")
    assert code == 3, "the film that was damaged is so still"
    assert set(results(err).values()) == {"skipped"}
    assert "2/4 out/cut.mkv: already done" in err
    (here / "in" / "cut.mkv").unlink()
    code, err = run("in", "out")
    assert code == 0
    assert err.splitlines()[-1] == "3 films: 3 skipped; 1 other file ignored: letter.txt"
    code, err = run("in", "out", "--saturation", "0.8", "-q")
    assert code == 2
    assert err.count("\n") == 3
    words = "exists, made differently: color saturation was 1.0, is now 0.8; use --force"
    words += " to replace it"
    assert err.splitlines()[0] == f"vidcolor: 1/3 a.mp4: {words}"


def test_patterns_and_names(run: Run, here: Path) -> None:
    (here / "in" / "a.mp4").rename(here / "in" / "-[a]*.mp4")
    code, err = run("in/*.mp4", "new/out")  # one word for one film, and yet a folder of films
    assert code == 0
    assert results(err) == {"-[a]*.mp4": "done"}
    code, err = run("in/-[[]a*", "in/deep*/*.avi", "new/out")
    assert code == 0
    assert results(err) == {"-[a]*.mp4": "skipped", "-b.avi": "done"}
    (here / "in" / "-[a]*.mp4").rename(here / "-c.mp4")
    code, err = run("-q", "--", "-c.mp4", "in/deep \N{SNOWMAN}/-b.avi", "new/out")
    assert (code, err) == (0, "")
    made = [b"-[a]*.mp4", b"-[a]*.mp4.json", b"-b.mkv", b"-b.mkv.json", b"-c.mp4", b"-c.mp4.json"]
    assert listing(here / "new" / "out") == made


def test_one_film_into_a_folder(run: Run, here: Path) -> None:
    assert run("in/a.mp4", "new/", "--to", "mkv", "-q") == (0, "")
    assert run("in/a.mp4", "new", "-q") == (0, "")
    assert listing(here / "new") == [b"a.mkv", b"a.mkv.json", b"a.mp4", b"a.mp4.json"]


def test_what_is_refused(run: Run, here: Path) -> None:
    (here / "empty").mkdir()
    before = listing(here)
    assert "empty: no film or picture found\n" in refusal(run, "empty", "out")
    (here / "empty" / "a.txt").touch()
    assert "found; 1 other file ignored: a.txt" in refusal(run, "empty", "out")
    assert "contains the films to color" in refusal(run, "in", "in/")
    assert "letter.txt: not a folder" in refusal(run, "in", "in/letter.txt")
    assert "in: is a folder; name a film inside it" in refusal(run, "in", "out.mp4")
    assert "out.png: not a folder; with several inputs" in refusal(
        run, "in/a.mp4", "in/p.jpg", "out.png"
    )
    assert "-: not a folder; with several inputs" in refusal(run, "in", "in/a.mp4", "-")
    assert "--report is for one film" in refusal(run, "in", "out", "--report", "r.json")
    assert "--to is for folders" in refusal(run, "in/a.mp4", "out.mp4", "--to", "mkv")
    assert "--to avi: not a supported type; use" in refusal(run, "in", "out", "--to", "avi")
    assert "an input name is empty" in refusal(run, "", "in", "out")
    assert "no weights 'none'" in refusal(run, "in", "out", "--weights", "none")
    assert "--progress no/file: cannot be" in refusal(run, "in", "out", "--progress", "no/file")
    assert listing(here) == before


def test_a_surprise_is_told_and_the_next_film_is_colored(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch, capfd: Captured
) -> None:
    plain = batch.colorize_video

    def colorize_video(source: Path, *rest: Any, **more: Any) -> Any:
        if source.name == "a.mp4":
            raise RuntimeError("two\nlines")
        return plain(source, *rest, **more)

    monkeypatch.setattr(batch, "colorize_video", colorize_video)
    code, err = run("in/a.mp4", "in/deep \N{SNOWMAN}/-b.avi", "out", "-q")
    assert code == 2
    assert err.startswith(
        "vidcolor: 1/2 a.mp4: unexpected RuntimeError: two lines (please report it"
    )
    assert (here / "out" / "-b.mkv").exists()


# Interrupted and killed.


@pytest.fixture
def items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A film of one chunk, and after it one of six."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    make_reel(tmp_path / "in" / "a.mp4", (5,))
    make_reel(tmp_path / "in" / "b.mp4")
    return tmp_path


def ended(running: subprocess.Popen[str]) -> tuple[int, str]:
    try:
        _, err = running.communicate(timeout=TIME_LIMIT)
    finally:
        running.kill()
    return running.returncode, err


@pytest.mark.slow  # test_resume kills single films, test_batch skips what is done
def test_a_batch_that_was_killed_goes_on(
    run: Run, items: Path, command: Command, tmp_path: Path
) -> None:
    words = ("--chunk", "0.5", "--batch", "1")
    assert run("in", "whole", *words, "-q") == (0, "")
    weights = ("--weights", str(command.weights))
    running = start(items / "in", items / "out", *weights, trap="line 2")
    assert ended(running)[0] == -9
    assert listing(items / "out") == [b".b.mp4.vidcolor", b"a.mp4", b"a.mp4.json"]
    assert sorted(lines_of(items / "out" / "b.mp4")) == [0, 1]
    code, err = run("in", "out", *words)
    assert code == 0
    assert results(err) == {"a.mp4": "skipped", "b.mp4": "done"}
    report = json.loads((items / "out" / "b.mp4.json").read_text())
    assert (report["resumed"], report["chunks"]) == (2, len(CHUNKS))
    for name in ("a.mp4", "b.mp4"):
        assert (items / "out" / name).read_bytes() == (items / "whole" / name).read_bytes()
    assert listing(items / "out") == [b"a.mp4", b"a.mp4.json", b"b.mp4", b"b.mp4.json"]


@pytest.mark.slow  # the same signal stops one film in test_resume
def test_ctrl_c_stops_all_films(items: Path, command: Command) -> None:
    make_reel(items / "in" / "c.mp4", (5,))
    weights = ("--weights", str(command.weights))
    running = start(items / "in", items / "out", *weights, trap="again 2")
    code, err = ended(running)  # the command was run once more in the same process
    assert code == 0, err
    assert err == f"vidcolor: {INTERRUPTED}\n"
    names = [json.loads((items / "out" / f"{n}.mp4.json").read_text())["resumed"] for n in "abc"]
    assert names == [0, 2, 0]
