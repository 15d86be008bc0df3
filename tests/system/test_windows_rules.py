"""Commands by the rules of Windows: open files stay where they are, and POSIX is not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from checks import look
from films import make_film
from more_films import SMALL

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="knows open files from /proc")

HELPERS = Path(__file__).parents[1] / "helpers"
ROOT = HELPERS.parents[1]


@contextmanager
def held(path: Path) -> Iterator[None]:
    """A file that another process has open."""
    path.write_bytes(b"half of a film")
    words = f"import sys; file = open({str(path)!r}, 'r+b'); print('open'); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", words], **pipes, text=True) as process:  # type: ignore[call-overload]
        assert process.stdout.readline() == "open\n"
        yield
        process.stdin.close()


def run(folder: Path, weights: Path, *commands: list[str]) -> tuple[list[int], str]:
    """Exit codes of commands in a process of their own, and what they said."""
    usual = ["--size", "64", "--weights", str(weights)]
    lines = [[*words, *usual] if words[0].startswith("in") else words for words in commands]
    paths = os.pathsep.join(map(str, (ROOT, HELPERS)))
    done = subprocess.run(
        [sys.executable, "-m", "windows_rules", json.dumps(lines)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def count(film: Path) -> int:
    """Frames of a film."""
    return len(look(film).luma)


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob(".*"))


@pytest.fixture(scope="module")
def done(
    tmp_path_factory: pytest.TempPathFactory, quick_weights: Path
) -> Iterator[tuple[Path, list[int], str]]:
    """What commands have left, their exit codes and what they said: a process takes seconds."""
    folder = tmp_path_factory.mktemp("windows")
    (folder / "in").mkdir()
    make_film(folder / "in" / "a.mp4", replace(SMALL, frames=12))
    (folder / "in.bad.mp4").write_bytes((folder / "in" / "a.mp4").read_bytes()[:300])
    (folder / ".out.mkv.part").write_bytes(b"what a run that was killed has left")
    (folder / ".out.mkv.vidcolor").mkdir()
    (folder / ".out.mkv.vidcolor" / "lock").touch()
    (folder / "old.mp4").write_bytes(b"an old target")
    with held(folder / ".busy.mkv.part"):
        codes, said = run(
            folder,
            quick_weights,
            ["in/a.mp4", "out.mkv", "--report", "out.json", "--progress", "lines.jsonl"],
            ["in/a.mp4", "old.mp4", "--force", "--chunk", "0.2"],
            ["in/a.mp4", "frames/f_%04d.png", "--end", "0.2"],
            ["in", "all", "--end", "0.2"],
            ["verify", "out.mkv", "--report", "out.json"],
            ["in/a.mp4", "busy.mkv"],
            ["in/a.mp4", "con.mkv"],
            ["in/a.mp4", "a:b.mkv"],
            ["in.bad.mp4", "bad.mkv"],
            ["in/a.mp4", "after.mkv"],
        )
        yield folder, codes, said


def test_a_film_a_picture_frames_and_a_folder_are_colored(
    done: tuple[Path, list[int], str],
) -> None:
    folder, codes, said = done
    assert codes[:5] == [0] * 5, said
    assert count(folder / "out.mkv") == count(folder / "in" / "a.mp4") == 12
    assert count(folder / "old.mp4") == 12
    assert len(list((folder / "frames").iterdir())) >= 2
    assert count(folder / "all" / "a.mp4") >= 2
    lines = (folder / "lines.jsonl").read_bytes()
    assert b"\r" not in lines
    assert json.loads(lines.splitlines()[-1])["frames"] == 12


def test_what_fails_leaves_nothing_and_says_one_line(done: tuple[Path, list[int], str]) -> None:
    folder, codes, said = done
    assert codes[5:] == [2, 2, 2, 2, 0], said
    refused = [line for line in said.splitlines() if line.startswith("vidcolor: ")]
    assert refused[0].endswith("busy.mkv: another vidcolor is writing this target")
    assert "con.mkv: Windows keeps this name for a device; choose another name" in refused[1]
    assert "a:b.mkv: Windows allows no : in names; choose another name" in refused[2]
    assert len(refused) == 4
    assert hidden(folder) == [".busy.mkv.part"]
    assert (folder / ".busy.mkv.part").read_bytes() == b"half of a film"


@pytest.mark.slow
def test_the_other_commands_do_what_they_do_elsewhere(tmp_path: Path, quick_weights: Path) -> None:
    make_film(tmp_path / "in.mp4", replace(SMALL, frames=30))
    sized = ["--size", "64", "--weights", str(quick_weights)]
    codes, said = run(
        tmp_path,
        quick_weights,
        ["in.mp4", "dry.mp4", "--dry-run"],
        ["in.mp4", "split_%02d.mp4", "--split"],
        ["preview", "in.mp4", "sheet.jpg", *sized],
        ["compare", "in.mp4", "both.mp4", *sized],
        ["colors", "in.mp4", "--add-hint", "0", "0.5,0.5", "red"],
        ["colors", "in.mp4", "--add-hint", "1", "0.2,0.5", "blue"],
        ["shots", "in.mp4", "--to", "csv"],
    )
    assert codes == [0] * 7, said
    assert count(tmp_path / "split_01.mp4") == count(tmp_path / "both.mp4") == 30
    assert (tmp_path / "in.colors.toml").read_bytes().count(b"[[hint]]") == 2
    assert hidden(tmp_path) == []
