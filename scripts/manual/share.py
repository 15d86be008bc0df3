"""Writes what an installation puts under share/: man pages, and what shells complete.

python -m manual.share FOLDER

The wheel is built with it (hatch_build.py), so it needs nothing but Python.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path

from manual.man_page import write_man_pages
from vidcolor import __version__
from vidcolor.cli.config_file import add_option
from vidcolor.cli.main import command_module

COMPLETIONS = {
    "bash": "bash-completion/completions/vidcolor",
    "fish": "fish/vendor_completions.d/vidcolor.fish",
    "zsh": "zsh/site-functions/_vidcolor",
}
"""Where shells look for the completion of a command, below share/."""


def main() -> None:
    """Write all files."""
    target = Path(sys.argv[1])
    for name, text in share_files().items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def share_files() -> dict[str, str]:
    """Texts under their names below share/."""
    pages = {f"man/man1/{name}": text for name, text in write_man_pages(__version__).items()}
    return pages | {name: write_completion(shell) for shell, name in COMPLETIONS.items()}


def write_completion(shell: str) -> str:
    """What ``vidcolor --completion SHELL`` prints."""
    with redirect_stdout(StringIO()) as text, suppress(SystemExit):
        parser = command_module("color").parser()
        add_option(parser, None)
        parser.parse_args(["--completion", shell])
    return text.getvalue()


if __name__ == "__main__":
    main()
