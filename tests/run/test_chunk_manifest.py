"""Plans: what is written down of a film's chunks, and what is seen to be another film."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from run_specs import SPEC, run_spec
from synthetic import make_frame, make_layout

from vidcolor.core.frames import Frame
from vidcolor.core.report import Damage
from vidcolor.media.pass_log import PassLog
from vidcolor.run.chunk_manifest import (
    Manifest,
    PlannedChunk,
    collect_chunks,
    context_chunks,
    fingerprint,
    read_manifest,
    write_manifest,
)
from vidcolor.run.journal import PLAN, WorkDir

END = PassLog(
    Fraction(1, 25), "tinted", [Damage("gap", 1.5, "no picture")], {"gap": 1}, ["a remark"]
)


def frames(lengths: list[int], cuts: set[int]) -> Iterator[Frame]:
    pts = 0
    for chunk, length in enumerate(lengths):
        for _ in range(length):
            luma = torch.full((4, 6), pts / 255)
            frame = make_frame(luma, pts=pts, starts_shot=pts in cuts)
            frame.chunk, frame.outlier, frame.share = chunk, pts == 3, 1.0
            yield frame
            pts += 1


def test_what_is_planned_of_each_chunk() -> None:
    chunks = list(collect_chunks(frames([4, 3, 2], {0, 2, 7})))
    assert [chunk.number for chunk in chunks] == [0, 1, 2]
    assert [chunk.first_pts for chunk in chunks] == [0, 4, 7]
    assert [chunk.frames for chunk in chunks] == [4, 3, 2]
    assert [chunk.continues_shot for chunk in chunks] == [False, True, False]
    assert [chunk.shots for chunk in chunks] == [(0, 2), (), (7,)]
    assert [chunk.outliers for chunk in chunks] == [(3,), (), ()]
    prints = "".join(chunk.prints for chunk in chunks)
    assert len({prints[n : n + 8] for n in range(0, len(prints), 8)}) == 9


def test_a_film_whose_first_frame_starts_no_shot_leans_on_nothing() -> None:
    (chunk,) = collect_chunks(frames([3], set()))
    assert not chunk.continues_shot


@pytest.mark.parametrize("bits", [8, 10])
def test_a_fingerprint_sees_every_change(bits: int) -> None:
    def frame() -> Frame:
        unit = torch.rand(5, 7, generator=torch.Generator().manual_seed(1))
        return make_frame(unit, make_layout(bits))

    seen = {fingerprint(frame())}
    assert seen == {fingerprint(frame())}
    for name, value in (
        ("pts", 9),
        ("duration", 3),
        ("interlaced", True),
        ("top_field_first", False),
        ("damaged", True),
    ):
        other = frame()
        setattr(other, name, value)
        seen.add(fingerprint(other))
    for y, x in ((0, 0), (4, 6), (2, 3)):
        other = frame()
        luma = other.luma.numpy().copy()
        luma[y, x] ^= 1
        other.luma = torch.from_numpy(luma)
        seen.add(fingerprint(other))
    assert len(seen) == 9
    assert {len(each) for each in seen} == {8}


def chunk(number: int, count: int, continues_shot: bool) -> PlannedChunk:
    return PlannedChunk(number, 0, continues_shot, (), (), "0" * 8 * count, "c8" * count)


def test_what_a_chunk_rests_on_is_known_as_soon_as_it_can_be() -> None:
    chunks = [chunk(0, 9, False), chunk(1, 5, True), chunk(2, 5, True), chunk(3, 9, False)]

    def found(known: int, number: int, context: int, ended: bool = False) -> list[int] | None:
        rest = context_chunks(chunks[:known], number, context, ended)
        return None if rest is None else [each.number for each in rest]

    assert found(1, 0, 8) is None
    assert found(1, 0, 0) == []
    assert found(1, 0, 8, ended=True) == []
    assert found(2, 0, 5) == [1]
    assert found(2, 0, 6) is None
    assert found(3, 0, 6) == [1, 2]
    assert found(4, 0, 99) == [1, 2]
    assert found(4, 2, 99) == []
    assert found(4, 3, 99) is None


@pytest.fixture
def folder(tmp_path: Path) -> WorkDir:
    return WorkDir(tmp_path, "someone", SPEC)


def test_a_plan_comes_back(folder: WorkDir) -> None:
    plan = Manifest(tuple(collect_chunks(frames([4, 3, 2], {0, 2, 7}))), END)
    write_manifest(folder, plan)
    assert read_manifest(folder) == plan
    assert [path.name for path in folder.folder.iterdir()] == [PLAN]


def test_a_plan_of_another_run_or_half_of_one_is_none(folder: WorkDir) -> None:
    assert read_manifest(folder) is None
    plan = Manifest(tuple(collect_chunks(frames([4, 3, 2], {0, 2, 7}))), END)
    write_manifest(folder, plan)
    assert read_manifest(WorkDir(folder.folder, "", run_spec(saturation=2.0))) is None
    path = folder.folder / PLAN
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for data in (b"", *(b"".join(lines[:n] + lines[n + 1 :]) for n in range(4)), whole[:-9]):
        path.write_bytes(data)
        assert read_manifest(folder) is None
    path.write_bytes(whole.replace(b'"number": 1', b'"number": 2'))
    assert read_manifest(folder) is None


def test_what_a_pass_tells_comes_back() -> None:
    plain = json.loads(json.dumps(END.to_dict()))
    assert PassLog.from_dict(plain) == END
    assert PassLog.from_dict(plain | {"zero": "0"}) != END
