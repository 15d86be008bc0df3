"""Gathers the pages of the docs site into a folder, from which MkDocs builds it.

python -m manual build/docs
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import vidcolor
from manual.command_line import write_page

ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "models/README.md": "model-card.md",
    "samples/README.md": "samples.md",
}
"""Pages that lie outside of docs/, and their names on the site."""
NO_PAGES = ("mkdocs.yml", "notebooks")
"""What in docs/ is not of the site; a notebook that a page links to is copied all the same."""
_LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)#\s]+)")


def main() -> None:
    """Write the folder anew."""
    target = Path(sys.argv[1])
    shutil.rmtree(target, ignore_errors=True)
    gather(target)


def gather(target: Path) -> None:
    """Write all pages, and the files that they show, into a folder that is not there yet."""
    target.mkdir(parents=True)
    there = sorted((ROOT / "docs").iterdir())
    sources = [path for path in there if path.name not in NO_PAGES]
    pages = {path: path.name for path in sources} | {ROOT / a: b for a, b in ELSEWHERE.items()}
    pages[ROOT / "README.md"] = "index.md"  # the site has a first page of its own
    for source, name in pages.items():
        if source.is_dir():
            shutil.copytree(source, target / name)
        elif source.suffix != ".md":
            shutil.copyfile(source, target / name)
        elif source.name != "README.md" or name != "index.md":
            (target / name).write_text(move_links(source, pages, target))
    (target / "command-line.md").write_text(write_page())
    (target / "python.md").write_text(write_python_page())


def move_links(source: Path, pages: dict[Path, str], target: Path) -> str:
    """The text of a page with links that hold in the folder of the site.

    What is linked and is no page, such as a license, is copied beside the pages.
    """

    def moved(found: re.Match[str]) -> str:
        linked = Path(os.path.normpath(source.parent / found[1]))
        if linked in pages:
            return pages[linked]
        if linked.parent == ROOT / "docs":
            return found[1]  # a page that is written below
        copy = target / "files" / linked.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(linked, copy)
        return copy.relative_to(target).as_posix()

    return _LINK.sub(moved, source.read_text())


def write_python_page() -> str:
    """Markdown: the public names of the package; their docstrings are put in by mkdocstrings."""
    names = sorted(vidcolor.__all__, key=str.lower)
    functions = [name for name in names if name[0].islower()]
    settings = [name for name in names if name.endswith("Settings")]
    types = [name for name in names if name not in {*functions, *settings}]
    parts = [
        "# Python",
        "All names below are imported from `vidcolor`; `import vidcolor` itself loads no torch.",
        "::: vidcolor\n    options:\n      members: false\n      show_root_heading: false\n"
        "      show_root_toc_entry: false",
    ]
    for title, group in (("Functions", functions), ("Settings", settings), ("Types", types)):
        parts += [f"## {title}", *(f"::: vidcolor.{name}" for name in group)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
