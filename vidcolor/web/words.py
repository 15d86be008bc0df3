"""What the page says, as HTML. Whatever comes from a film or a file name is escaped here."""

from __future__ import annotations

from fractions import Fraction
from html import escape
from pathlib import PurePath

from vidcolor.timecode import timecode
from vidcolor.web.desk import Opened
from vidcolor.web.study import Shots

EVENLY = 24
"""Small pictures while the shots are not known."""

MOST_SHOTS = 2000
"""Small pictures of shots; a film with more shows its first ones."""

NETS = {"default": "Best (default)", "mini": "Fast and plain (mini)"}


def clock(seconds: Fraction | float) -> str:
    """Seconds as ``1:02:03``; short films without hours."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def net_label(name: str) -> str:
    """How a net is called on the page; one of a file by its name."""
    return NETS.get(name, PurePath(name).stem)


def facts(opened: Opened) -> str:
    """Name of a film and what is in it."""
    found = opened.facts
    parts = [
        clock(Fraction(found["seconds"])),
        f"{found['width']} x {found['height']}",
        f"{float(opened.rate):.4g} frames a second",
        {0: "silent", 1: "with sound"}.get(found["sound"], f"{found['sound']} sound tracks"),
    ]
    if found["subtitles"]:
        parts.append("subtitles")
    title = found["title"]
    named = f"<span class='title'>{escape(title[:200])}</span>" if title else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in found["notes"])
    notes = f"<details><summary>Good to know</summary><ul>{notes}</ul></details>" if notes else ""
    return (
        f"<div class='facts'><h2>{escape(opened.film.name)}</h2> {named}"
        f"<p>{escape(' · '.join(parts))}</p>{notes}</div>"
    )


def strip(opened: Opened, shots: Shots) -> str:
    """A button with a picture for each shot; evenly spaced ones until the first shots are known."""
    count = opened.frames
    if shots.finished or len(shots.starts) > 1:
        frames = [opened.frame(start) for start in shots.starts[:MOST_SHOTS]]
        kind = "shot"
    else:
        frames = sorted({number * count // EVENLY for number in range(EVENLY)})
        kind = "moment"
    frames = list(dict.fromkeys(frames)) or [0]
    told = f"{len(frames)} {kind}{'s' if len(frames) > 1 else ''}"
    if not shots.over:
        told += (
            " · looking for shots…" if not shots.starts else f", so far to {clock(shots.seconds)}"
        )
    place = f"desk/films/{escape(opened.film.id)}"
    buttons = "".join(
        f"<button type='button' data-frame='{frame}' title='{timecode(frame / opened.rate)}'>"
        # The middle of a fade shows nothing: a shot is shown a little after its first frame.
        f"<img src='{place}/{min(frame + (6 if kind == 'shot' else 0), count - 1)}.jpg' alt=''"
        f" loading='lazy' decoding='async'><span>{clock(frame / opened.rate)}</span></button>"
        for frame in frames
    )
    return f"<div class='strip-head'>{told}</div><div class='strip' role='group'>{buttons}</div>"


LEFT_GRAY = {
    "title": "left gray: nothing but lettering",
    "blank": "left gray: nothing to see",
}


def moment(opened: Opened, frame: int, seconds: Fraction | None, doing: str, gray: str = "") -> str:
    """Where the preview stands, what it waits for, and why the frame was left gray."""
    time = timecode(seconds if seconds is not None else frame / opened.rate)
    busy = f"<span class='busy'>{escape(doing)}</span>" if doing else ""
    told = f"<span class='gray'>{escape(LEFT_GRAY[gray])}</span>" if gray else ""
    return f"<div class='moment' role='status'><b>{time}</b> frame {frame:,} {told} {busy}</div>"


def problem(line: str) -> str:
    """What went wrong; lines about options are about dials here."""
    return f"<div class='problem' role='alert'>{escape(line.removeprefix('--'))}</div>"


def good(line: str) -> str:
    """What went well."""
    return f"<div class='good' role='status'>{escape(line)}</div>"


def picker(max_upload: int) -> str:
    """Where a film is dropped."""
    return (
        "<label class='drop' tabindex='-1'><input type='file' aria-label='Choose a film from this"
        " computer'><strong>Choose a film</strong><span>or drop it here · "
        f"up to {max_upload / 1e9:g} GB</span><progress max='1' value='0' hidden></progress>"
        "</label>"
        "<p class='problem' role='alert' hidden></p>"
    )


def promise(keep: str | None) -> str:
    """What becomes of films and results."""
    if keep:
        kept = f"Finished films are kept in <b>{escape(keep)}</b>."
    else:
        kept = "Finished films are deleted when vidcolor is closed: <b>download them first</b>."
    return (
        f"<p class='promise'>Everything happens on this computer. {kept} Colours are guesses:"
        " likely ones, not the true ones.</p>"
    )
