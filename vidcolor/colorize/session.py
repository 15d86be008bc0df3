"""A session: what a run works with, loaded once and handed on as one thing."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.core.frames import PixelLayout
from vidcolor.core.threads import WorkerThreads, usable_cores
from vidcolor.core.video_info import VideoInfo
from vidcolor.nets.trust_gate import Gate
from vidcolor.nets.weights import load_gate
from vidcolor.settings import Settings


class Session:
    """Settings, the net on its device, and the gate of the temporal smoother.

    Attributes:
        settings: All of them; those of the colorizer are the colorizer's own.
        colorizer: The net on its device.
    """

    def __init__(self, settings: Settings, colorizer: Colorizer) -> None:
        """Put together what was loaded; `load` loads it."""
        self.settings = replace(settings, colorizer=colorizer.settings)
        self.colorizer = colorizer

    @classmethod
    def load(cls, settings: Settings | None = None, colorizer: Colorizer | None = None) -> Session:
        """A session with the net that the settings name.

        Args:
            settings: None takes the defaults.
            colorizer: What to color with; its own settings apply then, whatever ``settings``
                says of the net.

        Raises:
            WeightsError: The weights are missing or damaged.
            SettingsError: The device does not exist here, or ``vivid`` has no effect on the net.
            DeviceError: The device has no memory left for the net, or does not work.
        """
        settings = settings or Settings()
        return cls(settings, colorizer or Colorizer.from_weights(settings=settings.colorizer))

    @property
    def gate(self) -> Gate | None:
        """That of the smoother; None where nothing is smoothed."""
        return self._gate[0]

    @property
    def gate_sha256(self) -> str:
        """Of the gate's weights, hexadecimal; empty where nothing is smoothed."""
        return self._gate[1]

    @property
    def _gate(self) -> tuple[Gate | None, str]:
        return _shipped_gate() if self.settings.smooth.strength else (None, "")

    @property
    def weights(self) -> dict[str, str]:
        """Name and digests of all weights in use, for reports."""
        gate = {"gate_sha256": self.gate_sha256} if self.gate_sha256 else {}
        return self.colorizer.weights | gate

    def configure_for(self, info: VideoInfo, batch: int = 0) -> None:
        """Forget the last video and decide how the net is run for the next one.

        Args:
            info: Of the video.
            batch: Frames a run of the net; 0 decides it by the memory there is.
        """
        self.colorizer.reset()
        self.colorizer.configure_for(info.height, info.width, info.sample_aspect, batch)

    def threads_for(self, info: VideoInfo, layout: PixelLayout) -> WorkerThreads:
        """A thread for each core, and those that only wait for a GPU."""
        colorizer = self.colorizer
        waiting = 0 if colorizer.device.type == "cpu" else colorizer.ahead
        frame = 3 * info.height * info.width * (1 if layout.bits == 8 else 2)
        return WorkerThreads((self.settings.colorizer.threads or usable_cores()) + waiting, frame)


@cache
def _shipped_gate() -> tuple[Gate, str]:
    """Read once, for all videos of a process; nothing changes it."""
    return load_gate()
