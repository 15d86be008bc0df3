"""Files that people and services around the project read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from vidcolor import __version__

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "path", [*sorted(ROOT.glob(".github/**/*.yml")), ROOT / "CITATION.cff"], ids=lambda p: p.name
)
def test_it_can_be_read(path: Path) -> None:
    assert yaml.safe_load(path.read_text())


def test_the_citation_names_this_version() -> None:
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == __version__


def test_the_workflow_runs_what_contributors_run() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    assert any(step.get("run") == ".ci/run" for step in jobs["ci"]["steps"])
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
    assert any("constraints-lowest.txt" in step.get("run", "") for step in jobs["lowest"]["steps"])
    assert any(step.get("run") == "scripts/release" for step in jobs["release"]["steps"])


@pytest.mark.slow
def test_the_types_of_the_package_are_seen_by_who_uses_it(tmp_path: Path) -> None:
    """As a consumer's mypy --strict sees them: without ``py.typed`` all would be Any."""
    (tmp_path / "use.py").write_text(
        "import vidcolor\n\n"
        "report = vidcolor.colorize_video('a.mp4', 'b.mp4')\n"
        "reveal_type(report.frames)\n"
        "settings = vidcolor.Settings(paint=vidcolor.PaintSettings(saturation=0.9))\n"
        "vidcolor.colorize_video('a.mp4', 'b.mp4', settings=settings)\n"
        "def tell(progress: vidcolor.Progress) -> None: ...\n"
        "vidcolor.colorize_video('a.mp4', 'b.mp4', on_progress=tell)\n"
        "with vidcolor.ProgressBar() as bar, vidcolor.open_video('a.mp4') as video:\n"
        "    vidcolor.colorize_video('a.mp4', 'b.mp4', on_progress=bar)\n"
        "    vidcolor.evaluate('a.mp4', 'b.mp4', on_progress=bar)\n"
        "    vidcolor.contact_sheet('a.mp4', on_progress=bar)\n"
        "    print(video.info.width)\n"
        "vidcolor.colorize_video('a.mp4', 7)\n"
    )
    words = ["-m", "mypy", "--strict", "--config-file=", "use.py"]
    done = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    told = [line.partition(": ")[2] for line in done.stdout.splitlines() if "use.py" in line]
    assert told[0] == 'note: Revealed type is "int"', done.stdout
    assert len(told) == 2, done.stdout
    assert 'Argument 2 to "colorize_video" has incompatible type "int"' in told[1]
