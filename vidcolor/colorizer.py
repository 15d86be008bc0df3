"""The colorizer: frames in, frames with their ab out, batched on the device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from fractions import Fraction
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from vidcolor.color.neutral import colour_share
from vidcolor.color.planes import luma_at_size
from vidcolor.color.transfer import lightness_of_plane
from vidcolor.errors import DeviceLost, OutOfMemory, SettingsError
from vidcolor.frames import Colored, Frame
from vidcolor.memory import frames_that_fit, ran_out
from vidcolor.model.colornet import ColorNet, DistributionNet
from vidcolor.model.weights import load_weights
from vidcolor.settings import ColorizerSettings
from vidcolor.streams import close

MOST, MOST_CPU = 16, 4
"""Frames per run of the net on a GPU and on a CPU, where memory allows."""


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


def gpu_fault(error: BaseException) -> str:
    """What broke in the GPU, in its own words; empty where the error is about something else."""
    text = str(error).strip()
    words = ("cuda error", "cudnn error", "cublas_status", "cudnn_status", "hip error")
    # Torch 2.4 has no type of its own for them.
    kind = getattr(torch, "AcceleratorError", ())
    if isinstance(error, kind) or any(word in text.lower() for word in words):
        return text.splitlines()[0] if text else type(error).__name__
    return ""


class Colorizer:
    """A net on a device, ready to colour.

    The net sees whole batches; in float32 on the CPU one frame at a time, so that the bits of a
    frame do not depend on the batch.

    Attributes:
        name: Name or path of the weights.
        sha256: Of the weights file, hexadecimal.
        device: Where the net runs.
        dtype: What it computes in.
        batch: Frames taken at a time; what `fit` decides, or halved since, for want of memory.
        notes: What a user should know of how it went.
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
            DeviceError: the device has no memory left for the net, or does not work.
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
        self.notes: list[str] = []
        self._most = self.settings.batch or (MOST_CPU if self.device.type == "cpu" else MOST)
        self.batch = self._most
        self._fitted = False
        self.net = net
        try:
            net.eval().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        except (RuntimeError, MemoryError) as error:
            self._blame(error)
            raise self._too_little() from error

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
            DeviceError: the device has no memory left for the net, or does not work.
        """
        settings = settings or ColorizerSettings()
        name = str(weights or settings.weights)
        net, sha256 = load_weights(name)
        return cls(net, settings, name=name, sha256=sha256)

    def fit(self, height: int, width: int, sample_aspect: Fraction | None = None) -> None:
        """Decide the batch for a film of ``height`` x ``width``.

        It is that of the settings; else 4 on the CPU and 16 on a GPU, or as many as the memory does
        for. Who sets ``batch`` after this has the last word.
        """
        self.batch = self._most
        if not self.settings.batch and self.batch > 1:
            h, w = self._working_size(height, width, sample_aspect or Fraction(1))
            fits = frames_that_fit(self.device, h * w, height * width)
            self.batch = max(1, min(self._most, fits))
        self._fitted = True

    @torch.inference_mode()
    def predict(self, L: Tensor) -> Tensor:
        """Colour of some frames.

        Where memory runs out, the batch is halved for good and the same frames are run again. A
        frame for which the net gives no number is run again alone in float32.

        Args:
            L: ``(B, 1, h, w)`` float32 CIE L* 0..100 on the CPU, h and w multiples of 16.

        Returns:
            ``(B, 2, h', w')`` float32 CIE a*, b* on the CPU; not finite for a frame for which the
            net gave no number in float32 either.

        Raises:
            OutOfMemory: there is too little memory for one frame.
            DeviceLost: the GPU stopped working.
        """
        found: list[Tensor] = []
        done = 0
        while done < len(L):
            part = L[done : done + self.batch]
            ab = self._attempt(self._padded(part), self.dtype)
            if ab is None:
                self._halve()
                continue
            found.append(ab[: len(part)])
            done += len(part)
        ab = torch.cat(found)
        for place in (~_finite(ab)).nonzero().flatten().tolist():
            alone = self._attempt(L[place : place + 1], torch.float32)
            if alone is not None and _finite(alone).all():
                ab[place] = alone[0]
                self._note("the net gave no number for some frames; alone and in float32 it did")
        return ab

    def _padded(self, L: Tensor) -> Tensor:
        """As many frames as the batch has, so that each run takes the same kernels."""
        if self._alone(self.dtype):
            return L
        return torch.cat([L, L[-1:].expand(self.batch - len(L), -1, -1, -1)])

    def _alone(self, dtype: torch.dtype) -> bool:
        """Whether each frame is run on its own.

        In float32 convolutions on the CPU round otherwise in batches of another size; in bfloat16
        they were found not to.
        """
        return self.device.type == "cpu" and dtype == torch.float32

    def _attempt(self, L: Tensor, dtype: torch.dtype) -> Tensor | None:
        """The net's ``(B, 2, h', w')`` ab; None where memory ran out."""
        try:
            if self._alone(dtype):
                return torch.cat([self._run(one[None], dtype) for one in L])
            return self._run(L, dtype)
        except (RuntimeError, MemoryError) as error:
            self._blame(error)
        # Out here nothing holds the maps of the run any longer, as the error did.
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return None

    def _run(self, L: Tensor, dtype: torch.dtype) -> Tensor:
        inputs = L.to(self.device).contiguous(memory_format=torch.channels_last)
        reduced = dtype != torch.float32
        with torch.autocast(self.device.type, dtype) if reduced else nullcontext():
            ab: Tensor = self.net(inputs, self.settings.vivid)
        return ab.float().cpu()

    def _blame(self, error: BaseException) -> None:
        """Raise whatever is no lack of memory."""
        if ran_out(error):
            return
        if words := gpu_fault(error):
            raise DeviceLost(
                f"the GPU stopped working ({words[:200]}); run the same command again to go on, or "
                "add --device cpu"
            ) from error
        raise error

    def _halve(self) -> None:
        if self.batch == 1:
            raise self._too_little()
        before, self.batch = self.batch, self.batch // 2
        self._most = self.batch
        self._note(
            f"{self.device} ran out of memory with {before} frames at a time; went on with "
            f"{self.batch}"
        )

    def _too_little(self) -> OutOfMemory:
        ways = ["a smaller --size", "--weights mini", "--device cpu"]
        ways = ways[:2] if self.device.type == "cpu" else ways
        return OutOfMemory(
            f"{self.device} has too little free memory to colour a frame; use {' or '.join(ways)}"
        )

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _working_size(self, height: int, width: int, sample_aspect: Fraction) -> tuple[int, int]:
        """(h, w) that the net sees of a film, in the shape it is displayed in."""
        shown = max(1, round(width * sample_aspect))
        return self.net.working_size(height, shown, self.settings.size)

    def lightness_of(self, frame: Frame, sample_aspect: Fraction) -> Tensor:
        """(h, w) L* 0..100 of a frame at working size, in the shape it is displayed in."""
        H, W = frame.luma.shape
        h, w = self._working_size(H, W, sample_aspect)
        luma = luma_at_size(frame.luma, frame.layout, h, w)
        return lightness_of_plane(luma, frame.layout.transfer)

    def colorize(
        self, frames: Iterable[Frame], sample_aspect: Fraction | None = None
    ) -> Iterator[Colored]:
        """Find the colour of each frame.

        Runs of the net are alike, whether the batch is full or not, so the result does not depend
        on where a film was cut into batches. Holds at most two batches.

        Args:
            frames: Frames of one film.
            sample_aspect: Width to height of a pixel; None is square.

        Yields:
            The same frames in the same order with their ab; blank frames and titles may show
            none of it, nor may a frame for which the net gave no number.

        Raises:
            DeviceError: as `predict`.
        """
        aspect = sample_aspect or Fraction(1)
        source = iter(frames)
        try:
            while batch := list(islice(source, self.batch if self._fitted else 1)):
                if not self._fitted:
                    H, W = batch[0].luma.shape
                    self.fit(H, W, aspect)
                maps = [self.lightness_of(frame, aspect) for frame in batch]
                found = self.predict(torch.stack(maps)[:, None])
                for frame, L, ab in zip(batch, maps, found, strict=True):
                    yield _colored(frame, L, ab)
        finally:
            close(frames)


def _finite(ab: Tensor) -> Tensor:
    """(B,) bool: which frames have nothing but numbers."""
    return ab.isfinite().flatten(1).all(1)


def _colored(frame: Frame, L: Tensor, ab: Tensor) -> Colored:
    """The frame with its ab; marked, and without any, where that is no number."""
    if ab.isfinite().all():
        return Colored(frame, L, ab, colour_share(L))
    frame.colourless = True
    return Colored(frame, L, torch.zeros_like(ab), 0.0)
