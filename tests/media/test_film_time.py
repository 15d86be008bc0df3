"""Time: every frame keeps its pts and duration; cuts and joins shift all streams alike."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from films import Audio, Spec, Subtitle, joined, make_film
from seen import see, subtitle_texts
from ways import cut, fast, lossless, recolor

from vidcolor.media.decode.decoder import decode
from vidcolor.media.decode.frame_windows import windows
from vidcolor.media.decode.seek import picture_end
from vidcolor.media.open import open_video
from vidcolor.settings import InputSettings

MS = Fraction(1, 1000)
VFR = (0, 40, 83, 125, 300, 341, 700, 733, 766, 800, 1500, 1533)


def near(found: list[Fraction], wanted: list[Fraction], slack: Fraction = Fraction(0)) -> bool:
    return len(found) == len(wanted) and all(
        abs(a - b) <= slack for a, b in zip(found, wanted, strict=True)
    )


@pytest.mark.parametrize("source", [".mkv", ".mp4"])
@pytest.mark.parametrize("target", [".mkv", ".mp4", ".mov"])
def test_vfr_with_b_frames(tmp_path: Path, source: str, target: str) -> None:
    film = tmp_path / f"in{source}"
    spec = Spec(codec="libx264", time_base=MS, pts=VFR, options={"bf": "3"})
    spec_options = {"video_track_timescale": "1000"} if source == ".mp4" else {}
    make_film(film, Spec(**{**vars(spec), "container_options": spec_options}))
    recolor(film, tmp_path / f"out{target}")
    slack = Fraction(1, 2000) if target == ".mkv" else Fraction(0)
    before, after = see(film), see(tmp_path / f"out{target}")
    assert near(after.pts, before.pts, slack)
    assert near(after.pts, [p * MS for p in VFR], slack)


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(25, 2)])
def test_fractional_rates_do_not_drift(tmp_path: Path, rate: Fraction) -> None:
    film = tmp_path / "in.mp4"
    make_film(film, Spec(codec="libx264", rate=rate, frames=50, width=16, height=16))
    recolor(film, tmp_path / "out.mp4", fast())
    after = see(tmp_path / "out.mp4")
    assert after.pts == [i / rate for i in range(50)]
    assert after.pts[-1] + after.durations[-1] == 50 / rate


def test_durations_survive(tmp_path: Path) -> None:
    film = tmp_path / "in.mp4"
    spec = Spec(codec="libx264", time_base=MS, pts=VFR, duration=40, options={"bf": "0"})
    make_film(film, spec)
    recolor(film, tmp_path / "out.mp4", fast())
    assert see(tmp_path / "out.mp4").durations == see(film).durations


@pytest.mark.parametrize("target", [".mkv", ".mp4"])
def test_start_offset_is_taken_off_all_streams(tmp_path: Path, target: str) -> None:
    film = tmp_path / "in.ts"
    spec = Spec(codec="mpeg2video", audio=(Audio("mp2"),), frames=24, options={"bf": "2"})
    make_film(film, Spec(**{**vars(spec), "container_options": {"output_ts_offset": "3600"}}))
    run = recolor(film, tmp_path / f"out{target}", fast())
    before, after = see(film), see(tmp_path / f"out{target}")
    start = min(before.pts[0], before.times[1][0])
    assert start > 3590
    slack = MS if target == ".mkv" else Fraction(1, 48000)
    assert near(after.pts, [p - start for p in before.pts], slack)
    # The muxer may move both by the same encoder delay.
    shift = after.times[1][0] - (before.times[1][0] - start)
    assert near(after.times[1], [p - start + shift for p in before.times[1]], 2 * slack)
    assert abs(shift) < Fraction(1, 10)
    assert run.damage == []


@pytest.mark.parametrize("target", [".mkv", ".mp4", ".mov"])
def test_frames_before_zero_stay(tmp_path: Path, target: str) -> None:
    film = tmp_path / "in.ts"
    keep = {"avoid_negative_ts": "disabled"}
    times = tuple(range(-3, 9))
    spec = Spec(codec="libx264", pts=times, options={"bf": "0"}, container_options=keep)
    make_film(film, spec)
    assert see(film).pts[0] == Fraction(-3, 24)
    recolor(film, tmp_path / f"out{target}", fast())
    after = see(tmp_path / f"out{target}")
    assert len(after.pts) == 12
    assert near([p - after.pts[0] for p in after.pts], [Fraction(i, 24) for i in range(12)], MS)


@pytest.mark.parametrize("target", [".mkv", ".mp4"])
def test_start_and_end_cut_all_streams(tmp_path: Path, target: str) -> None:
    film = tmp_path / "in.mkv"
    text = Subtitle(events=((0.2, 0.5, "before"), (0.9, 0.4, "over the cut"), (1.5, 1.0, "end")))
    spec = Spec(
        codec="libx264",
        frames=72,
        audio=(Audio("pcm_s16le"),),
        subtitles=(text,),
        chapters=((0, 0.9, "One"), (0.9, 1.7, "Two"), (1.7, 3, "Three")),
        options={"g": "12", "bf": "2"},
    )
    make_film(film, spec)
    run = recolor(film, tmp_path / f"out{target}", cut(Fraction(1), Fraction(2)))
    before, after = see(film), see(tmp_path / f"out{target}")
    kept = [(p, y) for p, y in zip(before.pts, before.luma, strict=True) if 1 <= p < 2]
    assert run.written.frames == len(kept) == 24
    assert after.luma == [y for _, y in kept]
    assert near(after.pts, [p - kept[0][0] for p, _ in kept], MS)
    sound = [
        (p - kept[0][0], h)
        for p, h in zip(before.times[1], before.packets[1], strict=True)
        if kept[0][0] <= p < 2
    ]
    assert after.packets[1] == [h for _, h in sound]
    assert near(after.times[1], [p for p, _ in sound], MS)
    texts = subtitle_texts(tmp_path / f"out{target}", 2)
    assert [t for t, _ in texts] == pytest.approx([0.0, 0.5], abs=0.01)
    assert b"over the cut" in texts[0][1]
    titles = [(float(a), float(b), t) for a, b, t in after.chapters]
    assert titles == [(0.0, pytest.approx(0.7), "Two"), (pytest.approx(0.7), 1.0, "Three")]
    assert run.damage == []


def test_only_start_and_only_end(tmp_path: Path) -> None:
    film = tmp_path / "in.mp4"
    make_film(film, Spec(codec="libx264", frames=48, options={"g": "10"}, audio=(Audio(),)))
    before = see(film)
    recolor(film, tmp_path / "tail.mp4", cut(Fraction(3, 2), None))
    recolor(film, tmp_path / "head.mp4", cut(None, Fraction(1, 2)))
    assert see(tmp_path / "tail.mp4").luma == before.luma[36:]
    assert see(tmp_path / "head.mp4").luma == before.luma[:12]
    assert see(tmp_path / "tail.mp4").pts[0] == 0


def test_joined_recordings_become_one(tmp_path: Path) -> None:
    parts = []
    for name in ("a", "b"):
        part = tmp_path / f"{name}.ts"
        make_film(part, Spec(codec="mpeg2video", frames=48, audio=(Audio("mp2"),)))
        parts.append(part)
    film = joined(tmp_path / "in.ts", *parts)
    run = recolor(film, tmp_path / "out.mp4", fast())
    after = see(tmp_path / "out.mp4")
    # The decoder may lose a frame or two at the join of two open streams, never half the film.
    assert len(after.pts) >= 94
    steps = [b - a for a, b in zip(after.pts, after.pts[1:], strict=False)]
    assert min(steps) > 0
    assert max(steps) < Fraction(1, 4)
    assert max(after.times[1]) > Fraction(7, 2)
    assert any("the timestamps jumped" in d.text for d in run.damage)


def test_raw_stream_without_times(tmp_path: Path) -> None:
    film = tmp_path / "in.h264"
    make_film(film, Spec(codec="libx264", rate=Fraction(25), options={"bf": "0"}))
    run = recolor(film, tmp_path / "out.mp4", lossless())
    after = see(tmp_path / "out.mp4")
    assert after.pts == [Fraction(i, 25) for i in range(12)]
    assert after.luma == see_luma(film)
    assert run.damage == []


def see_luma(film: Path) -> list[str]:
    import av
    from seen import luma_bytes, md5

    with av.open(str(film)) as container:
        return [md5(luma_bytes(frame)) for frame in container.decode(video=0)]


def test_avi_with_b_frames_has_only_decoding_times(tmp_path: Path) -> None:
    film = tmp_path / "in.avi"
    make_film(film, Spec(codec="mpeg4", frames=24, options={"bf": "2"}))
    run = recolor(film, tmp_path / "out.mp4", fast())
    after = see(tmp_path / "out.mp4")
    steps = {b - a for a, b in zip(after.pts, after.pts[1:], strict=False)}
    assert len(after.pts) == 24
    assert steps == {Fraction(1, 24)}
    assert [d for d in run.damage if d.kind == "timestamp"] == []


def test_hole_is_listed(tmp_path: Path) -> None:
    film = tmp_path / "in.mkv"
    pts = tuple(range(0, 500, 42)) + tuple(range(10500, 11000, 42))
    make_film(film, Spec(time_base=MS, pts=pts))
    run = recolor(film, tmp_path / "out.mkv", lossless())
    assert [d.kind for d in run.damage] == ["gap"]
    assert run.damage[0].seconds == pytest.approx(0.462, abs=0.05)


def test_vfr_film_has_no_holes(tmp_path: Path) -> None:
    film = tmp_path / "in.mkv"
    pts, at = [], 0
    for index in range(40):
        pts.append(at)
        at += 33 if index % 7 else 200
    make_film(film, Spec(time_base=MS, pts=tuple(pts)))
    assert recolor(film, tmp_path / "out.mkv", lossless()).damage == []


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("target", [".mkv", ".mp4", ".webm"])
def test_shortest_films(tmp_path: Path, frames: int, target: str) -> None:
    film = tmp_path / "in.mkv"
    make_film(film, Spec(frames=frames))
    recolor(film, tmp_path / f"out{target}")
    assert len(see(tmp_path / f"out{target}").pts) == frames


BEFORE_ZERO = {
    "wrap.ts": ("libx264", tuple(8589861000 + 3750 * n for n in range(36)), Fraction(1, 90000)),
    "negative.ts": ("libx264", tuple(range(-12, 24)), None),
    "negative.mkv": ("ffv1", tuple(range(-12, 24)), None),
}


@pytest.mark.parametrize("name", list(BEFORE_ZERO))
def test_times_count_from_the_first_frame(tmp_path: Path, name: str) -> None:
    """A film whose clock begins before 0, or goes through it."""
    film = tmp_path / name
    codec, pts, tick = BEFORE_ZERO[name]
    keep = {"avoid_negative_ts": "disabled"}
    options = {"bf": "0", "g": "12"} if codec == "libx264" else {}
    spec = Spec(codec=codec, frames=36, pts=pts, time_base=tick, options=options)
    make_film(film, replace(spec, container_options=keep, audio=(Audio(),)))
    before = see(film).pts
    wanted = [p - before[0] for p in before]
    assert near(wanted, [Fraction(n, 24) for n in range(36)], 10 * MS)
    with open_video(film) as opened:
        assert opened.info.start < 0
        assert near([frame.seconds for frame in decode(opened)], wanted, MS)
        assert opened.log.damage == []
    half = InputSettings(start=Fraction(1, 2), end=Fraction(1))
    with open_video(film, half) as opened:
        assert len(list(decode(opened))) == 12
        assert abs(opened.log.zero - opened.info.start - Fraction(1, 2)) <= Fraction(1, 20)
        assert opened.log.damage == []
    with open_video(film) as opened:
        assert abs(picture_end(opened) - Fraction(3, 2)) <= 12 * MS
        found = windows(opened, [Fraction(0), Fraction(5, 8), Fraction(4, 3)])
        assert near([w.seconds for w in found], [Fraction(n, 24) for n in (0, 15, 32)], 45 * MS)
    run = recolor(film, tmp_path / "out.mkv", lossless())
    assert run.damage == []
    after = see(tmp_path / "out.mkv")
    assert near([p - after.pts[0] for p in after.pts], wanted, MS)
