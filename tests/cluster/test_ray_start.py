"""The folder of a Ray that is started here: nobody else may look into it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from vidcolor.cluster.ray_start import own_folder, started_ray
from vidcolor.settings import ClusterSettings

LONGEST = 107 - len("/session_2026-11-28_20-59-54_464937_4194304/sockets/plasma_store")
"""Letters that the folder's name may have, so that the names of sockets below fit."""


def test_the_folder_is_private_and_goes() -> None:
    with own_folder() as name:
        inner = Path(name)
        assert stat.S_IMODE(inner.parent.stat().st_mode) == 0o700
        assert len(name) < LONGEST
        inner.mkdir()
        (inner / "sockets").mkdir()
        inner.chmod(0o777)  # as Ray does
    assert not inner.parent.exists()
    with own_folder() as other:
        assert other != name


def test_ray_still_has_what_is_kept_from_printing() -> None:
    """A private function: without it, Ray prints to stdout what our one line tells."""
    ray = find_spec("ray")
    if ray is None or ray.origin is None:
        pytest.skip("the extra cluster is not installed")
    worker = Path(ray.origin).parent / "_private" / "worker.py"
    assert "\ndef print_to_stdstream(" in worker.read_text()


@pytest.mark.slow
def test_another_user_cannot_list_the_session_of_a_ray() -> None:
    if not find_spec("ray"):  # not imported before it has its token
        pytest.skip("the extra cluster is not installed")
    with started_ray(ClusterSettings(workers=1, cpus=1)) as (ray, local):
        assert local
        session = Path(ray._private.worker._global_node.get_session_dir_path())
        assert (session / "sockets").is_dir()
        closed = [path for path in session.parents if not path.stat().st_mode & 0o077]
        assert closed, "some folder above keeps all others out"
        if os.getuid() == 0:
            words = f"import os; os.setuid(65534); os.listdir({str(session)!r})"
            look = [sys.executable, "-c", words]
            found = subprocess.run(look, capture_output=True, text=True)
            assert "PermissionError" in found.stderr
    assert not session.exists()
    assert not closed[0].exists()
