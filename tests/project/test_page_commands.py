"""Every command of the README and the docs runs, on files as small as they may be."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from page_room import fill

from vidcolor.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "models/README.md"]

NOT_RUN = {
    r"vidcolor serve": "tests/system/test_web.py runs it",
    r"vidcolor play": "needs a player; tests/system/test_play.py runs it",
    r"vidcolor train": "takes minutes; tests/training and tests/system run it",
    r"vidcolor bench": "takes minutes; tests/system/test_bench.py runs it",
    r"vidcolor .*--cluster": "needs Ray; tests/system/test_cluster.py runs it",
    r"vidcolor .*--device cuda": "needs a GPU",
    r"vidcolor .*--weights RUN/": "of a run of training",
    r"vidcolor .*--export .*": "needs the extra onnx; tests/nets run it",
    r"vidcolor verify out --report": "out.json is of a film in this folder",
    r"vidcolor .*--to otio": "needs the extra edit; tests/shots run it",
}
"""Which commands are not run here, and why."""

OTHERWISE = {
    "--at 1:30:00": "--at 1:30",  # the film is short
    "--import film-Scenes.csv": "--import film-Scenes.csv --sheet imported.toml",  # not beside one
}
"""What is said here in another way."""


def vidcolor_lines(page: Path) -> list[str]:
    """The commands of a page, in order, with what they are piped into and come from."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    lines = re.findall(r"^    (\S.*?)(?: +#.*)?$", text, re.MULTILINE)
    parts = [part.strip().removeprefix(".venv/bin/") for one in lines for part in one.split(" | ")]
    return list(dict.fromkeys(part for part in parts if part.startswith("vidcolor ")))


def why_not(line: str) -> str:
    """Why a command is not run; empty for one that is."""
    return next((why for start, why in NOT_RUN.items() if re.match(start, line)), "")


def prepared(line: str) -> list[str]:
    """Its words, and that it may replace what an earlier command of the page has written."""
    for words_there, words_here in OTHERWISE.items():
        line = line.replace(words_there, words_here)
    words = shlex.split(line)[1:]
    name = words[0] if words[0] in COMMANDS else "color"
    options = import_module(f"vidcolor.cli.{name}").parser()._option_string_actions
    return [*words, *(["--force"] if "--force" in options and words[1:2] != ["-"] else [])]


def run_here(line: str) -> int:
    """Exit code of a command; one with a pipe runs in a process of its own."""
    words = prepared(line)
    if "-" not in words:
        return main(words)
    command = [sys.executable, "-m", "vidcolor", *words]
    with open("film.mkv", "rb") as film:
        return subprocess.run(command, stdin=film, stdout=subprocess.DEVNULL).returncode


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("room")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        fill(folder, run_here)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in PAGES if vidcolor_lines(page)], ids=lambda page: page.name
)
def test_every_command_of_a_page_runs(
    page: Path, room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(room, tmp_path / "room")
    monkeypatch.chdir(tmp_path / "room")
    failed: dict[str, int] = {}
    for line in vidcolor_lines(page):
        if not why_not(line) and (code := run_here(line)) not in (0, 3):
            failed[line] = code
    assert not failed


def test_what_is_not_run_has_its_reason() -> None:
    lines = [line for page in PAGES for line in vidcolor_lines(page)]
    run = [line for line in lines if not why_not(line)]
    assert len(run) > 80
    for start in NOT_RUN:
        assert any(re.match(start, line) for line in lines), f"no command is like {start}"
