"""What the page says, as HTML. Whatever comes from a film or a file name is escaped here."""

from __future__ import annotations

from fractions import Fraction
from html import escape

from vidcolor.core.paths import MEDIA_SUFFIXES
from vidcolor.core.timecode import timecode
from vidcolor.web.opened import Opened
from vidcolor.web.paint_html import DETAILS, EASEL, TABS
from vidcolor.web.shot_scanner import Shots

EVENLY = 24
"""Small pictures while the shots are not known."""

MOST_SHOTS = 2000
"""Small pictures of shots; a film with more shows its first ones."""

LOST = (
    "<p class='problem' role='alert' hidden>Lost the connection to vidcolor."
    " Is it still running in the terminal?</p>"
)
"""Shown while the server does not answer."""

TOLD = "<p class='problem' role='alert' hidden></p>"
"""Where what went wrong is told, one thing at a time."""

STEPS = """
<ol class="steps">
  <li><b>Choose</b> a film or a photograph, from this computer or from the list.</li>
  <li><b>Look</b> at some frames in color. Change the settings, or say what color a thing has.</li>
  <li><b>Color</b> it. It takes its turn in the queue; download it when it is done.</li>
</ol>
"""
"""Shown until a film is chosen."""

VIEW = f"""
<div id="facts"></div>
{TABS}
<div id="picture" class="empty">
  <img class="before" alt="" hidden><img class="after" alt="" hidden>
  <span class="tag">before</span><span class="tag">after</span>
  <div class="line" role="slider" tabindex="0" aria-label="Line between before and after"
    aria-valuemin="0" aria-valuemax="100" aria-valuenow="50"></div>
  <div class="ring" role="progressbar" aria-label="Preparing the preview" hidden></div>
</div>
{EASEL}
<div id="scrub">
  <button type="button" id="back" aria-label="Previous frame">&lsaquo;</button>
  <button type="button" id="on" aria-label="Next frame">&rsaquo;</button>
  <div id="frame">
    <input type="range" min="0" step="1" aria-label="Frame">
    <input type="number" min="0" step="1" aria-label="Frame number">
  </div>
</div>
<div class="under">
  <div id="moment" role="status"></div>
  <div class="acts"><button type="button" id="full">Full screen</button>
    <a id="save" download>Save this frame</a></div>
</div>
<div id="strip"></div>
<p class="keys">Keys: <kbd>&larr;</kbd> <kbd>&rarr;</kbd> frame, <kbd>&uarr;</kbd>
<kbd>&darr;</kbd> shot, <kbd>Space</kbd> before or after</p>
{DETAILS}
"""
"""What is seen of a film; `view.js` fills it."""


def listed_label(names: list[str]) -> str:
    """What stands above the films of the folders that were named."""
    if len(names) == 1:
        return f"Open from the folder \u201c{names[0]}\u201d"
    return "Open from a folder"


def clock(seconds: Fraction | float) -> str:
    """Seconds as ``1:02:03``; short films without hours."""
    return timecode(int(seconds), 0).removeprefix("0:").removeprefix("0")


def facts(opened: Opened) -> str:
    """Name of a film and what is in it."""
    found = opened.facts
    size = f"{found['width']} x {found['height']}"
    parts = (
        ["picture", size]
        if opened.is_picture
        else [
            clock(Fraction(found["seconds"])),
            size,
            *([f"{opened.frames} scans"] if opened.film.is_scans else []),
            f"{float(opened.rate):.4g} frames/s",
            {0: "silent", 1: "with sound"}.get(found["sound"], f"{found['sound']} sound tracks"),
        ]
    )
    if found["subtitles"]:
        parts.append("subtitles")
    title = found["title"]
    named = f"<span class='title'>{escape(title[:200])}</span>" if title else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in found["notes"])
    if notes:
        notes = f"<details><summary>Notes about this file</summary><ul>{notes}</ul></details>"
    rate = RATE.format(f"{float(opened.rate):.6g}") if opened.film.is_scans else ""
    return (
        f"<div class='facts'><h2>{escape(opened.film.name)}</h2> {named}"
        f"<p>{escape(' · '.join(parts))}</p>{rate}{notes}</div>"
    )


RATE = (
    "<p class='rate'><label>Frames per second <input type='text' inputmode='decimal' id='fps'"
    " value='{}' size='7' aria-describedby='fps-hint'></label> <span id='fps-hint'>of these scans;"
    " sound film has 24, silent film mostly 16 to 20</span></p>"
)
"""Where it is said how fast scans are shown."""


def strip(opened: Opened, shots: Shots) -> str:
    """A button with a picture for each shot; evenly spaced ones until the first shots are known.

    Pictures name their address as data: the page asks for a few at a time.
    """
    count = opened.frames
    if shots.finished or len(shots.starts) > 1:
        frames = [opened.frame(start) for start in shots.starts[:MOST_SHOTS]]
        kind = "shot"
    else:
        frames = sorted({number * count // EVENLY for number in range(EVENLY)})
        kind = "sample"
    frames = list(dict.fromkeys(frames)) or [0]
    told = f"{len(frames)} {kind}{'s' if len(frames) > 1 else ''}"
    if not shots.over:
        told = (
            f"{told} so far, up to {clock(shots.seconds)}"
            if kind == "shot"
            else f"Finding shots… ({len(frames)} sample frames meanwhile)"
        )
    place = f"vidcolor/films/{escape(opened.film.id)}"
    buttons = "".join(
        f"<button type='button' data-frame='{frame}' title='{timecode(frame / opened.rate)}'"
        f" aria-label='{kind.title()} {number}, {clock(frame / opened.rate)}'>"
        # The middle of a fade shows nothing: a shot is shown a little after its first frame.
        f"<img data-src='{place}/{min(frame + (6 if kind == 'shot' else 0), count - 1)}.jpg' alt=''"
        f" decoding='async'><span>{clock(frame / opened.rate)}</span></button>"
        for number, frame in enumerate(frames, 1)
    )
    return (
        f"<div class='strip-head'>{told}</div>"
        f"<div class='strip' role='group' aria-label='{kind.title()}s'>{buttons}</div>"
    )


LEFT_GRAY = {
    "title": "left gray: only text",
    "blank": "left gray: nothing to see",
    "asked": "left gray: the color sheet says so",
}
"""Why a frame has no color."""


def picker(max_upload: int) -> str:
    """Where a film is dropped."""
    kinds = ",".join(sorted(MEDIA_SUFFIXES))
    return (
        f"<label class='drop'><input type='file' multiple accept='{kinds}' aria-label='Choose a"
        " film or a picture from this computer'><strong>Choose a film or a picture</strong>"
        f"<span>or drop it here · up to {max_upload / 1e9:g} GB</span>"
        "<progress max='1' value='0' aria-label='Upload' hidden></progress></label>"
        "<ul class='uploads' aria-label='Uploaded films' hidden></ul>"
    )


def promise(keep: str | None) -> str:
    """What becomes of films and results."""
    if keep:
        kept = f"Finished films are kept in <b>{escape(keep)}</b>."
    else:
        kept = "Finished films are deleted when vidcolor is closed: <b>download them first</b>."
    return (
        f"<p class='promise'>Everything happens on this computer. {kept} Colors are plausible"
        " guesses, not historical fact.</p>"
    )
