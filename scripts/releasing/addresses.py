"""Puts the address of the project into what is published, as only who publishes it knows it."""

from __future__ import annotations

import re
from pathlib import Path


def add_addresses(source: Path, url: str, version: str) -> None:
    """Name the pages of the project in pyproject.toml, README and citation of a copy.

    A package index shows the README alone, so its links lead to the files of this version.

    Args:
        source: The copy.
        url: Of the repository, such as ``https://github.com/OWNER/NAME``.
        version: Whose tag is ``v1.0.0``.
    """
    project = source / "pyproject.toml"
    text = project.read_text()
    table = "\n".join(f'{name} = "{address}"' for name, address in addresses(url, version).items())
    project.write_text(
        text.replace("[project.scripts]", f"[project.urls]\n{table}\n\n[project.scripts]")
    )
    readme = source / "README.md"
    readme.write_text(move_links(readme.read_text(), url, version))
    citation = source / "CITATION.cff"
    citation.write_text(f"{citation.read_text().rstrip()}\nrepository-code: {url}\n")


def addresses(url: str, version: str) -> dict[str, str]:
    """The names that package indexes know, and their pages."""
    return {
        "Source": url,
        "Documentation": f"{url}/blob/v{version}/docs/index.md",
        "Changelog": f"{url}/blob/v{version}/CHANGELOG.md",
        "Issues": f"{url}/issues",
    }


def move_links(text: str, url: str, version: str) -> str:
    """The README with links that hold anywhere, and the address that one clones."""
    text = text.replace("<this repository>", url)
    text = re.sub(r"(!\[[^\]]*\]\()(?!https?:)", rf"\g<1>{url}/raw/v{version}/", text)
    return re.sub(r"((?<!!)\[[^\]]*\]\()(?!https?:|#)", rf"\g<1>{url}/blob/v{version}/", text)
