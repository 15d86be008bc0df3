from __future__ import annotations

from pathlib import Path

import pytest
from guided import write_shots


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with a film of three shots."""
    monkeypatch.chdir(tmp_path)
    write_shots(tmp_path / "film.mkv", shots=3)
    return tmp_path


@pytest.fixture
def options(quick_weights: Path) -> list[str]:
    """A quick run."""
    net = ["--weights", str(quick_weights), "--device", "cpu", "--size", "64"]
    return [*net, "--titles", "color"]
