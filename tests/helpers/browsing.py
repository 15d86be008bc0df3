"""The real ``vidcolor serve`` in a process, and a real browser that uses its page."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np

ROOT = Path(__file__).parents[2]
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
CHROMIUM_WORDS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
PATIENCE = 120_000
"""Milliseconds that the page may take for a thing on a busy machine."""


@dataclass
class Serving:
    """A server in a process of its own."""

    process: subprocess.Popen[str]
    address: str
    room: Path
    """Its folder for temporary files."""
    said: list[str] = field(default_factory=list)

    @property
    def base(self) -> str:
        return self.address.split("?")[0]

    def end(self) -> float:
        """Seconds that Ctrl-C takes."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.said.append(self.process.communicate(timeout=20)[1])
        return time.monotonic() - began


def start_server(words: list[str], room: Path) -> Serving:
    """Start ``vidcolor`` with these words; ``room`` is its folder for temporary files."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vidcolor", *words],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(room)},
    )
    assert process.stderr
    said, address = [], ""
    while not address and (line := process.stderr.readline()):
        said.append(line)
        address = next(iter(re.findall(r"http://127\.0\.0\.1:\d+/\?token=\S+", line)), "")
    assert address, said
    return Serving(process, address, room, said)


class Visit:
    """A page with what it asked for and complained of."""

    def __init__(self, browser: Any, address: str) -> None:
        self.page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        self.page.set_default_timeout(PATIENCE)
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda message: message.type == "error" and self.complaints.append(message.text),
        )
        self.page.goto(address)

    def count(self, end: str) -> int:
        """How often the page asked for what ends like this."""
        return sum(url.endswith(end) for url in self.asked)

    def choose(self, name: str) -> str:
        """Chooses a film of the folder; what stands below its picture once it is in color."""
        self.page.click("#listed input")
        self.page.click(f"[role=option] >> text={name}")
        self.page.locator(".facts h2", has_text=name).wait_for()
        return self.settled()

    def come_back(self) -> None:
        """Leaves the page and opens it again.

        What a page is asking for when it is left is aborted (Gradio closes its client on
        `beforeunload`), in words that depend on the moment: they are no complaint of either page.
        """
        address = self.page.url
        assert self.complaints == []
        self.page.goto("about:blank")
        self.complaints.clear()
        self.page.goto(address)

    def settled(self) -> str:
        """Waits until the preview has what it was asked for; what stands below it."""
        self.page.wait_for_function(
            "document.querySelector('#moment b') && !document.querySelector('#moment .busy')"
        )
        return str(self.page.inner_text("#moment"))

    def moved_from(self, moment: str) -> str:
        """Waits until the preview shows another frame; what stands below it then."""
        self.page.wait_for_function(
            "told => document.querySelector('#moment').innerText !== told", arg=moment
        )
        return self.settled()

    def pictures(self) -> tuple[np.ndarray, np.ndarray]:
        """(H, W, 3) before and after, as the browser got them."""
        sources = self.page.eval_on_selector_all("#picture img", "all => all.map(one => one.src)")
        kinds = {kind: url for url in sources for kind in ("before", "after") if kind in url}
        bodies = [self.page.request.get(kinds[kind]).body() for kind in ("before", "after")]
        before, after = (read_jpeg(body) for body in bodies)
        return before, after

    def set(self, dial: str, value: str) -> None:
        self.page.fill(f"{dial} input[type=number]", value)
        self.page.press(f"{dial} input[type=number]", "Enter")

    def job(self) -> Any:
        return self.page.locator("#queue .job")


def press(job: Any, word: str) -> Any:
    """What can be pressed of a row of the queue."""
    return job.locator(f".acts >> text={word}")


def read_jpeg(body: bytes) -> np.ndarray:
    with av.open(io.BytesIO(body)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")
