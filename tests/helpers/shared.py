"""What several tests need: films that hold exact colors, runs that are stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import av
import pytest
import torch
from torch import Tensor

from vidcolor.nets.colornet import ColorNetConfig
from vidcolor.nets.mini import MiniNet
from vidcolor.nets.registry import build_net
from vidcolor.nets.weights import save_weights
from vidcolor.training.checkpoints import Position


def write_film(path: Path, frames: Sequence[Tensor]) -> Path:
    """A film that holds these ``(3, H, W)`` codes exactly."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.height, stream.width = frames[0].shape[1:]
        stream.pix_fmt = "bgr0"
        for pts, rgb in enumerate(frames):
            samples = rgb.permute(1, 2, 0).contiguous().numpy()
            picture = av.VideoFrame.from_ndarray(samples, format="rgb24").reformat(format="bgr0")
            picture.pts = pts
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def stopper(losses: list[float], at_step: int) -> Callable[[Position, dict[str, float]], None]:
    def on_step(at: Position, told: dict[str, float]) -> None:
        if at.step == at_step:
            raise KeyboardInterrupt
        losses.append(told["total"])

    return on_step


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The single line on stderr; nothing else was printed."""
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert err.startswith("vidcolor: ")
    assert "Traceback" not in err
    return err


def save_quick_net(folder: Path, seed: int = 20) -> Path:
    """The smallest net there is, without attention and further layers; it sees the picture."""
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    net = build_net(ColorNetConfig(preset="mini", width=24, blocks=(0, 0), heads=2, bin_size=20))
    assert isinstance(net, MiniNet)
    assert net.classify.bias is not None
    with torch.no_grad():
        net.classify.bias.copy_(-(net.bins - torch.tensor([40.0, 40.0])).norm(dim=1) / 12)
        net.classify.weight.mul_(8)
    torch.set_rng_state(state)
    return save_weights(net.eval(), folder / "quick.safetensors", training={}, scores={})


def slow_but(quick: Iterable[Any], cases: Iterable[Any]) -> list[Any]:
    """Cases for `pytest.mark.parametrize`, of which only some are among the quick tests."""
    quick = list(quick)
    return [case if case in quick else _slow(case) for case in cases]


def _slow(case: Any) -> Any:
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=pytest.mark.slow)


def one_of_each(cases: Sequence[Any], key: Callable[[Any], Any]) -> list[Any]:
    """The first case of each key is among the quick tests; the others are slow."""
    first: dict[Any, Any] = {}
    for case in cases:
        first.setdefault(key(case), case)
    return slow_but(first.values(), cases)
