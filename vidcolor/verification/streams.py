"""Compares what travels beside the picture with the source: sound, subtitles, chapters."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

from vidcolor.core.files import printable
from vidcolor.core.report import Report
from vidcolor.media.mux.passthrough import plan_passthrough
from vidcolor.media.mux.routes import count_chapters
from vidcolor.media.open import VideoReader
from vidcolor.media.pcm_content import holds_pcm_of
from vidcolor.media.stream_digests import StreamContent, read_streams
from vidcolor.verification.verdict import Verdict

_LATE = 0.1
"""Seconds that sound may be off beside the picture: a packet of it, and the clocks of two
containers."""
_CONVERTED, _BESIDE = " converted to ", "sound "
"""How reports tell of sound that was converted, and of sound from a file of its own."""
_SILENCE = "gaps were filled with silence"
"""A note of a run that has changed sound."""


def check_streams(
    target: VideoReader,
    source: VideoReader,
    report: Report | None,
    shift: Fraction | None,
    begin: Fraction,
    verdict: Verdict,
) -> None:
    """Write down whether what was to be carried is there, and whether its bytes are the same.

    Args:
        target: The colored video, open.
        source: Decoded.
        report: Says what was carried; None takes what the container of the target can hold.
        shift: How much later the picture is than in the source, in seconds.
        begin: Time of the first frame by the clock of the source, in seconds.
        verdict: Gets it.
    """
    carried = report.carried if report else _list_carried(target, source)
    here, there = read_streams(target), read_streams(source)
    kept: dict[str, list[StreamContent]] = defaultdict(list)
    wanted: dict[str, list[StreamContent]] = defaultdict(list)
    for content in here:
        kept[content.kind].append(content)
    for content in there:
        wanted[content.label].append(content)
    cut = source.settings.start is not None or source.settings.end is not None
    changed = any(_SILENCE in note for note in report.notes) if report else False
    mended = "timestamp" in source.log.damage_counts
    for told in carried:  # streams of a kind stand in this order in the file
        name, _, codec = told.partition(_CONVERTED)
        own = wanted[name].pop(0) if wanted[name] else None
        if own is None and not name.startswith(_BESIDE):
            continue  # chapters and the like
        kind = own.kind if own else "audio"
        if not kept[kind]:
            verdict.deny("streams", f"{told} is not in the file")
            continue
        found = kept[kind].pop(0)
        if own is None or codec:
            verdict.skip("streams", f"{told}: what it holds is not compared")
            continue
        if _is_refitted(target, found, own) and holds_pcm_of(
            target, found.index, source, own.index, begin
        ):
            text = f"{own.label}: all samples equal, from the first frame to the last"
            verdict.holds("streams", text)
            continue
        _compare(found, own, cut, changed, verdict)
        if shift is not None:
            _check_sync(found, own, shift, mended, verdict)
    for content in (one for rest in kept.values() for one in rest):
        if content.kind != "data":  # MP4 keeps chapters and timecode in such streams
            verdict.deny("streams", f"{content.label} of the file is not of the source")
    _check_words(target, carried, verdict)


def _list_carried(target: VideoReader, source: VideoReader) -> Sequence[str]:
    """What a run would have carried into such a container."""
    container = target.info.container.split(",")[0]
    if container == "mov" and target.info.path.suffix.lower() != ".mov":
        container = "mp4"
    if target.info.path.suffix.lower() == ".webm":
        container = "webm"
    return plan_passthrough(source, target.info, container).labels


def _is_refitted(target: VideoReader, found: StreamContent, wanted: StreamContent) -> bool:
    """Whether sound may have been cut or filled up to the length of the picture."""
    is_pcm = found.codec == wanted.codec and found.codec.startswith("pcm_s")
    return is_pcm and found.whole != wanted.whole and target.info.container == "mxf"


def _compare(
    found: StreamContent, wanted: StreamContent, cut: bool, changed: bool, verdict: Verdict
) -> None:
    """Hold the packets of a stream against those of the source."""
    name = wanted.label
    at = wanted.find(found)
    most = 0 if cut else wanted.count - found.count
    if found.whole == wanted.whole and found.count:
        verdict.holds("streams", f"{name}: all {wanted.count} packets equal")
    elif at is not None and found.count and (cut or at == most <= wanted.lead_in):
        verdict.holds("streams", f"{name}: {found.count} packets equal")
    elif cut and wanted.find_samples(found) is not None:
        verdict.holds("streams", f"{name}: all samples equal, in other packets")
    elif found.codec != wanted.codec:
        text = f"{name} became {found.codec or 'another codec'}; what it holds cannot be compared"
        verdict.skip("streams", text)
    elif changed and wanted.kind == "audio":
        verdict.skip("streams", f"{name}: the run filled gaps in it with silence")
    elif not found.count:
        verdict.judge(not wanted.count or cut, "streams", f"{name}: empty", f"{name} is empty")
    elif at is not None:
        missing = wanted.count - found.count
        verdict.deny("streams", f"{name}: {missing} of {wanted.count} packets are missing")
    else:
        _say_where(found, wanted, verdict)


def _say_where(found: StreamContent, wanted: StreamContent, verdict: Verdict) -> None:
    number = found.first_difference(wanted)
    time = found.times[number] if number < found.count else math.nan
    when = "" if math.isnan(time) else f" at {time:.2f} s"
    text = f"{wanted.label}: packet {number + 1} of {found.count}{when} is not that of the source"
    verdict.deny("streams", text)


def _check_sync(
    found: StreamContent, wanted: StreamContent, shift: Fraction, mended: bool, verdict: Verdict
) -> None:
    """See that a stream is no later beside the picture than it was.

    Where the times of the source were ``mended``, only its begin tells.
    """
    at = wanted.find(found)
    if at is None:  # packets of other lengths have no more than their begin in common
        at, mended = wanted.find_samples(found), True
    if at is None or not found.count or wanted.kind not in ("audio", "subtitle"):
        return
    last = found.count - 1  # the first text of an excerpt may have begun before it
    begin = (0,) if wanted.kind == "audio" else ()
    for number in (*begin, *(() if mended else (last,))):
        late = found.times[number] - wanted.times[at + number] - float(shift)
        if not math.isnan(late) and abs(late) > _LATE:
            how = "later" if late > 0 else "earlier"
            text = f"{wanted.label} is {abs(late):.3f} s {how} than in the source"
            verdict.deny("streams", text)
            return


def _check_words(target: VideoReader, carried: Sequence[str], verdict: Verdict) -> None:
    """Chapters and timecode."""
    number = target.info.chapters
    wanted = next((one for one in carried if re.fullmatch(r"\d+ chapters?", one)), "")
    if wanted or number:
        told = count_chapters(number)
        verdict.judge(told == wanted, "chapters", told, f"{told}; {wanted or 'none'} expected")
    code = next((one for one in carried if one.startswith("timecode ")), "")
    if code:
        tags = {key.lower(): value for key, value in target.video.metadata.items()}
        told = f"timecode {printable(target.info.timecode or tags.get('timecode', 'none'))}"
        verdict.judge(told == code, "timecode", told, f"{told}; {code} was to be kept")
