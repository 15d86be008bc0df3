"""What the colorizer does when memory runs out, the net gives no number or the GPU is lost."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from shared import slow_but
from synthetic import make_frame, texture
from torch import Tensor

from vidcolor.colorize.colorizer import MOST, Colorizer
from vidcolor.core.frames import ColorizedFrame, Frame
from vidcolor.core.system import FILM_BYTES
from vidcolor.errors import DeviceLost, OutOfMemory
from vidcolor.nets.colornet import ColorNet, NetInput
from vidcolor.settings import ColorizerSettings

CPU = ColorizerSettings(device="cpu", size=64)


def film(count: int) -> list[Frame]:
    return [make_frame(texture(i, 48, 64), pts=i) for i in range(count)]


def colored(colorizer: Colorizer, count: int = 7) -> list[ColorizedFrame]:
    colorizer.dtype = torch.float32
    return list(colorizer.colorize(film(count)))


def settings(batch: int) -> ColorizerSettings:
    return ColorizerSettings(device="cpu", size=64, batch=batch)


def spoil(
    colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch, change: Callable[[int, Tensor], Tensor]
) -> list[int]:
    """Let the net's answers pass through ``change(call, ab)``; the frames of each call."""
    net, calls = colorizer.net.forward, list[int]()

    def forward(inputs: NetInput, vivid: float | None = None) -> Tensor:
        calls.append(len(inputs))
        return change(len(calls), net(inputs, vivid))

    monkeypatch.setattr(colorizer.net, "forward", forward)
    return calls


def check_equal(found: list[ColorizedFrame], expected: list[ColorizedFrame]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.ab, other.ab)
        assert (one.share, one.frame.colorless) == (other.share, False)


@pytest.mark.parametrize("batch", [1, 3, 16])
def test_on_the_cpu_no_bit_depends_on_the_batch(batch: int, quick: ColorNet) -> None:
    check_equal(colored(Colorizer(quick, settings(batch))), colored(Colorizer(quick, CPU)))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        MemoryError(),
    ],
)
@pytest.mark.parametrize("call", slow_but([3], [1, 3, 6]))
def test_out_of_memory_halves_the_batch_and_gives_the_same_pixels(
    error: Exception, call: int, quick: ColorNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(now: int, ab: Tensor) -> Tensor:
        if now == call:
            raise error
        return ab

    expected = colored(Colorizer(quick, CPU))
    colorizer = Colorizer(quick, settings(4))
    spoil(colorizer, monkeypatch, fail)
    check_equal(colored(colorizer), expected)
    assert colorizer.batch == 2
    assert colorizer.notes == ["cpu ran out of memory with 4 frames at a time; continued with 2"]
    colorizer.configure_for(48, 64)
    assert colorizer.batch == 2, "what did not fit once is not tried again"


def test_out_of_memory_with_one_frame_says_what_to_do(
    quick: ColorNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(now: int, ab: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    colorizer = Colorizer(quick, settings(4))
    spoil(colorizer, monkeypatch, fail)
    with pytest.raises(OutOfMemory, match="--size") as caught:
        colored(colorizer)
    assert "\n" not in str(caught.value)
    assert len(colorizer.notes) == 2
    assert colorizer.batch == 1


def on_a_gpu(net: ColorNet, monkeypatch: pytest.MonkeyPatch, room: int) -> tuple[Colorizer, Any]:
    """A colorizer that takes the way of a GPU, on which runs of up to ``room`` frames succeed."""
    runs: list[int] = []
    colorizer = Colorizer(net, CPU)

    def run(inputs: NetInput, dtype: torch.dtype, vivid: float | None) -> Tensor:
        assert dtype == torch.float32
        runs.append(len(inputs))
        if len(inputs) > room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return net(inputs).float()

    monkeypatch.setattr(colorizer._engine, "run", run)
    colorizer.device = colorizer._engine._device = torch.device("cuda")
    colorizer._most = MOST
    return colorizer, runs


def memories(monkeypatch: pytest.MonkeyPatch, gpu: int, machine: int) -> None:
    def available(device: torch.device, _: Path) -> int:
        return gpu if device.type == "cuda" else machine

    monkeypatch.setattr("vidcolor.core.system.available_memory", available)


def test_a_gpu_runs_whole_batches_halved_where_they_do_not_fit(
    quick: ColorNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    memories(monkeypatch, 1 << 40, 1 << 40)
    colorizer, runs = on_a_gpu(quick, monkeypatch, room=5)
    colorizer.configure_for(48, 64)
    assert colorizer.batch == MOST
    found, expected = colored(colorizer, 18), colored(Colorizer(quick, CPU), 18)
    # Every run is full, so that all take the same kernels; what failed is done again.
    assert runs == [16, 8, *[4] * 5]
    assert colorizer.notes == [
        "cuda ran out of memory with 16 frames at a time; continued with 8",
        "cuda ran out of memory with 8 frames at a time; continued with 4",
    ]
    for place, (one, other) in enumerate(zip(found, expected, strict=True)):
        assert one.frame.pts == place
        torch.testing.assert_close(one.ab, other.ab, atol=0.02, rtol=0)


def test_the_batch_is_sized_from_the_memory_there_is(
    quick: ColorNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    colorizer, runs = on_a_gpu(quick, monkeypatch, room=MOST)
    net, frame = (
        2 * ColorNet.bytes_per_pixel * 64 * 80,
        2 * FILM_BYTES * 48 * 64,
    )  # for half of the memory
    memories(monkeypatch, 6 * net, 1 << 40)
    colorizer.configure_for(48, 64)
    assert colorizer.batch == 6
    colorizer.configure_for(48, 64, Fraction(8, 5))  # the net sees 64 x 128
    assert colorizer.batch == 3
    memories(monkeypatch, 1 << 40, 7 * frame)
    colorizer.configure_for(48, 64)
    assert colorizer.batch == 7
    memories(monkeypatch, 0, 0)
    colorizer.configure_for(48, 64)
    assert colorizer.batch == 1
    colorizer.batch = 2  # a run that goes on takes that of the run before
    colored(colorizer, 3)
    assert (colorizer.batch, runs) == (2, [2, 2])


def test_the_batch_is_decided_at_the_first_frame_where_nobody_did(
    quick: ColorNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    colorizer, runs = on_a_gpu(quick, monkeypatch, room=MOST)
    memories(monkeypatch, 3 * 2 * ColorNet.bytes_per_pixel * 64 * 80, 1 << 40)
    assert len(colored(colorizer, 5)) == 5
    assert (colorizer.batch, runs) == (3, [3, 3])


def test_a_batch_that_is_asked_for_stands(quick: ColorNet, monkeypatch: pytest.MonkeyPatch) -> None:
    memories(monkeypatch, 0, 0)
    colorizer = Colorizer(quick, settings(9))
    colorizer.configure_for(48, 64)
    assert colorizer.batch == 9
    alone = Colorizer(quick, CPU)
    alone.configure_for(48, 64)
    assert alone.batch == 1


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("batch", [1, 4])
def test_a_frame_without_a_number_is_painted_without_color(
    number: float, batch: int, quick: ColorNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = colored(Colorizer(quick, CPU))
    colorizer = Colorizer(quick, settings(batch))
    poisoned = expected[2].lightness

    net = colorizer.net.forward

    def forward(inputs: NetInput, vivid: float | None = None) -> Tensor:
        ab = net(inputs, vivid)
        ab[(inputs.lightness[:, 0] == poisoned).flatten(1).all(1), 1, 3, 5] = number
        return ab

    monkeypatch.setattr(colorizer.net, "forward", forward)
    found = colored(colorizer)
    bad = found.pop(2)
    assert bad.frame.colorless
    assert bad.share == 0
    assert bad.ab.shape == expected[2].ab.shape
    assert not bad.ab.any()
    check_equal(found, expected[:2] + expected[3:])
    assert not colorizer.notes


def test_a_frame_without_a_number_is_run_again_alone_in_float32(
    quick: ColorNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = colored(Colorizer(quick, CPU))
    colorizer = Colorizer(quick, settings(4))

    def spoilt(call: int, ab: Tensor) -> Tensor:
        return ab * float("nan") if call in (2, 4) else ab

    calls = spoil(colorizer, monkeypatch, spoilt)
    check_equal(colored(colorizer), expected)
    assert calls == [1] * 9
    assert len(colorizer.notes) == 1
    assert "float32" in colorizer.notes[0]


def test_too_large_for_bfloat16_is_not_too_large_for_float32(
    quick: ColorNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    colorizer = Colorizer(quick, CPU)
    expected = colored(colorizer)
    monkeypatch.setattr(colorizer._engine, "_ready", lambda inputs, vivid: quick(inputs, vivid) / 0)
    colorizer.dtype = torch.bfloat16
    check_equal(list(colorizer.colorize(film(7))), expected)
    assert len(colorizer.notes) == 1


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: unspecified launch failure\nCUDA kernel errors might be"),
        RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
        torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nFor"),
    ],
)
def test_a_gpu_that_is_lost_is_one_clear_line(
    error: Exception, quick: ColorNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(now: int, ab: Tensor) -> Tensor:
        raise error

    colorizer = Colorizer(quick, CPU)
    spoil(colorizer, monkeypatch, fail)
    with pytest.raises(DeviceLost, match="run the same command again") as caught:
        colored(colorizer)
    assert str(error).splitlines()[0] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_errors_of_the_net_stay_what_they_are(
    quick: ColorNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(now: int, ab: Tensor) -> Tensor:
        raise RuntimeError("shape mismatch")

    colorizer = Colorizer(quick, settings(4))
    spoil(colorizer, monkeypatch, fail)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        colored(colorizer)
    assert colorizer.batch == 4


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), OutOfMemory),
        (RuntimeError("CUDA error: all CUDA-capable devices are busy"), DeviceLost),
    ],
)
def test_a_net_that_does_not_reach_the_device(
    error: Exception, expected: type[Exception], quick: ColorNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(type(quick), "to", fail)
    with pytest.raises(expected):
        Colorizer(quick, CPU)


def test_a_new_film_knows_nothing_of_the_last_one(
    quick: ColorNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(now: int, ab: Tensor) -> Tensor:
        if now == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return ab

    colorizer = Colorizer(quick, settings(4))
    spoil(colorizer, monkeypatch, fail)
    colored(colorizer)
    told = colorizer.notes
    colorizer.reset()
    colorizer.configure_for(48, 64)
    assert (colorizer.batch, colorizer.notes) == (4, [])
    assert len(told) == 1, "what was told stays with who has it"
