"""Journals with finished chunks in them, without a video."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import torch
from run_specs import SPEC

from vidcolor.core.paths import work_folder
from vidcolor.media.encode.chunk_file import ChunkFileInfo
from vidcolor.run.journal import DoneChunk, Journal, open_journal
from vidcolor.temporal.smoother import TemporalState


def finish(
    journal: Journal, number: int, colorless: tuple[int, ...] = (), shots: tuple[int, ...] = ()
) -> DoneChunk:
    """A chunk with some bytes in its file, written down."""
    data = bytes([number]) * 100
    journal.path(number).write_bytes(data)
    facts = ChunkFileInfo(3, 0, 2, 1, len(data), sha256(data).hexdigest(), "")
    chunk = DoneChunk(number, facts, journal.handover_sha256(number + 1), colorless, shots)
    journal.add(chunk)
    return chunk


def begun(target: Path, chunks: int = 3) -> Path:
    """A work folder with so many chunks; the second one hands something on."""
    with open_journal(target) as journal:
        journal.begin(SPEC)
        for number in range(chunks):
            if number == 1:
                journal[2] = TemporalState(
                    torch.ones(2, 3), torch.ones(2, 1, 1), torch.ones(1, 4, 1, 1)
                )
            finish(journal, number)
    return work_folder(target)


def found(target: Path) -> dict[int, DoneChunk]:
    with open_journal(target) as journal:
        return dict(journal.done)
