"""The colornet: from lightness to a*, b*.

Two presets of one family. ``film`` is the default: VGG16 features fused at three scales and as a
global vector into a decoder with attention, predicting a distribution over ab bins (Zhang et al.,
"Colorful Image Colorization", 2016). ``book`` is the network this project started from, a small
encoder/decoder that takes VGG16's class probabilities as one vector (after Baldassarre et al.,
"Deep Koalarization", 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vidcolor.color.lab import ab_bins
from vidcolor.errors import SettingsError
from vidcolor.model.vgg import VGG16Features


@dataclass(frozen=True)
class ColorNetConfig:
    """The shape of a colornet, stored with its weights."""

    preset: Literal["film", "book"] = "film"
    """Which network of the family."""
    width: int = 256
    """Channels of the decoder at 1/16 and 1/8 (film)."""
    blocks: tuple[int, int] = (2, 2)
    """Attention blocks at 1/16 and at 1/8 (film)."""
    heads: int = 4
    """Heads of an attention block (film)."""
    bin_size: int = 10
    """Side of an ab bin, in ab units (film)."""
    temperature: float = 0.38
    """Temperature of the annealed mean that turns the distribution into one colour (film)."""
    calm: float = 0.5
    """Share of the regressed colour in the result, 0..1; more is safer and duller (film)."""
    gain: float = 1.3
    """Factor on the result that makes up for the dullness of every mean (film)."""
    embedding: int = 1000
    """Length of the vector that is fused at 1/8 (book): 1000 classes or 512 features."""

    def __post_init__(self) -> None:
        # A config may come from a file: it must describe a net, and one that fits into memory.
        if self.preset not in ("film", "book"):
            raise SettingsError(f"unknown preset {self.preset!r}; use film or book")
        counts = (self.width, *self.blocks, self.heads, self.bin_size)
        fits = (
            all(isinstance(count, int) for count in counts)
            and len(self.blocks) == 2
            and all(0 <= count <= 16 for count in self.blocks)
            and 4 <= self.width <= 2048
            and 1 <= self.heads <= self.width
            and self.width % self.heads == 0
            and 5 <= self.bin_size <= 50
            and 0 < self.temperature <= 10
            and 0 <= self.calm <= 1
            and 0 < self.gain <= 4
            and self.embedding in (512, 1000)
        )
        if not fits:
            raise SettingsError(f"no net can be made from {self}")


class ColorNet(nn.Module):
    """A net from lightness to ab; `build_net` makes one from a config."""

    def __init__(self, config: ColorNetConfig) -> None:
        super().__init__()
        self.config = config

    def working_size(self, height: int, width: int, short_side: int) -> tuple[int, int]:
        """The (h, w) at which this net looks at a film of ``height`` x ``width``."""
        raise NotImplementedError

    def forward(self, lightness: Tensor) -> Tensor:
        """Predict ab.

        Args:
            lightness: ``(B, 1, h, w)`` float, CIE L* 0..100; h and w are multiples of 16.

        Returns:
            ``(B, 2, h', w')`` float32, CIE a*, b* in about -110..110.
        """
        raise NotImplementedError


class AttentionBlock(nn.Module):
    """A plain pre-norm transformer block over all positions of a map.

    A depth-wise 3x3 convolution tells neighbours apart, so any size of picture works.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.position = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> the same shape."""
        B, C, h, w = x.shape
        x = x + self.position(x)
        tokens: Tensor = x.flatten(2).transpose(1, 2)
        q, k, v = self.qkv(self.norm1(tokens)).view(B, h * w, 3, self.heads, -1).unbind(2)
        mixed = F.scaled_dot_product_attention(
            q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        )
        tokens = tokens + self.project(mixed.transpose(1, 2).reshape(B, h * w, C))
        tokens = tokens + self.mlp(self.norm2(tokens))
        return tokens.transpose(1, 2).view(B, C, h, w)


def conv_block(channels: int, out: int) -> nn.Sequential:
    """3x3 convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, padding=1, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
    )


class FilmNet(ColorNet):
    """The default net: ab at a quarter of the working size, as a distribution over bins."""

    bins: Tensor

    def __init__(self, config: ColorNetConfig) -> None:
        super().__init__(config)
        W = config.width
        self.vgg = VGG16Features()
        self.bridge = conv_block(512, W)
        self.overall = nn.Sequential(nn.Linear(512, W), nn.ReLU(), nn.Linear(W, W))
        self.attend16 = nn.Sequential(
            *(AttentionBlock(W, config.heads) for _ in range(config.blocks[0]))
        )
        self.skip8 = conv_block(512, W)
        self.fuse8 = conv_block(2 * W, W)
        self.attend8 = nn.Sequential(
            *(AttentionBlock(W, config.heads) for _ in range(config.blocks[1]))
        )
        self.skip4 = conv_block(256, W // 2)
        self.fuse4 = nn.Sequential(
            conv_block(W + W // 2, 3 * W // 4), conv_block(3 * W // 4, W // 2)
        )
        bins = ab_bins(config.bin_size)
        self.register_buffer("bins", bins, persistent=False)
        self.classify = nn.Conv2d(W // 2, len(bins), 1)
        self.regress = nn.Conv2d(W // 2, 2, 1)

    def working_size(self, height: int, width: int, short_side: int) -> tuple[int, int]:
        """Short side ``short_side``, long side the nearest multiple of 16, at most 4 times it."""
        ratio = min(max(height, width) / min(height, width), 4.0)
        long_side = max(16, round(short_side * ratio / 16) * 16)
        return (short_side, long_side) if height <= width else (long_side, short_side)

    def predict(self, lightness: Tensor) -> tuple[Tensor, Tensor]:
        """What the two heads say.

        Args:
            lightness: ``(B, 1, h, w)`` float, L* 0..100.

        Returns:
            ``(B, Q, h/4, w/4)`` logits of the ab bins and ``(B, 2, h/4, w/4)`` regressed ab.
        """
        _, _, quarter, eighth, sixteenth = self.vgg(lightness)
        # VGG's ReLUs grow large; these factors bring each scale to about unit size.
        quarter, eighth, sixteenth = quarter / 100, eighth / 50, sixteenth / 10
        x = self.bridge(sixteenth) + self.overall(sixteenth.mean((2, 3)))[:, :, None, None]
        x = upsample(self.attend16(x))
        x = self.attend8(self.fuse8(torch.cat([x, self.skip8(eighth)], 1)))
        x = self.fuse4(torch.cat([upsample(x), self.skip4(quarter)], 1))
        return self.classify(x), self.regress(x) * 100

    def forward(self, lightness: Tensor) -> Tensor:
        """Annealed mean, mixed with the regressed colour by ``calm``, times ``gain``."""
        logits, regressed = self.predict(lightness)
        ab = annealed_mean(logits, self.bins, self.config.temperature)
        return torch.lerp(ab, regressed.float(), self.config.calm) * self.config.gain


def upsample(x: Tensor) -> Tensor:
    """Twice the size, bilinear."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def annealed_mean(logits: Tensor, bins: Tensor, temperature: float) -> Tensor:
    """Mean of the bins under the sharpened distribution (Zhang et al. 2016, equation 5).

    Args:
        logits: ``(B, Q, h, w)``.
        bins: ``(Q, 2)`` centres of the bins, ab units.
        temperature: 1 is the plain mean, towards 0 the mode.

    Returns:
        ``(B, 2, h, w)`` float32 ab.
    """
    with torch.autocast(logits.device.type, enabled=False):  # bf16 would round ab to whole units
        weights = F.softmax(logits.float() / temperature, dim=1)
        return torch.einsum("bqhw,qc->bchw", weights, bins)


class BookNet(ColorNet):
    """The network of the book chapter, as its layer table says.

    The chapter feeds raw L; it is scaled to [-1, 1] here. VGG16 sees the grey picture at 224 x
    224. With ``embedding`` 1000 its vector is the class probabilities and needs torchvision's
    classifier, handed in by the caller; with 512 it is the mean of the last feature map.
    """

    SIDE = 256
    ENCODER = ((64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1), (512, 1), (256, 1))
    """(channels, stride) of the encoder's 3x3 convolutions."""

    def __init__(self, config: ColorNetConfig) -> None:
        super().__init__(config)
        self.vgg: nn.Module = VGG16Classes() if config.embedding == 1000 else VGG16Features()
        layers: list[nn.Module] = []
        channels = 1
        for out, stride in self.ENCODER:
            layers += [nn.Conv2d(channels, out, 3, stride, padding=1), nn.ReLU(inplace=True)]
            channels = out
        self.encoder = nn.Sequential(*layers)
        self.fusion = nn.Sequential(
            nn.Conv2d(channels + config.embedding, 256, 1), nn.ReLU(inplace=True)
        )
        self.decoder = nn.Sequential(
            *(nn.Conv2d(256, 128, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2)),
            *(nn.Conv2d(128, 64, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2)),
            *(nn.Conv2d(64, 32, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(32, 16, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(16, 2, 3, padding=1), nn.Tanh(), nn.Upsample(scale_factor=2)),
        )

    def working_size(self, height: int, width: int, short_side: int) -> tuple[int, int]:  # noqa: ARG002
        """Always 256 x 256, as the chapter rescales every picture."""
        return self.SIDE, self.SIDE

    def embed(self, lightness: Tensor) -> Tensor:
        """(B, 1, h, w) L -> (B, embedding)."""
        small = F.interpolate(lightness, (224, 224), mode="bilinear", antialias=True)
        if isinstance(self.vgg, VGG16Features):
            features: Tensor = self.vgg(small)[-1].mean((2, 3)) / 10
            return features
        return F.softmax(self.vgg(small).float(), dim=1)

    def forward(self, lightness: Tensor) -> Tensor:
        """(B, 1, 256, 256) L -> (B, 2, 256, 256) ab; any multiple of 8 works."""
        x = self.encoder(lightness / 50 - 1)
        vector = self.embed(lightness)[:, :, None, None].expand(-1, -1, *x.shape[2:])
        x = self.fusion(torch.cat([x, vector.to(x.dtype)], 1))
        ab: Tensor = self.decoder(x).float() * 128
        return ab


class VGG16Classes(nn.Module):
    """The whole VGG16 with its classifier: (B, 1, 224, 224) L -> (B, 1000) logits."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import vgg16

        self.net = vgg16(weights=None)
        self.register_buffer(
            "mean", torch.tensor((0.485, 0.456, 0.406)).view(1, 3, 1, 1), persistent=False
        )
        self.register_buffer(
            "std", torch.tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1), persistent=False
        )

    def forward(self, lightness: Tensor) -> Tensor:
        """IMAGENET1K_V1's own preprocessing: RGB 0..1, minus mean, over standard deviation."""
        logits: Tensor = self.net((lightness / 100 - self.mean) / self.std)
        return logits


def build_net(config: ColorNetConfig) -> ColorNet:
    """A net with fresh weights."""
    return FilmNet(config) if config.preset == "film" else BookNet(config)
