"""What shells complete: the scripts are run by the shells themselves where they are installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from vidcolor.cli.completion import SHELLS, WRITERS, options_of
from vidcolor.cli.main import COMMANDS, command_module, main

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def script(capsys: Captured) -> Callable[[str], str]:
    def write(shell: str) -> str:
        assert main(["--completion", shell]) == 0
        return capsys.readouterr().out

    return write


@pytest.fixture
def complete(script: Callable[[str], str], tmp_path: Path) -> Callable[..., list[str]]:
    """``complete("preview", "x", "--lo")``: what bash proposes for the last word."""
    file = tmp_path / "vidcolor.bash"
    file.write_text(script("bash"))
    folder = tmp_path / "films"
    folder.mkdir()
    for name in ("a film.mkv", "other.mp4"):
        (folder / name).touch()
    (folder / "reels").mkdir()

    def run(*words: str) -> list[str]:
        code = (
            f'source {file}; COMP_WORDS=(vidcolor "$@");'
            " COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _vidcolor; printf '%s\\n' \"${COMPREPLY[@]}\""
        )
        done = subprocess.run(
            ["bash", "--norc", "-c", code, "bash", *words],
            capture_output=True,
            text=True,
            cwd=folder,
            check=True,
        )
        assert done.stderr == ""
        return [line for line in done.stdout.splitlines() if line]

    return run


@pytest.mark.parametrize(
    ("words", "proposed"),
    [
        (["pre"], ["preview"]),
        (["a"], ["a film.mkv"]),
        (["x", "--titl"], ["--titles"]),
        (["x", "--titles", "k"], ["keep"]),
        (["preview", "x", "--look", ""], ["after", "side", "split"]),
        (["preview", "--marks", "--si"], ["--size"]),
        (["preview", "--mark"], ["--marks"]),
        (["x", "--mark"], []),
        (["x", "--report", "o"], ["other.mp4"]),
        (["serve", "--keep", ""], ["reels"]),
        (["x", "--crf", ""], []),
        (["train", "--con"], ["--config"]),
    ],
)
@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_proposes(
    complete: Callable[..., list[str]], words: list[str], proposed: list[str]
) -> None:
    assert sorted(complete(*words)) == proposed


@pytest.mark.parametrize("shell", SHELLS)
def test_every_option_of_every_command_is_in_the_script(
    script: Callable[[str], str], shell: str
) -> None:
    text = script(shell)
    for name in ("color", *COMMANDS):
        for option in options_of(command_module(name).parser()):
            for one in option.names:
                shown = f" -l {one[2:]}" if shell == "fish" and one.startswith("--") else one
                shown = f" -s {one[1:]}" if shell == "fish" and not one.startswith("--") else shown
                assert shown in text, f"{name} {one}"


@pytest.mark.parametrize(
    ("shell", "words"), [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])]
)
def test_the_shell_itself_can_read_its_script(
    script: Callable[[str], str], tmp_path: Path, shell: str, words: list[str]
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    file = tmp_path / "script"
    file.write_text(script(shell))
    done = subprocess.run([shell, *words, str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_what_help_says_is_no_code(shell: str) -> None:
    """Quotes and dollars in a help text must not end the string that they stand in."""
    from argparse import ArgumentParser

    p = ArgumentParser()
    p.add_argument("--danger", help='the user\'s `rm` "$HOME" [all] and $(more); of 5%% it')
    text = WRITERS[shell]({"": options_of(p)})
    assert not re.search(r"user's|`rm`|\$HOME|\$\(more", text)


def test_a_shell_that_is_not_known_is_refused(capsys: Captured) -> None:
    assert main(["--completion", "tcsh"]) == 2
    assert "bash" in capsys.readouterr().err
