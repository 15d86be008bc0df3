"""What single rows of the table check beyond the pass rule."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import av
import av.filter
import numpy as np
from av.stream import Disposition
from checks import Look
from command import Outcome
from reels import ROTATIONS, UNEVEN
from seen import plane_view

OLD = b"the film that was here before"

Check = Callable[[Look, Look, Outcome], None]


def no_chapter_track_in_matroska(_before: Look, after: Look, _outcome: Outcome) -> None:
    data = [s for s in after.seen.streams if s["type"] == "data"]
    covers = [s for s in after.seen.streams if s["disposition"] & Disposition.attached_pic]
    assert len(covers) == 1
    assert len(data) == (0 if after.path.suffix == ".mkv" else 1)


def has_matrix(before: Look, after: Look, _outcome: Outcome) -> None:
    assert after.seen.matrix == ROTATIONS[before.path.stem]


def is_anamorphic(_before: Look, after: Look, _outcome: Outcome) -> None:
    assert after.seen.sar == Fraction(16, 11)


def fields(order: str) -> Check:
    def check(before: Look, after: Look, _outcome: Outcome) -> None:
        assert _orders(before) == _orders(after) == [order] * 8
        if after.path.suffix == ".mkv":  # of an MP4 FFmpeg reads the header wrongly
            assert after.seen.field_order in {"top": (2, 4), "bottom": (3, 5)}[order]

    return check


def _orders(film: Look) -> list[str]:
    """Field order of every frame, as its flags say; PyAV shows them through a filter only."""
    found = []
    with av.open(str(film.path)) as container:
        for frame in container.decode(video=0):
            graph = av.filter.Graph()
            source = graph.add_buffer(template=container.streams.video[0])
            select = graph.add("select", "eq(interlace_type,TOPFIRST)")
            sink = graph.add("buffersink")
            source.link_to(select)
            select.link_to(sink)
            graph.configure()
            graph.push(frame)
            try:
                graph.pull()
            except av.error.BlockingIOError:
                found.append("bottom" if frame.interlaced_frame else "progressive")
            else:
                found.append("top")
    return found


def is_uneven(_before: Look, after: Look, _outcome: Outcome) -> None:
    steps = [round(float(t - after.seen.pts[0]) * 1000) for t in after.seen.pts]
    assert steps == list(UNEVEN)


def is_hdr10(_before: Look, after: Look, outcome: Outcome) -> None:
    assert after.seen.tags == (1, 9, 9, 16)
    assert {"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"} <= set(after.seen.side_data)
    assert after.seen.pix_fmt == "yuv420p10le"
    assert any("HDR (PQ)" in note for note in outcome.report["notes"])


def full_range(_before: Look, after: Look, outcome: Outcome) -> None:
    assert after.seen.tags[0] == 2
    assert outcome.report["luma"] == "exact"


def pixels(name: str) -> Check:
    def check(_before: Look, after: Look, outcome: Outcome) -> None:
        assert after.seen.pix_fmt == outcome.report["pixels"] == name
        assert outcome.report["luma"] == "exact"

    return check


def converted(name: str) -> Check:
    def check(_before: Look, after: Look, outcome: Outcome) -> None:
        assert outcome.report["luma"] == f"converted from {name}"
        assert after.seen.tags[0] == 2, "RGB has full range"

    return check


def odd_size_as_444(_before: Look, after: Look, outcome: Outcome) -> None:
    assert after.seen.pix_fmt == "yuv444p"
    assert (
        "libx264 cannot take yuv420p of this size; chroma becomes yuv444p"
        in (outcome.report["notes"])
    )


def starts_at_zero(before: Look, after: Look, _outcome: Outcome) -> None:
    assert before.seen.pts[0] > 3590
    assert after.seen.pts[0] < Fraction(1, 10)


def has_frames(count: int) -> Check:
    def check(_before: Look, after: Look, outcome: Outcome) -> None:
        assert outcome.report["frames"] == len(after.seen.pts) == count

    return check


def has_hidden_sound(before: Look, after: Look, outcome: Outcome) -> None:
    assert before.hidden[1] > 5, "the source has a lead-in that players skip"
    assert outcome.report["frames"] == len(before.seen.pts) == 48 - 15
    # The clock of the target starts with the first shown picture, but for one packet of sound.
    assert abs(after.seen.pts[0]) < Fraction(1, 20)


def has_captions(count: int) -> Check:
    def check(_before: Look, after: Look, _outcome: Outcome) -> None:
        assert len(after.captions) == count
        assert len(set(after.captions)) == count, "each frame has its own"

    return check


def has_timecode(_before: Look, after: Look, outcome: Outcome) -> None:
    assert "timecode 01:00:00:10" in outcome.report["carried"]
    tags = [s["metadata"] for s in after.seen.streams] + [after.seen.metadata]
    assert "01:00:00:10" in [v for t in tags for k, v in t.items() if k.lower() == "timecode"]


def keeps_title_bytes(_before: Look, after: Look, _outcome: Outcome) -> None:
    assert b"Caf\xe9!" in after.path.read_bytes()


def matrix(number: int) -> Check:
    def check(_before: Look, after: Look, _outcome: Outcome) -> None:
        assert after.seen.tags[1] == number

    return check


def even_steps(before: Look, after: Look, outcome: Outcome) -> None:
    assert outcome.damage == set()
    times = [t - after.seen.pts[0] for t in after.seen.pts]
    assert times == [Fraction(i, 25) for i in range(8)]


def stays_black(_before: Look, after: Look, _outcome: Outcome) -> None:
    with av.open(str(after.path)) as container:
        for frame in container.decode(video=0):
            for plane in frame.planes[1:]:
                view = plane_view(plane, 8).astype(int)
                assert np.abs(view - 128).max() <= 2, "black has no color"


def warns(words: str) -> Check:
    def check(_before: Look, _after: Look, outcome: Outcome) -> None:
        assert any(words in note for note in outcome.report["notes"])

    return check
