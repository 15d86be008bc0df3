"""The collector rests while modules are imported, and works as before afterwards."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from vidcolor.core.collector import quick_imports


@pytest.fixture(autouse=True)
def without_torch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    yield
    gc.unfreeze()


@pytest.mark.parametrize("works", [True, False])
def test_collector_is_as_it_was(works: bool) -> None:
    before = gc.isenabled()
    (gc.enable if works else gc.disable)()
    try:
        with quick_imports():
            assert not gc.isenabled()
        assert gc.isenabled() == works
    finally:
        (gc.enable if before else gc.disable)()


def test_what_was_imported_is_not_looked_at_again() -> None:
    with quick_imports():
        made = [[]]
    assert not any(one is made for one in gc.get_objects())


def test_collector_works_on_where_torch_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", sys)
    before = gc.get_freeze_count()
    with quick_imports():
        assert gc.isenabled()
    assert gc.get_freeze_count() == before
