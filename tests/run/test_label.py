"""A colored file says that it was colored, in the same bytes however it was made."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest
from films import Spec, make_film
from guided import guided_settings, shot_times, write_shots
from PIL import Image
from run_specs import SPEC
from stills import saved, scene
from test_guided_run import stop

from vidcolor.cli.main import main
from vidcolor.core.files import file_sha256
from vidcolor.core.label import Label, find_label
from vidcolor.core.report import Report
from vidcolor.errors import JobDiffers
from vidcolor.guidance.types import ColorSheet, Stretch
from vidcolor.media.images.metadata import JPEG_XMP
from vidcolor.media.images.reader import Still
from vidcolor.media.images.xmp_label import SOURCE_TYPE, add_to_xmp, find_in_xmp
from vidcolor.nets.weights import available_weights
from vidcolor.run.label import label_of
from vidcolor.run.pipe import colorize_to
from vidcolor.run.video import colorize_video
from vidcolor.settings import OutputSettings, Settings

A, B = "0123456789abcdef" * 4, "b" * 32
LABEL = Label("0.1.0", A, "default", B)
OFF = OutputSettings(label=False)
SHEET = ColorSheet(stretches=(Stretch(*shot_times(1), saturation=2.0),))
NAMESPACE = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"


def packet(inner: str, about: str = "") -> bytes:
    """An XMP packet, as other programs write it."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-'
        f'rdf-syntax-ns#"><rdf:Description rdf:about="{about}" xmlns:dc="http://purl.org/dc/'
        f'elements/1.1/" xmlns:ext="{NAMESPACE}"{inner}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


TITLED = packet(' dc:format="image/png">')


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    return guided_settings(quick_weights)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_shots(tmp_path / "film.mkv", shots=3)


Colors = Callable[..., tuple[Path, Report]]


@pytest.fixture
def colored(tmp_path: Path, settings: Settings) -> Colors:
    """Colors a picture with this XMP; the target and the report."""

    def color(name: str, xmp: bytes = b"", **more: Any) -> tuple[Path, Report]:
        (tmp_path / "in.png").write_bytes(saved(scene(), "PNG"))
        if xmp:
            (tmp_path / "in.tif").write_bytes(saved(scene(), "TIFF", tiffinfo={700: xmp}))
        source = tmp_path / ("in.tif" if xmp else "in.png")
        report = colorize_video(source, tmp_path / name, settings=replace(settings, **more))
        return tmp_path / name, report

    return color


def tags(path: Path) -> dict[str, str]:
    with av.open(path) as container:
        return {key.lower(): value for key, value in container.metadata.items()}


def test_a_label_is_read_as_it_was_written() -> None:
    nets = ("mini", B * 2), ("", "c" * 64)
    for label in (
        LABEL,
        Label("0.1.0", A),
        Label("1.0.dev2+x", A, sheet=B),
        replace(LABEL, others=nets),
        Label("0.1.0", A, others=nets[1:]),
    ):
        assert find_label(label.added_to("a comment")) == label
        assert find_in_xmp(add_to_xmp(b"", label)) == label
        assert label.is_like(replace(label, name="x"))
        assert not label.is_like(replace(label, others=(("", A),)))
    assert replace(LABEL, others=nets).short == (
        "vidcolor 0.1.0, weights default 01234567, other weights mini bbbbbbbb and cccccccc,"
        " color sheet bbbbbbbb"
    )
    assert LABEL.short == "vidcolor 0.1.0, weights default 01234567, color sheet bbbbbbbb"
    for text in ("", "vidcolor 0.1.0", f"vidcolor 1, weights sha256:{A[:-1]}"):
        assert find_label(text) is None


def test_a_new_label_takes_the_place_of_the_old_one() -> None:
    again = Label("0.2.0", B * 2)
    comment = LABEL.added_to("by Karl\nin 1932")
    assert again.added_to(comment) == f"by Karl\nin 1932\nColored by {again}"
    assert again.added_to(LABEL.added_to("")) == f"Colored by {again}"


def test_a_label_knows_the_name_of_shipped_weights_and_nothing_but_the_spec() -> None:
    shipped = available_weights()["default"].sha256
    spec = replace(SPEC, label=True, versions={"vidcolor": "0.1.0"}, colors=B)
    spec = replace(spec, net=replace(SPEC.net, weights=shipped))
    assert label_of(spec) == Label("0.1.0", shipped, "default", B)
    elsewhere = replace(spec, net=replace(spec.net, device="cuda H200", batch=16))
    assert label_of(elsewhere) == label_of(spec)
    assert label_of(replace(spec, label=False)) is label_of(None) is None
    mini = available_weights()["mini"].sha256
    others = replace(spec, net=replace(spec.net, others={"mini": mini, "x.safetensors": A}))
    assert label_of(others) == Label("0.1.0", shipped, "default", B, (("", A), ("mini", mini)))


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize("key", ["comment", "COMMENT"])
def test_every_container_keeps_it_beside_the_comment_of_the_film(
    suffix: str, key: str, tmp_path: Path, settings: Settings, quick_weights: Path
) -> None:
    container = {"comment": "in.mp4", "COMMENT": "in.mkv"}[key]
    told = {key: "from the attic", "title": "Emma"}
    source, target = tmp_path / container, tmp_path / f"out{suffix}"
    make_film(source, Spec(codec="libx264", metadata=told))
    colorize_video(source, target, settings=settings)
    first, last = tags(target)["comment"].split("\n")
    assert (first, tags(target)["title"]) == ("from the attic", "Emma")
    label = find_label(last)
    assert label
    assert label.weights == file_sha256(quick_weights)
    assert not label.name
    assert not label.sheet


def test_no_label_leaves_it_out(film: Path, settings: Settings) -> None:
    target = film.with_name("out.mp4")
    colorize_video(film, target, settings=replace(settings, output=OFF))
    assert "comment" not in tags(target)


@pytest.mark.usefixtures("quick_guide")
def test_a_resumed_run_writes_the_label_of_the_sheet_as_it_is_now(
    film: Path, settings: Settings
) -> None:
    target, other = film.with_name("out.mp4"), film.with_name("other.mp4")
    stop(film, target, settings, None, after=1)
    report = colorize_video(film, target, settings=settings, colors=SHEET)
    assert report.resumed
    colorize_video(film, other, settings=settings, colors=SHEET)
    assert target.read_bytes() == other.read_bytes()
    label = find_label(tags(target)["comment"])
    assert report.spec
    assert label == label_of(report.spec)
    assert label
    assert label.sheet == report.spec.colors != ""


def test_a_run_is_not_resumed_with_another_word_about_the_label(
    film: Path, settings: Settings
) -> None:
    target = film.with_name("out.mp4")
    stop(film, target, settings, None, after=1)
    with pytest.raises(JobDiffers, match="label was True, is now False"):
        colorize_video(film, target, settings=replace(settings, output=OFF))


def test_what_leaves_through_a_pipe_has_it(film: Path, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "in.png").write_bytes(saved(scene(), "PNG"))
    for source, output in ((film, OutputSettings()), (film, OFF)):
        pipe = io.BytesIO()
        colorize_to(pipe, source, settings=replace(settings, output=output))
        (tmp_path / "out.mkv").write_bytes(pipe.getvalue())
        assert ("comment" in tags(tmp_path / "out.mkv")) is output.label
    pipe = io.BytesIO()
    colorize_to(pipe, tmp_path / "in.png", settings=settings)
    (tmp_path / "out.png").write_bytes(pipe.getvalue())
    assert find_in_xmp(Still(tmp_path / "out.png").photo().extras.xmp)


@pytest.mark.parametrize("name", ["out.png", "out.jpg", "out.tif"])
@pytest.mark.parametrize("xmp", [b"", TITLED])
def test_pictures_say_it_in_the_words_of_iptc(name: str, xmp: bytes, colored: Colors) -> None:
    target, report = colored(name, xmp)
    found = Still(target).photo().extras.xmp
    assert report.spec
    assert find_in_xmp(found) == label_of(report.spec)
    assert found.count(SOURCE_TYPE.encode()) == 1
    assert (b'dc:format="image/png"' in found) is bool(xmp)
    assert ("XMP" in report.carried) is bool(xmp)  # the label was not carried
    with Image.open(target) as picture:  # another reader finds it
        assert picture.size == scene().shape[::-1]
        other = picture.info.get("xmp") or picture.info["XML:com.adobe.xmp"].encode()
    told = ElementTree.fromstring(other).iter(f"{{{NAMESPACE}}}DigitalSourceType")
    assert [one.text for one in told] == [SOURCE_TYPE]


def test_pictures_without_a_label_have_nothing_new(colored: Colors) -> None:
    assert Still(colored("a.png", output=OFF)[0]).photo().extras.xmp == b""
    assert Still(colored("b.png", TITLED, output=OFF)[0]).photo().extras.xmp == TITLED


@pytest.mark.parametrize(
    "inner",
    [
        f' ext:DigitalSourceType="{SOURCE_TYPE[:-9]}">',
        "><ext:DigitalSourceType>x</ext:DigitalSourceType><ext:AISystemUsed>y</ext:AISystemUsed>",
        " ext:AISystemUsed='x'><ext:DigitalSourceType/>",
    ],
)
def test_what_xmp_says_of_the_same_is_replaced(inner: str) -> None:
    again = Label("0.2.0", B * 2)
    once = add_to_xmp(packet(inner, about="uuid:1"), LABEL)
    for made, label in ((once, LABEL), (add_to_xmp(once, again), again)):
        assert find_in_xmp(made) == label
        for word in (b":DigitalSourceType>", b":AISystemUsed>", b":AISystemVersionUsed>"):
            assert made.count(word) == 2  # it begins and ends once
        assert b"DigitalSourceType=" not in made
        assert made.count(b'about="uuid:1"') >= 2  # both are told of one picture


RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
UNUSUAL = [
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"/></x:xmpmeta>',
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF\n xmlns:rdf = "{RDF}" /></x:xmpmeta>',
    f"<r:RDF xmlns:r='{RDF}'><r:Description r:about='uuid:2'/></r:RDF>",
    f'<RDF xmlns="{RDF}" xmlns:z="{RDF}"><Description z:about="uuid:2"/></RDF>',
    f'<r:RDF xmlns:r="{RDF}"><r:Description r:about="" xmlns:i="{NAMESPACE}"'
    ' i:AISystemUsed="other"><i:DigitalSourceType>x</i:DigitalSourceType></r:Description></r:RDF>',
    f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description><DigitalSourceType xmlns="{NAMESPACE}">x'
    "</DigitalSourceType></rdf:Description></rdf:RDF>",
]


@pytest.mark.parametrize("given", UNUSUAL)
def test_xmp_of_unusual_form_gets_the_label(given: str) -> None:
    again = Label("0.2.0", B * 2)
    made = add_to_xmp(add_to_xmp(given.encode(), LABEL), again)
    assert find_in_xmp(made) == again
    tree = ElementTree.fromstring(made)  # other readers understand it
    (root,) = [tree] if tree.tag == f"{{{RDF}}}RDF" else tree
    assert root.tag == f"{{{RDF}}}RDF"
    for name, value in (("DigitalSourceType", SOURCE_TYPE), ("AISystemUsed", str(again))):
        elements = [one.text for one in root.iter(f"{{{NAMESPACE}}}{name}")]
        assert elements == [value]
        assert not any(f"{{{NAMESPACE}}}{name}" in one.attrib for one in root.iter())
    abouts = {one.get(f"{{{RDF}}}about", "") for one in root}
    assert len(abouts) == 1  # all is told of one picture


def test_a_label_is_read_that_another_program_has_written_anew() -> None:
    assert find_in_xmp(packet(f' ext:AISystemUsed="{LABEL}">')) == LABEL
    assert find_in_xmp(packet(f"><ext:AISystemUsed>{LABEL}</ext:AISystemUsed>")) == LABEL
    assert find_in_xmp(packet(f' dc:AISystemUsed="{LABEL}">')) is None


def test_damaged_or_full_xmp_stays_as_it_is(colored: Colors) -> None:
    target, report = colored("a.png", b"<x:xmpmeta>")
    assert Still(target).photo().extras.xmp == b"<x:xmpmeta>"
    assert any("not labeled" in note for note in report.notes)
    full = packet(">" + " " * (JPEG_XMP - len(packet(">"))))
    target, report = colored("b.jpg", full)
    assert Still(target).photo().extras.xmp == full
    assert any("not labeled" in note for note in report.notes)
    assert find_in_xmp(Still(colored("c.tif", full)[0]).photo().extras.xmp)


def test_info_tells_it(
    film: Path, quick_weights: Path, capsys: pytest.CaptureFixture[str], colored: Colors
) -> None:
    out, bare = str(film.with_name("out.mkv")), str(film.with_name("bare.mkv"))
    options = ["--weights", str(quick_weights), "--device", "cpu", "--size", "64", "-q"]
    assert main([str(film), out, *options]) == 0
    assert main([str(film), bare, *options, "--no-label"]) == 0
    capsys.readouterr()
    short = file_sha256(quick_weights)[:8]
    for name in (out, str(colored("o.jpg")[0])):
        assert main(["info", name]) == 0
        line = f"label      colored by vidcolor [0-9.a-z]+, weights {short}"
        assert re.search(f"^{line}$", capsys.readouterr().out, re.MULTILINE)
    assert main(["info", bare]) == 0
    assert "colored by" not in capsys.readouterr().out
    main(["info", out, "--json"])
    assert json.loads(capsys.readouterr().out)["label"]["weights"] == file_sha256(quick_weights)
