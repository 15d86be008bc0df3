"""``python -m vidcolor`` and the ``vidcolor`` command."""

from __future__ import annotations

import sys

from vidcolor.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
