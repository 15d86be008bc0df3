"""Two films in one: whose pixels stand where, at which times, and what else is kept."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from films import Audio, Spec, Subtitle, make_film
from seen import plane_view, see
from ways import lossless, recolor

from vidcolor import side_by_side
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.core.report import Report
from vidcolor.errors import FilmUnreadable, OutputError, OutputExists, SettingsError, VidcolorError
from vidcolor.media.display import turn_upright
from vidcolor.preview import compare as comparison
from vidcolor.preview.compare import on_screen
from vidcolor.settings import (
    ColorizerSettings,
    CompareSettings,
    InputSettings,
    OutputSettings,
    Settings,
)

Planes = list[np.ndarray]

RIGHT_90 = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
"""Display matrix of a picture that is to be turned clockwise by a quarter."""


def pictures(path: Path) -> list[Planes]:
    """The planes of every frame, integers as stored."""
    found = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            bits = max(8, frame.format.components[0].bits)
            found.append([plane_view(plane, bits).astype(int) for plane in frame.planes])
    return found


def compare(
    first: Path, second: Path | None, target: Path, settings: Settings | None = None, **how: Any
) -> Report:
    return side_by_side(
        first, second, target, settings=settings or lossless(), compare=CompareSettings(**how)
    )


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Two films of the same times whose pixels differ everywhere."""
    paths = tmp_path / "a.mkv", tmp_path / "b.mkv"
    make_film(paths[0], Spec(brightness=60, color="full"))
    make_film(paths[1], Spec(brightness=200, color="tint"))
    return paths


def test_side_by_side_shows_both_to_the_bit(tmp_path: Path, two: tuple[Path, Path]) -> None:
    report = compare(*two, tmp_path / "out.mkv")
    assert (report.frames, report.clean, report.notes) == (12, True, [])
    mine, theirs, made = (pictures(path) for path in (*two, tmp_path / "out.mkv"))
    assert len(made) == 12
    for frame, one, other in zip(made, mine, theirs, strict=True):
        for plane, left, right in zip(frame, one, other, strict=True):
            assert (plane == np.concatenate([left, right], axis=1)).all()


@pytest.mark.parametrize(
    ("look", "edges"),
    [
        ("split", [48] * 12),
        # A quarter of a second there and back at 24 frames a second: 3 frames, and 3 again.
        ("wipe", [94, 62, 32, 0, 32, 62, 94, 62, 32, 0, 32, 62]),
    ],
)
def test_a_line_parts_the_two(
    look: str, edges: list[int], tmp_path: Path, two: tuple[Path, Path]
) -> None:
    compare(*two, tmp_path / "out.mkv", look=look, period=Fraction(1, 4))
    mine, theirs, made = (pictures(path) for path in (*two, tmp_path / "out.mkv"))
    for frame, one, other, edge in zip(made, mine, theirs, edges, strict=True):
        for number, (plane, left, right) in enumerate(zip(frame, one, other, strict=True)):
            at, line = (edge // 2, 1) if number else (edge, 2)
            assert (plane[:, :at] == left[:, :at]).all()
            assert (plane[:, at : at + line] == (128 if number else 235)).all()
            assert (plane[:, at + line :] == right[:, at + line :]).all()


def test_everything_else_is_the_first_films(tmp_path: Path) -> None:
    first, second, target = (tmp_path / name for name in ("a.mkv", "b.mkv", "out.mkv"))
    rich = Spec(
        codec="libx264",
        time_base=Fraction(1, 1000),
        pts=(0, 40, 95, 120, 210, 250, 290, 333, 370, 411, 450, 600),
        audio=(Audio("aac", language="eng"), Audio("flac")),
        subtitles=(Subtitle(),),
        chapters=((0, 0.2, "one"), (0.2, 0.5, "two")),
        attachments=(("font.ttf", "font/ttf", b"\0\1\0\0font"),),
        metadata={"title": "The film"},
    )
    make_film(first, rich)
    make_film(second, replace(rich, audio=(Audio("ac3"),), subtitles=(), chapters=()))
    compare(first, second, target)
    before, after = see(first), see(target)
    assert after.pts == before.pts
    assert {i: after.packets[i] for i in (1, 2, 3)} == {i: before.packets[i] for i in (1, 2, 3)}
    assert after.chapters == before.chapters
    kept = [(s["type"], s["codec"], s["language"], s["data"]) for s in before.streams[1:]]
    assert [(s["type"], s["codec"], s["language"], s["data"]) for s in after.streams[1:]] == kept
    assert after.metadata["title"] == "The film"


def shown(first: list[float], second: list[float]) -> list[float]:
    frames: list[Any] = [[(Fraction(str(t)), t) for t in times] for times in (first, second)]
    return [found[3] for found in on_screen(*frames)]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([0, 1, 2], [0, 1, 2], [0, 1, 2]),
        ([0, 0.5, 1, 1.5], [0, 1], [0, 0, 1, 1]),  # slower: frames stay
        ([0, 1, 2], [0, 0.4, 0.8, 1.2, 1.6, 2.0], [0, 0.8, 2.0]),  # faster: frames are skipped
        ([0, 0.0417, 0.0833], [0, 0.042, 0.083], [0, 0.042, 0.083]),  # rounded to thousandths
        ([0, 1, 2, 3], [0, 1], [0, 1, 1, 1]),  # ends early
        ([0, 1, 2], [1.5, 3], [1.5, 1.5, 1.5]),  # begins late
        ([0, 1], [], []),
        ([], [0, 1], []),
    ],
)
def test_a_frame_stands_beside_the_one_on_screen_then(
    first: list[float], second: list[float], expected: list[float]
) -> None:
    assert shown(first, second) == expected


def right_luma(path: Path) -> list[np.ndarray]:
    return [frame[0][:, frame[0].shape[1] // 2 :] for frame in pictures(path)]


def test_films_of_other_rates_are_matched_by_time(tmp_path: Path) -> None:
    first, second, target = (tmp_path / name for name in ("a.mkv", "b.mp4", "out.mkv"))
    make_film(first, Spec(frames=10, rate=Fraction(10)))
    make_film(second, Spec(codec="libx264", options={"qp": "0"}, frames=30, rate=Fraction(30)))
    compare(first, second, target)
    theirs = [frame[0] for frame in pictures(second)]
    for number, plane in enumerate(right_luma(target)):
        assert (plane == theirs[3 * number]).all()


def test_a_result_whose_times_are_shifted_as_a_whole_is_matched(tmp_path: Path) -> None:
    """AAC begins before 0; Matroska moves all streams instead, and the picture starts later."""
    first, second, target = (tmp_path / name for name in ("a.mp4", "b.mkv", "out.mp4"))
    make_film(first, Spec(codec="libx264", options={"qp": "0"}, audio=(Audio("aac"),)))
    recolor(first, second, lossless())
    assert see(second).pts[0] > 0
    compare(first, second, target)
    mine = [frame[0] for frame in pictures(first)]
    assert all((a == b).all() for a, b in zip(mine, right_luma(target), strict=True))
    assert see(target).pts == see(first).pts


def test_a_part_is_matched_too(tmp_path: Path) -> None:
    first, second, target = (tmp_path / name for name in ("a.mkv", "b.mkv", "out.mkv"))
    spec = Spec(frames=48, options={"g": "12"})
    make_film(first, spec)
    make_film(second, spec)
    part = replace(lossless(), open=InputSettings(start=Fraction("1.26"), end=Fraction("1.6")))
    compare(first, second, target, part)
    made = [frame[0] for frame in pictures(target)]
    kept = [frame[0] for frame in pictures(first)][31:39]
    expected = [np.concatenate([plane, plane], axis=1) for plane in kept]
    assert all((a == b).all() for a, b in zip(made, expected, strict=True))
    assert see(target).pts[0] == 0


def test_a_shorter_film_keeps_its_last_frame_and_a_longer_one_is_cut(tmp_path: Path) -> None:
    long, short = tmp_path / "long.mkv", tmp_path / "short.mkv"
    make_film(long, Spec(frames=40))
    make_film(short, Spec(frames=8))
    report = compare(long, short, tmp_path / "out.mkv")
    assert report.notes == [
        "short.mkv ends at 0.3 s, before the first film; its last frame is held"
    ]
    last = pictures(short)[-1][0]
    assert all((plane == last).all() for plane in right_luma(tmp_path / "out.mkv")[7:])
    report = compare(short, long, tmp_path / "other.mkv")
    assert report.notes == ["long.mkv lasts 1.3 s longer than the first film; not shown"]
    assert report.frames == 8


KR_KB = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 9: (0.2627, 0.0593)}


def rgb(codes: tuple[int, int, int], bits: int, tags: tuple[int, int, int, int]) -> np.ndarray:
    """R'G'B' 0..1 by the formula of ITU-T H.273."""
    kr, kb = KR_KB[tags[1]]
    step = 1 << (bits - 8)
    full = (1 << bits) - 1
    black, span, chroma = (0, full, full) if tags[0] == 2 else (16 * step, 219 * step, 224 * step)
    y = (codes[0] - black) / span
    cb, cr = ((code - (128 * step)) / chroma for code in codes[1:])
    red, blue = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    return np.array([red, (y - kr * red - kb * blue) / (1 - kr - kb), blue])


SD = (1, 5, 5, 6)
HD = (1, 1, 1, 1)
FULL = (2, 5, 5, 6)
WIDE = (1, 9, 9, 14)


@pytest.mark.parametrize(
    ("first", "second"), [(SD, HD), (HD, SD), (FULL, HD), (SD, FULL), (HD, WIDE), (FULL, SD)]
)
@pytest.mark.parametrize("deep", [False, True])
def test_one_color_stays_one_color(first: Any, second: Any, deep: bool, tmp_path: Path) -> None:
    """Whatever matrix and range a film has: the sheet holds it in those of the second."""
    formats = ("yuv422p10le" if deep else "yuv420p"), "yuv420p"
    made = []
    for name, tags, form in zip("ab", (first, second), formats, strict=True):
        bits = 10 if "10" in form else 8
        level = 110 << (bits - 8)
        spec = Spec(pix_fmt=form, tags=tags, brightness=level, color="tint", frames=2)
        make_film(tmp_path / f"{name}.mkv", spec)
        middle = 1 << (bits - 1)
        codes = level, middle + middle // 8, middle - middle // 6 - (middle % 6 > 0)
        made.append((codes, bits, tags))
    compare(tmp_path / "a.mkv", tmp_path / "b.mkv", tmp_path / "out.mkv")
    found = see(tmp_path / "out.mkv")
    assert found.tags[:2] == second[:2]
    bits = 10 if deep else 8
    frame = pictures(tmp_path / "out.mkv")[0]
    for half, film in zip((0, 1), made, strict=True):
        codes = [int(p[p.shape[0] // 2, p.shape[1] * (1 + 2 * half) // 4]) for p in frame]
        error = np.abs(rgb(tuple(codes), bits, second) - rgb(*film))  # type: ignore[arg-type]
        assert error.max() < 2 / 255, (codes, error * 255)


def test_a_gray_film_beside_its_colors(tmp_path: Path) -> None:
    first, second, target = (tmp_path / name for name in ("a.mkv", "b.mkv", "out.mkv"))
    make_film(first, Spec(pix_fmt="gray"))
    recolor(first, second, lossless())
    compare(first, second, target)
    mine, theirs, made = (pictures(path) for path in (first, second, target))
    for frame, one, other in zip(made, mine, theirs, strict=True):
        assert (frame[0] == np.concatenate([one[0], other[0]], axis=1)).all()
        assert (frame[1][:, :48] == 128).all()
        assert (frame[1][:, 48:] == 90).all()
    assert see(target).tags[0] == 2


def test_more_bits_win(tmp_path: Path) -> None:
    first, second, target = (tmp_path / name for name in ("a.mkv", "b.mkv", "out.mkv"))
    make_film(first, Spec(pix_fmt="yuv420p10le"))
    make_film(second, Spec())
    compare(first, second, target)
    mine, theirs, made = (pictures(path) for path in (first, second, target))
    assert see(target).pix_fmt == "yuv420p10le"
    assert (made[3][0][:, :96] == mine[3][0]).all()
    assert np.abs(made[3][0][:, 96:] - 4 * theirs[3][0]).max() <= 1


@pytest.mark.parametrize(
    ("spec", "size"),
    [
        (Spec(width=97, height=65), (192, 64)),  # a last odd line is not shown
        (Spec(width=1, height=1), (4, 2)),
        (Spec(sar=Fraction(2)), (384, 64)),
        (Spec(sar=Fraction(1, 2)), (96, 64)),
        (Spec(sar=Fraction(1, 50)), (192, 64)),
        (Spec(pix_fmt="yuv411p"), (192, 64)),
        (Spec(pix_fmt="yuv440p"), (192, 64)),
        (Spec(pix_fmt="bgr0"), (192, 64)),
        (Spec(frames=1), (192, 64)),
        (Spec(matrix=RIGHT_90), (128, 96)),
        (Spec(matrix=RIGHT_90, pix_fmt="yuv422p"), (128, 96)),
    ],
)
def test_the_screen_is_the_first_films(spec: Spec, size: tuple[int, int], tmp_path: Path) -> None:
    first, second, target = (tmp_path / name for name in ("a.mov", "b.mkv", "out.mkv"))
    with_words = bool(spec.matrix or spec.sar)  # which ffv1 in Matroska has not
    first = first if with_words else first.with_suffix(".mkv")
    codec = "libx264" if with_words else spec.codec
    options = {"qp": "0"} if with_words else {}
    make_film(first, replace(spec, codec=codec, options=options))
    make_film(second, Spec(frames=spec.frames, width=50, height=40, brightness=180))
    report = compare(first, second, target)
    assert report.clean
    found = see(target)
    assert (found.size, found.sar in (None, 1), found.matrix) == (size, True, None)
    width = size[0] // 2
    made, mine = pictures(target)[0], pictures(first)[0]
    assert (np.abs(made[0][:, width:] - 180) <= 1).all()
    if spec.matrix:
        assert (made[0][:, :width] == np.rot90(mine[0], -1)).all()
    elif spec.sar is None and "bgr" not in spec.pix_fmt and spec.width > 1:
        assert (made[0][:, :width] == mine[0][: size[1], :width]).all()


def test_a_height_of_its_own(tmp_path: Path, two: tuple[Path, Path]) -> None:
    compare(*two, tmp_path / "out.mkv", height=32)
    assert see(tmp_path / "out.mkv").size == (96, 32)
    frame = pictures(tmp_path / "out.mkv")[0]
    assert (frame[0][:, :48] == 60).all()
    assert (frame[0][:, 48:] == 200).all()


def test_display_matrices() -> None:
    plane = torch.tensor([[1, 2, 3], [4, 5, 6]])
    one = 65536
    found = {
        (one, 0, 0, 0, one): [[1, 2, 3], [4, 5, 6]],
        (-one, 0, 0, 0, one): [[3, 2, 1], [6, 5, 4]],
        (one, 0, 0, 0, -one): [[4, 5, 6], [1, 2, 3]],
        (-one, 0, 0, 0, -one): [[6, 5, 4], [3, 2, 1]],
        (0, one, 0, -one, 0): [[4, 1], [5, 2], [6, 3]],
        (0, -one, 0, one, 0): [[3, 6], [2, 5], [1, 4]],
        (0, one, 0, one, 0): [[1, 4], [2, 5], [3, 6]],
        (0, -one, 0, -one, 0): [[6, 3], [5, 2], [4, 1]],
    }
    for matrix, expected in found.items():
        assert turn_upright(plane, (*matrix, 0, 0, 0, 1 << 30)).tolist() == expected


def test_a_film_beside_its_colors_found_on_the_way(tmp_path: Path, quick_weights: Path) -> None:
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    made = make_film(source, Spec(codec="libx264", options={"qp": "0"}, frames=30))
    net = ColorizerSettings(weights=str(quick_weights), size=64)
    report = compare(source, None, target, replace(lossless(), colorizer=net))
    assert (report.frames, report.inferred, report.shots) == (30, 30, 1)
    assert report.weights["name"] == str(quick_weights)
    for frame, luma in zip(pictures(target), made.luma, strict=True):
        assert (frame[0] == np.concatenate([luma, luma], axis=1)).all()
        assert (frame[2][:, :48] == 128).all()
        assert frame[2][:, 48:].mean() > 135  # the quick net paints orange


def test_damage_of_both_is_told(tmp_path: Path) -> None:
    spec = Spec(codec="libx264", options={"qp": "0"}, frames=24)
    make_film(tmp_path / "a.mkv", spec)
    make_film(tmp_path / "whole.mkv", spec)
    data = (tmp_path / "whole.mkv").read_bytes()
    (tmp_path / "b.mkv").write_bytes(data[: len(data) * 2 // 3])
    report = compare(tmp_path / "a.mkv", tmp_path / "b.mkv", tmp_path / "out.mkv")
    assert report.frames == 24
    assert [(d.kind, d.text.split(":")[0]) for d in report.damage] == [("truncated", "b.mkv")]
    report = compare(tmp_path / "b.mkv", tmp_path / "a.mkv", tmp_path / "out2.mkv")
    assert [d.kind for d in report.damage] == ["truncated"]
    assert not report.damage[0].text.startswith("a.mkv")


OLD = b"the old film"


def test_the_target_is_untouched_when_it_fails(
    tmp_path: Path, two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    target, (first, second) = tmp_path / "out.mkv", two
    before = first.read_bytes(), second.read_bytes()
    target.write_bytes(OLD)
    forced = replace(lossless(), output=OutputSettings(force=True))
    with pytest.raises(OutputExists):
        compare(*two, target)
    for path in two:
        with pytest.raises(OutputError, match="is the source itself"):
            compare(*two, path, forced)
    with pytest.raises(FilmUnreadable):
        compare(first, tmp_path / "none.mkv", target, forced)
    with pytest.raises(SettingsError, match="for a film, the output must end in"):
        compare(*two, tmp_path / "out.png", forced)

    def failing(*_: object) -> Any:
        raise VidcolorError("no")

    with monkeypatch.context() as patch:
        patch.setattr(comparison.SideBySide, "edge", failing)
        with pytest.raises(VidcolorError, match="no"):
            compare(*two, target, forced, look="wipe")
    assert target.read_bytes() == OLD
    assert (first.read_bytes(), second.read_bytes()) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mkv", "b.mkv", "out.mkv"]
    compare(*two, target, forced)
    assert len(see(target).pts) == 12


def test_no_weights_are_told_before_anything_is_made(
    tmp_path: Path, two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    net = ColorizerSettings(weights="nosuch")
    with pytest.raises(VidcolorError, match="nosuch"):
        compare(two[0], None, tmp_path / "out.mkv", Settings(colorizer=net))
    monkeypatch.setattr(Colorizer, "from_weights", None)
    compare(*two, tmp_path / "out.mkv")  # two films need none


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"look": "above"}, "side, split, wipe"),
        ({"period": Fraction(0)}, "--period"),
        ({"height": 8}, "--height 8"),
    ],
)
def test_settings_out_of_range(how: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        CompareSettings(**how)
