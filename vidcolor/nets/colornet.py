"""The colornet: from lightness to a*, b*. What its three presets have in common.

``film`` is the default: VGG16 features fused at three scales and as a global vector into a decoder
with attention (filmnet.py). ``mini`` is a small student of it (mininet.py). Both predict a
distribution over ab bins (Zhang et al., "Colorful Image Colorization", 2016) and a regressed ab.
``book`` is the network this project started from (booknet.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vidcolor.color.lab import ab_bins
from vidcolor.errors import SettingsError
from vidcolor.nets.palette import PaletteColors, lower_logits, pull
from vidcolor.nets.vgg import BLOCKS
from vidcolor.settings import SIZE_STEP

Preset = Literal["film", "mini", "book"]
PRESETS: tuple[Preset, ...] = ("film", "mini", "book")

STEM = (*BLOCKS[0], *BLOCKS[1])
"""Channels of VGG16's first four convolutions."""


@dataclass(frozen=True)
class ColorNetConfig:
    """The shape of a colornet, stored with its weights."""

    preset: Preset = "film"
    """Which network of the family."""
    width: int = 256
    """Channels at the deepest scale of the decoder (film) or of the encoder (mini)."""
    blocks: tuple[int, int] = (2, 2)
    """Attention blocks at 1/16 and at 1/8 (film); at 1/32, and residual blocks at 1/8 and at 1/16
    each (mini)."""
    heads: int = 4
    """Heads of an attention block (film, mini)."""
    bin_size: int = 10
    """Side of an ab bin, in ab units (film, mini)."""
    temperature: float = 0.38
    """Temperature of the annealed mean that turns the distribution into one color, 0.1..1 (film,
    mini)."""
    vivid: float = 0.5
    """Where the dial stands unless the user turns it, 0 safest to 1 most vivid (film, mini)."""
    gain: float = 1.69
    """Factor on the color at the vivid end of the dial; it makes up for the dullness of every mean
    (film, mini)."""
    agreement: float = 0.0
    """Exponent of the factor by which colors of doubtful hue fade, 0 for none (film, mini)."""
    lite: bool = False
    """Whether the features of EfficientNet-Lite2 are fused, too (film)."""
    stem: tuple[int, ...] = STEM
    """Channels of the first four convolutions of VGG16 (film). Gray pictures need few of them."""
    lifts: tuple[int, ...] = ()
    """Channels that the decoder takes from 1/16 to 1/8 and from there to 1/4 (film); empty for
    ``width`` each."""
    pooled: bool = False
    """Whether the attention at 1/8 looks at means of 2 x 2 places instead of each (film)."""
    embedding: int = 1000
    """Length of the vector that is fused at 1/8 (book): 1000 classes or 512 features."""

    def __post_init__(self) -> None:
        # A config may come from a file: it must describe a net, and one that fits into memory.
        if self.preset not in PRESETS:
            raise SettingsError(f"unknown preset {self.preset!r}; use {', '.join(PRESETS)}")
        counts = (self.width, *self.blocks, self.heads, self.bin_size)
        fits = (
            all(isinstance(count, int) for count in counts)
            and len(self.blocks) == 2
            and all(0 <= count <= 16 for count in self.blocks)
            and 4 <= self.width <= 2048
            and 1 <= self.heads <= self.width
            and self.width % self.heads == 0
            and (self.preset != "mini" or self.width % 12 == 0)
            and 5 <= self.bin_size <= 50
            and 0.1 <= self.temperature <= 1
            and 0 <= self.vivid <= 1
            and 0 < self.gain <= 10
            and 0 <= self.agreement <= 4
            and isinstance(self.lite, bool)
            and (not self.lite or self.preset == "film")
            and self.embedding in (512, 1000)
            and len(self.stem) == len(STEM)
            and len(self.lifts) in (0, 2)
            and all(isinstance(n, int) and 1 <= n <= 2048 for n in (*self.stem, *self.lifts))
            and isinstance(self.pooled, bool)
            and (self.preset == "film" or (self.stem, self.lifts, self.pooled) == (STEM, (), False))
        )
        if not fits:
            raise SettingsError(f"no net can be made from {self}")


@dataclass(frozen=True)
class NetInput:
    """What a net is shown of B frames."""

    lightness: Tensor
    """``(B, 1, h, w)`` float, CIE L* 0..100; h and w are multiples of the net's ``size_multiple``.
    """
    embed: bool = False
    """Whether embeddings are wanted beside the color, by which places are compared."""
    palette: PaletteColors = ()
    """What colors are drawn to, of all frames; empty for no palette. Without effect on a net that
    predicts no distribution (book)."""

    def __len__(self) -> int:
        """How many frames."""
        return len(self.lightness)

    def __getitem__(self, frames: slice) -> NetInput:
        """Some of the frames."""
        return self.map(lambda part: part[frames])

    def map(self, change: Callable[[Tensor], Tensor]) -> NetInput:
        """The same with ``change`` done to all that is shown."""
        return replace(self, lightness=change(self.lightness))


@dataclass(frozen=True)
class Examination:
    """What a net knows of B pictures."""

    fine: Tensor
    """``(B, C, h', w')`` features at its output size."""
    coarse: Tensor
    """``(B, C', h'', w'')`` features at about half that size."""
    logits: Tensor
    """``(B, Q, h', w')`` of the ab bins."""
    ab: Tensor
    """``(B, 2, h', w')`` automatic color."""
    embedding: Tensor
    """``(B, D, h', w')`` by which places are compared."""

    def map(self, change: Callable[[Tensor], Tensor]) -> Examination:
        """The same with ``change`` done to each part."""
        return Examination(*(change(part) for part in vars(self).values()))


class ColorNet(nn.Module):
    """A net from lightness to ab; `build_net` makes one from a config."""

    output_stride: ClassVar[int] = 1
    """Samples of lightness for one of ab, in each direction."""
    size_multiple: ClassVar[int] = SIZE_STEP
    """What the sides of its input are multiples of."""
    bytes_per_pixel: ClassVar[int] = 768
    """Bytes that a run takes at most, per frame and pixel of working size, besides its weights.
    Measured on the CPU, at 256 x 352 and 512 x 704, 1 to 8 frames: the default weights take up to
    513 in bfloat16 and 716 in float32, mini up to 283 and 363. 768 are three maps of 64 channels in
    float32: what enters VGG16's second convolution, what leaves it, and one in between."""

    def __init__(self, config: ColorNetConfig) -> None:
        super().__init__()
        self.config = config
        self.ranges: dict[str, tuple[float, float]] = {}
        """What goes into the convolutions, by their names, where that was measured; see int8.py."""

    def working_size(self, height: int, width: int, short_side: int) -> tuple[int, int]:
        """The (h, w) at which this net looks at a film of ``height`` x ``width``."""
        raise NotImplementedError

    def forward(self, inputs: NetInput, vivid: float | None = None) -> Tensor:
        """Predict ab.

        Args:
            inputs: What it is shown.
            vivid: 0 safest to 1 most vivid; None takes the config's. Without effect on a net that
                predicts no distribution (book).

        Returns:
            ``(B, 2, h', w')`` float32, CIE a*, b* in about -110..110.
        """
        raise NotImplementedError


class DistributionNet(ColorNet):
    """A net that says of each place how likely each color is, and which is the safest."""

    output_stride = 4

    bins: Tensor
    classify: nn.Conv2d
    """The layer that gives the logits of the bins."""
    regress: nn.Conv2d
    """The layer that gives the regressed ab / 100."""
    embedding: nn.Module | None
    """Makes embeddings of fine and coarse features; None where nothing asks for them."""

    def __init__(self, config: ColorNetConfig) -> None:
        super().__init__(config)
        self.embedding = None
        self.register_buffer("bins", ab_bins(config.bin_size), persistent=False)

    def working_size(self, height: int, width: int, short_side: int) -> tuple[int, int]:
        """Short side ``short_side``, long side a multiple as near as can be, at most 4 times it."""
        ratio = min(max(height, width) / min(height, width), 4.0)
        step = self.size_multiple
        long_side = max(step, round(short_side * ratio / step) * step)
        return (short_side, long_side) if height <= width else (long_side, short_side)

    def encode(self, inputs: NetInput) -> list[Tensor]:
        """Feature maps from fine to coarse; the last one knows the whole picture."""
        raise NotImplementedError

    def fuse(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Features for the heads, of what `encode` gave.

        Returns:
            ``(B, C, h/4, w/4)`` fine ones, which the heads see, and coarse ones, about half as
            large, from which they were made.
        """
        raise NotImplementedError

    def decode(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits ``(B, Q, h/4, w/4)`` and regressed ab ``(B, 2, h/4, w/4)`` of encoded maps."""
        return self.read_heads(self.fuse(maps)[0])

    def read_heads(self, fine: Tensor) -> tuple[Tensor, Tensor]:
        """As `decode`, of fine features."""
        return self.classify(fine), self.regress(fine) * 100

    def predict(self, inputs: NetInput) -> tuple[Tensor, Tensor]:
        """What the two heads say.

        Args:
            inputs: What it is shown.

        Returns:
            ``(B, Q, h/4, w/4)`` logits of the ab bins and ``(B, 2, h/4, w/4)`` regressed ab.
        """
        return self.decode(self.encode(inputs))

    def forward(self, inputs: NetInput, vivid: float | None = None) -> Tensor:
        """One color per place; ``(B, 2, h/4, w/4)``, and the embedding behind it where wanted."""
        fine, coarse = self.fuse(self.encode(inputs))
        ab = self.choose(*self.read_heads(fine), vivid, inputs.palette)
        if not inputs.embed or self.embedding is None:
            return ab
        return torch.cat([ab, self.embedding(fine, coarse)], 1)

    def examine(self, inputs: NetInput, vivid: float | None = None) -> Examination:
        """All that is known of pictures whose colors are to be talked about.

        Raises:
            ValueError: The net has no embedding.
        """
        if self.embedding is None:
            raise ValueError("the net has no embedding")
        fine, coarse = self.fuse(self.encode(inputs))
        logits, regressed = self.read_heads(fine)
        ab = self.choose(logits, regressed, vivid, inputs.palette)
        return Examination(fine, coarse, logits, ab, self.embedding(fine, coarse))

    def choose(
        self,
        logits: Tensor,
        regressed: Tensor,
        vivid: float | None = None,
        palette: PaletteColors = (),
    ) -> Tensor:
        """From the regressed color (0) to the annealed mean times ``gain`` (1).

        The mean of navy and brown is plum, which is neither: where the hues of a place disagree,
        the color becomes grayer (`measure_agreement` to the power ``agreement``) instead of wrong.

        Args:
            logits: ``(B, Q, h, w)``.
            regressed: ``(B, 2, h, w)`` ab.
            vivid: 0..1; None takes the config's.
            palette: As of `NetInput`.

        Returns:
            ``(B, 2, h, w)`` float32 ab; with a palette, none of it is stronger than its colors.
        """
        if palette:
            logits = lower_logits(logits, self.bins, self.config.bin_size, palette)
            regressed = pull(regressed, palette)
            return pull(self._mix(logits, regressed, vivid), palette)
        return self._mix(logits, regressed, vivid)

    def _mix(self, logits: Tensor, regressed: Tensor, vivid: float | None) -> Tensor:
        """As `choose`, without a palette."""
        share = self.config.vivid if vivid is None else vivid
        ab = regressed.float()
        strength: float | Tensor = self.config.gain**share
        odds: Tensor | None = None
        if self.config.agreement:
            odds = find_odds(logits)
            agreement = measure_agreement(odds, self.bins)
            strength = strength * agreement**self.config.agreement
        if share:
            heat = self.config.temperature
            sharp = find_odds(logits, heat) if odds is None else sharpen_odds(odds, heat)
            ab = torch.lerp(ab, average_color(sharp, self.bins), share)
        return ab * strength


def find_odds(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """The distribution of each place, but for a factor.

    Args:
        logits: ``(B, Q, h, w)``.
        temperature: 1 leaves it as it is; towards 0 the mode alone remains.

    Returns:
        ``(B, h, w, Q)`` float32, 1 for the likeliest bin. The bins of a place lie side by side, as
        they do in channels-last.
    """
    places = logits.permute(0, 2, 3, 1)
    if torch.is_grad_enabled():
        places = places.float()
        return (places - places.amax(-1, keepdim=True)).div_(temperature).exp_()
    odds = places.to(torch.float32, copy=True)  # fresh memory takes longer than what is done in it
    return odds.sub_(odds.amax(-1, keepdim=True)).div_(temperature).exp_()


def sharpen_odds(odds: Tensor, temperature: float) -> Tensor:
    """Distributions at another temperature, but for a factor.

    Squares are less work than another `find_odds`.

    Args:
        odds: ``(B, h, w, Q)`` float32, of `find_odds`. Overwritten, unless something is learned
            from them: fresh memory would cost as much time as the power.
        temperature: As of `find_odds`; 0.5 squares them, others take three times as long.

    Returns:
        The same shape.
    """
    if temperature == 1:
        return odds
    return odds ** (1 / temperature) if odds.requires_grad else odds.pow_(1 / temperature)


def average_color(odds: Tensor, bins: Tensor) -> Tensor:
    """Mean of the bins; of a sharpened distribution the annealed mean (Zhang et al. 2016, eq. 5).

    Args:
        odds: ``(B, h, w, Q)`` float32, of `find_odds` or `sharpen_odds`.
        bins: ``(Q, 2)`` centers of the bins, ab units.

    Returns:
        ``(B, 2, h, w)`` float32 ab.
    """
    with torch.autocast(odds.device.type, enabled=False):  # bf16 would round ab to whole units
        sums = weigh(odds, torch.cat([bins, torch.ones_like(bins[:, :1])], 1))
        return (sums[..., :2] / sums[..., 2:]).permute(0, 3, 1, 2)


def measure_agreement(odds: Tensor, bins: Tensor) -> Tensor:
    """How far the colors of a place agree about their hue: mean color's chroma over mean chroma.

    Args:
        odds: ``(B, h, w, Q)`` float32, of `find_odds`.
        bins: ``(Q, 2)`` centers of the bins, ab units.

    Returns:
        ``(B, 1, h, w)`` float32: 1 for one hue, 0 for equal shares of opposite ones.
    """
    with torch.autocast(odds.device.type, enabled=False):
        sums = weigh(odds, torch.cat([bins, bins.norm(dim=1, keepdim=True)], 1))
        # Not 0, where a root has no slope to learn from.
        length = (sums[..., :2].square().sum(-1, keepdim=True) + 1e-6).sqrt()
        return (length / (sums[..., 2:] + 1e-3)).permute(0, 3, 1, 2)


def weigh(odds: Tensor, values: Tensor) -> Tensor:
    """``(B, h, w, Q)`` times ``(Q, K)``: on the CPU a quarter of the time of ``@`` for few K."""
    return F.linear(odds, values.T.contiguous())
