"""The words of ``vidcolor train``: what reaches the settings, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vidcolor.cli import train as command
from vidcolor.cli.main import main
from vidcolor.training import loop
from vidcolor.training.checkpoints import Position
from vidcolor.training.settings import TrainSettings

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["train"], "--out"),
        (["train", "--out", "y"], "--stills"),
        (["train", "--stills", "x", "--out", "y", "--preset", "film", "--teacher", "z"], "mini"),
        (["train", "--stills", "x", "--out", "y", "--minutes", "0"], "--minutes"),
        (["train", "--stills", "x", "--out", "y", "--minutes", "nan"], "--minutes"),
        (["train", "--stills", "x", "--out", "y", "--sides", "100"], "--sides"),
        (["train", "--stills", "x", "--out", "y", "--sides", "0"], "--sides"),
        (["train", "--stills", "x", "--out", "y", "--source-weight", "a=b"], "--source-weight"),
        (["train", "--stills", "x", "--out", "y", "--source-weight", "a=-1"], "--source-weight"),
        (["train", "--stills", "x", "--out", "y", "--preset", "opera"], "--preset"),
        (["train", "--stills", "x", "--out", "y", "--steps", "-1"], "--steps"),
        (["train", "--stills", "x", "--out", "y", "--preset", "gate", "--thawed", "3"], "--thawed"),
        (["train", "--stills", "x", "--out", "y", "--preset", "gate", "--cache", "c"], "--cache"),
        (["train", "--stills", "x", "--out", "y", "--perceptual", "1", "--preset", "mini"], "film"),
        (["train", "--stills", "x", "--out", "y", "--learning-rate", "nan"], "--learning-rate"),
        (["train", "--stills", "x", "--out", "y", "--ema", "1"], "--ema"),
        (["train", "--stills", "x", "--out", "y", "--seed", "-1"], "--seed"),
        (["train", "--stills", "x", "--out", "y", "--validate-minutes", "0"], "--validate-minutes"),
        (["train", "--stills", "x", "--out", "y", "--colorful", "nan"], "losses"),
        (["train", "--stills", "x", "--out", "y"], "x is not a folder"),
        (["train", "--stills", ".", "--out", "y", "--start", "huge"], "no weights 'huge'"),
    ],
)
def test_bad_words_are_refused_in_one_line(
    arguments: list[str], word: str, capsys: Captured, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert word in error
    assert not list(tmp_path.iterdir())


def settings_for(words: str) -> TrainSettings:
    return command.settings_of(command.parser().parse_args(words.split()))


def test_what_is_left_out_takes_the_defaults() -> None:
    found = settings_for("--stills a --out b")
    assert found == TrainSettings(stills=(str(Path("a").resolve()),), minutes=60.0)
    assert settings_for("--stills a --out b --preset book").sides == (256,)
    gate = settings_for("--stills a --out b --preset gate")
    assert (gate.sides, gate.batch, gate.learning_rate, gate.motions) == ((192,), 4, 3e-3, 120)


def test_options_reach_the_settings() -> None:
    found = settings_for(
        "--stills a b --clips c --out d --vgg v --preset film --start s --steps 9 --batch 4"
        " --accumulate 2 --sides 64 96 --seed 5 --workers 3 --device cpu --checkpoint-minutes 2"
        " --validate-minutes 3 --learning-rate 0.01 --thawed 2 --rebalance 1 --perceptual 0.2"
        " --colorful 0.3 --adversarial 0.1 --views 2 --ema 0.9 --source-weight x=2"
        " --keep z y z --augment strong --log-error 0.4 --agreement 1.5 --lite l.pth"
    )
    assert [Path(name).name for name in (*found.stills, *found.clips)] == ["a", "b", "c"]
    assert (found.vgg, found.start, found.steps, found.minutes) == ("v", "s", 9, 0.0)
    assert (found.batch, found.accumulate, found.sides, found.seed) == (4, 2, (64, 96), 5)
    assert (found.workers, found.device) == (3, "cpu")
    assert (found.checkpoint_minutes, found.validate_minutes) == (2.0, 3.0)
    assert (found.learning_rate, found.thawed, found.rebalance) == (0.01, 2, 1.0)
    assert (found.perceptual, found.colorful, found.adversarial) == (0.2, 0.3, 0.1)
    assert (found.views, found.ema, found.source_weights) == (2, 0.9, (("x", 2.0),))
    assert found.kept_sources == ("y", "z")
    assert found.augment == "strong"
    assert (found.log_error, found.agreement, found.lite) == (0.4, 1.5, "l.pth")
    taught = settings_for("--stills a --out b --preset mini --teacher t --minutes 5")
    assert (taught.teacher, taught.minutes) == ("t", 5.0)
    gate = settings_for("--clips a --out b --preset gate --motions 7 --sides 128 --batch 6")
    assert (gate.motions, gate.sides, gate.batch) == (7, (128,), 6)


def test_the_run_is_told_on_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured, tmp_path: Path
) -> None:
    def train(
        settings: TrainSettings,
        run: Path,
        on_index: Callable[[int, int], None],
        on_step: Callable[[Position, dict[str, float]], None],
        on_note: Callable[[str], None],
    ) -> Path:
        on_index(1, 2)
        on_note("left out: 1 dull")
        on_step(Position(2, 0.5), {"total": 3.25})
        written = tmp_path / "net-1.safetensors"
        written.write_bytes(b"")
        return written

    kept: list[bool] = []
    monkeypatch.setattr(loop, "train", train)
    monkeypatch.setattr("vidcolor.core.platform.keep_memory", lambda: kept.append(True))
    (tmp_path / "a").mkdir()
    words = ["--stills", str(tmp_path / "a"), "--out", str(tmp_path), "--steps", "4"]
    assert main(["train", *words]) == 0
    assert kept == [True]
    told = capsys.readouterr().err
    assert "left out: 1 dull" in told
    assert "total=3.250" in told
    assert "net-1.safetensors" in told
