"""Puts man pages and the completion of shells into the wheel; scripts/manual makes them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ShareFiles(BuildHookInterface):
    """Adds files below share/ to a wheel, but not to an editable one: they would grow old."""

    _folder: TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the files and name them to the builder."""
        if version == "editable":
            return
        self._folder = TemporaryDirectory()
        root = Path(self.root)
        paths = {"PYTHONPATH": os.pathsep.join(map(str, (root, root / "scripts")))}
        words = [sys.executable, "-B", "-m", "manual.share", self._folder.name]
        subprocess.run(words, env={**os.environ, **paths}, check=True)
        for path in sorted(Path(self._folder.name).rglob("*")):
            if path.is_file():
                name = path.relative_to(self._folder.name).as_posix()
                build_data["shared_data"][str(path)] = f"share/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove the files, which are in the wheel now."""
        if self._folder:
            self._folder.cleanup()
