"""What the edit list of an MP4 leaves out of the film, and whether damage is behind it.

Cameras and editors trim a film by its edit list: players show what it names, and so does the
target. FFmpeg follows a list just as well where damage took the film out of its reach.
"""

from __future__ import annotations

from fractions import Fraction

from vidcolor.media.container_heads import TrackTable, track_tables
from vidcolor.media.decode.reading import Reading

_LEAD_IN = Fraction(1, 4)
"""Seconds that encoders of sound may need to begin, which edit lists leave out."""


Tables = dict[int, TrackTable]
"""Of the tracks of an MP4 that was read as a whole, by their numbers; empty for other videos."""


def read_tables(reading: Reading) -> Tables:
    """The tables by which it is told what was left out; read once, at the film's end."""
    if reading.is_cut or not reading.info.container.startswith("mov"):
        return {}
    return track_tables(reading.film.source)


def note_left_out_frames(reading: Reading, tables: Tables, shown: int) -> None:
    """Tells of frames that the file stores and its edit list leaves out.

    Args:
        reading: That came to the end, and is not known to lack frames.
        tables: As of `read_tables`.
        shown: Packets of the picture that are to be seen.
    """
    table = tables.get(reading.video.id)
    if table is None or table.samples <= shown:
        return
    count = f"{table.samples - shown} of {table.samples} frames"
    if table.has_wrong_times:
        reading.log.note(
            "truncated", 0.0, f"{count} are missing; the table of their times is damaged"
        )
    elif table.edited:
        reading.log.remark(f"the edit list leaves out {count}")


def remark_left_out_sound(
    reading: Reading, table: TrackTable | None, label: str, heard: Fraction
) -> None:
    """Tells of sound that an edit list leaves out; ``heard`` are the seconds that are played."""
    if table is not None and table.edited and table.seconds - heard > _LEAD_IN:
        left_out, whole = float(table.seconds - heard), float(table.seconds)
        reading.log.remark(f"{label}: the edit list leaves out {left_out:.2f} of {whole:.2f} s")
