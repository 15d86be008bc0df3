"""The colorizer: frames in, frames with their ab out, batched on the device."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import groupby
from pathlib import Path
from threading import Lock

import torch
from torch import Tensor

from vidcolor.color.transfer import lightness_of_plane
from vidcolor.color.yuv import luma_at_size
from vidcolor.colorize.frame_selection import (
    FrameSelector,
    NetBatch,
    PendingFrame,
    find_motion,
    group_for_net,
)
from vidcolor.colorize.interpolation import interpolate_color
from vidcolor.colorize.net_runner import Engine
from vidcolor.core.frames import ColorizedFrame, Frame
from vidcolor.core.iterators import close, tap
from vidcolor.core.system import frames_that_fit, gpu_fault, pick_device, pick_dtype, ran_out
from vidcolor.core.threads import WorkerThreads, map_ordered, usable_cores
from vidcolor.errors import DeviceLost, OutOfMemory, SettingsError
from vidcolor.nets.colornet import ColorNet, DistributionNet, Examination, NetInput
from vidcolor.nets.guide_net import GuideNet
from vidcolor.nets.optimize import pick_precision
from vidcolor.nets.palette import PaletteColors
from vidcolor.nets.weights import load_guide, load_weights
from vidcolor.settings import ColorizerSettings
from vidcolor.shots.titles import judged_alone

_LOG = logging.getLogger(__name__)

MOST, MOST_CPU = 16, 1
"""Frames per run of the net on a GPU and on a CPU, where memory allows. On a CPU each core has a
run of its own: more frames a run gain nothing then, and take longer to come."""

STREAMS = 2
"""Runs at a time on a GPU: one copies while the other computes."""


class Colorizer:
    """A net on a device, ready to color.

    The net runs on whole batches; in float32 on the CPU on one frame at a time, so that the bits of
    a frame do not depend on the batch. Several threads may call it at once.

    Attributes:
        name: Name or path of the weights.
        sha256: Of the weights file, hexadecimal.
        device: Where the net runs.
        dtype: What it computes in; int8 is for the convolutions, the rest is as `pick_dtype` says.
        batch: Frames per run; what `configure_for` decides, or halved since, for want of memory.
        ahead: Runs that may be in hand at once, as `configure_for` decides.
        inferred: Frames that the net ran on since the last call of `colorize`.
        notes: What a user should know about the run.
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
            SettingsError: the device does not exist here, or ``vivid`` has no effect on the net.
            DeviceError: the device has no memory left for the net, or does not work.
        """
        self.settings = settings or ColorizerSettings()
        if self.settings.vivid is not None and not isinstance(net, DistributionNet):
            raise SettingsError(
                f"{name or 'this net'} predicts one color, not how likely each is, so --vivid "
                "has no effect; use --saturation"
            )
        if self.settings.size % net.size_multiple:
            raise SettingsError(f"--size must be a multiple of {net.size_multiple} for this net")
        self.name, self.sha256 = name, sha256
        self.device = pick_device(self.settings.device)
        self.dtype = pick_precision(
            self.settings.precision, net, self.device, pick_dtype(self.device)
        )
        self.notes: list[str] = []
        self._most = self.settings.batch or (MOST_CPU if self.device.type == "cpu" else MOST)
        self.batch = self._most
        self._limit = 256  # what settings allow; less once memory ran out
        self.ahead = 1
        self.inferred = 0
        self._fitted = False
        self._lock = Lock()
        self.net = net
        self.guide: GuideNet | None = None
        """Spreads hints over the net's features; None until `listen`."""
        self.guide_sha256 = ""
        """Of the guide's weights, hexadecimal; empty until `listen`."""
        self._start_engine()
        what = self.name or type(net).__name__, self.device, str(self.dtype).removeprefix("torch.")
        _LOG.info("net %s on %s in %s", *what)

    def _start_engine(self) -> None:
        try:
            self._engine = Engine(self.net, self.device, self.dtype)
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
            SettingsError: the device does not exist here, or ``vivid`` has no effect on the net.
            DeviceError: the device has no memory left for the net, or does not work.
        """
        settings = settings or ColorizerSettings()
        name = str(weights or settings.weights)
        net, sha256 = load_weights(name)
        return cls(net, settings, name=name, sha256=sha256)

    @property
    def weights(self) -> dict[str, str]:
        """Name and digest of its weights, for reports."""
        return {"name": self.name, "sha256": self.sha256}

    def listen(self, guide: GuideNet | None = None, sha256: str = "") -> GuideNet:
        """The guide, which from now on gets embeddings from the net where they are asked for.

        Args:
            guide: Goes with the net; None loads that of its weights (`load_guide`).
            sha256: Of the guide's weights, hexadecimal.

        Raises:
            WeightsError: There is none, or it is damaged.
        """
        if self.guide is None:
            if guide is None:
                guide, sha256 = load_guide(self.sha256, self.name)
            if not isinstance(self.net, DistributionNet):
                raise SettingsError(
                    f"{self.name or 'this net'} takes no hints and references; use --weights"
                    " default or mini"
                )
            self.net.embedding = guide.embedding
            self._start_engine()
            self.guide, self.guide_sha256 = guide, sha256
        return self.guide

    @property
    def bins(self) -> Tensor:
        """``(Q, 2)`` ab of the net's bins, on the CPU; after `listen`."""
        assert isinstance(self.net, DistributionNet)
        return self.net.bins.cpu()

    @torch.inference_mode()
    def examine(
        self, lightness: Tensor, vivid: float | None = None, palette: PaletteColors = ()
    ) -> Examination:
        """All that the net knows of a picture, after `listen`.

        Args:
            lightness: ``(h, w)`` of `lightness_of`.
            vivid: As of `predict`.
            palette: As of `NetInput`.

        Raises:
            DeviceError: As `predict`.
        """
        try:
            vivid = self.settings.vivid if vivid is None else vivid
            return self._engine.examine(lightness, self.dtype, vivid, palette)
        except (RuntimeError, MemoryError) as error:
            self._blame(error)
            raise self._too_little() from error

    def reset(self) -> None:
        """Forget what was met: what did not fit or had to be told of one film is not of the next.

        `colorize_video` does it; one colorizer may color many films, one after the other.
        """
        self.notes, self._limit, self.inferred = [], 256, 0

    def configure_for(
        self, height: int, width: int, sample_aspect: Fraction | None = None, batch: int = 0
    ) -> None:
        """Decide the batch for a film of ``height`` x ``width``, and how many are in hand.

        It is that of the settings, else ``batch``; where that is 0, 1 on the CPU and 16 on a GPU,
        or as many as the memory does for.
        """
        h, w = self._working_size(height, width, sample_aspect or Fraction(1))
        film = height * width * self._spread // 2
        fits = frames_that_fit(self.device, self.net.bytes_per_pixel * h * w, film)
        wanted = self.settings.batch or batch or max(1, min(self._most, fits))
        self.batch = min(wanted, self._limit)
        threads = self.settings.threads or usable_cores()
        most = {"cpu": 2 * threads, "cuda": STREAMS}.get(self.device.type, 1)
        self.ahead = max(1, min(most, fits // self.batch))
        self._fitted = True

    @torch.inference_mode()
    def predict(self, inputs: NetInput, vivid: float | None = None) -> Tensor:
        """Color of some frames.

        Where memory runs out, the batch is halved for good and the same frames are run again. A
        frame for which the net gives no number is run again alone in float32.

        Args:
            inputs: What the net is shown of B frames, float32, on the CPU.
            vivid: As of `ColorizerSettings`; None takes that of the settings.

        Returns:
            ``(B, 2, h', w')`` float32 CIE a*, b* on the CPU; not finite for a frame for which the
            net gave no number in float32 either.

        Raises:
            OutOfMemory: there is too little memory for one frame.
            DeviceLost: the GPU stopped working.
        """
        vivid = self.settings.vivid if vivid is None else vivid
        found: list[Tensor] = []
        done = 0
        while done < len(inputs):
            batch = self.batch
            part = inputs[done : done + batch]
            ab = self._attempt(self._padded(part, batch), self.dtype, vivid)
            if ab is None:
                self._halve(batch)
                continue
            found.append(ab[: len(part)])
            done += len(part)
        ab = torch.cat(found)
        for place in (~_finite(ab)).nonzero().flatten().tolist():
            alone = self._attempt(inputs[place : place + 1], torch.float32, vivid)
            if alone is not None and _finite(alone).all():
                ab[place] = alone[0]
                self._note("the net's color for some frames was not finite; recomputed in float32")
        return ab

    @property
    def _spread(self) -> int:
        """Frames of a film, for each that a run of the net has, that wait for it at most."""
        return max(2, self.settings.stride)

    def _padded(self, inputs: NetInput, batch: int) -> NetInput:
        """``batch`` frames, the last one repeated, so that each run takes the same kernels."""
        if self._engine.alone(self.dtype):
            return inputs
        return inputs.map(partial(_pad, frames=batch))

    @property
    def precision(self) -> str:
        """The types of numbers that the net computes in."""
        return self._engine.precision(self.dtype)

    def _attempt(self, inputs: NetInput, dtype: torch.dtype, vivid: float | None) -> Tensor | None:
        """The net's ``(B, 2, h', w')`` ab; None where memory ran out."""
        try:
            if self._engine.alone(dtype):
                frames = (inputs[n : n + 1] for n in range(len(inputs)))
                return torch.cat([self._engine.run(one, dtype, vivid) for one in frames])
            return self._engine.run(inputs, dtype, vivid)
        except (RuntimeError, MemoryError) as error:
            self._blame(error)
        # Out here nothing holds the maps of the run any longer, as the error did.
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return None

    def _blame(self, error: BaseException) -> None:
        """Raise whatever is no lack of memory."""
        if ran_out(error):
            return
        if words := gpu_fault(error):
            raise DeviceLost(
                f"the GPU stopped working ({words[:200]}); run the same command again to resume, or"
                " add --device cpu"
            ) from error
        raise error

    def _halve(self, tried: int) -> None:
        """Go on with half of ``tried`` frames at a time, unless another thread has seen to it."""
        with self._lock:
            if self.batch < tried:
                return
            if self.batch == 1:
                raise self._too_little()
            before, self.batch = self.batch, self.batch // 2
            self._limit = self.batch
        self._note(
            f"{self.device} ran out of memory with {before} frames at a time; continued with "
            f"{self.batch}"
        )

    def _too_little(self) -> OutOfMemory:
        ways = ["a smaller --size", "--weights mini", "--device cpu"]
        ways = ways[:2] if self.device.type == "cpu" else ways
        return OutOfMemory(
            f"{self.device} has too little free memory to color a frame; use {' or '.join(ways)}"
        )

    def _note(self, text: str) -> None:
        with self._lock:
            if text not in self.notes:
                self.notes.append(text)
                _LOG.warning("%s", text)

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
        self,
        frames: Iterable[Frame],
        sample_aspect: Fraction | None = None,
        pool: WorkerThreads | None = None,
        stride: int | None = None,
        embed: bool = False,
        palettes: Mapping[str, PaletteColors] | None = None,
    ) -> Iterator[ColorizedFrame]:
        """Find the color of each frame.

        The net sees those that it has to (`frame_selection`). Its runs are alike, whether the batch
        is full or not, so the result does not depend on where a film was cut into batches. Holds
        at most two batches of frames, with a stride as many batches as that and a stride more, for
        each of the ``ahead`` runs in hand, and what else the threads have in hand.

        Args:
            frames: Frames of one film.
            sample_aspect: Width to height of a pixel; None is square.
            pool: Who does the work; None does it here.
            stride: The net sees one frame of so many; None takes that of the settings.
            embed: Whether the frames get their embeddings, too.
            palettes: Those that the frames' `Dials` name.

        Yields:
            The same frames in the same order with their ab; blank frames and titles may show
            none of it, nor may a frame for which the net gave no number.

        Raises:
            DeviceError: as `predict`.
        """
        self.inferred = 0
        aspect = sample_aspect or Fraction(1)
        prepare = partial(self.prepare, aspect)
        items: Iterator[PendingFrame] = map_ordered(
            "color", prepare, tap(frames, partial(self._fit, aspect)), pool
        )
        stride, output_stride = stride or self.settings.stride, self.net.output_stride
        items = FrameSelector(stride, output_stride).select(
            find_motion(items, pool, output_stride) if stride > 1 else items
        )
        ask = partial(self._ask, embed, palettes or {})
        groups = group_for_net(items, lambda: self.batch, max(2, stride))
        yield from interpolate_color(self._answered(groups, pool, ask), output_stride)

    def _fit(self, aspect: Fraction, frame: Frame) -> None:
        if not self._fitted:
            H, W = frame.luma.shape
            self.configure_for(H, W, aspect)

    def prepare(self, aspect: Fraction, frame: Frame) -> PendingFrame:
        """What is known of a frame before it is decided about."""
        if frame.share is None:
            judged_alone(frame)
        assert frame.share is not None
        return PendingFrame(frame, self.lightness_of(frame, aspect), frame.share)

    def _answered(
        self,
        groups: Iterable[NetBatch],
        pool: WorkerThreads | None,
        ask: Callable[[NetBatch], NetBatch],
    ) -> Iterator[PendingFrame]:
        """The frames of each group, whose answers have their ab."""
        done = map_ordered("color", ask, groups, pool, self.ahead, is_long=True)
        try:
            for group in done:
                self.inferred += len(group.asked)
                yield from group.items
        finally:
            close(done)

    def _ask(self, embed: bool, palettes: Mapping[str, PaletteColors], group: NetBatch) -> NetBatch:
        """Lets the net give the answers that a group asks for."""
        by_dials = groupby(group.asked, lambda answer: (answer.vivid, answer.palette))
        for (vivid, palette), same in by_dials:
            asked = list(same)
            lightness = torch.stack([one.lightness for one in asked])[:, None]
            inputs = NetInput(lightness, embed)
            if palette:
                inputs = replace(inputs, palette=palettes[palette])
            for answer, ab in zip(asked, self.predict(inputs, vivid), strict=True):
                answer.ab = ab
        return group


def _pad(part: Tensor, frames: int) -> Tensor:
    return torch.cat([part, part[-1:].expand(frames - len(part), -1, -1, -1)])


def _finite(ab: Tensor) -> Tensor:
    """(B,) bool: which frames have nothing but numbers."""
    return ab.isfinite().flatten(1).all(1)
