"""Two processes learn what one learns that accumulates."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch

from vidcolor.errors import SettingsError
from vidcolor.training.distributed import gather_team
from vidcolor.training.logs import read_log

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


WORDS = ["--preset", "mini", "--steps", "60", "--sides", "32", "--batch", "4", "--seed", "9"]
WORDS += ["--workers", "0", "--device", "cpu"]


def run_training(words: list[str], out: Path, launchers: list[list[str]]) -> Path:
    """A run that was started by all of the launchers at once."""
    command = ["-m", "vidcolor", "train", *WORDS, *words, "--out", str(out)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with ExitStack() as stack:
        runs = []
        for number, launcher in enumerate(launchers):
            told = stack.enter_context(out.with_name(f"{out.name}-{number}.txt").open("w+"))
            run = subprocess.Popen(
                [sys.executable, *launcher, *command],
                stdout=told,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=environment,
            )
            stack.callback(run.wait)
            stack.callback(run.kill)
            runs.append((run, told))
        for run, told in runs:
            code = run.wait(timeout=300)
            told.seek(0)
            assert code == 0, told.read()
    return out


@pytest.fixture(scope="module")
def alone(album: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one process that accumulates over two batches."""
    words = ["--stills", str(album), "--accumulate", "2"]
    return run_training(words, tmp_path_factory.mktemp("alone") / "run", [[]])


def launchers_of(machines: int) -> list[list[str]]:
    """What starts two processes: one torchrun for both, or one for each as on two machines."""
    torchrun = ["-m", "torch.distributed.run"]
    if machines == 1:
        return [[*torchrun, "--standalone", "--nproc-per-node", "2"]]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    meeting = ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{port}"]
    one = [*torchrun, "--nnodes", "2", "--nproc-per-node", "1", *meeting]
    return [one, one]


def of_log(run: Path) -> list[list[str]]:
    """Step and losses of each line that has losses."""
    rows = [row for row in read_log(run / "log.csv") if row["total"]]
    return [[row[name] for name in ("step", "classify", "regress", "total")] for row in rows]


@pytest.mark.slow
@pytest.mark.parametrize("machines", [1, 2])
def test_two_processes_come_to_the_losses_of_one(
    machines: int, alone: Path, album: Path, tmp_path: Path
) -> None:
    two = run_training(["--stills", str(album)], tmp_path / "run", launchers_of(machines))
    # A sum of two does not depend on its order and half of a float is exact: nothing differed in
    # 100 steps. A tolerance would hide gradients of another scale, which AdamW hardly notices.
    losses = of_log(alone)
    assert [step for step, *_ in losses] == ["20", "40", "60"]
    assert losses == of_log(two)
    state, other = (torch.load(run / "last.pt", weights_only=True) for run in (alone, two))
    assert other["position"]["step"] == 60
    for key, value in state["recipe"].items():
        # Running means are moved twice in a step by the one, once by each of the two.
        if "running" not in key and "num_batches" not in key:
            assert torch.equal(value, other["recipe"][key]), key
