"""Ray itself: connected to, or started on this machine, where nobody else can reach it."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from vidcolor.core.files import printable
from vidcolor.core.platform import short_temp_folder
from vidcolor.core.threads import usable_cores
from vidcolor.errors import ClusterError
from vidcolor.settings import ClusterSettings

OBJECTS = 100 << 20
"""Bytes of the object store of a Ray that is started here; next to nothing goes through it."""


@contextmanager
def started_ray(settings: ClusterSettings) -> Iterator[tuple[Any, bool]]:
    """Ray, connected to a cluster or started here, and whether it was the latter.

    Raises:
        ClusterError: It is not installed, or cannot be reached or started.
    """
    address = settings.address or os.environ.get("RAY_ADDRESS") or "local"
    local = address == "local"
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if local and "RAY_AUTH_MODE" not in os.environ:
        # Its ports are open to the network: only who has the token may use them. It stays for the
        # process, since Ray remembers the first one that it sees.
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    try:
        import ray
        import ray._private.worker as inside
    except ImportError as error:
        raise ClusterError("--cluster needs Ray: pip install 'vidcolor[cluster]'") from error
    words: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    with ExitStack() as held:
        # It would print to stdout what it tells by exceptions, too.
        held.callback(setattr, inside, "print_to_stdstream", inside.print_to_stdstream)
        inside.print_to_stdstream = lambda *_, **__: None
        if local:
            words |= {"num_cpus": usable_cores(), "object_store_memory": OBJECTS}
            words |= {"include_dashboard": False, "_temp_dir": held.enter_context(own_folder())}
        with own_signals():
            try:
                ray.init(address, **words)
            except Exception as error:  # of a dozen kinds
                reason = printable((str(error) or type(error).__name__).splitlines()[0])
                what = "cannot start Ray here" if local else f"no Ray cluster at {address}"
                hint = "" if local else ", or it has another token (docs/scaling.md)"
                raise ClusterError(f"{what}: {reason}{hint}") from error
        try:
            yield ray, local
        finally:
            with own_signals():
                ray.shutdown()


@contextmanager
def own_folder() -> Iterator[str]:
    """A folder for a Ray that is started here, which nobody else on the machine may look into.

    Ray opens the folder that it is given to everybody, its sockets and logs with it. So it gets one
    inside of a folder that only this user may enter. Names of sockets are short, so it lies where
    temporary files do by the shortest name. It goes in the end.
    """
    outer = mkdtemp(prefix="vidcolor-ray-", dir=short_temp_folder())
    try:
        yield os.path.join(outer, "r")
    finally:
        rmtree(outer, ignore_errors=True)


@contextmanager
def own_signals() -> Iterator[None]:
    """Gives signals back to those who had them, since Ray takes them for itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
