"""The colorizer: frames in, frames with their ab out, batched on the device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from vidcolor.color.neutral import colour_share
from vidcolor.color.planes import luma_at_size
from vidcolor.color.transfer import lightness
from vidcolor.errors import SettingsError
from vidcolor.frames import Colored, Frame
from vidcolor.model.colornet import ColorNet, DistributionNet
from vidcolor.model.weights import load_weights
from vidcolor.settings import ColorizerSettings
from vidcolor.streams import batched, close


def pick_device(name: str) -> torch.device:
    """The device for ``--device``.

    Raises:
        SettingsError: the device does not exist here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise SettingsError(f"no device {name!r}; use auto, cpu, cuda, cuda:N or mps") from error
    if device.type not in ("cpu", "cuda", "mps"):
        raise SettingsError(f"no device {name!r}; use auto, cpu, cuda, cuda:N or mps")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise SettingsError(f"{name} is not available here; use --device auto or cpu")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise SettingsError("mps is not available here; use --device auto or cpu")
    return device


def pick_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the arithmetic units have it, else float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if device.type == "cpu" and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        fast = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
        return torch.bfloat16 if fast else torch.float32
    return torch.float32


class Colorizer:
    """A net on a device, ready to colour.

    Attributes:
        name: Name or path of the weights.
        sha256: Of the weights file, hexadecimal.
        device: Where the net runs.
        dtype: What it computes in.
        batch: Frames per run of the net.
    """

    def __init__(
        self,
        net: ColorNet,
        settings: ColorizerSettings | None = None,
        *,
        name: str = "",
        sha256: str = "",
    ) -> None:
        """Move ``net`` to the device that ``settings`` names.

        Raises:
            SettingsError: the device does not exist here, or the net has no dial to turn.
        """
        self.settings = settings or ColorizerSettings()
        if self.settings.vivid is not None and not isinstance(net, DistributionNet):
            raise SettingsError(
                f"{name or 'this net'} predicts one colour, not how likely each is, so --vivid "
                "cannot turn it; use --saturation"
            )
        self.name, self.sha256 = name, sha256
        self.device = pick_device(self.settings.device)
        self.dtype = pick_dtype(self.device)
        self.batch = self.settings.batch or (4 if self.device.type == "cpu" else 16)
        self.net = net.eval().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    def from_weights(
        cls, weights: str | Path | None = None, settings: ColorizerSettings | None = None
    ) -> Colorizer:
        """A colorizer with shipped weights (by name) or those of a file.

        Args:
            weights: Name or path; None takes ``settings.weights``.
            settings: Device, size and batch.

        Raises:
            WeightsError: the weights are missing, damaged, or of another net.
            SettingsError: the device does not exist here, or the net has no dial to turn.
        """
        settings = settings or ColorizerSettings()
        name = str(weights or settings.weights)
        net, sha256 = load_weights(name)
        return cls(net, settings, name=name, sha256=sha256)

    @torch.inference_mode()
    def predict(self, L: Tensor) -> Tensor:
        """Colour of a batch.

        Args:
            L: ``(B, 1, h, w)`` float32 CIE L* 0..100 on the CPU, h and w multiples of 16.

        Returns:
            ``(B, 2, h', w')`` float32 CIE a*, b* on the CPU.
        """
        inputs = L.to(self.device).contiguous(memory_format=torch.channels_last)
        reduced = self.dtype != torch.float32
        with torch.autocast(self.device.type, self.dtype) if reduced else nullcontext():
            ab: Tensor = self.net(inputs, self.settings.vivid)
        return ab.float().cpu()

    def lightness_of(self, frame: Frame, sample_aspect: Fraction) -> Tensor:
        """(h, w) L* 0..100 of a frame at working size, in the shape it is displayed in."""
        H, W = frame.luma.shape
        h, w = self.net.working_size(H, max(1, round(W * sample_aspect)), self.settings.size)
        luma = luma_at_size(frame.luma, frame.layout, h, w)
        return lightness(luma, frame.layout.transfer).clamp_(0, 100)

    def colorize(
        self, frames: Iterable[Frame], sample_aspect: Fraction | None = None
    ) -> Iterator[Colored]:
        """Find the colour of each frame.

        Every run of the net has the same number of frames, the last one padded, so the result
        does not depend on where a film was cut into batches. Holds at most two batches.

        Args:
            frames: Frames of one film.
            sample_aspect: Width to height of a pixel; None is square.

        Yields:
            The same frames in the same order with their ab; blank frames and titles may show
            none of it.
        """
        aspect = sample_aspect or Fraction(1)
        try:
            for batch in batched(frames, self.batch):
                maps = [self.lightness_of(frame, aspect) for frame in batch]
                padded = maps + [maps[-1]] * (self.batch - len(maps))
                found = self.predict(torch.stack(padded)[:, None])
                for frame, L, ab in zip(batch, maps, found, strict=False):
                    yield Colored(frame, L, ab, colour_share(L))
        finally:
            close(frames)
