"""How a cluster's room becomes workers."""

from __future__ import annotations

from vidcolor.errors import ClusterError
from vidcolor.settings import ClusterSettings

WORKER_BYTES = 3 << 29
"""Memory that a worker without a GPU takes, about, for films of up to 1080 lines."""
MOST_CPUS = 8
"""Cores that a worker with a GPU gets at most, unless more are asked for."""


def shares(room: dict[str, float], cluster: ClusterSettings, device: str) -> tuple[int, int, float]:
    """How many workers there are, and the cores and GPUs that each gets.

    Args:
        room: What Ray says that the cluster has.
        cluster: What is asked for.
        device: What the net is to run on; ``auto`` takes GPUs where there are any.
    """
    cores, all_gpus = int(room.get("CPU", 0)), room.get("GPU", 0.0)
    gpus = cluster.gpus
    if gpus is None:
        gpus = 1.0 if all_gpus and device != "cpu" else 0.0
    if gpus:
        fit = int(all_gpus / gpus)
        cpus = cluster.cpus or max(1, min(MOST_CPUS, cores // fit) if fit else MOST_CPUS // 2)
    else:
        cpus = cluster.cpus or 1
        fit = int(min(cores // cpus, room.get("memory", WORKER_BYTES) // WORKER_BYTES))
    return cluster.workers or max(1, fit), cpus, gpus


def check_room(room: dict[str, float], cpus: int, gpus: float) -> None:
    """Refuses workers that the cluster will never have room for.

    Raises:
        ClusterError: One of them needs more than there is.
    """
    cores, all_gpus = room.get("CPU", 0.0), room.get("GPU", 0.0)
    if cpus > cores or gpus > all_gpus:
        raise ClusterError(
            f"a worker needs {cpus} cores and {gpus:g} GPUs, and this machine has {cores:.0f} and"
            f" {all_gpus:.0f}"
        )
