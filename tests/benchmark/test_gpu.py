"""scripts/measure/gpu.py: parts have their time, and one that fails stops no other."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from figures import benchmark, one_round
from measure.gpu import Part, Results, list_parts, main, measure_all, summarize

ROOT = Path(__file__).parents[2]
FAKE = """
import json, subprocess, sys, time
job = json.loads(sys.argv[1])
with open(job["out"], "a") as file:
    file.write(json.dumps({"part": job["part"], "device": job["device"]}) + "\\n")
if job["part"] == "breaks":
    sys.exit("words before\\nno luck")
if job["part"] == "hangs":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with open(job["out"], "a") as file:
        file.write(json.dumps({"part": "hangs", "child": child.pid}) + "\\n" + '{"half')
    time.sleep(60)
"""


def measure_fakes(tmp_path: Path, parts: list[Part], seconds: float, device: str) -> list[Any]:
    script = tmp_path / "fake.py"
    script.write_text(FAKE)
    results = Results(tmp_path / "found.jsonl")
    job = {"device": device, "film": "", "frames": 24}
    measure_all(parts, results, job, time.monotonic() + seconds, script)
    return results.read()


def lives(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def test_a_part_that_fails_or_hangs_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    parts = [Part("breaks", 1), Part("hangs", 1), Part("works", 4)]
    lines = measure_fakes(tmp_path, parts, 12, "cuda:0")
    assert [line["part"] for line in lines if line.get("device") == "cuda:0"] == [
        "breaks",
        "hangs",
        "works",
    ]
    failed = {line["part"]: line["failed"] for line in lines if "failed" in line}
    assert failed["breaks"] == "ended with code 1: no luck"
    assert failed["hangs"].startswith("stopped after")
    assert set(failed) == {"breaks", "hangs"}
    assert any(line["part"] == "works" and line.get("done") for line in lines)
    (child,) = (line["child"] for line in lines if "child" in line)
    deadline = time.monotonic() + 5
    while lives(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not lives(child), "what a part started ends with it"


def test_what_needs_a_gpu_is_skipped_in_sight(tmp_path: Path) -> None:
    lines = measure_fakes(tmp_path, [Part("a", 1), Part("b", 1, needs_gpu=True)], 20, "cpu")
    assert {"part": "b", "skipped": "no CUDA"} in lines
    assert any(line["part"] == "a" and line.get("done") for line in lines)


def test_without_time_the_rest_is_skipped_in_sight(tmp_path: Path) -> None:
    lines = measure_fakes(tmp_path, [Part("a", 1), Part("b", 1)], 0.1, "cpu")
    assert lines == [{"part": name, "skipped": "no time left"} for name in "ab"]


def test_the_parts_fit_into_eight_minutes_and_have_names_of_their_own() -> None:
    parts = list_parts(["mini", "default"])
    assert sum(part.share for part in parts) <= 480
    assert len({part.name for part in parts}) == len(parts)
    names = [part.name for part in parts[:3]]
    assert names == ["device", "bench mini libx264", "bench default libx264"]


def test_the_summary_has_the_median_and_what_failed() -> None:
    lines = [
        {"part": "bench", "slower_to_whole": share, "whole_frames_per_second": 100 * share}
        for share in (0.5, 0.9, 0.7)
    ]
    lines += [{"part": "net", "failed": "no luck"}]
    assert summarize(lines) == [
        "bench: 70.0 frames/s, 0.70 of the slower of transcode and net (goal 0.9), rounds: 3",
        "net: FAILED: no luck",
    ]


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of the parts, which finds its neighbors as a script does."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts" / "measure"))
    import gpu_parts

    return gpu_parts


def test_a_round_is_compared_with_the_slower_of_transcode_and_net(parts: Any) -> None:
    found = benchmark([one_round(0.25)], "cuda")
    figures = parts.describe_round(found.rounds[0], found.shared, found.facts["net"])
    assert figures["slower_to_whole"] == pytest.approx(10 / 42)  # the net saw a quarter: 20 / 4
    assert figures["ms"]["colornet"] == pytest.approx(20)
    json.dumps(figures)


def test_copies_between_devices_are_seen(parts: Any) -> None:
    from gpu_video import Copies

    with Copies() as copies:
        there = torch.zeros(4, 6, dtype=torch.uint8).to("meta")
        torch.empty(2, 3, device="meta").copy_(torch.zeros(2, 3), non_blocking=True)
        there.to(torch.float32)  # stays where it is
    assert [(one["direction"], one["dtype"], one["bytes"]) for one in copies.seen] == [
        ("up", "torch.uint8", 24),
        ("up", "torch.float32", 24),
    ]
    assert [one["non_blocking"] for one in copies.seen] == [False, True]


@pytest.mark.slow
def test_all_parts_run_on_a_cpu(tmp_path: Path, tiny_weights: Path) -> None:
    path = tmp_path / "gpu.jsonl"
    words = ["--device", "cpu", "--seconds", "240", "--film", "128x96", "--frames", "24"]
    assert main([*words, "--weights", str(tiny_weights), "--out", str(path)]) == 0
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    names = {part.name: part for part in list_parts([str(tiny_weights)])}
    for name, part in names.items():
        own = [line for line in lines if line["part"] == name]
        if part.needs_gpu:
            assert own == [{"part": name, "skipped": "no CUDA"}]
        else:
            assert any(line.get("done") for line in own), own
    keys = {key for line in lines for key in line}
    assert keys >= {"machine", "slower_to_whole", "share_of_matmul", "paint_ms", "decoder"}
    assert "frames_per_second_with_copies" in keys
    assert not (tmp_path / "gpu.jsonl.stderr").exists()
