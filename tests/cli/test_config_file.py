"""Defaults in a file: which file says what, what stands above it, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from shared import one_line

from vidcolor.cli import color, config_file, play, preview
from vidcolor.cli.config_file import (
    Entry,
    find_entries,
    give_way,
    options_of,
    set_defaults,
    take_option,
    user_file,
)
from vidcolor.cli.main import COMMANDS, command_module, main
from vidcolor.errors import SettingsError

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, and a config folder of its own."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return folder


def write_user_file(text: str) -> None:
    user_file().parent.mkdir(parents=True, exist_ok=True)
    user_file().write_text(text)


def parsed(command: Any, *words: str) -> Any:
    p, name = command.parser(), command.__name__.rpartition(".")[2]
    set_defaults(p, name, color.parser(), find_entries(), words)
    return p.parse_args(list(words))


def test_the_command_line_stands_above_this_folder_above_the_user_above_what_is_built_in(
    here: Path,
) -> None:
    write_user_file('weights = "mini"\ncrf = 20\nvivid = 0.4\n')
    Path("vidcolor.toml").write_text("crf = 18\nvivid = 0.6\n")
    args = parsed(color, "a.mp4", "b.mp4", "--vivid", "0.8")
    assert (args.weights, args.crf, args.vivid, args.size) == ("mini", 18.0, 0.8, 256)


def test_a_table_holds_for_its_command_alone_and_stands_above_the_top(here: Path) -> None:
    Path("vidcolor.toml").write_text("vivid = 0.2\nsaturation = 0.9\n[preview]\nvivid = 0.7\n")
    assert parsed(color, "a", "b").vivid == 0.2
    shown = parsed(preview, "a", "b.png")
    assert (shown.vivid, shown.saturation) == (0.7, 0.9)


def test_a_command_with_a_default_of_its_own_keeps_it(here: Path) -> None:
    Path("vidcolor.toml").write_text('weights = "default"\nvivid = 0.3\n')
    args = parsed(play, "a")
    assert (args.weights, args.vivid) == (play.WEIGHTS, 0.3)
    Path("vidcolor.toml").write_text('[play]\nweights = "default"\n')
    assert parsed(play, "a").weights == "default"


@pytest.mark.parametrize("command", ["train", "bench", "evaluate", "info", "weights", "shots"])
def test_commands_that_measure_or_make_do_not_change_with_the_folder(
    here: Path, command: str
) -> None:
    Path("vidcolor.toml").write_text('device = "cuda:7"\nsize = 512\nweights = "mini"\n')
    p = command_module(command).parser()
    before = {action.dest: action.default for action in p._actions}
    assert set_defaults(p, command, color.parser(), find_entries()) == {}
    assert {action.dest: action.default for action in p._actions} == before


def test_booleans_can_be_turned_back_on_the_command_line(here: Path) -> None:
    Path("vidcolor.toml").write_text("lossless = true\nlabel = false\nstrict = true\n")
    args = parsed(color, "a", "b")
    assert (args.lossless, args.label, args.strict) == (True, False, True)
    args = parsed(color, "a", "b", "--no-lossless", "--label", "--no-strict")
    assert (args.lossless, args.label, args.strict) == (False, True, False)


def test_lists_on_the_command_line_take_the_place_of_those_in_the_file(here: Path) -> None:
    Path("vidcolor.toml").write_text('to = "mkv"\nencoder-option = ["tune=film", "aq-mode=2"]\n')
    args = parsed(color, "a", "b/")
    assert args.to == ["mkv"]
    assert args.encoder_option == [("tune", "film"), ("aq-mode", "2")]
    args = parsed(color, "a", "b/", "--to", "mp4", "--encoder-option", "tune=grain")
    assert (args.to, args.encoder_option) == (["mp4"], [("tune", "grain")])


def test_weights_lie_beside_the_file_that_names_them(here: Path) -> None:
    write_user_file('weights = "nets/mine.safetensors"\n')
    assert parsed(color, "a").weights == str(user_file().parent / "nets/mine.safetensors")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("crff = 3", "vidcolor.toml: crff: no such option; did you mean crf?"),
        ("sheet = 3", "vidcolor.toml: sheet: no option that a file may set"),
        ("force = true", "vidcolor.toml: force: no option that a file may set"),
        ("report = 'x'", "vidcolor.toml: report: no option"),
        ("crf = true", "vidcolor.toml: crf must be a number"),
        ("crf = [1]", "vidcolor.toml: crf must be a number"),
        ("crf = 'low'", "vidcolor.toml: crf: 'low' is not a number"),
        ("lossless = 'yes'", "vidcolor.toml: lossless must be true or false"),
        ("lossless = 1", "vidcolor.toml: lossless must be true or false"),
        ("batch = 0", "vidcolor.toml: batch: 0 is too small; use 1 or more"),
        ("encoder-option = ['tune']", "vidcolor.toml: encoder-option: 'tune' is not KEY=VALUE"),
        ("[color]\ncodek = 'h264'", "vidcolor.toml: [color] codek: no such option"),
        ("crf = ", "vidcolor.toml: cannot be read"),
        ("crf = 1\ncrf = 2", "vidcolor.toml: cannot be read"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_file_and_nothing_is_written(
    here: Path, capsys: Captured, text: str, words: str
) -> None:
    Path("vidcolor.toml").write_text(text)
    assert main(["a.mp4", "b.mp4"]) == 2
    assert words in one_line(capsys)
    assert [path.name for path in here.iterdir()] == ["vidcolor.toml"]


def test_bytes_that_are_no_text_are_refused(here: Path, capsys: Captured) -> None:
    Path("vidcolor.toml").write_bytes(b"\xff\xfe\0\0")
    assert main(["a.mp4", "b.mp4"]) == 2
    assert "vidcolor.toml: cannot be read" in one_line(capsys)


def test_none_reads_no_file_and_another_file_takes_the_place_of_both(
    here: Path, capsys: Captured
) -> None:
    Path("vidcolor.toml").write_text("this is no TOML")
    assert main(["config", "--config", "none"]) == 0
    assert "vidcolor.toml" not in capsys.readouterr().out
    Path("other.toml").write_text("crf = 3\n")
    write_user_file("vivid = 0.9\n")
    assert main(["config", "--json", "--config=other.toml"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["files"] == [{"file": "other.toml", "read": True}]
    origins = {row["option"]: (row["value"], row["from"]) for row in told["options"]}
    assert origins["crf"] == (3, "other.toml")
    assert origins["vivid"] == (None, "built in")


def test_a_file_that_is_asked_for_must_be_there(here: Path, capsys: Captured) -> None:
    assert main(["a.mp4", "b.mp4", "--config", "gone.toml"]) == 2
    assert "--config gone.toml: no such file" in one_line(capsys)


@pytest.mark.parametrize(
    ("words", "asked", "rest"),
    [
        ([], None, []),
        (["a", "--config", "x", "b"], "x", ["a", "b"]),
        (["--config=x", "a"], "x", ["a"]),
        (["--config", "x", "--config=y"], "y", []),
        (["a", "--", "--config", "x"], None, ["a", "--", "--config", "x"]),
        (["--config", "x", "--", "a"], "x", ["--", "a"]),
    ],
)
def test_the_option_is_found_wherever_it_stands(
    words: list[str], asked: str | None, rest: list[str]
) -> None:
    assert take_option(words) == (asked, rest)


@pytest.mark.parametrize("words", [["--config"], ["a", "--config="], ["--config", "--", "a"]])
def test_the_option_needs_a_file(words: list[str]) -> None:
    with pytest.raises(SettingsError, match="--config needs a file, or none"):
        take_option(words)


def test_config_tells_where_each_default_comes_from(here: Path, capsys: Captured) -> None:
    Path("vidcolor.toml").write_text('crf = 18\n[preview]\nsheet = "2x2"\n')
    assert main(["config"]) == 0
    out = capsys.readouterr().out
    assert f"not there  {user_file()}" in out
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line}
    assert rows["crf"] == ["18", "vidcolor.toml"]
    assert rows["size"] == ["256", "built", "in"]
    assert main(["config", "preview"]) == 0
    assert "2x2" in capsys.readouterr().out
    assert main(["config", "prewiev"]) == 2
    assert "no command prewiev" in capsys.readouterr().err


def test_a_table_of_no_command_is_told(here: Path, capsys: Captured) -> None:
    Path("vidcolor.toml").write_text("[prevuew]\nvivid = 1\n")
    assert main(["config"]) == 2
    assert "[prevuew] is no command of vidcolor" in one_line(capsys)


@pytest.mark.parametrize("command", ["color", *COMMANDS])
def test_every_command_has_options_that_config_can_show(
    here: Path, capsys: Captured, command: str
) -> None:
    assert main(["config", command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {row["from"] for row in told["options"]} <= {"built in"}


def test_no_option_of_one_run_is_a_default() -> None:
    """A new option that writes, cuts or names something must not become one unseen."""
    keys = set(options_of(color.parser()))
    assert not keys & {"force", "fresh", "start", "end", "output", "report", "video-stream"}
    assert {"weights", "crf", "label", "lossless", "to", "device", "chunk"} <= keys


def test_a_purpose_on_the_command_line_is_not_mixed_with_the_file(here: Path) -> None:
    entries = [Entry("crf", 30, Path("x")), Entry("vivid", 0.5, Path("x"))]
    p = color.parser()
    decided = set_defaults(p, "color", color.parser(), entries, ["a", "b", "--for=archive"])
    assert set(decided) == {"vivid"}


@pytest.mark.parametrize("target", ["out.png", "out_%03d.dpx", "out.y4m", None])
def test_what_a_file_says_of_films_gives_way_where_none_is_written(
    target: str | None, here: Path
) -> None:
    Path("vidcolor.toml").write_text('for = "edit"\ncodec = "libx265"\nencoder-option = ["a=b"]\n')
    words = [target] if target else []
    args = parsed(color, "photo.jpg", *words)
    give_way(args)
    assert (args.purpose, args.codec, args.encoder_option) == (None, None, [])
    args = parsed(color, "photo.jpg", *words, "--codec", "ffv1")
    give_way(args)
    assert args.codec == "ffv1"
    args = parsed(color, "film.mkv", "out.mov")
    give_way(args)
    assert (args.purpose, args.codec, args.encoder_option) == ("edit", "libx265", [("a", "b")])


def test_a_suffix_for_folders_does_not_stop_one_film(here: Path, capsys: Captured) -> None:
    Path("vidcolor.toml").write_text('to = ["mkv"]\n')
    assert main(["none.mov", "out.mov"]) == 2
    assert "none.mov: no such file" in one_line(capsys)


def test_the_user_file_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative/is/invalid")
    assert user_file() == tmp_path / ".config/vidcolor/vidcolor.toml"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert user_file() == tmp_path / ".config/vidcolor/vidcolor.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "x"))
    assert config_file.places() == (Path("vidcolor.toml"), tmp_path / "x/vidcolor/vidcolor.toml")


def test_what_a_file_says_of_one_codec_is_not_mixed_with_another(here: Path) -> None:
    Path("vidcolor.toml").write_text('crf = 30\npreset = "slow"\nvivid = 0.5\n')
    args = parsed(color, "a", "b.mov", "--codec", "prores")
    assert (args.codec, args.crf, args.preset, args.vivid) == ("prores", None, None, 0.5)


def test_workers_of_a_file_are_for_clusters_alone(here: Path) -> None:
    Path("vidcolor.toml").write_text("workers = 4\nworker-cpus = 2\n")
    args = parsed(color, "a", "b.mkv")
    config_file.give_way(args)
    assert (args.workers, args.worker_cpus) == (0, 0)
    args = parsed(color, "a", "b.mkv", "--cluster=auto")
    config_file.give_way(args)
    assert (args.workers, args.worker_cpus) == (4, 2)


@pytest.mark.parametrize(("target", "kept"), [("out", None), ("out.mkv", "archive")])
def test_a_purpose_of_a_file_is_not_for_frames_in_a_folder(
    here: Path, target: str, kept: str | None
) -> None:
    Path("vidcolor.toml").write_text('for = "archive"\n')
    for number in range(3):
        Path(f"f_{number}.png").write_bytes(b"x")
    args = parsed(color, "f_%d.png", target)
    config_file.give_way(args)
    assert args.purpose == kept
