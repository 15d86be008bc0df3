"""What a result lacks of the film or picture that it was made from, without a word of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from fuzzing.reader import Seen

_FLAT = 3.0
"""Codes that the fields of a picture may differ for it to be taken as blank."""
_FAR = 25.0
"""Codes that the fields of a picture may lie from those of its source, on the mean."""
_ALIKE = 0.7
"""Correlation of a picture with its source; profiles and gamma may change its tones."""
_TICK = 0.0021
"""Seconds that rounding to the ticks of two containers may move a time."""
_EXACT = 1e8
"""Seconds up to which a float tells times well enough."""
_WORDS = {
    "size": ("size", "x"),
    "shape": ("aspect", "shape"),
    "range": ("range",),
    "matrix": ("matrix", "color", "color"),
    "fields": ("field", "interlac"),
    "turn": ("turn", "rotat", "mirror"),
}


def said(report: dict[str, Any], *words: str) -> bool:
    """Whether the report tells of something by one of these words."""
    told = [item["what"] + " " + item.get("why", "") for item in report["left_behind"]]
    told += [item["text"] for item in report["damage"]] + report.get("notes", [])
    return any(word in text.lower() for text in told for word in words)


def losses(source: Seen, result: Seen, report: dict[str, Any]) -> Iterator[str]:
    """Sound, subtitles, pictures and facts about them that are missing or wrong in a result."""
    yield from lost_sound(source, result, report)
    yield from lost_texts(source, result, report)
    yield from lost_pictures(source, result, report)
    for what in sorted(set(source.beside) - set(result.beside)):
        if not said(report, *what.lower().split()[:1]):
            yield f"{what} is not kept"
    if report["damage"]:
        return
    yield from lost_looks(source, result, report)
    yield from lost_times(source, result)
    same_size = [look["size"] for _, look in source.looks] == [x["size"] for _, x in result.looks]
    if source.crop and source.crop != result.crop and same_size and not said(report, "crop"):
        yield f"the cropping {source.crop} is not kept"
    if source.ordered and not result.ordered and not said(report, "chapter", "order"):
        yield "the order of chapters is not kept"


def lost_sound(source: Seen, result: Seen, report: dict[str, Any]) -> Iterator[str]:
    """Streams of sound whose packets are missing from the result without a word."""
    left = " ".join(item["what"] for item in report["left_behind"])
    told = " ".join(item["text"] for item in report["damage"])
    unheard = set(source.unheard)
    heard = {f"audio stream {i} (": p for i, p in source.sound.items() if set(p) - unheard}
    heard = {label: packets for label, packets in heard.items() if label not in left}
    carried = [packets for packets in result.sound.values() if set(packets) - unheard]
    hidden = told.count("packets cannot be played in the target")
    if len(heard) != len(carried):
        if len(heard) - len(carried) in range(1, hidden + 1):
            return
        yield f"{len(heard)} streams of sound were to be kept, {len(carried)} were"
        return
    for (label, before), after in zip(heard.items(), carried, strict=True):
        missing = Counter(before) - Counter(after) - Counter(source.unheard)
        if missing and label not in told:
            yield f"{missing.total()} of {len(before)} packets of {label[:-2]}"


def lost_texts(source: Seen, result: Seen, report: dict[str, Any]) -> Iterator[str]:
    """Subtitles that are missing from the result without a word."""
    kept = Counter(text for texts in result.texts.values() for text in texts)
    for index, texts in source.texts.items():
        missing = Counter(texts) - kept
        for text in list(missing):  # those that are on the screen together share one
            if any(f"\n{text}\n" in f"\n{longer}\n" for longer in kept if longer != text):
                del missing[text]
        if missing and not said(report, f"subtitle stream {index} ("):
            yield f"{missing.total()} of {len(texts)} subtitles of stream {index}"


def _fields(means: str) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(means), np.uint8).astype(np.float64)


def lost_pictures(source: Seen, result: Seen, report: dict[str, Any]) -> Iterator[str]:
    """Pictures that are blank, or unlike their source."""
    if source.frames != result.frames or source.failed:
        return
    blank, far = [], []
    for index, (a, b) in enumerate(zip(source.means, result.means, strict=False)):
        before, after = _fields(a), _fields(b)
        if np.ptp(before) > 10 * _FLAT and np.ptp(after) < _FLAT:
            blank.append(index)
        elif len(before) == len(after) and np.abs(before - after).mean() > _FAR:
            far.append(index)
    if blank:
        yield f"{len(blank)} pictures are blank, the first is number {blank[0]}"
    if far and not report["damage"]:
        yield f"{len(far)} pictures are unlike their source, the first is number {far[0]}"


def lost_looks(source: Seen, result: Seen, report: dict[str, Any]) -> Iterator[str]:
    """Facts about the picture that change in mid-film in the source only, or are others."""
    for name, words in _WORDS.items():
        before = _runs(source, name)
        after = _runs(result, name)
        if len(before) > 1 and len(after) < len(before) and not said(report, *words):
            yield f"the {name} changes in mid-film: {before}, but in the result {after}"
    for name in ("shape", "turn"):
        before, after = _runs(source, name)[:1], _runs(result, name)[:1]
        if not before or not after or before == after or _near(before[0], after[0]):
            continue
        if not said(report, *_WORDS[name]):
            yield f"the {name} is {before[0]}, but in the result {after[0]}"


def _runs(seen: Seen, name: str) -> list[str]:
    runs: list[str] = []
    for _, look in seen.looks:
        if not runs or runs[-1] != look[name]:
            runs.append(look[name])
    return runs


def _near(a: str, b: str) -> bool:
    """Whether two shapes of pixels are alike but for rounding, or the first is absurd."""
    try:
        parts = [[float(n) for n in (*text.split("/"), "1")[:2]] for text in (a, b)]
    except ValueError:
        return False
    first, second = (n / d for n, d in parts)
    return abs(first / second - 1) < 0.01 or not 1 / 30 < first < 30


def lost_times(source: Seen, result: Seen) -> Iterator[str]:
    """Pictures and sound that moved against the first picture."""
    if not source.times or not result.times or abs(source.times[0]) > _EXACT:
        return
    pairs = [("picture", source.times, result.times)]
    heard = [(i, times) for i, times in source.sound_times.items() if times]
    carried = [times for times in result.sound_times.values() if times]
    if len(heard) == len(carried):
        pairs += [
            (f"sound {i}", before, after) for (i, before), after in zip(heard, carried, strict=True)
        ]
    for what, before, after in pairs:
        if len(before) != len(after):
            continue
        moved = [
            abs((a - source.times[0]) - (b - result.times[0]))
            for a, b in zip(before, after, strict=True)
        ]
        if max(moved) > _TICK:
            yield f"{what} moved by up to {max(moved):.3f} s without a word"


def still_losses(
    source: Seen | None, result: Seen, whole: Seen, report: dict[str, Any]
) -> Iterator[str]:
    """Pages, picture and what travels beside it that are missing from a picture that was made."""
    after = _fields(result.means[0])
    before = _fields((source or whole).means[0])
    if source is None:
        if np.ptp(before) > 10 * _FLAT and np.ptp(after) < _FLAT and not report["damage"]:
            yield "a picture that Pillow does not read is blank"
        return
    if np.ptp(before) > 10 * _FLAT:
        if np.ptp(after) < _FLAT:
            yield "the picture is blank"
        elif not report["damage"] and len(before) == len(after) and not source.failed:
            alike = float(np.corrcoef(before, after)[0, 1])
            if alike < _ALIKE:
                yield f"the picture is unlike what Pillow reads: {alike:.2f}"
    if source.declared_frames > result.frames and not said(report, "page", "picture", "frame"):
        yield f"{source.declared_frames} pages or pictures, {result.frames} in the result"
    for what in sorted(set(source.beside) - set(result.beside)):
        if not said(report, what.lower(), {"profile": "icc", "resolution": "dpi"}.get(what, what)):
            yield f"{what} is not kept"
