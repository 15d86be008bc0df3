"""The house rules, read from the source itself."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "vidcolor"

LAYERS = [
    ("errors",),
    ("settings",),
    ("core",),
    ("color",),
    ("media", "nets", "shots"),
    ("temporal",),
    ("guidance",),
    ("colorize",),
    ("run",),
    ("cluster", "preview", "evaluation", "benchmark", "verification"),
    ("training",),
    ("web",),
    ("vidcolor",),
    ("cli", "plugins"),
    ("__main__",),
]
"""Packages and modules of the top level; each imports from its own and from what stands above it,
but not from its neighbors. ``vidcolor`` is the public names."""

RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}

HOMES = {
    "av": "media.",
    "cv2": (
        "core.optical_flow",
        "core.resample",
        "guidance.local_features",
        "shots.lettering",
        "shots.titles",
    ),
    "ray": "cluster.ray_",
    "gradio": "web.",
    "kornia": "training.data.",
    "tqdm": ("cli.", "run.progress_bar"),
    "PIL": ("preview.contact_sheet", "media.images."),
    "fastapi": "web.",
    "uvicorn": "web.",
    "charset_normalizer": "media.mux.text_encoding",
    "tomlkit": "guidance.",
    "OpenEXR": "media.sequences.exr",
    "opentimelineio": "shots.otio",
    "vapoursynth": "plugins.vapoursynth",
}
"""Foreign libraries, and the beginning of the names of the modules that may import them."""

MAX_FILE, MAX_FUNCTION = 500, 60


@cache
def modules() -> dict[str, ast.Module]:
    """Name without ``vidcolor.`` -> tree."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__") or "vidcolor"
        found[name] = ast.parse(path.read_text(), str(path))
    return found


def imports(name: str) -> Iterator[str]:
    """Full names of the modules that a module imports anywhere, for types or at run time."""
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports by a relative name"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                known = inner.removeprefix("vidcolor.") in modules()
                yield inner if known else str(node.module)


def own_imports(name: str) -> set[str]:
    found = {module for module in imports(name) if module.split(".")[0] == "vidcolor"}
    return {module.removeprefix("vidcolor.") for module in found}


def package_of(name: str) -> str:
    return name.split(".")[0]


def each_module(check: Callable[[str], None]) -> Callable[[str], None]:
    """A test for each package that takes its modules one after the other: a thousand tests of a
    moment each would take longer to be told of than to run."""

    @pytest.mark.parametrize("package", list(RANK))
    def test(package: str) -> None:
        for name in modules():
            if package_of(name) == package:
                check(name)

    return test


def test_the_top_level_shows_layers_and_nothing_else() -> None:
    assert {package_of(name) for name in modules()} == set(RANK)


@each_module
def test_imports_run_one_way(name: str) -> None:
    own = package_of(name)
    for other in own_imports(name):
        room = package_of(other)
        if room not in (own, "vidcolor") or own == "__main__":
            assert RANK[room] < RANK[own], f"{name} imports {other}, which comes later"
        if room == "vidcolor":
            assert own in ("cli", "vidcolor", "web"), f"{name} imports a public name"


@pytest.mark.parametrize("package", [name for layer in LAYERS for name in layer])
def test_no_package_has_a_cycle(package: str) -> None:
    graph = {name: own_imports(name) for name in modules() if package_of(name) == package}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"a cycle of imports: {' -> '.join(error.args[1])}")


@each_module
def test_foreign_libraries_stay_in_their_homes(name: str) -> None:
    for module in imports(name):
        home = HOMES.get(module.split(".")[0])
        assert home is None or name.startswith(home), f"{name} imports {module}"


@pytest.mark.parametrize(
    "module", ["vidcolor", "vidcolor.errors", "vidcolor.settings", "vidcolor.cli.main"]
)
def test_help_needs_nothing_heavy(module: str) -> None:
    code = (
        f"import sys, {module}\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}"
        " & {'torch', 'torchvision', 'av', 'numpy', 'cv2', 'tqdm', 'safetensors'}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert run.stderr == ""
    assert run.stdout.strip() == ""


@pytest.mark.parametrize(
    "pattern", ["vidcolor/**/*.py", "scripts/*", "scripts/*/*.py", "tests/helpers/*.py"]
)
def test_files_are_short(pattern: str) -> None:
    paths = [path for path in ROOT.glob(pattern) if path.is_file()]
    assert paths
    for path in paths:
        lines = len(path.read_text().splitlines())
        assert lines <= MAX_FILE, f"{path.relative_to(ROOT)} has {lines} lines"


@each_module
def test_functions_are_short(name: str) -> None:
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= MAX_FUNCTION, f"{name}.{node.name} has {lines} lines"


STATES = {
    *("told", "found", "seen", "known", "made", "begun", "kept", "shown", "worn", "held", "left"),
    *(
        "gone",
        "done",
        "brought",
        "drawn",
        "lent",
        "taken",
        "spent",
        "said",
        "heard",
        "lost",
        "meant",
    ),
    *("sent", "firm", "whole", "same", "alike", "near", "likely", "behind", "beside", "around"),
    *("alone", "apart", "elsewhere"),
}
"""Participles and adjectives, which say what something is and not what a function does."""
VERBS = {"feed", "speed"}
"""What ends like a participle and is none."""


@each_module
def test_functions_are_verbs(name: str) -> None:
    for node in modules()[name].body:
        if isinstance(node, ast.FunctionDef):
            word = node.name.strip("_")
            state = word in STATES or (word.endswith("ed") and "_" not in word)
            assert not state or word in VERBS, f"{name}.{node.name} is no verb"


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


SPEAKING = {
    *("print", "input", "exit", "quit", "sys.exit", "os._exit"),
    *("sys.stdout.write", "sys.stderr.write", "traceback.print_exc", "warnings.warn"),
}


@each_module
def test_only_the_command_prints_and_exits(name: str) -> None:
    calls = {dotted(n.func) for n in ast.walk(modules()[name]) if isinstance(n, ast.Call)}
    if name.split(".")[0] not in ("cli", "__main__"):
        assert not calls & SPEAKING


def test_no_path_of_a_machine() -> None:
    # Assembled, so that this file does not find itself.
    pattern = re.compile(
        r"(?<![\w.])/" + f"({'|'.join(['work', 'root', 'home', 'Users', 'mnt'])})/"
    )
    folders = ("vidcolor", "scripts", "tests", "models", "docs", ".ci")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    for path in [*files, *ROOT.glob("*.md"), ROOT / "pyproject.toml"]:
        binary = {".pyc", ".safetensors", ".png", ".jpg", ".mp4", ".gif"}
        if path.is_file() and path.suffix not in binary:
            found = pattern.search(path.read_text())
            assert not found, f"{path.relative_to(ROOT)} holds {found and found[0]}"
