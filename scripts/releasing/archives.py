"""The commit as a folder, and the container context as an archive."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import tarfile
from pathlib import Path


def unpack(repository: Path, target: Path) -> None:
    """Write the files of the commit that is checked out into a folder that is not there yet."""
    target.mkdir(parents=True)
    packed = subprocess.run(
        ["git", "-C", repository, "archive", "HEAD"], capture_output=True, check=True
    )
    subprocess.run(["tar", "-x", "-C", target], input=packed.stdout, check=True)


def context_files(source: Path) -> list[Path]:
    """The Dockerfile and what it copies, sorted."""
    text = (source / "Dockerfile").read_text().replace("\\\n", "")
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    named = [source / name for line in copied for name in line.split()]
    files = {source / "Dockerfile", source / ".dockerignore"}
    for path in named:
        files |= {path} if path.is_file() else {one for one in path.rglob("*") if one.is_file()}
    return sorted(files)


def write_context(source: Path, target: Path) -> None:
    """``docker build - < TARGET`` makes the image; equal sources give equal bytes."""
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])

    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.mtime, info.uid, info.gid, info.uname, info.gname = epoch, 0, 0, "", ""
        info.mode = 0o755 if info.mode & 0o100 else 0o644
        return info

    with (
        target.open("wb") as file,
        gzip.GzipFile("", "wb", mtime=epoch, fileobj=file) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in context_files(source):
            archive.add(path, path.relative_to(source).as_posix(), filter=plain)
