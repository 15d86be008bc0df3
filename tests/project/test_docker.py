"""The Dockerfile, as far as it can be judged without building it."""

from __future__ import annotations

import re
import shlex
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def instructions() -> list[list[str]]:
    """The lines of the Dockerfile in words, without comments, continued ones in one."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    return [shlex.split(line) for line in text.replace("\\\n", "").splitlines() if line]


def named(name: str) -> list[list[str]]:
    return [words for name_, *words in instructions() if name_ == name]


COPIED = [source for *sources, _ in named("COPY") for source in sources]


def ignored(path: str) -> bool:
    """What .dockerignore says of a path: the last pattern that fits it, or a folder above it."""
    out = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        parts = path.split("/")
        above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        if line and line[0] != "#" and any(fnmatch(part, pattern) for part in above):
            out = line[0] != "!"
    return out


@pytest.mark.parametrize("source", COPIED)
def test_what_is_copied_is_there_and_not_ignored(source: str) -> None:
    assert (ROOT / source).exists()
    assert not ignored(source)


def test_what_the_wheel_is_made_of_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], "models", "pyproject.toml"}
    needed |= {project["project"]["readme"], "hatch_build.py", "scripts/manual"}
    licenses = project["project"]["license-files"]
    assert needed | {license.partition("/")[0] for license in licenses} <= set(COPIED)
    for weights in (ROOT / "models").iterdir():
        assert not ignored(f"models/{weights.name}")


@pytest.mark.parametrize("path", [".git/config", "samples/newsreel.mp4", ".venv/bin/pip", ".env"])
def test_what_the_image_has_no_use_for_stays_outside(path: str) -> None:
    assert ignored(path)


def test_packages_are_those_that_were_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert any(word.startswith("ray") for word in project["optional-dependencies"]["cluster"])
    pinned = re.findall(r"^(\w+)==", (ROOT / "scripts/constraints.txt").read_text(), re.MULTILINE)
    assert {"ray", "torch", "torchvision"} <= set(pinned)
    for words in named("RUN"):
        # The wheels of vidcolor itself bring nothing with them.
        if "install" in words and "pip" in words:
            assert "/opt/vidcolor/constraints.txt" in words or "--no-deps" in words
            assert "--no-cache-dir" in words
    (python,) = (word for (word,) in named("ARG") if word.startswith("PYTHON="))
    assert project["requires-python"] == ">=3.11"
    assert re.fullmatch(r"PYTHON=python:3\.11-slim-\w+", python)


def test_who_runs_it_is_not_root_and_nothing_secret_is_in_it() -> None:
    assert named("USER") == [["1000"]]
    last = [name for name, *_ in instructions()][-3:]
    assert last == ["USER", "WORKDIR", "CMD"]
    assert not named("ADD")  # would fetch what nobody has looked at
    told = [word for name in ("ARG", "ENV") for words in named(name) for word in words]
    assert not [
        word for word in told if re.search("token|secret|password|key", word, re.IGNORECASE)
    ]
