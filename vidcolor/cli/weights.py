"""``vidcolor weights``: the weights that ship."""

from __future__ import annotations

import argparse

from vidcolor.cli.text import Parser


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    return Parser(prog="vidcolor weights", description="List the shipped weights.")


def run(_args: argparse.Namespace) -> int:
    """Print the list; 0."""
    from vidcolor.model.weights import available_weights

    for info in available_weights().values():
        size = info.path.stat().st_size / 1e6 if info.path.is_file() else 0.0
        print(f"{info.name}  {info.path}  {size:.2f} MB  sha256 {info.sha256}")
        print(f"  licence  {info.licence}")
        print(f"  trained on  {info.training_data}")
        for name, value in info.scores.items():
            print(f"  {name}  {value}")
    return 0
