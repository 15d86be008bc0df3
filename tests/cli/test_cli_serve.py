"""``vidcolor serve``, as far as it refuses; tests/system/test_web.py has it serve."""

from __future__ import annotations

import argparse
import socket
from pathlib import Path

import pytest
from shared import one_line

from vidcolor.cli import serve
from vidcolor.cli.main import main
from vidcolor.errors import SettingsError
from vidcolor.web.server import listen

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nowhere"], "nowhere: no such folder; create it first"),
        (["film.mp4"], "film.mp4: not a folder"),
        (["--keep", "nowhere"], "nowhere: no such folder"),
        (["--port", "0"], "--port 0 is outside"),
        (["--port", "65536"], "--port 65536 is outside"),
        (["--port", "http"], "--port"),
        (["--max-upload", "much"], "'much' is not a size"),
        (["--max-upload", "0"], "'0' is not a size"),
        (["--share"], "--share"),
    ],
)
def test_bad_words_are_one_line(
    words: list[str], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("film.mp4").write_bytes(b"film")
    assert main(["serve", *words]) == 2
    assert line in one_line(capsys)


def test_without_gradio_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(serve, "find_spec", lambda _: None)
    assert main(["serve"]) == 2
    assert "pip install 'vidcolor[web]'" in one_line(capsys)


@pytest.mark.parametrize(
    ("word", "found"),
    [("1", 1), ("500M", 500_000_000), ("1.5g", 1_500_000_000), ("20GB", 20_000_000_000)],
)
def test_amounts(word: str, found: int) -> None:
    assert serve.amount(word) == found


@pytest.mark.parametrize("word", ["", "G", "-1", "1e9", "1x", "inf", "nan", "G20", "1GG"])
def test_no_amounts(word: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        serve.amount(word)


def test_a_port_that_is_taken_is_told_and_without_one_another_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"--port {port} cannot be used"):
            listen(port)
    with listen(None) as first, listen(None) as second:
        names = first.getsockname(), second.getsockname()
    assert names[0] != names[1]
    assert {name[0] for name in names} == {"127.0.0.1"}
