"""The report of one of several files that a run wrote, such as the file of a shot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vidcolor.core.files import own_sha256, printable
from vidcolor.core.report import PartFile, Report
from vidcolor.errors import SettingsError


def report_of(report: Report, path: Path) -> Report:
    """What a report tells of one file; the report itself where the run wrote no other.

    Args:
        report: Of a run.
        path: A file that the run wrote; if none of them has its name, its bytes tell which it is.

    Raises:
        SettingsError: The run wrote several files, and this is none of them.
    """
    if not report.files:
        return report
    part = _find(report.files, path)
    spec = report.spec
    if spec and spec.cut:
        spec = replace(spec, cut=replace(spec.cut, start=part.start, end=part.end))
    return replace(
        report,
        target=str(Path(report.target).with_name(part.name)),
        frames=part.frames,
        bytes=part.bytes,
        sha256=part.sha256,
        carried=part.carried,
        files=[],
        spec=spec,
    )


def _find(parts: list[PartFile], path: Path) -> PartFile:
    for part in parts:
        if part.name == path.name:
            return part
    size = path.stat().st_size
    alike = [part for part in parts if part.bytes == size]
    digest = own_sha256(path) if alike else ""
    for part in alike:
        if part.sha256 == digest:
            return part
    first, last = (printable(part.name) for part in (parts[0], parts[-1]))
    raise SettingsError(
        f"{printable(path.name)}: the report is of {first} to {last}; name one of these"
    )
