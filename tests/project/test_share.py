"""Man pages and completion, as an installation puts them under share/."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from manual.command_line import make_parsers
from manual.man_page import write_man_pages
from manual.share import COMPLETIONS, share_files, write_completion

from vidcolor import __version__
from vidcolor.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[2]
PAGES = write_man_pages(__version__)


def test_each_command_has_a_page() -> None:
    assert set(PAGES) == {"vidcolor.1", *(f"vidcolor-{name}.1" for name in COMMANDS)}
    for name in COMMANDS:
        assert rf".BR vidcolor\-{name} (1)" in PAGES["vidcolor.1"]


@pytest.mark.parametrize(("name", "parser"), make_parsers().items(), ids=str)
def test_a_page_has_all_options(name: str, parser: argparse.ArgumentParser) -> None:
    page = PAGES["vidcolor.1" if name == "color" else f"vidcolor-{name}.1"]
    for action in parser._actions:
        if action.help != argparse.SUPPRESS and "--help" not in action.option_strings:
            for option in action.option_strings:
                assert rf"\fB{option}\fR".replace("-", r"\-") in page
    assert "%(" not in page
    assert f'"vidcolor {__version__}"' in page


@pytest.mark.parametrize("name", PAGES)
def test_troff_has_nothing_to_complain_of(name: str) -> None:
    if not shutil.which("groff"):
        pytest.skip("groff is not installed")
    words = ["groff", "-man", "-ww", "-Tutf8", "-k"]
    done = subprocess.run(words, input=PAGES[name], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    text = re.sub(r"\x1b\[[\d;]*m|.\x08", "", done.stdout)
    assert f" NAME {name[:-2]} - " in " ".join(text.split())


def test_lines_that_troff_would_take_for_its_own_are_words() -> None:
    for page in PAGES.values():
        commands = set(re.findall(r"^\.(\S+)", page, re.MULTILINE))
        assert commands <= {"TH", "SH", "TP", "B", "BR", "I", "nf", "fi"}
        assert not re.search(r"^'", page, re.MULTILINE)


@pytest.mark.parametrize("shell", COMPLETIONS)
def test_completion_is_what_the_command_prints(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--completion", shell])
    printed = capsys.readouterr().out
    assert len(printed) > 1000
    assert write_completion(shell) == printed == share_files()[COMPLETIONS[shell]]


def test_they_are_written_without_any_package(tmp_path: Path) -> None:
    """As in the environment in which pip builds the wheel: there is no torch, no numpy."""
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "scripts")))
    words = [sys.executable, "-S", "-B", "-m", "manual.share", tmp_path]
    subprocess.run(words, env={**os.environ, "PYTHONPATH": paths}, check=True)
    written = {p.relative_to(tmp_path).as_posix(): p for p in tmp_path.rglob("*") if p.is_file()}
    assert set(written) == set(share_files())
    assert written["man/man1/vidcolor.1"].read_text() == PAGES["vidcolor.1"]
