"""Many films with one net: what is done already, what fails, what one film leaves to the next."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from run_specs import SPEC
from shared import write_film
from synthetic import photo
from torch import Tensor

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.core.report import Damage, Dropped, Report
from vidcolor.errors import DeviceLost, EncoderMissing, FilmUnreadable, OutOfMemory, OutputFull
from vidcolor.media.images.files import write_rgb
from vidcolor.nets.colornet import ColorNet
from vidcolor.run import batch as batch_module
from vidcolor.run.batch import Batch, Outcome, Result, read_report, write_report
from vidcolor.run.inputs import BatchItem, find_inputs
from vidcolor.run.journal import Journal
from vidcolor.settings import (
    ColorizerSettings,
    EncodeSettings,
    OutputSettings,
    PaintSettings,
    Settings,
)

NET = ColorizerSettings(device="cpu", size=64)
PLAIN = Settings(colorizer=NET)
FORCE = Settings(colorizer=NET, output=OutputSettings(force=True))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, quick: ColorNet) -> Path:
    """Three films, the second of them broken, and a picture in ``in``, colored to ``out``."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "in").mkdir()
    for seed, name in enumerate(("a.mkv", "c.mkv")):
        write_film(folder / "in" / name, [photo(seed, 64, 80)] * 3)
    (folder / "in" / "b.mkv").write_bytes(b"no film")
    write_rgb(photo(5, 64, 80), folder / "in" / "p.png")
    batch = Batch(PLAIN, Colorizer(quick, NET))
    found = [batch.color(item) for item in find_inputs([str(folder / "in")], folder / "out").items]
    assert results(found) == ["done", "failed", "done", "done"]
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder as it was before."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made / "in", tmp_path / "in")
    return tmp_path


@pytest.fixture
def after(made: Path, here: Path) -> Path:
    """The folder with what was made."""
    shutil.copytree(made / "out", here / "out")
    return here


@pytest.fixture
def colorizer(quick: ColorNet) -> Colorizer:
    return Colorizer(quick, NET)


Run = Callable[..., list[Outcome]]


@pytest.fixture
def run(here: Path, colorizer: Colorizer) -> Run:
    def again(settings: Settings = PLAIN) -> list[Outcome]:
        batch = Batch(settings, colorizer)
        return [batch.color(item) for item in find_inputs(["in"], Path("out")).items]

    return again


def results(outcomes: list[Outcome]) -> list[str]:
    return [str(outcome.result) for outcome in outcomes]


def reasons(outcomes: list[Outcome]) -> list[str]:
    return [str(outcome.error or "") for outcome in outcomes]


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in paths}


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, nothing may be colored."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("something was colored")

    def now() -> None:
        monkeypatch.setattr(batch_module, "colorize_video", refuse)
        monkeypatch.setattr(Colorizer, "predict", refuse)
        monkeypatch.setattr("vidcolor.run.video.decode", refuse)

    return now


def test_each_film_gets_a_target_and_its_report(run: Run, here: Path) -> None:
    found = run()
    assert results(found) == ["done", "failed", "done", "done"]
    assert isinstance(found[1].error, FilmUnreadable)
    names = ["a.mkv", "a.mkv.json", "c.mkv", "c.mkv.json", "p.png", "p.png.json"]
    assert sorted(os.listdir("out")) == names
    for outcome in (found[0], found[2], found[3]):
        target = outcome.item.target
        kept = json.loads((here / f"{target}.json").read_text())
        assert (kept["target"], kept["bytes"]) == (str(target), target.stat().st_size)
        assert read_report(target) == outcome.report
        assert kept["spec"]["source"]["bytes"] == outcome.item.source.stat().st_size
        assert kept["shot_starts"] == [0.0]


def test_what_is_done_is_skipped_without_the_net(
    run: Run, after: Path, idle: Callable[[], None]
) -> None:
    files = tree(after / "out")
    idle()
    found = run()
    assert tree(after / "out") == files
    kept = [read_report(outcome.item.target) for outcome in found]
    assert [outcome.report for outcome in found] == kept
    assert results(found) == results(run(FORCE)) == ["skipped", "failed", "skipped", "skipped"]


def test_other_settings_replace_nothing_without_force(run: Run, after: Path) -> None:
    files = tree(after / "out")
    found = run(Settings(colorizer=NET, paint=PaintSettings(0.8)))
    assert results(found) == ["failed"] * 4
    words = (
        "exists, made differently: color saturation was 1.0, is now 0.8; use --force to replace it"
    )
    assert [reasons(found)[n] for n in (0, 2, 3)] == [
        f"{name}: {words}" for name in ("a.mkv", "c.mkv", "p.png")
    ]
    assert tree(after / "out") == files
    forced = Settings(colorizer=NET, paint=PaintSettings(0.8), output=OutputSettings(force=True))
    assert results(run(forced)) == ["done", "failed", "done", "done"]
    kept = read_report(after / "out" / "a.mkv")
    assert kept is not None
    assert kept.spec is not None
    assert kept.spec.color.saturation == 0.8


def test_another_source_is_another_film(run: Run, after: Path) -> None:
    write_film(after / "in" / "a.mkv", [photo(7, 64, 80)] * 3)
    os.utime(after / "in" / "p.png", ns=(1, 1))  # the same picture at another time
    assert results(run()) == ["failed", "failed", "skipped", "skipped"]
    write_rgb(photo(6, 64, 80), after / "in" / "p.png")
    assert results(found := run()) == ["failed", "failed", "skipped", "failed"]
    assert all("exists, made differently: source" in reasons(found)[number] for number in (0, 3))
    assert results(run(FORCE)) == ["done", "failed", "skipped", "done"]


def test_what_was_decided_for_another_machine_stands(
    run: Run, after: Path, idle: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 7)  # the encoder would take as many threads
    idle()
    assert results(run())[0] == "skipped"
    asked = Settings(colorizer=NET, encode=EncodeSettings(threads=3))
    assert "encoder threads was" in reasons(run(asked))[0]


def test_what_another_device_made_is_done(run: Run, after: Path, idle: Callable[[], None]) -> None:
    for path in (after / "out").glob("*.json"):
        kept = json.loads(path.read_text())
        kept["spec"]["net"] |= {"device": "cuda Some GPU", "precision": "float16"}
        path.write_text(json.dumps(kept))
    idle()
    assert results(run()) == ["skipped", "failed", "skipped", "skipped"]
    asked = run(Settings(colorizer=replace(NET, precision="float32")))
    refused = ["net precision was float16" in reason for reason in reasons(asked)]
    assert refused == [True, False, True, True]


@pytest.mark.parametrize(("where", "name"), [(batch_module, "write_report"), (Journal, "remove")])
def test_a_run_killed_when_the_target_has_its_name(
    where: object, name: str, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(where, name, Mock(side_effect=KeyboardInterrupt))
        run()
    reported = ["a.mkv.json"] * (name == "remove")
    assert sorted(os.listdir("out")) == [".a.mkv.vidcolor", "a.mkv", *reported]
    found = run()
    assert results(found) == ["skipped" if reported else "done", "failed", "done", "done"]
    assert next(one.report.resumed for one in found if one.report) == (not reported)
    assert not list(Path("out").glob(".*")), "what was kept of the first one, too"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda out: (out / "a.mkv.json").unlink(), "no report beside it"),
        (lambda out: (out / "a.mkv.json").write_text("{"), "no report beside it"),
        (lambda out: (out / "a.mkv.json").write_text("[]"), "no report beside it"),
        (lambda out: (out / "a.mkv.json").write_text('{"damage": 3}'), "no report beside it"),
        (lambda out: os.truncate(out / "a.mkv", 500), "does not match the report"),
    ],
)
def test_a_target_that_nothing_vouches_for_is_not_touched(
    spoil: Callable[[Path], None], words: str, run: Run, after: Path
) -> None:
    spoil(after / "out")
    files = tree(after / "out")
    found = run()
    assert results(found) == ["failed", "failed", "skipped", "skipped"]
    assert words in reasons(found)[0]
    assert reasons(found)[0].endswith("use --force to replace it")
    assert tree(after / "out") == files


def test_strict_takes_nothing_that_left_something_behind(run: Run, after: Path) -> None:
    path = after / "out" / "a.mkv.json"
    found = json.loads(path.read_text())
    path.write_text(json.dumps(found | {"left_behind": [{"what": "a tag", "why": "no room"}]}))
    assert results(run()) == ["skipped", "failed", "skipped", "skipped"]
    found = run(Settings(colorizer=NET, output=OutputSettings(strict=True)))
    assert results(found) == ["failed", "failed", "skipped", "skipped"]
    assert reasons(found)[0] == "a.mkv: exists, made without a tag; use --force to replace it"


def test_what_is_lost_is_made_again(run: Run, after: Path) -> None:
    (after / "out" / "p.png.json").unlink()
    (after / "out" / "c.mkv").unlink()
    assert results(run()) == ["skipped", "failed", "done", "failed"]
    assert results(run(FORCE)) == ["skipped", "failed", "skipped", "done"]
    assert results(run()) == ["skipped", "failed", "skipped", "skipped"]


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception, name: str = "a.mkv") -> list[str]:
    """Films for which the pipeline is asked; one of them fails."""
    asked: list[str] = []
    plain = batch_module.colorize_video

    def colorize_video(source: Path, *args: Any, **more: Any) -> Report:
        asked.append(source.name)
        if source.name == name:
            raise error
        return plain(source, *args, **more)

    monkeypatch.setattr(batch_module, "colorize_video", colorize_video)
    return asked


@pytest.mark.parametrize(
    "error",
    [
        EncoderMissing("there is no encoder"),
        OutOfMemory("too little memory"),
        MemoryError(),
        RuntimeError("a surprise"),
    ],
)
def test_one_failure_does_not_stop_the_rest(
    error: Exception, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, error)
    found = run()
    assert results(found) == ["failed", "failed", "done", "done"]
    assert found[0].error is error


@pytest.mark.parametrize("error", [OutputFull("the disk is full"), DeviceLost("the GPU is lost")])
def test_what_every_film_would_meet_stops_the_batch(
    error: Exception, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = failing(monkeypatch, error)
    assert results(run()) == ["failed", "not started", "not started", "not started"]
    assert asked == ["a.mkv"]


def test_an_interrupt_is_no_failure(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, KeyboardInterrupt())  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        run()


def test_a_report_that_cannot_be_written_is_told(run: Run, here: Path) -> None:
    (here / "out" / "a.mkv.json").mkdir(parents=True)
    found = run()
    assert results(found) == ["failed", "failed", "done", "done"]
    assert "a.mkv: done, but its report" in reasons(found)[0]
    assert (here / "out" / "a.mkv").exists()
    (here / "out" / "a.mkv.json").rmdir()
    assert results(run()) == ["done", "failed", "skipped", "skipped"]
    assert not list(Path("out").glob(".*"))


def test_no_film_hears_of_another(
    run: Run, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the first film a frame has to be run again, and in the picture too."""
    attempt, calls = colorizer._attempt, []

    def spoilt(L: Tensor, dtype: torch.dtype, vivid: float | None) -> Tensor | None:
        calls.append(len(L))
        ab = attempt(L, dtype, vivid)
        assert ab is not None
        return ab * float("nan") if len(calls) in (1, 4) else ab

    monkeypatch.setattr(colorizer, "_attempt", spoilt)
    first, _, second, picture = run()
    told = [note for note in first.report.notes if "recomputed in float32" in note]  # type: ignore[union-attr]
    assert len(told) == 1
    assert told[0] not in second.report.notes  # type: ignore[union-attr]
    assert told[0] in picture.report.notes  # type: ignore[union-attr]
    inferred = [outcome.report.inferred for outcome in (first, second, picture)]  # type: ignore[union-attr]
    assert inferred == [1, 1, 1]  # the frames of each film are alike


def test_a_film_that_must_not_be_colored_is_refused(colorizer: Colorizer, here: Path) -> None:
    item = BatchItem("a.mkv", here / "in" / "a.mkv", here / "in" / "a.mkv", "a.mkv: would replace")
    outcome = Batch(FORCE, colorizer).color(item)
    assert (outcome.result, str(outcome.error)) == (Result.FAILED, "a.mkv: would replace")


def test_a_report_survives_the_disk(tmp_path: Path) -> None:
    report = Report("in\udcff.mp4", str(tmp_path / "out.mp4"), frames=3, spec=SPEC)
    report.damage = [Damage("gap", 1.5, "a hole")]
    report.left_behind = [Dropped("sound", "why")]
    (tmp_path / "out.mp4.json").write_text("an older one")
    path = write_report(report)
    assert path == tmp_path / "out.mp4.json"
    assert read_report(tmp_path / "out.mp4") == report
    assert os.listdir(tmp_path) == ["out.mp4.json"]


def test_a_report_of_a_long_name_has_a_short_one(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 251 + ".mkv")
    report = Report("in.mp4", str(target))
    assert len(write_report(report).name) < 40
    assert read_report(target) == report
