"""Two processes learn what one learns that accumulates."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vidcolor.errors import SettingsError
from vidcolor.training.logs import read_log
from vidcolor.training.team import gather_team

ROOT = Path(__file__).resolve().parent.parent.parent


def test_alone_there_is_nothing_to_exchange() -> None:
    with gather_team("cpu") as team:
        assert (team.rank, team.size, team.leader) == (0, 1, True)
        parameter = torch.nn.Parameter(torch.ones(2))
        parameter.grad = torch.full((2,), 3.0)
        team.average_gradients([parameter])
        assert parameter.grad.tolist() == [3.0, 3.0]
        assert team.agree(4.5) == 4.5
        assert team.average_values({"a": 1.5}) == {"a": 1.5}
        team.wait()


@pytest.mark.parametrize("device", ["tpu", "cuda:1"])
def test_devices_that_cannot_be_trained_on_are_refused(device: str) -> None:
    with pytest.raises(SettingsError, match="auto, cpu or cuda"), gather_team(device):
        pass


def run_training(words: list[str], processes: int, tmp_path: Path) -> Path:
    out = tmp_path / f"run{processes}"
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [sys.executable, *(launcher if processes > 1 else []), "-m", "vidcolor", "train"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [*command, *words, "--out", str(out)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    return out


@pytest.mark.slow
def test_two_processes_come_to_the_losses_of_one(album: Path, tmp_path: Path) -> None:
    common = ["--stills", str(album), "--preset", "mini", "--steps", "20", "--sides", "32"]
    common += ["--workers", "0", "--device", "cpu", "--seed", "9"]
    one = run_training([*common, "--batch", "4", "--accumulate", "2"], 1, tmp_path)
    two = run_training([*common, "--batch", "4", "--accumulate", "1"], 2, tmp_path)
    state, other = (torch.load(run / "last.pt", weights_only=True) for run in (one, two))
    assert other["position"]["step"] == 20
    # The sums run in another order, and twenty steps carry the rounding on.
    for key, value in state["recipe"].items():
        if "running" not in key and value.is_floating_point():
            torch.testing.assert_close(value, other["recipe"][key], atol=5e-3, rtol=0.05)
    rows = [read_log(run / "log.csv") for run in (one, two)]
    for loss in ("classify", "regress", "total"):
        losses = [float(found[0][loss]) for found in rows]
        assert losses[0] == pytest.approx(losses[1], rel=0.02)
