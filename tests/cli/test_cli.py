"""The command line, run in this process wherever that shows the same."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from processes import Captured, vidcolor_process
from shared import one_line

import vidcolor
from vidcolor.cli import color, text
from vidcolor.cli.main import COMMANDS, main
from vidcolor.cli.text import clock, moment
from vidcolor.core.report import Damage, Dropped, Progress, Report
from vidcolor.errors import FilmUnreadable
from vidcolor.run import video as pipeline
from vidcolor.settings import Settings

OPTIONS = {
    *("--weights", "--device", "--size", "--batch", "--smooth", "--no-smooth", "--vivid"),
    *("--saturation", "--codec", "--crf", "--preset", "--encoder-option", "--lossless"),
    *("--start", "--end"),
    *("--video-stream", "--max-pixels", "--report", "--strict", "--force", "-q", "-v"),
    *("--progress", "--to", "--titles", "--colors"),
    *("--audio", "--sound", "--for"),
    "--version",
}

SAMPLE = Path(__file__).parents[2] / "samples" / "newsreel.mp4"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with a film: what is not there is refused before the pipeline is asked."""
    monkeypatch.chdir(tmp_path)
    with av.open("in.mp4", "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        frame = av.VideoFrame(64, 64, "yuv420p")
        frame.pts = 0
        container.mux([*video.encode(frame), *video.encode(None)])
    return tmp_path


@pytest.fixture
def asked(here: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Stands in for the pipeline: keeps what it is asked and does what the test sets.

    [0] is the report to give or the error to raise; what follows are the calls.
    """
    calls: list[Any] = [
        Report("in.mp4", "out.mp4", frames=50, shots=2, seconds={"total": 10.0}, codec="libx264")
    ]

    def colorize_video(
        source: str, target: str, *, settings: Settings, colors: str | None, on_progress: Any
    ) -> Report:
        assert colors is None
        calls.append((source, target, settings))
        on_progress(Progress(1, 50, 0.0))
        if isinstance(calls[0], BaseException):
            raise calls[0]
        report: Report = calls[0]
        return report

    monkeypatch.setattr(pipeline, "colorize_video", colorize_video)
    return calls


def test_version(capsys: Captured) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"vidcolor {vidcolor.__version__}\n"


def test_help_lists_every_option(capsys: Captured) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    words = set(text.replace(",", " ").split())
    assert words >= OPTIONS
    for command in COMMANDS:
        assert command in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: Captured) -> None:
    assert main([command, "--help"]) == 0
    assert f"vidcolor {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "seconds"),
    [
        ("90", 90),
        ("0", 0),
        ("1:30", 90),
        ("00:01:30.5", Fraction(181, 2)),
        ("2:00:00", 7200),
        ("0.1", Fraction(1, 10)),  # exactly: a float would be off
        ("1:00.001", Fraction(60001, 1000)),
    ],
)
def test_times(word: str, seconds: Fraction) -> None:
    assert moment(word) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00:00.0"), (61.26, "0:01:01.3"), (3599.97, "1:00:00.0"), (7325.5, "2:02:05.5")],
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_options_reach_the_settings(asked: list[Any]) -> None:
    words = "--device cpu --size 192 --batch 3 --vivid 0.7 --smooth 0.4 --saturation 0.5"
    words += " --codec libx265 --crf 20 --encoder-option tune=grain --encoder-option x=a=b"
    words += " --preset slow --start 1:00 --end 1:30.5 --video-stream 0 --max-pixels 4096"
    words += " --weights w.safetensors --strict --force -q"
    Path("w.safetensors").touch()
    assert main(["in.mp4", "out.mkv", *words.split()]) == 0
    source, target, settings = asked[1]
    assert (source, target) == ("in.mp4", "out.mkv")
    net = settings.colorizer
    assert (net.weights, net.device, net.size, net.batch) == ("w.safetensors", "cpu", 192, 3)
    assert net.vivid == 0.7
    assert (settings.smooth.strength, settings.paint.saturation) == (0.4, 0.5)
    encode = settings.encode
    assert (encode.codec, encode.crf, encode.preset) == ("libx265", 20, "slow")
    assert encode.options == (("tune", "grain"), ("x", "a=b"))
    cut = settings.open
    assert (cut.start, cut.end) == (60, Fraction(181, 2))
    assert (cut.video_stream, cut.max_pixels) == (0, 4096)
    assert (settings.output.strict, settings.output.force) == (True, True)
    assert main(["in.mp4", "out.mkv", "--no-smooth", "--lossless", "--codec", "x264", "-y"]) == 0
    settings = asked[2][2]
    assert settings.smooth.strength == 0
    assert (settings.encode.codec, settings.encode.lossless) == ("libx264", True)
    assert settings.output.force


def test_no_options_are_the_defaults_of_the_library() -> None:
    assert color.settings_of(color.parser().parse_args(["in", "out"])) == Settings()


def test_a_first_word_that_is_a_command_is_the_command(asked: list[Any], capsys: Captured) -> None:
    assert main(["info", "out.mp4"]) == 2  # a film called info, not there
    Path("in.mp4").rename("info")
    assert main(["./info", "out.mp4", "-q"]) == 0
    assert [call[0] for call in asked[1:]] == ["./info"]


def test_a_clean_run_is_0_and_summed_up_on_stderr(asked: list[Any], capsys: Captured) -> None:
    asked[0].carried = ["sound 1 (aac)"]
    asked[0].notes = ["no color tags"]
    assert main(["in.mp4", "out.mp4"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "out.mp4: 50 frames, 2 shots in 0:00:10.0, 5.0 frames/s" in err
    assert "sound 1 (aac)" in err
    assert "no color tags" in err


def test_quiet_is_quiet(asked: list[Any], capfd: Captured) -> None:
    assert main(["in.mp4", "out.mp4", "-q"]) == 0
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("what", ["damage", "left_behind"])
def test_3_when_something_is_missing(what: str, asked: list[Any], capsys: Captured) -> None:
    if what == "damage":
        asked[0].damage = [Damage("gap", 61.0, "three frames missing")]
    else:
        asked[0].left_behind = [Dropped("subtitle stream 4 (ass)", "webm holds no ass")]
    assert main(["in.mp4", "out.mp4"]) == 3
    err = capsys.readouterr().err
    expected = ["0:01:01.0", "three frames missing"] if what == "damage" else ["stream 4", "no ass"]
    assert all(word in err for word in expected)


def test_much_damage_is_cut_short(asked: list[Any], capsys: Captured) -> None:
    asked[0].damage = [Damage("gap", float(i), f"number {i}.") for i in range(25)]
    asked[0].damage_counts = {"gap": 20, "concealed frame": 5}
    main(["in.mp4", "out.mp4"])
    err = capsys.readouterr().err
    assert "number 9." in err
    assert "number 10." not in err
    assert "total: 20 gap, 5 concealed frame; --report lists them all" in err


def test_names_cannot_steer_the_terminal(asked: list[Any], capsys: Captured) -> None:
    evil = "\x1b]0;owned\x07\x1b[31mred\nfake line\u202e\udcff"
    asked[0].target = evil
    asked[0].carried = [evil]
    asked[0].notes = [evil]
    asked[0].left_behind = [Dropped(evil, evil)]
    asked[0].damage = [Damage(evil, 0.0, evil)]
    main(["in.mp4", "out.mp4"])
    err = capsys.readouterr().err
    assert not set("\x1b\x07\u202e\udcff") & set(err)
    assert not any(line.startswith("fake line") for line in err.splitlines())


def test_an_error_message_is_one_harmless_line(asked: list[Any], capsys: Captured) -> None:
    asked[0] = FilmUnreadable("the film \x1b[31mevil\nname cannot be read")
    assert main(["in.mp4", "out.mp4", "-q"]) == 2
    assert "\x1b" not in one_line(capsys)


def test_verbose_tells_the_seconds_of_each_stage(asked: list[Any], capsys: Captured) -> None:
    asked[0].seconds = {"decode": 1.25, "total": 10.0}
    asked[0].weights = {"name": "default", "sha256": "abcdef" * 10}
    main(["in.mp4", "out.mp4", "-v"])
    err = capsys.readouterr().err
    assert "decode 1.2" in err
    assert "abcdefabcdefabcd" in err


def test_the_report_is_json(asked: list[Any], tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    asked[0].left_behind = [Dropped("a", "b")]
    assert main(["in.mp4", "out.mp4", "-q", "--report", str(file)]) == 3
    report = json.loads(file.read_text())
    assert report["frames"] == 50
    assert report["left_behind"] == [{"what": "a", "why": "b"}]
    assert report["clean"] is False


@pytest.mark.parametrize("name", ["no/r.json", ".", "in.mp4", "out.mp4", "nul\0byte"])
def test_a_report_that_could_not_be_written_is_told_first(
    name: str, asked: list[Any], capsys: Captured
) -> None:
    assert main(["in.mp4", "out.mp4", "-q", "--report", name]) == 2
    assert f"--report {name}".partition("\0")[0] in one_line(capsys)
    assert len(asked) == 1, "nothing was colored"


def test_a_report_that_cannot_be_written_in_the_end_is_3(
    asked: list[Any], capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(text, "write_named", full)
    assert main(["in.mp4", "out.mp4", "-q", "--report", "r.json"]) == 3
    assert "the film is done, but its report r.json cannot be written (No space" in one_line(capsys)


def test_sigterm_unwinds_and_the_old_handler_returns(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    cleaned = []

    def colorize_video(*_args: object, **_kwargs: object) -> Report:
        try:
            signal.raise_signal(signal.SIGTERM)
            raise AssertionError("the signal did nothing")
        finally:
            cleaned.append(True)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(pipeline, "colorize_video", colorize_video)
    assert main(["in.mp4", "out.mp4", "-q"]) == 143
    assert cleaned
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    # Native code may turn the interrupt that was raised inside it into an error of its own.
    "comes_as",
    [KeyboardInterrupt(), ValueError("no shape"), FilmUnreadable("cut off")],
)
def test_sigint(
    comes_as: BaseException, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def colorize_video(*_args: object, **_kwargs: object) -> Report:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise comes_as from None
        raise AssertionError("the signal did nothing")

    monkeypatch.setattr(pipeline, "colorize_video", colorize_video)
    assert main(["in.mp4", "out.mp4", "-q"]) == 130
    assert "interrupted" in one_line(capsys)


def test_a_surprise_is_one_line_and_v_shows_where(asked: list[Any], capsys: Captured) -> None:
    asked[0] = RuntimeError("two\nlines")
    assert main(["in.mp4", "out.mp4", "-q"]) == 2
    assert "unexpected RuntimeError: two lines" in one_line(capsys)
    assert main(["in.mp4", "out.mp4", "-q", "-v"]) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--help"], ["info", str(SAMPLE)]])
def test_a_reader_that_has_gone_is_no_error(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = vidcolor_process(*words, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    _, err = process.communicate(timeout=60)
    assert err == ""
    assert process.returncode == 0


def test_help_is_quick() -> None:
    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        process = vidcolor_process("--help", stdout=subprocess.DEVNULL)
        assert process.wait(timeout=60) == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(3)) < 0.3
