"""What the tests of the whole command share: the film synthesiser's folder, and the command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import pytest
from browsing import CHROMIUM, CHROMIUM_WORDS
from command import Command
from reels import build
from shared import save_quick_net


@pytest.fixture(scope="session")
def reel(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The source of a row by name; made once, shared by all rows that only read it."""
    folder = tmp_path_factory.mktemp("reels")

    @cache
    def make(name: str) -> Path:
        return build(name, folder)

    return make


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those of a net that is quicker still than that of the other tests."""
    return save_quick_net(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="session")
def nets() -> Callable[..., object]:
    """Reads a weights file once: most of a second, and the same net each time."""
    from vidcolor.nets.weights import load_weights

    return lru_cache(maxsize=2)(load_weights)


@pytest.fixture
def command(
    tiny_weights: Path,
    nets: Callable[..., object],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    """``command(film, target, *options)`` runs ``vidcolor`` in this process."""
    monkeypatch.setattr("vidcolor.colorize.colorizer.load_weights", nets)
    return Command(tiny_weights, capfd)


@pytest.fixture
def browser() -> Iterator[Any]:
    """A real one, as a person has it."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here (Debian: apt install chromium)")
    api = pytest.importorskip("playwright.sync_api", reason="needs pip install playwright")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_WORDS)
        yield browser
        browser.close()
