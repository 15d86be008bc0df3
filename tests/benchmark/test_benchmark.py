"""The arithmetic of a benchmark, the film it makes, and the table it prints."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from figures import PARTS, benchmark, one_round
from torch import Tensor, nn

from vidcolor.benchmark import subprocess_run as fresh
from vidcolor.benchmark.machine import Others, matmul_speed, operations
from vidcolor.benchmark.results import RATIOS, Spread, ratios
from vidcolor.benchmark.synthetic_video import RATE, SHOT, pictures
from vidcolor.cli.bench import describe
from vidcolor.cli.main import main
from vidcolor.core.report import Progress
from vidcolor.errors import VidcolorError
from vidcolor.media.decode.decoder import decode
from vidcolor.media.encode.synthetic import make_film
from vidcolor.media.open import open_video
from vidcolor.nets.colornet import NetInput


def test_a_spread_is_the_median_and_the_ends() -> None:
    assert Spread.of([3.0, 1.0, 2.5]) == Spread(2.5, 1.0, 3.0)


def test_frames_that_the_net_did_not_see_lower_the_floor() -> None:
    found = ratios(one_round(0.25), shared=True, operations=2e9)
    assert found["whole_to_floor"] == pytest.approx(42 / (10 + 20 / 4 + 5))


def test_on_shared_cores_the_floor_is_the_sum() -> None:
    found = ratios(one_round(), shared=True, operations=2e9)
    assert set(found) == set(RATIOS)
    assert found["whole_to_floor"] == pytest.approx(42 / (10 + 20 + 5))
    assert found["whole_to_colored_floor"] == pytest.approx(42 / (12 + 20 + 5))
    assert found["speed_of_transcode"] == pytest.approx(10 / 42)
    assert found["paint_to_transcode"] == pytest.approx((1 + 2) / 20)
    assert found["smooth_to_transcode"] == pytest.approx(10 / 20)
    assert found["color_to_encoder"] == pytest.approx(10 / 8)
    assert found["net_to_matmul"] == pytest.approx(2e9 / 0.02 / 1e12)


@pytest.mark.parametrize(("transcode", "floor"), [(10, 25), (40, 40)])
def test_on_two_devices_the_floor_is_the_slower_one(transcode: float, floor: float) -> None:
    found = ratios(one_round(transcode=(transcode, 20)), shared=False, operations=2e9)
    assert found["whole_to_floor"] == pytest.approx(42 / floor)


def test_color_that_costs_nothing_does_not_lower_the_floor() -> None:
    found = ratios(one_round(encode=(7, 20)), shared=True, operations=2e9)
    assert found["whole_to_colored_floor"] == found["whole_to_floor"]


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    # The machine drifts: the ratio of the medians, 60 over 20, is that of no round.
    rounds = [
        one_round(colornet=(5, 9), smooth=(5, 9), whole=(22, 40)),
        one_round(transcode=(5, 9), colornet=(10, 9), smooth=(10, 9), whole=(60, 40)),
        one_round(transcode=(50, 90), colornet=(20, 9), smooth=(10, 9), whole=(96, 90)),
    ]
    assert benchmark(rounds).ratio("whole_to_floor") == Spread(
        pytest.approx(1.2),  # type: ignore[arg-type]
        pytest.approx(1.1),  # type: ignore[arg-type]
        pytest.approx(2.4),  # type: ignore[arg-type]
    )


def test_the_table_tells_everything_and_nothing_that_steers_a_terminal() -> None:
    text = describe(benchmark([one_round(), one_round(whole=(50, 80)), one_round()]))
    lines = {line[:31].strip(): line[31:].split() for line in text.splitlines()}
    assert lines["whole / (transcode + net)"][:4] == ["1.200", "1.200", "..", "1.429"]
    assert lines["first frame"][:2] == ["3.50", "s"]
    assert lines["peak memory"][:2] == ["900", "MiB"]
    assert lines["net / matmul"][0] == "0.100"
    assert "other programs" not in lines
    rows = {line[:13].strip(): line[13:].split() for line in text.splitlines()}
    assert rows["whole"] == ["23.8", "42.00", "42.00", "50.00", "80.00"]
    assert rows["decode"] == ["1000.0", "1.00", "1.00", "1.00", "2.00", "1.00"]
    assert rows["color"] == ["30.00"]
    assert set(rows) >= set(PARTS)
    assert "2 of 4 cores, AVX2 vnni amx" in text
    assert "\x1b" not in text


def test_the_table_of_a_gpu_compares_with_the_slower_one() -> None:
    text = describe(benchmark([one_round()], "cuda"))
    assert "whole / max(transcode, net)" in text


def test_everything_becomes_json() -> None:
    found = json.loads(json.dumps(benchmark([one_round()] * 3).to_dict()))
    assert found["seconds_per_frame"]["whole"]["median"] == pytest.approx(0.042)
    assert found["ratios"]["whole_to_floor"]["most"] == pytest.approx(1.2)
    assert found["fresh"]["first_frame"]["median"] == 3.5
    assert len(found["rounds"]) == 3


class _Products(nn.Module):
    """One linear layer and one attention over 64 places of 8 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, inputs: NetInput) -> Tensor:
        x: Tensor = self.linear(inputs.lightness.reshape(1, 1, -1, 8))
        return nn.functional.scaled_dot_product_attention(x, x, x)


def test_operations_count_products_and_attention() -> None:
    # 64 places: 8 x 8 weights each, then twice 64 x 64 x 8 products; each one multiplies and adds.
    assert operations(_Products(), (16, 32)) == 2 * (64 * 64 + 2 * 64 * 64 * 8)  # type: ignore[arg-type]


def test_a_cpu_multiplies() -> None:
    assert 1e8 < matmul_speed(torch.device("cpu"), torch.float32) < 1e15


def test_others_take_a_share() -> None:
    assert 0 <= Others().share() <= 1


def test_the_peak_of_a_process_is_its_own() -> None:
    ballast = torch.ones(100 << 20, dtype=torch.uint8)  # the child would inherit it as its peak
    code = "from vidcolor.core.platform import peak_memory; print(peak_memory())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 5 << 20 < int(run.stdout) < len(ballast)


def test_a_process_that_fails_is_told_in_one_line() -> None:
    with pytest.raises(VidcolorError, match=r"code 1 \(no luck\)"):
        fresh._run(["-c", "import sys; sys.exit('much text\\nno luck')"])


def test_the_made_film_is_gray_moves_and_is_the_same_again(tmp_path: Path) -> None:
    made = list(pictures(96, 64, SHOT + 2))
    again = list(pictures(96, 64, 2))
    assert all(torch.equal(a, b) for a, b in zip(again, made, strict=False))
    flat = torch.stack(made).float()
    assert 16 <= flat.min() < 60
    assert 140 < flat.max() <= 235
    jumps = (flat[1:] - flat[:-1]).abs().mean((1, 2))
    assert jumps.argmax() == SHOT - 1  # the cut
    assert jumps.min() > 0.5
    path = tmp_path / "made.mkv"
    make_film(path, made, RATE)
    with open_video(path) as film:
        assert (film.info.width, film.info.height, film.info.frame_rate) == (96, 64, RATE)
        frames = [frame.luma.clone() for frame in decode(film)]
        assert film.log.source_color == "gray"
    assert len(frames) == len(made)
    assert (torch.stack(frames).float() - flat).abs().mean() < 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--repeat", "0"], "--repeat"),
        (["--frames", "3"], "--frames"),
        (["--synthetic", "big"], "WIDTHxHEIGHT"),
        (["--synthetic", "63x64"], "even"),
        (["a.mp4", "--synthetic", "64x64"], "--synthetic"),
        (["/no/such.mp4", "-q"], "such.mp4"),
        (["--size", "100"], "multiple of 16"),
        (["--weights", "none", "-q", "--synthetic", "64x64", "--frames", "16"], "no weights"),
    ],
)
def test_bad_words_are_refused_in_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("vidcolor: ")
    assert said in err


def test_the_first_frame_is_one_that_was_colored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def colorize_video(*_: Any, on_progress: Any, **__: Any) -> None:
        for frames in (0, 1, 2):
            now[0] += 10
            on_progress(Progress(frames, 2, 0.0))

    monkeypatch.setattr("vidcolor.run.video.colorize_video", colorize_video)
    monkeypatch.setattr("vidcolor.benchmark.subprocess_run.monotonic", lambda: now[0])
    job, answer = tmp_path / "job", tmp_path / "answer"
    job.write_bytes(pickle.dumps(("in", "out", None, answer)))
    fresh.color(str(job))
    assert json.loads(answer.read_text())["first_frame_at"] == 20
