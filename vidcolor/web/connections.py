"""Connections to the server, bounded: who says nothing makes room for who asks.

Uvicorn bounds neither how many there are nor how long a request's head may take; an application
hears of a connection only once its head is there.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 256
"""Open connections; twice as many while some are so young that their request may be on its way. A
process may usually open 1024 files."""

YOUNG = 1.0
"""Seconds."""

PATIENCE = 10.0
"""Seconds that a connection may stay without a request that is being answered."""


class Gate(H11Protocol):
    """A connection that ends when it asks nothing for long, or when others need its place.

    The place is taken first from one that was answered, then from the one that was silent longest.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection; another one makes room for it where there are too many."""
        super().connection_made(transport)
        self.since = self.loop.time()
        self._timer = self.loop.call_later(PATIENCE, self._look)
        there = [one for one in self.connections if not one.transport.is_closing()]
        if len(there) > MOST:
            silent = [one for one in there if isinstance(one, Gate) and one.silent]
            worst = min(silent, key=lambda one: (one.cycle is None, one.since), default=self)
            young = worst.cycle is None and self.since - worst.since < YOUNG
            if not young or len(there) > 2 * MOST:
                worst.transport.abort()

    @property
    def silent(self) -> bool:
        """Whether no request of it is being answered."""
        return self.cycle is None or bool(self.cycle.response_complete)

    def on_response_complete(self) -> None:
        """Count its silence from here."""
        self.since = self.loop.time()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._timer.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """End it where it has been silent for too long."""
        left = self.since + PATIENCE - self.loop.time()
        if self.silent and left <= 0:
            self.transport.abort()
        else:
            self._timer = self.loop.call_later(left if left > 0 else PATIENCE, self._look)


def quiet(_loop: asyncio.AbstractEventLoop, _context: dict[str, Any]) -> None:
    """Say nothing of connections that end badly: what strangers do is nothing to the terminal."""
