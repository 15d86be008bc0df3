"""What a stopped run keeps, what is said of it, and what people see while a film is colored."""

from __future__ import annotations

import io
import sys
from itertools import islice, repeat
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from run_specs import SPEC, run_spec

from vidcolor.cli import batch, color, faces
from vidcolor.cli.faces import Log, Ticker, pauses
from vidcolor.cli.progress import Shown
from vidcolor.cli.words import WordsParser
from vidcolor.core.json_lines import checked_line
from vidcolor.core.paths import work_folder
from vidcolor.core.report import Progress
from vidcolor.run.unfinished import Kept, kept_of

Captured = pytest.CaptureFixture[str]


def chunk(number: int, first: int, frames: int, size: int = 7) -> dict[str, Any]:
    facts = {"frames": frames, "first_pts": first, "last_pts": first + frames - 1, "bytes": size}
    return {"number": number, "facts": facts, "writer": ""}


def keep(target: Path, spec: object, *chunks: dict[str, Any]) -> Path:
    """A work folder with such lines, and with the files that they tell of."""
    folder = work_folder(target)
    folder.mkdir(exist_ok=True)
    lines = [{"spec": spec}, *chunks, {"target": {"bytes": 1}}]
    (folder / "journal.jsonl").write_text("".join(map(checked_line, lines)) + "torn")
    for each in chunks:
        (folder / f"{each['number']:06d}.packets").write_bytes(bytes(each["facts"]["bytes"]))
    return folder


def test_what_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "o.mp4"
    assert kept_of(target) is None
    folder = keep(target, SPEC.to_dict(), chunk(0, 0, 100), chunk(1, 100, 95))
    assert kept_of(target) == Kept(frames=195, seconds=7.8, bytes=14)
    (folder / "000001.packets").write_bytes(b"cut")
    assert kept_of(target) == Kept(frames=100, seconds=4.0, bytes=7)
    keep(target, SPEC.to_dict(), chunk(0, 0, 100), chunk(2, 195, 5))
    found = kept_of(target)
    assert found is not None
    assert (found.frames, found.seconds) == (105, 4.0), "there is a hole behind the first one"
    keep(target, run_spec(start="3/2").to_dict(), chunk(0, 0, 25))
    assert kept_of(target) == Kept(frames=25, seconds=2.5, bytes=7)


@pytest.mark.parametrize(
    "spec", [5, {}, run_spec(time_base="0/0").to_dict(), SPEC.to_dict() | {"picture": 5}]
)
def test_a_strange_journal_keeps_nothing(spec: object, tmp_path: Path) -> None:
    keep(tmp_path / "o.mp4", spec, chunk(0, 0, 100))
    assert kept_of(tmp_path / "o.mp4") is None


def words(*given: str) -> Any:
    parsed = color.parser().parse_args(list(given))
    assert isinstance(color.parser(), WordsParser)
    return parsed


def test_ctrl_c_tells_what_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "o.mp4"
    args = words("a.mp4", str(target))
    assert color.describe_interrupt(args) == "interrupted; the target is unchanged"
    keep(target, SPEC.to_dict(), chunk(0, 0, 100), chunk(1, 100, 95))
    told = color.describe_interrupt(args)
    assert "195 frames up to 0:00:07.8 kept" in told
    assert "run the same command again to resume from there" in told
    args.several, args.films = True, "12 films"
    assert color.describe_interrupt(args) == batch.INTERRUPTED
    args.ended = [batch.Row("a", "done", 0), batch.Row("b", "failed", 2), batch.Row("c", "", 3)]
    assert color.describe_interrupt(args).startswith(
        "interrupted; 2 of 12 films done; run the same"
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("terminal", [True, False])
def test_a_run_that_goes_on_says_where(
    terminal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal() if terminal else io.StringIO())
    keep(tmp_path / "o.mp4", SPEC.to_dict(), chunk(0, 0, 195))
    with Shown(None, False, "a.mp4", target=tmp_path / "o.mp4") as shown:
        shown(Progress(195, 300, 0.0))
    assert "a.mp4: 195 frames already done, resuming at 0:00:07.8\n" in sys.stderr.getvalue()
    with Shown(None, True, "a.mp4", target=tmp_path / "o.mp4") as shown:
        shown(Progress(195, 300, 0.0))
    assert sys.stderr.getvalue().count("resuming at") == 1, "a quiet one says nothing"


def test_a_terminal_is_told_what_is_done_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    with Shown(None, False, "a.mp4") as shown:
        assert "a.mp4: loading the net (0 s)" in sys.stderr.getvalue()
        shown(Progress(0, 300, 0.0))
        assert "finding shots" in sys.stderr.getvalue()
        for frames in (1, 2):
            shown(Progress(frames, 300, 0.0))
        shown._bar.refresh()
        assert "a.mp4:   1%|" in sys.stderr.getvalue()


def test_a_log_gets_lines(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    now = [100.0]
    monkeypatch.setattr(faces, "monotonic", lambda: now[0])
    log = Log("a.mp4")
    seen = []
    for frames, seconds in ((None, 0), (0, 0), (1, 9), (21, 10), (300, 100)):
        now[0] += seconds
        if frames is not None:
            log.tell(Progress(frames, 300, 0.0), frames == 0)
        log._write()
        seen.append(capsys.readouterr().err)
    log.close(False)
    assert seen == [
        "a.mp4: 0 frames done, loading the net\n",
        "a.mp4: 0 frames of 300 done, finding shots, coloring the first frames\n",
        "a.mp4: 1 frame of 300 done\n",
        "a.mp4: 21 frames of 300 done, 2.0 frames/s, about 2 min left\n",
        "a.mp4: 300 frames of 300 done, 2.7 frames/s\n",
    ]
    assert list(islice(pauses(), 6)) == [10, 20, 40, 60, 60, 60]


def test_a_ticker_calls_until_it_ends() -> None:
    called = Event()
    ticker = Ticker(called.set, repeat(0.001))
    assert called.wait(60)
    assert ticker.ends()
    assert not ticker.ends()
