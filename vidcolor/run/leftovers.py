"""What is kept of films that are not done: who may go on with it, and who may remove it.

Nobody removes a work folder that he has not locked: another run may be at work in it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from vidcolor.core.paths import part_path, work_folder
from vidcolor.core.platform import remove_open
from vidcolor.core.target import claim
from vidcolor.errors import OutputError
from vidcolor.run.journal import is_signed, open_journal
from vidcolor.settings import OutputSettings


def allow_own_target(target: Path, settings: OutputSettings) -> OutputSettings:
    """How a target is written: one that is a stopped run's, which could not say so, is replaced.

    It is whole, but its report may not be; a run that goes on makes both of the chunks.
    """
    if settings.fresh or settings.force or not is_signed(target):
        return settings
    return replace(settings, force=True)


def clear_up(target: Path) -> None:
    """Remove what a run kept of a target that is done and reported, and was stopped before."""
    if is_signed(target):
        with suppress(OutputError), open_journal(target) as journal:
            journal.remove()


def forget_work(target: Path) -> bool:
    """Remove what is kept of a target that is not done; whether nothing of it is left.

    What another run is at work on stays, and so does a stranger's file in the folder.
    """
    part = part_path(target)
    with suppress(OutputError, OSError):
        if os.path.lexists(work_folder(target)):
            with open_journal(target, fresh=True) as journal:
                journal.remove()
        if os.path.lexists(part):
            held = claim(part, target)
            try:
                remove_open(held, part)
            finally:
                os.close(held)
    return not any(map(os.path.lexists, (work_folder(target), part)))
