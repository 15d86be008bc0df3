"""How a cluster's room becomes workers."""

from __future__ import annotations

import pytest

from vidcolor.cluster.resources import WORKER_BYTES, check_room, shares
from vidcolor.errors import ClusterError, SettingsError
from vidcolor.settings import ClusterSettings

PLENTY = 1e12


@pytest.mark.parametrize(
    ("room", "asked", "device", "expected"),
    [
        ({"CPU": 2.0, "memory": PLENTY}, {}, "auto", (2, 1, 0.0)),
        ({"CPU": 64.0, "memory": 10 * WORKER_BYTES}, {}, "auto", (10, 1, 0.0)),
        ({"CPU": 9.0, "memory": PLENTY}, {"cpus": 4}, "cpu", (2, 4, 0.0)),
        ({"CPU": 64.0, "GPU": 4.0, "memory": PLENTY}, {}, "auto", (4, 8, 1.0)),
        ({"CPU": 8.0, "GPU": 4.0, "memory": PLENTY}, {}, "cuda", (4, 2, 1.0)),
        ({"CPU": 16.0, "GPU": 1.0, "memory": PLENTY}, {"gpus": 0.5}, "auto", (2, 8, 0.5)),
        (
            {"CPU": 16.0, "GPU": 4.0, "memory": PLENTY},
            {"gpus": 2.0, "cpus": 3},
            "auto",
            (2, 3, 2.0),
        ),
        ({"CPU": 4.0, "GPU": 1.0, "memory": PLENTY}, {}, "cpu", (4, 1, 0.0)),
        ({"CPU": 4.0, "GPU": 1.0, "memory": PLENTY}, {"gpus": 0.0}, "auto", (4, 1, 0.0)),
        ({}, {"workers": 7, "gpus": 1.0}, "auto", (7, 4, 1.0)),
        ({}, {}, "auto", (1, 1, 0.0)),
    ],
)
def test_shares(
    room: dict[str, float], asked: dict[str, float], device: str, expected: tuple[int, int, float]
) -> None:
    assert shares(room, ClusterSettings(**asked), device) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "asked",
    [{"workers": -1}, {"cpus": -1}, {"gpus": -0.5}, {"gpus": 1.5}, {"address": "ray://a:1"}],
)
def test_what_makes_no_sense_is_refused(asked: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        ClusterSettings(**asked)  # type: ignore[arg-type]


def test_a_worker_that_no_machine_has_room_for_is_refused() -> None:
    check_room({"CPU": 2.0}, 2, 0.0)
    for cpus, gpus in ((3, 0.0), (1, 0.5)):
        with pytest.raises(ClusterError, match="and this machine has 2 and 0"):
            check_room({"CPU": 2.0}, cpus, gpus)
