"""What runs remember of pictures is kept out of the user's cache folder."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="package")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        fonts = os.path.expanduser("~/.cache/matplotlib")  # which takes seconds to find them
        patch.setenv("MPLCONFIGDIR", os.environ.get("MPLCONFIGDIR", fonts))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
