"""The docs: each command is in the reference, links lead somewhere, and the site builds."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

import av
import pytest
import yaml
from browsing import CHROMIUM, CHROMIUM_WORDS
from manual.__main__ import ELSEWHERE, gather, write_python_page
from manual.command_line import make_parsers, write_page

import vidcolor
from vidcolor.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *(ROOT / p for p in ELSEWHERE)]
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"^(?: {4}| {0,3}\t).*$|`[^`\n]+`", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them; the site makes the same."""
    text = _FENCE.sub("", page.read_text())
    found: Counter[str] = Counter()
    names = set()
    for title in re.findall(r"^#+ +(.+?) *#*$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        names.add(f"{name}-{found[name]}" if found[name] else name)
        found[name] += 1
    return names


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Files and anchors that a page links to in this repository."""
    text = _CODE.sub("", _FENCE.sub("", page.read_text()))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            file, _, anchor = target.partition("#")
            yield file, anchor


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_and_anchors_lead_somewhere(page: Path) -> None:
    for file, anchor in links(page):
        target = page.parent / file if file else page
        assert target.exists(), file
        if anchor:
            assert anchor in anchors(target), f"{file}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_list_begins_after_an_empty_line(page: Path) -> None:
    """GitHub takes it for a list without that, the site does not."""
    text = _FENCE.sub("", page.read_text())
    assert not re.search(r"^(?![-*#|>] )\S.*\n(?=[-*] )", text, re.MULTILINE)


def test_links_are_found() -> None:
    assert ("docs/performance.md", "on-a-gpu") in set(links(ROOT / "README.md"))
    assert "on-a-gpu" in anchors(ROOT / "docs/performance.md")


def test_the_reference_has_every_command_and_every_option() -> None:
    text = write_page()
    sections = re.split(r"^## .*\{#(\w+)\}$", text, flags=re.MULTILINE)
    found = dict(zip(sections[1::2], sections[2::2], strict=True))
    assert set(found) == {"color", *COMMANDS}
    for name, parser in make_parsers().items():
        for action in parser._actions:
            if action.help != argparse.SUPPRESS and "--help" not in action.option_strings:
                for option in action.option_strings:
                    assert re.search(rf"`[^`]*(?<![\w-]){option}[ ,`]", found[name]), option


def test_the_reference_has_no_placeholders() -> None:
    """``%(default)s`` and the like are filled in, and no explanation is empty."""
    assert "%(" not in write_page()
    assert not re.search(r"^:  *$", write_page(), re.MULTILINE)


def test_the_python_reference_has_every_public_name() -> None:
    found = re.findall(r"^::: vidcolor\.(\w+)$", write_python_page(), re.MULTILINE)
    assert sorted(found) == sorted(vidcolor.__all__)


def test_the_site_has_each_page_once(tmp_path: Path) -> None:
    gather(tmp_path / "site")
    pages = {path.name for path in (tmp_path / "site").glob("*.md")}
    text = (ROOT / "docs/mkdocs.yml").read_text()
    nav = yaml.safe_load("nav:" + text.partition("\nnav:")[2])["nav"]
    named = [page for part in nav for pages_of in part.values() for page in pages_of]
    assert sorted(named) == sorted(pages)
    for name in pages:
        for file, _ in links(tmp_path / "site" / name):
            assert not file or (tmp_path / "site" / file).exists(), f"{name}: {file}"
        shown = re.findall(
            r'(?:src|poster|href)="([^":#]+)"', (tmp_path / "site" / name).read_text()
        )
        assert all((tmp_path / "site" / file).exists() for file in shown), f"{name}: {shown}"
    styles = re.findall(r"^ +- (\S+\.(?:css|js))$", text, re.MULTILINE)
    assert styles
    assert all((tmp_path / "site" / file).exists() for file in styles), styles


def test_the_gallery_is_small_and_has_all_that_it_shows() -> None:
    """Videos play in the page, without sound, and with a picture before they do."""
    text = (ROOT / "docs/gallery.md").read_text()
    shown = re.findall(r'(?:src|poster|href)="(gallery/[^"]+)"', text)
    there = {f"gallery/{path.name}" for path in (ROOT / "docs/gallery").iterdir()}
    assert set(shown) == {name for name in there if not name.endswith((".js", ".css"))}
    assert sum(path.stat().st_size for path in (ROOT / "docs/gallery").iterdir()) < 3_000_000
    videos = re.findall(r"<video ([^>]+)>", text)
    assert len(videos) >= 4
    for words in videos:
        assert re.match(r"controls muted loop playsinline .*poster=.*aria-label=", words)
    for name in {name for name in shown if name.endswith(".mp4")}:
        with av.open(ROOT / "docs" / name) as film:
            assert [stream.type for stream in film.streams] == ["video"]
            assert film.streams.video[0].codec_context.name == "h264"
    assert all(re.findall(r'<img [^>]*alt="[^"]+"', text))


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. Warnings are errors: links, anchors, pages in no menu, unknown names."""
    if not all(map(find_spec, ("mkdocs", "material", "mkdocstrings"))):
        pytest.skip("MkDocs is not installed: pip install '.[docs]'")
    room = tmp_path_factory.mktemp("docs")
    gather(room / "pages")
    text = (ROOT / "docs/mkdocs.yml").read_text()
    text = text.replace("../build/docs", str(room / "pages")).replace("[..]", f"[{ROOT}]")
    (room / "mkdocs.yml").write_text(text)
    words = ["-m", "mkdocs", "build", "-f", room / "mkdocs.yml", "-d", room / "site"]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run([sys.executable, *words], env=quiet, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return room / "site"


@pytest.mark.slow
def test_the_site_has_all_pages_and_asks_no_other_host(site: Path) -> None:
    assert len(list(site.glob("*.html"))) > 20
    for page in site.glob("*.html"):
        fetched = re.findall(
            r"<(?:script|link|img|iframe)[^>]*(?:src|href)=\"?(https?:[^\" >]+)", page.read_text()
        )
        assert not fetched, f"{page.name}: {fetched}"


@contextmanager
def watched(site: Path, **words: Any) -> Iterator[tuple[Any, str, list[str]]]:
    """A page of a browser, the address of the site, and what the browser complains of."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here (Debian: apt install chromium)")
    api = pytest.importorskip("playwright.sync_api", reason="needs pip install playwright")
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, api.sync_playwright() as play:
        Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        browser = play.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_WORDS)
        page = browser.new_context(**words).new_page()
        complaints: list[str] = []
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith(base) else complaints.append(r.url))
        yield page, base, complaints
        browser.close()
        server.shutdown()
    assert not [one for one in complaints if not one.startswith(("data:", "blob:"))]


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_has_nothing_to_complain_of(site: Path, width: int) -> None:
    """No error in its console, no request to another host, and no page that scrolls sideways."""
    with watched(site, viewport={"width": width, "height": 844}) as (page, base, complaints):
        for path in sorted(site.glob("*.html")):
            if path.name != "404.html":
                page.goto(f"{base}/{path.name}", wait_until="load")
                if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    complaints.append(f"{path.name} scrolls sideways")


COLORFULNESS = """canvas => {
  const { width, height } = canvas, pen = canvas.getContext("2d");
  return [0, width / 2].map((left) => {
    const { data } = pen.getImageData(left, 0, width / 2, height);
    let sum = 0;
    for (let at = 0; at < data.length; at += 4) {
      const [r, g, b] = data.slice(at, at + 3);
      sum += Math.max(r, g, b) - Math.min(r, g, b);
    }
    return 4 * sum / data.length;
  });
}"""
"""Of the left and the right half of a canvas: mean distance of the three primaries."""


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_the_line_of_the_gallery_moves_and_its_videos_play(site: Path, width: int) -> None:
    """By keys, by the mouse and by a finger; both halves are always of the same frame."""
    small = width < 600
    words = {"viewport": {"width": width, "height": 844}, "has_touch": small, "is_mobile": small}
    with watched(site, **words) as (page, base, _):
        page.goto(f"{base}/gallery.html", wait_until="load")
        figure = page.locator("figure.wipe").first
        slider = figure.get_by_role("slider", name="Line between before and after")
        slider.focus()
        canvas = figure.locator("canvas")
        page.wait_for_function("document.querySelector('figure.wipe canvas').width > 2")
        gray, color = canvas.evaluate(COLORFULNESS)
        assert gray < 8 < color, (gray, color)
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        assert slider.get_attribute("aria-valuetext") == "1 percent before"
        assert canvas.evaluate(COLORFULNESS)[0] > 8
        box = figure.locator(".wipe-stage").bounding_box()
        assert box
        at = box["x"] + 0.75 * box["width"], box["y"] + 0.2 * box["height"]
        page.touchscreen.tap(*at) if small else page.mouse.click(*at)
        assert abs(int(slider.input_value()) - 75) <= 1
        # Two pictures, and a video that has both halves side by side.
        assert page.locator("figure.wipe .wipe-stage img").count() == 4
        assert page.locator("figure.play video[controls]").count() == 1
        if not page.evaluate("document.createElement('video').canPlayType('video/mp4')"):
            return  # Chromium without patented codecs
        figure.get_by_role("button", name="Play: A pagoda").click()
        page.wait_for_function("document.querySelector('figure.wipe video').currentTime > 0.3")
        figure.get_by_role("button", name="Pause: A pagoda").click()
        assert page.evaluate("document.querySelector('figure.wipe video').paused")


@pytest.mark.slow
def test_the_gallery_is_whole_without_scripts(site: Path) -> None:
    with watched(site, java_script_enabled=False) as (page, base, _):
        page.goto(f"{base}/gallery.html", wait_until="load")
        videos = page.locator("figure video[controls][poster]")
        assert videos.count() == 5
        assert all(video.is_visible() for video in videos.all())
        assert page.locator("figure.wipe > img:visible").count() == 4


def test_the_quick_start_lists_all_extras() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    table = (
        (ROOT / "docs/quick-start.md").read_text().partition("## Extras")[2].partition("\n## ")[0]
    )
    rows = re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(project["optional-dependencies"])
