"""The command line in a process of its own, and what is caught of what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

Captured = pytest.CaptureFixture[str]


def vidcolor_process(*words: str, **options: Any) -> subprocess.Popen[str]:
    # Unbuffered output fails elsewhere: what is tested is what users have.
    environment = {key: word for key, word in os.environ.items() if key != "PYTHONUNBUFFERED"}
    return subprocess.Popen(
        [sys.executable, "-m", "vidcolor", *words], text=True, env=environment, **options
    )
