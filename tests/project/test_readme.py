from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from importlib import import_module
from pathlib import Path

import pytest

import vidcolor
from vidcolor.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "models/README.md"]


def commands() -> list[str]:
    """Of all pages; of a pipe between programs, the parts that are vidcolor's."""
    text = "".join(page.read_text() for page in PAGES)
    lines = re.findall(
        r"^    (\S.*?)(?: +#.*)?$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.M
    )
    parts = [part.strip() for line in lines for part in line.split(" | ")]
    return [
        part.removeprefix(".venv/bin/")
        for part in parts
        if re.match(r"(\.venv/bin/)?vidcolor ", part)
    ]


def test_the_readme_has_commands() -> None:
    assert len(commands()) > 5


@pytest.mark.parametrize("line", commands())
def test_a_command_of_the_pages_is_understood(line: str) -> None:
    words = shlex.split(line)[1:]
    name = words.pop(0) if words[0] in COMMANDS else "color"
    command = import_module(f"vidcolor.cli.{name}")
    command.parser().parse_args(words)  # exits on a word it does not know


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_of_the_pages_uses_names_that_there_are(page: Path) -> None:
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "vidcolor":
                assert node.attr in vidcolor.__all__
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vidcolor."):
                for name in node.names:
                    assert hasattr(import_module(str(node.module)), name.name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_scripts_of_the_pages_exist(page: Path) -> None:
    for script in re.findall(r"(?<![\w/])scripts/[\w/]+(?:\.\w+)?", page.read_text()):
        assert (ROOT / script).exists(), script


def test_the_wheel_has_the_weights_that_ship_and_no_others() -> None:
    """And the license of what they hold; not whatever lies in the folder, where a training may have
    left its own."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packed = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    words = (ROOT / "models" / "weights.toml").read_text()
    listed = {entry["file"] for entry in tomllib.loads(words)["weights"]}
    expected = {"APACHE-2.0.txt", "weights.toml", *listed}
    assert set(packed) == {f"models/{name}" for name in expected}
    assert all(target == f"vidcolor/{source}" for source, target in packed.items())


@pytest.mark.slow
def test_the_wheel_carries_the_weights(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, ROOT], check=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "vidcolor/models/weights.toml" in names
    assert any(re.fullmatch(r"vidcolor/models/default-\w{8}\.safetensors", name) for name in names)
