"""What ``-v`` shows: the lines of the logger ``vidcolor``, on stderr."""

from __future__ import annotations

import logging
import sys

from vidcolor.cli.text import printable, say

TOLD_ANYWAY = ("vidcolor.run.report", "vidcolor.cluster.ray_backend")
"""What these loggers say is printed without them."""


class LogLines(logging.Handler):
    """Prints each record on a line of its own, above a bar that may be there."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s", "%H:%M:%S"))
        self.addFilter(lambda record: record.name not in TOLD_ANYWAY)

    def emit(self, record: logging.LogRecord) -> None:
        """Print it."""
        try:
            line = self.format(record)
            bars = sys.modules.get("tqdm")
            if bars is None:
                say(line)
            else:
                bars.tqdm.write(printable(line), file=sys.stderr)
        except Exception:  # as all handlers do: a line of a log is not worth a film
            self.handleError(record)


def show_log() -> None:
    """Print what vidcolor logs until `hide_log`."""
    logger = logging.getLogger("vidcolor")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(LogLines())


def hide_log() -> None:
    """Print it no more."""
    logger = logging.getLogger("vidcolor")
    for handler in [one for one in logger.handlers if isinstance(one, LogLines)]:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
