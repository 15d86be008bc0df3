"""The house rules, read from the source itself."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "vidcolor"

ORDER = [
    *("errors", "settings", "plain", "frames", "streams", "places", "timecode"),
    *("files", "lines", "unfinished"),
    *("color", "color.lab", "color.transfer", "color.planes", "color.chroma", "color.guided"),
    *("film.*", "room", "sheets"),
    *("looks", "shots", "neutrals", "lettering", "titles"),
    *("model", "model.vgg", "model.layers", "model.colornet", "model.filmnet", "model.mininet"),
    *("model.booknet", "model.build", "model.gate", "model.weights", "model.int8"),
    *("model.inference", "model.export"),
    *("memory", "crew", "devices", "engine", "flow", "traces", "effort", "strides"),
    *("colorizer", "smoothing", "paint", "way"),
    *("viewer", "preview"),
    *(
        "chunks",
        "workfolder",
        "journal",
        "kept",
        "plans",
        "assembly",
        "shotlist",
        "job",
        "stills",
        "pipeline",
    ),
    *("streaming", "comparison", "reels", "batch", "orders", "worker"),
    *("dispatch", "standing", "foreman", "shares", "cluster_ray", "cluster", "metrics"),
    *("matching", "steadiness", "evaluation"),
    *("benchmark", "benchmark.film", "benchmark.scores", "benchmark.machine"),
    *("benchmark.stages", "benchmark.fresh", "benchmark.run"),
    *("training", "training.settings", "training.augment", "training.files"),
    *("training.datasets", "training.clips", "training.losses", "training.recipes"),
    *("training.adversary", "training.team", "training.checkpoints", "training.validation"),
    *("training.logs", "training.state", "training.batches", "training.steps"),
    *("training.motion", "training.wear", "training.sequences", "training.takes"),
    *("training.gate_losses", "training.gate_runs", "training.gate_validation"),
    "training.gate_trainer",
    "training.trainer",
    *("web", "web.guard", "web.launch", "web.children", "web.choice", "web.private", "web.shelf"),
    *("web.looker", "web.worker", "web.study", "web.jobs", "web.desk", "web.words", "web.theme"),
    *("web.page", "web.routes", "web.gate", "web.server"),
    "vidcolor",
    *("cli", "cli.text", "cli.checks", "cli.faces", "cli.progress", "cli.summary", "cli.batch"),
    *("cli.one", "cli.cluster", "cli.words", "cli.color", "cli.bench", "cli.compare"),
    *("cli.evaluate", "cli.info", "cli.pershot", "cli.play", "cli.preview"),
    *("cli.serve", "cli.shots", "cli.train", "cli.weights", "cli.main"),
    "__main__",
]
"""Reading order: a module imports only from what stands before it. ``vidcolor`` is the public
names; film's modules stand in any order that has no cycle."""

HOMES = {
    "av": "film.",
    "cv2": ("flow", "lettering", "titles"),
    "ray": "cluster",
    "gradio": "web.",
    "tqdm": "cli.",
}
HOMES |= {"PIL": ("sheets", "film.pillow", "film.profile"), "fastapi": "web.", "uvicorn": "web."}
HOMES |= {"charset_normalizer": "film."}
"""Foreign worlds, and the beginning of the names of the modules that may import them."""

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


def place(name: str) -> int:
    return ORDER.index("film.*" if name.split(".")[0] == "film" else name)


def test_every_module_has_its_place() -> None:
    named = {name for name in modules() if name.split(".")[0] != "film"}
    assert named == set(ORDER) - {"film.*"}
    assert len(set(ORDER)) == len(ORDER)


@pytest.mark.parametrize("name", list(modules()))
def test_imports_run_one_way(name: str) -> None:
    for other in own_imports(name):
        if place(name) == place(other) == ORDER.index("film.*"):
            continue
        assert place(other) < place(name), f"{name} imports {other}, which comes later"


def test_film_has_no_cycle() -> None:
    graph = {name: own_imports(name) for name in modules() if name.split(".")[0] == "film"}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"a cycle of imports: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("name", list(modules()))
def test_foreign_worlds_stay_in_their_homes(name: str) -> None:
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
    "pattern", ["vidcolor/**/*.py", "scripts/*", "tests/*.py", "tests/unit/*.py"]
)
def test_files_are_short(pattern: str) -> None:
    paths = [path for path in ROOT.glob(pattern) if path.is_file()]
    assert paths
    for path in paths:
        lines = len(path.read_text().splitlines())
        assert lines <= MAX_FILE, f"{path.relative_to(ROOT)} has {lines} lines"


@pytest.mark.parametrize("name", list(modules()))
def test_functions_are_short(name: str) -> None:
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= MAX_FUNCTION, f"{name}.{node.name} has {lines} lines"


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


SPEAKING = {
    *("print", "input", "exit", "quit", "sys.exit", "os._exit"),
    *("sys.stdout.write", "sys.stderr.write", "traceback.print_exc", "warnings.warn"),
}


@pytest.mark.parametrize("name", list(modules()))
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
