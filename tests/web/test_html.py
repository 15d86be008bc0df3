"""What the page says; names and tags of films never become HTML."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from vidcolor.web import html as words
from vidcolor.web import paint_html
from vidcolor.web.library import Film
from vidcolor.web.opened import Opened
from vidcolor.web.shot_scanner import Shots

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;.mp4"


def opened(seconds: str = "10", rate: str = "25", **facts: Any) -> Opened:
    known = {"width": 640, "height": 480, "rate": rate, "seconds": seconds}
    known |= {"sound": 1, "subtitles": 0, "title": "", "notes": []} | facts
    return Opened(Film("0123", Path("reel.mp4"), facts.get("name", "reel.mp4")), known)


class Page(HTMLParser):
    """Tags with their attributes, and all text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    "html",
    [
        words.facts(opened(title=EVIL, notes=[EVIL], name=EVIL)),
        words.promise(EVIL),
    ],
)
def test_a_stranger_s_text_stays_text(html: str) -> None:
    page = Page(html)
    assert EVIL in page.text
    assert not {tag for tag, _ in page.tags} & {"script", "img"}
    assert not [key for _, given in page.tags for key in given if key.startswith("on")]


def test_the_facts_of_a_film() -> None:
    page = Page(words.facts(opened(seconds="3725", rate="24000/1001", subtitles=2, sound=2)))
    assert "reel.mp4" in page.text
    assert "1:02:05 · 640 x 480 · 23.98 frames/s · 2 sound tracks · subtitles" in page.text
    assert "silent" in words.facts(opened(sound=0))


def frames_of(html: str) -> list[int]:
    return [int(given["data-frame"] or "") for tag, given in Page(html).tags if tag == "button"]


def test_the_strip_is_even_until_shots_are_known() -> None:
    even = frames_of(words.strip(opened(), Shots()))
    assert len(even) == words.EVENLY
    assert even[0] == 0
    assert max(b - a for a, b in pairwise(even)) <= 250 // words.EVENLY + 1
    found = Shots([Fraction(0), Fraction(2), Fraction(401, 100)], Fraction(401, 100))
    html = words.strip(opened(), found)
    assert frames_of(html) == [0, 50, 100]
    assert "3 shots so far, up to 0:04" in html
    found.over = found.finished = True
    assert "3 shots<" in words.strip(opened(), found)


def test_the_buttons_of_the_strip_say_what_they_are() -> None:
    def names(html: str) -> list[str | None]:
        return [given.get("aria-label") for tag, given in Page(html).tags if tag == "button"]

    found = Shots([Fraction(0), Fraction(8)], over=True, finished=True)
    assert names(words.strip(opened("20"), found)) == ["Shot 1, 0:00", "Shot 2, 0:08"]
    assert names(words.strip(opened("20"), Shots()))[1] == "Sample 2, 0:00"
    assert "Finding shots… (24 sample frames meanwhile)" in words.strip(opened("20"), Shots())


def test_the_facts_of_a_picture() -> None:
    page = Page(words.facts(opened(seconds="1/25", picture=True, sound=0)))
    assert "picture · 640 x 480" in page.text
    assert "silent" not in page.text


def test_the_strip_of_a_film_with_one_frame() -> None:
    one = opened(seconds="1/25")
    assert frames_of(words.strip(one, Shots())) == [0]
    assert frames_of(words.strip(one, Shots([Fraction(0)], over=True, finished=True))) == [0]
    assert "vidcolor/films/0123/0.jpg" in words.strip(
        one, Shots([Fraction(0)], over=True, finished=True)
    )


@pytest.mark.parametrize("rate", ["25", "24000/1001", "30000/1001", "50"])
def test_a_frame_and_its_time_belong_together(rate: str) -> None:
    film = opened(seconds="7200", rate=rate)
    for frame in (0, 1, 999, 86_399, film.frames - 1):
        begins = frame / Fraction(rate)
        rounded = Fraction(round(begins * 1000), 1000)  # as Matroska keeps it
        assert film.frame(begins) == film.frame(rounded) == frame
        assert rounded < film.moment(frame) < begins + 1 / Fraction(rate)
    assert film.moment(-5) == film.moment(0)
    assert film.moment(10**9) == film.moment(film.frames - 1)


def test_scans_ask_how_many_are_a_second() -> None:
    scans = opened(rate="24000/1001")
    assert "fps" not in words.facts(scans)
    film = replace(scans.film, is_scans=True, fps=scans.rate)
    page = Page(words.facts(replace(scans, film=film)))
    (field,) = [given for tag, given in page.tags if tag == "input"]
    assert (field["id"], field["value"]) == ("fps", "23.976")
    assert Names(words.facts(replace(scans, film=film))).nameless == []
    assert "240 scans" in page.text


def test_the_folder_has_a_name() -> None:
    assert words.listed_label(["films"]) == "Open from the folder \u201cfilms\u201d"
    assert words.listed_label(["a", "b"]) == "Open from a folder"


def test_times() -> None:
    assert words.clock(5400) == "1:30:00"
    assert words.clock(59.9) == "0:59"


class Names(HTMLParser):
    """Which controls of a page a screen reader has no name for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.nameless: list[str] = []
        self.seen = 0
        self._label = False
        self._open: list[str] = []  # the button or link in hand, and its words
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self._label = self._label or tag == "label"
        if tag in ("button", "a", "summary"):
            self._open = [named.get("aria-label") or ""]
        elif tag in ("input", "select", "textarea", "canvas", "video", "ul"):
            self.seen += 1
            hidden = named.get("aria-hidden") == "true"
            if not (self._label or named.get("aria-label") or hidden):
                self.nameless.append(str(attrs))

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[0] += data.strip()

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._label = False
        elif tag in ("button", "a", "summary") and self._open:
            self.seen += 1
            if not self._open.pop():
                self.nameless.append(tag)


def test_all_that_sets_colors_has_a_name() -> None:
    names = Names(paint_html.TABS + paint_html.EASEL + paint_html.DETAILS)
    assert names.nameless == []
    assert names.seen > 35
    assert Names("<button></button><input type='text'>").nameless


def test_tabs_and_tools_name_what_they_rule() -> None:
    text = words.VIEW
    for name in re.findall(r'aria-(?:controls|labelledby|describedby)="([^"]+)"', text):
        assert f'id="{name}"' in text
