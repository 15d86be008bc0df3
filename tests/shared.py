"""What several tests need: films that hold exact colours, runs that are stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import av
import pytest
from torch import Tensor

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
