"""The lowest versions that are let in are above what has known holes; what is tested is pinned."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
FIXED = {
    "gradio": {
        "CVE-2026-28414": "6.7.0",
        "CVE-2026-28415": "6.6.0",
        "CVE-2026-28416": "6.6.0",
        "CVE-2026-48545": "6.15.0",
        "GHSA-j36p-7w88-g82j": "6.16.0",
    },
    "onnx": {
        "CVE-2026-28500": "1.21.0",
        "CVE-2026-34445": "1.21.0",
        "CVE-2026-27489": "1.21.0",
    },
    "opencv-python-headless": {"CVE-2025-53644": "4.12.0"},
    "pillow": {
        "CVE-2026-42308": "12.2.0",
        "CVE-2026-55798": "12.3.0",
        "CVE-2026-59197": "12.3.0",
        "CVE-2026-59198": "12.3.0",
        "CVE-2026-59199": "12.3.0",
        "CVE-2026-59200": "12.3.0",
    },
    "python-multipart": {"CVE-2026-24486": "0.0.22", "CVE-2026-42561": "0.0.27"},
    "ray": {"CVE-2026-27482": "2.54.0", "CVE-2026-32981": "2.55.0"},
    "starlette": {
        "CVE-2025-62727": "0.49.1",
        "CVE-2026-48710": "1.0.1",
        "CVE-2026-48817": "1.1.0",
        "CVE-2026-48818": "1.1.0",
        "CVE-2026-54282": "1.3.0",
        "CVE-2026-54283": "1.3.1",
    },
    "torch": {
        "CVE-2025-32434": "2.6.0",
        "CVE-2025-2999": "2.9.1",
        "CVE-2026-24747": "2.10.0",
        "CVE-2025-3001": "2.10.0",
        "CVE-2025-3000": "2.12.1",
    },
    "tqdm": {"CVE-2024-34062": "4.66.3"},
}
"""Of each package, advisories and the first version without that hole, as of November 2026."""
PINNED = {
    "av",
    "charset-normalizer",
    "gradio",
    "numpy",
    "onnx",
    "opencv-python-headless",
    "opentimelineio",
    "otio-cmx3600-adapter",
    "pillow",
    "python-multipart",
}
PINNED |= {"ray", "safetensors", "starlette", "torch", "torchvision"}


def requirements() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return [Requirement(each) for group in groups for each in group]


def floor(found: Requirement) -> Version | None:
    lowest = [Version(s.version) for s in found.specifier if s.operator in (">=", "==", "~=")]
    return max(lowest, default=None)


def constraints(name: str = "constraints.txt") -> dict[str, str]:
    lines = (ROOT / "scripts" / name).read_text().splitlines()
    rows = [re.fullmatch(r"([a-z0-9-]+)==([0-9.]+)", line) for line in lines if line[0] != "#"]
    assert all(rows), "each line is a pin"
    return {row[1]: row[2] for row in rows if row}


@pytest.mark.parametrize("name", FIXED)
def test_no_version_with_a_known_hole_is_let_in(name: str) -> None:
    asked = [each for each in requirements() if each.name == name]
    assert asked
    for each in asked:
        lowest = floor(each)
        assert lowest, f"{each} lets everything in"
        for advisory, fixed in FIXED[name].items():
            assert lowest >= Version(fixed), f"{each} lets {advisory} in"


@pytest.mark.parametrize("found", requirements(), ids=str)
def test_what_is_installed_is_let_in(found: Requirement) -> None:
    try:
        there = version(found.name)
    except PackageNotFoundError:
        pytest.skip("is not installed")
    assert found.specifier.contains(there)


def test_what_decides_the_bits_and_what_is_open_to_strangers_is_pinned() -> None:
    pins = constraints()
    assert set(pins) == PINNED
    for found in requirements():
        if found.name in pins:
            assert found.specifier.contains(pins[found.name]), f"{found} and its pin disagree"


def test_web_asks_for_the_same_as_the_tests() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    assert set(extras["web"]) <= set(extras["test"])
    assert set(extras["cluster"]) <= set(extras["test"])


def test_what_ci_tries_as_the_lowest_is_the_lowest_that_is_let_in() -> None:
    """A floor that is raised, or a new package, has its line in constraints-lowest.txt."""
    pins = constraints("constraints-lowest.txt")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {found.name: found for found in map(Requirement, project["dependencies"])}
    assert set(pins) == set(asked)
    for name, found in asked.items():
        lowest, pin = floor(found), Version(pins[name])
        assert lowest, f"{found} lets everything in"
        assert found.specifier.contains(pin)
        # A release of OpenCV has a fourth number, which the floor leaves open.
        assert (*pin.release, 0, 0)[: len(lowest.release)] == lowest.release, name
        assert not any(pin.release[len(lowest.release) : 3]), name
