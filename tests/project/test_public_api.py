"""The names that ``import vidcolor`` promises."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import pydoc
import re
from pathlib import Path

import pytest

import vidcolor

SOURCE = Path(vidcolor.__file__)


def test_all_is_sorted_and_has_no_doubles() -> None:
    assert vidcolor.__all__ == sorted(set(vidcolor.__all__))


def test_all_is_complete() -> None:
    # What type checkers see, what is loaded lazily and what is promised are the same names.
    tree = ast.parse(SOURCE.read_text())
    typed = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vidcolor.")
        for alias in node.names
    }
    assert set(vidcolor.__all__) == typed == set(vidcolor._HOMES)


@pytest.mark.parametrize("name", vidcolor.__all__)
def test_every_name_can_be_imported_and_is_explained(name: str) -> None:
    thing = getattr(vidcolor, name)
    assert thing.__module__ == f"vidcolor.{vidcolor._HOMES[name]}"
    text = inspect.getdoc(thing)
    assert text
    # dataclasses write a docstring of their own, which explains nothing
    assert not text.startswith(f"{name}(")


@pytest.mark.parametrize("name", vidcolor.__all__)
def test_functions_say_what_they_raise(name: str) -> None:
    thing = getattr(vidcolor, name)
    source = inspect.getsource(thing)
    if inspect.isfunction(thing) and re.search(r"^    raise |^        raise ", source, re.M):
        assert "Raises:" in (inspect.getdoc(thing) or "")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'colorise'"):
        vidcolor.colorise  # noqa: B018


def test_star_import_gives_all_names() -> None:
    space: dict[str, object] = {}
    exec("from vidcolor import *", space)
    assert set(vidcolor.__all__) <= set(space)


def test_tab_and_help_show_the_public_names() -> None:
    assert set(vidcolor.__all__) <= set(dir(vidcolor))
    assert not {"Any", "TYPE_CHECKING", "import_module"} & set(dir(vidcolor))
    text = pydoc.plain(pydoc.render_doc(vidcolor))
    assert "vidcolor.colorize_video(" in text, "an example"
    assert "class EncodeSettings" in text


def test_every_part_of_the_settings_is_public() -> None:
    for field in dataclasses.fields(vidcolor.Settings):
        assert type(getattr(vidcolor.Settings(), field.name)).__name__ in vidcolor.__all__


def test_type_hints_are_for_users_too() -> None:
    assert SOURCE.with_name("py.typed").is_file()


def test_the_version_is_one() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", vidcolor.__version__)
