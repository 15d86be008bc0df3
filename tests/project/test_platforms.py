"""What only some systems have has one home, and vidcolor can be imported without it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOME = ROOT / "vidcolor" / "core" / "platform.py"

MODULES = {
    *("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "posix", "readline"),
    *("select", "selectors", "msvcrt", "winreg", "nt", "ctypes", "curses"),
}
"""Modules that some systems do not have, or that do something else there."""
CALLS = {
    "os": {
        *("fork", "forkpty", "nice", "getuid", "geteuid", "getgid", "getegid", "setuid", "setgid"),
        *("kill", "killpg", "getpgid", "getpgrp", "setpgid", "setsid", "getpriority", "wait"),
        *("waitpid", "wait3", "wait4", "waitid", "sysconf", "confstr", "statvfs", "fstatvfs"),
        *("chown", "fchown", "lchown", "fchmod", "mkfifo", "mknod", "uname", "getloadavg"),
        *("sched_getaffinity", "sched_setaffinity", "sched_getscheduler", "sched_setscheduler"),
        *("sched_getparam", "sched_yield", "set_blocking", "get_blocking", "register_at_fork"),
        *("pread", "pwrite", "readv", "writev", "sendfile", "posix_fallocate", "posix_fadvise"),
        *("posix_spawn", "fdatasync", "sync", "openpty", "ttyname", "getxattr", "setxattr"),
        *("memfd_create", "eventfd", "pipe2", "lockf", "ctermid", "getlogin", "getgroups"),
        *("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_DIRECTORY", "O_SYNC", "O_BINARY"),
        *("startfile", "getppid", "execv", "execve", "execvp", "link", "symlink", "rename"),
    },
    "signal": {
        *("SIGKILL", "SIGHUP", "SIGQUIT", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGCHLD"),
        *("SIGSTOP", "SIGCONT", "SIGXCPU", "SIGBREAK", "CTRL_C_EVENT", "CTRL_BREAK_EVENT"),
        *("alarm", "setitimer", "pause", "sigwait", "pthread_kill", "pthread_sigmask"),
    },
    "socket": {"AF_UNIX", "SO_REUSEADDR", "SO_REUSEPORT", "SO_EXCLUSIVEADDRUSE", "fromfd"},
    "time": {"clock_gettime", "tzset", "CLOCK_MONOTONIC", "pthread_getcpuclockid"},
    "threading": {"pthread_getcpuclockid"},
}
"""Names of such functions; those of the last row of ``os`` exist, and do something else."""
WORDS = {"preexec_fn", "pass_fds", "start_new_session", "dir_fd", "process_group", "umask"}
"""Arguments that only POSIX takes."""
PLACES = ("/proc", "/sys/", "/dev/", "/tmp", "/etc/", "/var/")
"""Folders that only some systems have."""

ALLOWED = {
    # A job is started in a group of its own; Python takes the argument on Windows, too.
    ("vidcolor/web/processes.py", "start_new_session"),
    # The page is refused on Windows: see `vidcolor.cli.serve`.
    ("vidcolor/web/sandbox.py", "os.execv"),
    # Ends this process alone; on Windows at once.
    ("vidcolor/core/processes.py", "os.kill"),
}
"""Places that do the same everywhere, or where nothing is done elsewhere, and why."""


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def docstrings(tree: ast.Module) -> set[ast.AST]:
    """Texts that are no values: they may name what they like."""
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def finds(tree: ast.Module) -> Iterator[str]:
    """What a module has that only some systems do."""
    texts = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".")[0]
            if module in MODULES:
                yield module
            yield from (f"{module}.{a.name}" for a in node.names if a.name in CALLS.get(module, ()))
        elif isinstance(node, ast.Attribute):
            module = dotted(node.value)
            if node.attr in CALLS.get(module, ()):
                yield f"{module}.{node.attr}"
        elif isinstance(node, ast.keyword) and node.arg in WORDS:
            yield node.arg
        elif isinstance(node, ast.Call) and dotted(node.func).endswith("get_context"):
            yield from (f"get_context({a.value})" for a in node.args if isinstance(a, ast.Constant))
        elif isinstance(node, ast.Constant) and node not in texts:
            yield from (word for word in [node.value] if str(word).startswith(PLACES))


@cache
def sources() -> dict[Path, ast.Module]:
    """All modules."""
    paths = sorted((ROOT / "vidcolor").rglob("*.py"))
    return {path: ast.parse(path.read_text("utf-8")) for path in paths}


def test_what_only_some_systems_have_has_one_home() -> None:
    found = set()
    for path, tree in sources().items():
        name = path.relative_to(ROOT).as_posix()
        if path != HOME:
            found |= {(name, what) for what in finds(tree)}
    assert found - ALLOWED == set(), "such things belong into vidcolor/core/platform.py"
    assert found >= ALLOWED, "what is allowed and not there any more"


@pytest.mark.parametrize(
    "line",
    [
        "import fcntl",
        "from resource import getrlimit",
        "import os; os.nice(5)",
        "from os import getuid",
        "import signal; signal.signal(signal.SIGHUP, None)",
        "from signal import SIGKILL",
        "Popen([], preexec_fn=print)",
        "open('/proc/self/status')",
        "import multiprocessing as m; m.get_context('fork')",
        "import socket; socket.SO_REUSEADDR",
    ],
)
def test_such_a_line_is_found(line: str) -> None:
    assert list(finds(ast.parse(line)))


@pytest.mark.parametrize("line", ['"""Reads /proc/stat."""', "import os; os.replace(a, b)"])
def test_another_one_is_not(line: str) -> None:
    assert not list(finds(ast.parse(line)))


IMPORT_ALL = """
import sys
import tomllib
for name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog"):
    sys.modules[name] = None
import os
for name in ("getuid", "nice", "sched_getaffinity", "sched_setscheduler", "set_blocking", "killpg"):
    delattr(os, name)
for name in ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC"):
    delattr(os, name)
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
lacking = {name for name in ("gradio", "ray", "vapoursynth") if find_spec(name) is None}
count = 0
for path in sorted(Path("vidcolor").rglob("*.py")):
    name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    if not name.endswith("__main__"):
        try:
            import_module(name)
        except ModuleNotFoundError as error:
            if error.name not in lacking:
                raise
        count += 1
print(count)
"""


def test_every_module_can_be_imported_without_what_posix_has() -> None:
    """With other people's libraries loaded before: theirs is not what is tested."""
    libraries = "import multiprocessing, torch, torchvision, av, cv2, kornia, tqdm, PIL.Image\n"
    extras = "".join(
        f"try:\n    import {name}\nexcept ImportError:\n    pass\n"
        for name in ("gradio", "fastapi", "uvicorn")  # others are imported where they are used
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", libraries + extras + IMPORT_ALL],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 200


def test_texts_are_utf8_whatever_the_system_says() -> None:
    """Before Python 3.15 a file without an encoding is read in that of the system."""
    for path, tree in sources().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            modes = [a.value for a in node.args[1:2] if isinstance(a, ast.Constant)] or ["r"]
            if method in ("read_text", "write_text") or (
                dotted(node.func) == "open" and "b" not in modes[0]
            ):
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                words = {word.arg for word in node.keywords}
                assert "encoding" in words, f"{where} names no encoding"


def test_the_table_and_the_package_name_the_same_versions_of_python() -> None:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = {
        line.rsplit(" ", 1)[1]
        for line in classifiers["classifiers"]
        if re.match(r"Programming Language :: Python :: 3\.\d+$", line)
    }
    table = (ROOT / "docs" / "platforms.md").read_text("utf-8")
    tested = set(re.findall(r"^\| (3\.\d+) \| \*\*tested", table, re.M))
    assert named == tested
