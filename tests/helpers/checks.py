"""The pass rule: what must be true of a colored film beside its source, checked by reading both.

Nothing here asks vidcolor what it did, except for what its report says was left behind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition
from seen import Seen, plane_view, see

MS = Fraction(1, 1000)
SLACK = {".mkv": MS / 2, ".webm": MS / 2}
"""What a container's clock may move a frame by; the others keep every tick."""

SYNC = 2 * MS
"""How far sound and subtitles may move against the picture: one tick of each clock."""

LOSSY = 6.0
"""Mean difference of luma, in 8-bit codes, that x264 and VP9 may leave on the grainy pattern."""

START = Fraction(1, 20)
"""How late the first frame may come where sound begins earlier: Matroska has no times below 0."""

SIDE = ("DISPLAYMATRIX", "MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL")
_UNSET = (0, 2)  # unknown or unspecified: the product is free to tag what players assume
_LEFT = re.compile(r"(?:audio stream|video stream|subtitle stream|cover picture|data stream) (\d+)")


@dataclass
class Look:
    """A film as a reader sees it."""

    path: Path
    seen: Seen
    chosen: int
    """Index of the picture."""
    luma: list[np.ndarray] = field(default_factory=list)
    """(H, W) float of every frame in 8-bit codes; empty where plane 0 is no luma."""
    captions: list[bytes] = field(default_factory=list)
    hidden: dict[int, int] = field(default_factory=dict)
    """Stream -> packets at its start that players are told to skip."""


def look(path: Path, video: int = 0) -> Look:
    """Reads a film, the ``video``-th picture stream that is no cover."""
    with av.open(str(path), metadata_errors="surrogateescape") as container:
        pictures = [
            s for s in container.streams.video if not s.disposition & Disposition.attached_pic
        ]
        chosen = pictures[video].index
        found = Look(path, see(path, chosen), chosen)
        for packet in container.demux():
            if packet.size and packet.is_discard:
                index = packet.stream.index
                found.hidden[index] = found.hidden.get(index, 0) + 1
    with av.open(str(path), metadata_errors="surrogateescape") as container:
        for frame in container.decode(container.streams[chosen]):
            found.captions += [bytes(s) for s in frame.side_data if s.type.name == "A53_CC"]
            first, name = frame.format.components[0], frame.format.name
            if first.is_luma and not name.startswith(("xyz", "pal8")):
                bits = max(8, first.bits)
                plane = plane_view(frame.planes[0], bits).astype(np.float32)
                found.luma.append(plane / (1 << (bits - 8)))
    return found


def shift_of(after: list[Fraction], before: list[Fraction]) -> tuple[Fraction, Fraction]:
    """(offset, largest deviation from it) between two lists of times of equal length."""
    steps = [a - b for a, b in zip(after, before, strict=True)]
    return (max(steps) + min(steps)) / 2, (max(steps) - min(steps)) / 2


def check_picture(before: Look, after: Look, lossless: bool) -> Fraction:
    """Frames, times, luma and everything a picture says of itself; returns the time offset."""
    a, b = after.seen, before.seen
    assert len(a.pts) == len(b.pts), "a frame was lost or invented"
    offset, deviation = shift_of(a.pts, b.pts)
    assert deviation <= SLACK.get(after.path.suffix, Fraction(0)), "times moved"
    # Frames before 0 need room for those that are decoded before they are shown.
    late = START if b.pts[0] >= 0 else Fraction(1, 10)
    assert abs(offset) <= MS or abs(a.pts[0]) < late, "the start is neither kept nor 0"
    assert a.size == b.size
    if lossless:
        assert a.luma == b.luma, "luma changed"
    elif before.luma:
        worst = max(
            float(np.abs(x - y).mean()) for x, y in zip(after.luma, before.luma, strict=True)
        )
        assert worst < LOSSY, "the picture is another"
    assert (a.sar or 1) == (b.sar or 1)
    for name in SIDE:
        assert a.side_data.get(name) == b.side_data.get(name), name
    assert a.interlaced == b.interlaced
    assert after.captions == before.captions
    if before.luma:
        for tag, (now, was) in enumerate(zip(a.tags, b.tags, strict=True)):
            assert was in _UNSET or now == was, f"color tag {tag} changed"
    assert not set(a.tags) & set(_UNSET) or a.tags[0] == 2, "a color tag is missing"
    return offset


def check_rest(before: Look, after: Look, left: list[tuple[str, str]], offset: Fraction) -> None:
    """Every stream that was not left behind is there, with its payload, times and tags."""
    wanted, found = _others(before), _others(after)
    gone = {int(m.group(1)) for what, _ in left if (m := _LEFT.match(what))}
    names = {what.removeprefix("attachment ") for what, _ in left if what.startswith("attachment")}
    for kind in ("audio", "subtitle", "video", "cover", "attachment"):
        sources = [
            s
            for s in wanted.get(kind, [])
            if s["index"] not in gone and s["metadata"].get("filename") not in names
        ]
        copies = found.get(kind, [])
        assert len(copies) == len(sources), f"{kind} streams: {len(copies)} of {len(sources)}"
        for source, copy in zip(sources, copies, strict=True):
            _check_stream(before, after, source, copy, offset)
        if kind in ("audio", "subtitle"):
            _check_flags(sources, copies, left, after.path.suffix)
    assert [c[2] for c in after.seen.chapters] == [c[2] for c in before.seen.chapters]
    for now, was in zip(after.seen.chapters, before.seen.chapters, strict=True):
        assert abs(now[0] - was[0]) <= MS
    for key in ("title", "artist"):
        assert _tag(after.seen.metadata, key) == _tag(before.seen.metadata, key), key


def _tag(tags: dict[str, str], key: str) -> str | None:
    return next((value for name, value in tags.items() if name.lower() == key), None)


def _others(film: Look) -> dict[str, list[dict[str, Any]]]:
    kinds: dict[str, list[dict[str, Any]]] = {}
    for stream in film.seen.streams:
        cover = stream["disposition"] & Disposition.attached_pic
        if stream["index"] != film.chosen:
            kinds.setdefault("cover" if cover else stream["type"], []).append(stream)
    return kinds


def _check_stream(
    before: Look, after: Look, source: dict[str, Any], copy: dict[str, Any], offset: Fraction
) -> None:
    old, new = source["index"], copy["index"]
    assert copy["language"] == source["language"], f"language of stream {old}"
    assert _title(copy) == _title(source), f"title of stream {old}"
    if source["type"] == "attachment":
        assert copy["data"] == source["data"]
        assert copy["metadata"]["filename"] == source["metadata"]["filename"]
        return
    was, now = before.seen.packets[old], after.seen.packets[new]
    text = source["type"] == "subtitle"
    if text and (copy["codec"] == "mov_text" or copy["codec"] != source["codec"]):
        assert texts(after, new, offset) == texts(before, old, Fraction(0))
        return
    first = 0
    if after.path.suffix in SLACK and before.path.suffix not in SLACK:
        first = max(0, before.hidden.get(old, 0) - 1)  # one packet stays, to start the decoder
    assert now == was[first:], f"payload of stream {old}"
    if copy["disposition"] & Disposition.attached_pic:
        return
    moved, deviation = shift_of(after.seen.times[new], before.seen.times[old][first:])
    assert deviation <= MS, f"times of stream {old}"
    assert abs(moved - offset) <= SYNC, f"stream {old} lost its place beside the picture"


def _title(stream: dict[str, Any]) -> str:
    tags = stream["metadata"]
    return tags.get("title") or tags.get("name", "")  # MP4 calls it a name


def _check_flags(
    sources: list[dict[str, Any]],
    copies: list[dict[str, Any]],
    left: list[tuple[str, str]],
    suffix: str,
) -> None:
    """Dispositions, but for those listed; MP4 always has one default track of a kind."""
    chosen = any(s["disposition"] & Disposition.default for s in sources)
    for source, copy in zip(sources, copies, strict=True):
        wanted, found = source["disposition"], copy["disposition"]
        for what, why in left:
            if re.match(rf"flags of {source['type']} stream {source['index']} ", what):
                for word in why.split(": ")[1].split(", "):
                    wanted &= ~Disposition[word]
        if suffix in (".mp4", ".mov") and not chosen:
            found &= ~Disposition.default
        assert found == wanted, f"disposition of stream {source['index']}"


def texts(film: Look, index: int, offset: Fraction) -> list[tuple[float, str]]:
    """(seconds, words) of a text subtitle, whatever its container wraps around the words."""
    codec = next(s["codec"] for s in film.seen.streams if s["index"] == index)
    result = []
    with av.open(str(film.path)) as container:
        for packet in container.demux(container.streams[index]):
            data = bytes(packet)
            if codec == "mov_text":
                data = data[2 : 2 + int.from_bytes(data[:2], "big")]
            words = data.decode()
            if codec == "ass":
                words = re.sub(r"\{.*?\}", "", words.split(",", 8)[-1]).replace(r"\N", "\n")
            if words:
                moment = packet.pts * packet.time_base - offset
                result.append((round(float(moment), 2), words))
    return result
