"""Puts limits on this process, then becomes another module's: what touches strangers' films.

``python -m vidcolor.web.launch PARENT NICE FILE_BYTES MODULE ARGUMENT...``
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

OPEN_FILES = 512
_PR_SET_PDEATHSIG = 1


def limit(parent: int, nice: int, file_bytes: int) -> None:
    """No core files, few open files, none larger than ``file_bytes``; end with the parent."""
    os.nice(nice)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before it could be told
            raise SystemExit(1)
    try:
        import resource
    except ImportError:  # Windows
        return
    bounds = {resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: OPEN_FILES}
    bounds[resource.RLIMIT_FSIZE] = file_bytes
    for kind, most in bounds.items():
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    limit(*map(int, sys.argv[1:4]))
    os.execv(sys.executable, [sys.executable, "-m", *sys.argv[4:]])
