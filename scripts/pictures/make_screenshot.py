#!/usr/bin/env python3
"""Draws docs/page.jpg: the page of ``vidcolor serve`` with the sample newsreel, in Chromium.

``python scripts/pictures/make_screenshot.py [OUT.jpg]``; needs
``pip install 'vidcolor[web]' playwright``.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FILM = ROOT / "samples" / "newsreel.mp4"
SHOT = 3
"""Which picture of the strip is clicked."""


def shoot(address: str, target: Path) -> None:
    """Open the page, choose the film and a frame, color it, and take the picture meanwhile."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1180, "height": 800})
        page.set_default_timeout(300_000)
        page.goto(address)
        page.click("#listed input")
        page.click(f"[role=option] >> text={FILM.name}")
        page.locator(".facts h2", has_text=FILM.name).wait_for()
        page.wait_for_function("document.querySelectorAll('.strip button').length === 7")
        page.click(f".strip button:nth-child({SHOT})")
        page.wait_for_timeout(2000)
        page.wait_for_function("!document.querySelector('#moment .busy')")
        page.click("#go")
        page.wait_for_function("document.querySelector('#queue progress')?.value > 0.4")
        page.screenshot(path=target, type="jpeg", quality=80, full_page=True)
        browser.close()


def main() -> None:
    """Serve, take the picture, stop."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "page.jpg"
    words = [sys.executable, "-m", "vidcolor", "serve", str(FILM.parent)]
    server = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr
        found = (re.search(r"http://\S+", line) for line in server.stderr)
        shoot(next(match[0] for match in found if match), target)
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate()
    print(f"{target}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
