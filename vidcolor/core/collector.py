"""Python's garbage collector, which looks through all of torch again and again while it loads."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """Without the collector: for the imports with torch of a process that is the program's own.

    They leave no garbage; what they made is never looked at again, either.
    """
    if "torch" in sys.modules:  # there is little left to import
        yield
        return
    works = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if works:
            gc.enable()
