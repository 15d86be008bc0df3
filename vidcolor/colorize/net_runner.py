"""The engine: a net on a device, and one run of it in the numbers that are asked for."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor

from vidcolor.core.system import pick_dtype
from vidcolor.nets.colornet import ColorNet, DistributionNet, Examination, NetInput
from vidcolor.nets.optimize import prepare_net
from vidcolor.nets.palette import PaletteColors


class Engine:
    """A net that can be run by several threads at once."""

    def __init__(self, net: ColorNet, device: torch.device, dtype: torch.dtype) -> None:
        """Move ``net`` to the device, and make a copy of it ready for ``dtype``.

        Args:
            net: Float32; it is put into eval mode.
            device: Where to run it.
            dtype: float32, bfloat16 or, for the convolutions on a CPU, int8.
        """
        self._device = device
        self._plain = pick_dtype(device)
        self._streams: list[torch.cuda.Stream] = []
        self._net = self._ready = net.eval()
        if dtype != torch.float32:
            self._ready = prepare_net(net, self._floats(dtype), dtype == torch.int8).to(device)
        net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(self, inputs: NetInput, dtype: torch.dtype, vivid: float | None) -> Tensor:
        """Color of some frames.

        Args:
            inputs: What the net is shown, float32, on the CPU.
            dtype: float32, or that of the engine.
            vivid: As of `ColorNet.forward`.

        Returns:
            ``(B, 2, h', w')`` float32 ab on the CPU.
        """
        net = self._net if dtype == torch.float32 else self._ready
        floats = self._floats(dtype)
        inputs = inputs.map(_in_channels_last)
        mixed = floats != torch.float32
        with torch.autocast(self._device.type, floats) if mixed else nullcontext():
            if self._device.type == "cuda":
                return self._run_aside(net, inputs, vivid)
            ab: Tensor = net(inputs.map(lambda part: part.to(self._device)), vivid)
        return ab.float().cpu()

    def examine(
        self,
        lightness: Tensor,
        dtype: torch.dtype,
        vivid: float | None,
        palette: PaletteColors = (),
    ) -> Examination:
        """All that the net knows of one ``(h, w)`` picture, float32, on the CPU."""
        net = self._net if dtype == torch.float32 else self._ready
        assert isinstance(net, DistributionNet)
        floats = self._floats(dtype)
        picture = _in_channels_last(lightness[None, None]).to(self._device)
        inputs = NetInput(picture, palette=palette)
        mixed = floats != torch.float32
        with torch.autocast(self._device.type, floats) if mixed else nullcontext():
            found = net.examine(inputs, vivid)
        return found.map(lambda part: part.float().cpu())

    def _run_aside(self, net: ColorNet, inputs: NetInput, vivid: float | None) -> Tensor:
        """A run on a CUDA stream of its own, so that copies go beside the work of other runs."""
        try:  # memory is kept by stream: the same few are taken again
            stream = self._streams.pop()
        except IndexError:
            stream = _new_stream(self._device)
        try:
            with torch.cuda.stream(stream):
                there = inputs.map(
                    lambda part: part.pin_memory().to(self._device, non_blocking=True)
                )
                ab = net(there, vivid).float()
                found = torch.empty(ab.shape, pin_memory=True).copy_(ab, non_blocking=True)
                stream.synchronize()
        finally:
            self._streams.append(stream)
        return found

    def alone(self, dtype: torch.dtype) -> bool:
        """Whether each frame is to be run on its own.

        In float32 convolutions on the CPU round otherwise in batches of another size; in bfloat16
        they were found not to.
        """
        return self._device.type == "cpu" and self._floats(dtype) == torch.float32

    def precision(self, dtype: torch.dtype) -> str:
        """The types of numbers that are computed in."""
        types = dict.fromkeys((dtype, self._floats(dtype)))
        return " and ".join(str(one).removeprefix("torch.") for one in types)

    def _floats(self, dtype: torch.dtype) -> torch.dtype:
        """What is computed in where integers will not do."""
        return self._plain if dtype == torch.int8 else dtype


def _in_channels_last(part: Tensor) -> Tensor:
    return part.contiguous(memory_format=torch.channels_last)


def _new_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
