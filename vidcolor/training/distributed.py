"""The processes of a run: one, or those that ``torchrun`` started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from vidcolor.core.system import pick_dtype
from vidcolor.errors import SettingsError


@dataclass(frozen=True)
class Team:
    """Where this process stands among those that train one net together."""

    rank: int
    """Number of this process, from 0."""
    size: int
    """How many there are."""
    device: torch.device
    """Where this process computes."""

    @property
    def leader(self) -> bool:
        """Whether this process writes the run folder."""
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[None]:
        """The context that nets run in: bf16 where it is fast; elsewhere it is 70 times slower."""
        fast = pick_dtype(self.device) == torch.bfloat16
        return torch.autocast(self.device.type, torch.bfloat16, enabled=fast)

    @contextmanager
    def lead(self) -> Iterator[None]:
        """The leader goes through this first; the others find what it has written."""
        if not self.leader:
            self.wait()
        yield
        if self.leader:
            self.wait()

    def average_gradients(self, parameters: list[nn.Parameter]) -> None:
        """Replace gradients by their mean over the processes.

        One flat buffer and one exchange: the nets' trained parts are small.
        """
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        at = 0
        for g in gradients:
            g.copy_(flat[at : at + g.numel()].view_as(g))
            at += g.numel()

    def average_buffers(self, net: nn.Module) -> None:
        """Give all processes the same batch norm statistics: their mean."""
        if self.size == 1:
            return
        for buffer in net.buffers():
            if buffer.is_floating_point():
                dist.all_reduce(buffer)
                buffer /= self.size

    def average_values(self, values: dict[str, float]) -> dict[str, float]:
        """Mean of each value over the processes, which must have the same names."""
        if self.size == 1:
            return values
        told = torch.tensor(list(values.values()), dtype=torch.float64, device=self.device)
        dist.all_reduce(told)
        return dict(zip(values, (told / self.size).tolist(), strict=True))

    def agree(self, value: float) -> float:
        """What the leader says."""
        if self.size == 1:
            return value
        told: Tensor = torch.tensor([value], dtype=torch.float64, device=self.device)
        dist.broadcast(told, 0)
        return float(told)

    def wait(self) -> None:
        """Until all have come here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def gather_team(device: str) -> Iterator[Team]:
    """The team that ``torchrun``'s environment describes; alone without it.

    Args:
        device: ``auto``, ``cpu`` or ``cuda``; each process takes the GPU of its local rank.

    Raises:
        SettingsError: there is no such device.
    """
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if device not in ("auto", "cpu", "cuda"):
        raise SettingsError(f"no device {device!r} for training; use auto, cpu or cuda")
    if device == "cuda" and local >= torch.cuda.device_count():
        raise SettingsError(f"there is no GPU {local}; use --device cpu or fewer processes")
    cuda = device != "cpu" and local < torch.cuda.device_count()
    chosen = torch.device("cuda", local) if cuda else torch.device("cpu")
    threads = torch.get_num_threads()
    if cuda:
        torch.cuda.set_device(chosen)
        torch.set_num_threads(1)  # the processes that read pictures have the cores
        torch.backends.cudnn.benchmark = True  # crops keep their size for thousands of steps
    if size > 1:
        dist.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Team(rank, size, chosen)
    finally:
        torch.set_num_threads(threads)
        if size > 1:
            dist.destroy_process_group()
