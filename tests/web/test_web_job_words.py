"""What a job of the page says and hears: its words, its progress, its last line, its limits."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from vidcolor.web.library import Film
from vidcolor.web.options import Choice
from vidcolor.web.processes import CPU_SECONDS, end, renew, start
from vidcolor.web.queue import Job, complaint, last_line


@pytest.mark.skipif(sys.platform != "linux", reason="only there can a limit be raised from outside")
def test_who_gets_on_may_use_more_of_the_processor(tmp_path: Path) -> None:
    import resource

    process = start(["timeit", "-n", "1", "-r", "1", "import time; time.sleep(60)"], tmp_path)
    try:
        until = time.monotonic() + 20
        while resource.prlimit(process.pid, resource.RLIMIT_CPU)[0] < 0:  # it is being launched
            assert time.monotonic() < until
            time.sleep(0.02)
        hard = resource.prlimit(process.pid, resource.RLIMIT_CPU)[1]
        resource.prlimit(process.pid, resource.RLIMIT_CPU, (1000, hard))
        renew(process)
        assert resource.prlimit(process.pid, resource.RLIMIT_CPU)[0] >= CPU_SECONDS
    finally:
        end(process)


def test_the_real_words_are_those_of_the_command(tmp_path: Path) -> None:
    from vidcolor.cli.color import parser, settings_of

    choice = Choice("mini", 192, 0.8, 0.4, 1.25, "cpu", "keep", "off")
    film = Film("id", tmp_path / "-reel.mp4", "reel.mp4")
    job = Job("id", film, choice, tmp_path / "out.mp4", tmp_path, fresh=True)
    module, *words = job.words()
    args = parser().parse_args(words)
    assert module == "vidcolor"
    assert (args.source, args.target) == (str(film.path), str(job.target))
    settings, asked = settings_of(args), choice.settings()
    for part in ("colorizer", "smooth", "paint", "titles"):
        assert getattr(settings, part) == getattr(asked, part)
    assert settings.output.fresh
    assert args.script == asked.script.make == "off"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", None),
        ('{"frames": 1}', None),  # not written to its end yet
        ('{"frames": 1}\n{"frames": 2}\n', {"frames": 2}),
        ('{"frames": 1}\n{"fra', {"frames": 1}),
        ("[1]\n", None),
        ("nonsense\n", None),
    ],
)
def test_progress_is_the_last_whole_line(text: str, found: object, tmp_path: Path) -> None:
    (tmp_path / "progress").write_text(text)
    assert last_line(tmp_path / "progress") == found


def test_a_long_progress_is_read_from_its_end(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"frames": number}) + "\n" for number in range(5000))
    (tmp_path / "progress").write_text(lines)
    assert last_line(tmp_path / "progress") == {"frames": 4999}
    assert last_line(tmp_path / "missing") is None


def test_a_process_that_said_nothing(tmp_path: Path) -> None:
    assert "signal 9" in complaint(tmp_path / "missing", -9)
    (tmp_path / "said").write_text("Killed\n")
    assert "code 137" in complaint(tmp_path / "said", 137)
