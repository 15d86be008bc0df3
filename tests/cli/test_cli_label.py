"""Sheets and films that show frames in color say so, unless they are asked not to."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from guided import write_scenes

from vidcolor.cli.main import main
from vidcolor.core.files import file_sha256
from vidcolor.core.label import Label
from vidcolor.media.images.reader import Still
from vidcolor.media.images.xmp_label import find_in_xmp
from vidcolor.media.mux.tags import find_in_tags

SHEET = """\
[[stretch]]
from = 0
to = 0.4
weights = "mini"
"""


def label_of_picture(name: str) -> Label | None:
    return find_in_xmp(Still(name).photo().extras.xmp)


def label_of_film(name: str) -> Label | None:
    with av.open(name) as container:
        return find_in_tags(container.metadata)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_previews_have_it(name: str, here: Path, options: list[str], quick_weights: Path) -> None:
    told = ["preview", "film.mkv", name, "--sheet", "2x1", "-q", "--force", *options]
    assert main(told) == 0
    label = label_of_picture(name)
    assert label
    assert (label.weights, label.sheet) == (file_sha256(quick_weights), "")
    assert main([*told, "--no-label"]) == 0
    assert label_of_picture(name) is None


def test_a_sweep_names_all_its_weights(here: Path, options: list[str], quick_weights: Path) -> None:
    vary = f"weights=mini,{quick_weights}"
    assert (
        main(["preview", "film.mkv", "a.png", "--vary", vary, "--at", "0.2", "-q", *options]) == 0
    )
    label = label_of_picture("a.png")
    assert label
    assert label.name == "mini"
    assert label.others == (("", file_sha256(quick_weights)),)


def test_the_weights_of_a_stretch_are_named(
    here: Path, options: list[str], quick_weights: Path
) -> None:
    (here / "film.colors.toml").write_text(SHEET)
    told = ["--colors", "auto", "-q", *options]
    assert main(["film.mkv", "out.mkv", *told]) == 0
    label = label_of_film("out.mkv")
    assert label
    assert label.weights == file_sha256(quick_weights)
    assert [name for name, _ in label.others] == ["mini"]
    assert label.sheet


def test_a_color_script_has_it(here: Path, options: list[str], sure_guide: None) -> None:
    write_scenes(here / "abab.mkv")
    assert main(["script", "abab.mkv", "a.png", *options]) == 0
    assert label_of_picture("a.png")
    assert main(["script", "abab.mkv", "b.png", "--no-label", *options]) == 0
    assert label_of_picture("b.png") is None


def test_a_comparison_has_it(here: Path, options: list[str], quick_weights: Path) -> None:
    assert main(["compare", "film.mkv", "a.mkv", "-q", *options]) == 0
    label = label_of_film("a.mkv")
    assert label
    assert label.weights == file_sha256(quick_weights)
    assert main(["compare", "film.mkv", "b.mkv", "-q", "--no-label", *options]) == 0
    assert label_of_film("b.mkv") is None


def test_a_comparison_of_results_has_what_both_say(
    here: Path, options: list[str], quick_weights: Path
) -> None:
    assert main(["film.mkv", "one.mkv", "-q", *options]) == 0
    mini = [*options[2:], "--weights", "mini"]
    assert main(["film.mkv", "two.mkv", "-q", *mini]) == 0
    assert main(["compare", "film.mkv", "one.mkv", "a.mkv", "-q"]) == 0
    assert label_of_film("a.mkv") == label_of_film("one.mkv") is not None
    assert main(["compare", "one.mkv", "two.mkv", "b.mkv", "-q"]) == 0
    label = label_of_film("b.mkv")
    assert label
    assert (label.name, label.others) == ("mini", (("", file_sha256(quick_weights)),))
