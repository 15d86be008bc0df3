"""Devices: which one, in which numbers, and how a broken one sounds."""

from __future__ import annotations

import torch

from vidcolor.errors import SettingsError


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
