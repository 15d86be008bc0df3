"""What was found when a colored file was checked."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    """``sha256``, ``source``, ``label``, ``frames``, ``times``, ``luma``, ``streams``..."""
    text: str


@dataclass
class Verdict:
    """All that was looked at, and how it was."""

    target: str
    report: str = ""
    """Path of the report it was held against; empty without one."""
    source: str = ""
    """Path of the source; empty where there was none to compare with."""
    same: list[Finding] = field(default_factory=list)
    """What is as it should be."""
    differs: list[Finding] = field(default_factory=list)
    unchecked: list[Finding] = field(default_factory=list)
    """What could not be checked, and why."""

    def holds(self, what: str, text: str) -> None:
        """Write down that something is as it should be."""
        self.same.append(Finding(what, text))

    def deny(self, what: str, text: str) -> None:
        """Write down that something is not as it should be."""
        self.differs.append(Finding(what, text))

    def skip(self, what: str, text: str) -> None:
        """Write down that something could not be checked."""
        self.unchecked.append(Finding(what, text))

    def judge(self, is_so: bool, what: str, good: str, bad: str) -> None:
        """Write down ``good`` where something is as it should be, else ``bad``."""
        (self.holds if is_so else self.deny)(what, good if is_so else bad)

    @property
    def result(self) -> str:
        """``same``, ``differs``, or ``unchecked`` where there was nothing to compare with."""
        if self.differs:
            return "differs"
        return "same" if self.same and (self.report or self.source) else "unchecked"

    def to_dict(self) -> dict[str, Any]:
        """Plain types only, ready for JSON."""
        return {"result": self.result} | asdict(self)
