"""Lets this process live by the rules of Windows, as far as files and calls go.

Call `apply` before vidcolor is imported. Then open files can be neither removed nor renamed,
whoever has opened them, folders cannot be opened, names such as ``CON`` are refused,
and what only POSIX has is not there.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

MISSING_MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog")
MISSING_NAMES = (
    *("fork", "forkpty", "nice", "getuid", "geteuid", "getgid", "killpg", "getpgid", "setsid"),
    *("sysconf", "fchmod", "fchown", "chown", "mkfifo", "mknod", "uname", "getloadavg"),
    *("sched_getaffinity", "sched_setaffinity", "sched_getscheduler", "sched_setscheduler"),
    *("sched_getparam", "set_blocking", "register_at_fork", "pread", "pwrite", "sendfile"),
    *("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_DIRECTORY"),
)


def apply() -> None:
    """Apply them, until the process ends."""
    for library in ("multiprocessing", "tempfile", "torch", "torchvision", "av", "cv2"):
        import_module(library)  # they are not what is tested
    assert "vidcolor" not in sys.modules
    from vidcolor.core import platform  # its view of the system is changed below

    for name in MISSING_MODULES:
        sys.modules[name] = None  # type: ignore[assignment]
    platform.fcntl = platform.resource = None  # type: ignore[assignment]
    platform.WINDOWS, platform.LINUX = True, False
    platform.CAREFUL = platform.PATIENT = 0
    for name in MISSING_NAMES:
        if hasattr(os, name):
            delattr(os, name)
    shutil._use_fd_functions = False  # type: ignore[attr-defined]
    for name in ("unlink", "remove", "replace", "rename"):
        setattr(os, name, _refuse_open(getattr(os, name)))
    os.open = _refuse_folders(os.open)


def open_files() -> Iterator[str]:
    """Real paths of what any process of this user has open."""
    for process in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):  # it has ended, or is somebody else's
            for number in os.listdir(f"/proc/{process}/fd"):
                with suppress(OSError):  # it was closed meanwhile
                    yield os.readlink(f"/proc/{process}/fd/{number}")


def _refuse_open(call: Callable[..., Any]) -> Callable[..., Any]:
    def careful(*paths: Any, **words: Any) -> Any:
        taken = set(open_files())
        for path in paths:
            if os.path.realpath(path) in taken:
                raise PermissionError(errno.EACCES, "is open in a process", str(path))
        return call(*paths, **words)

    return careful


def _refuse_folders(call: Callable[..., int]) -> Callable[..., int]:
    def careful(path: Any, *rest: Any, **words: Any) -> int:
        if Path(path).is_dir():
            raise PermissionError(errno.EACCES, "is a folder", str(path))
        file = call(path, *rest, **words)
        assert not stat.S_ISDIR(os.fstat(file).st_mode)
        return file

    return careful


def main() -> None:
    """Run commands of vidcolor, one after the other; write their exit codes as JSON."""
    apply()
    from vidcolor.cli.main import main as run

    codes = [run(words) for words in json.loads(sys.argv[1])]
    sys.stdout.write(json.dumps(codes) + "\n")


if __name__ == "__main__":
    main()
