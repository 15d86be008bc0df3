"""The preset ``film``: VGG16 features, attention at two scales, a decoder at a quarter.

With ``lite`` the features of EfficientNet-Lite2, which knows more of what a picture shows, join
them at 1/16.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vidcolor.nets.colornet import ColorNetConfig, DistributionNet, NetInput
from vidcolor.nets.efficientnet_lite import CHANNELS, LiteFeatures
from vidcolor.nets.layers import AttentionBlock, conv_block, upsample_to
from vidcolor.nets.vgg import VGG16Features

SCALES = (100, 50, 10)
"""VGG16's ReLUs grow large; these numbers bring its maps at 1/4, 1/8, 1/16 to about unit size."""


class FilmNet(DistributionNet):
    """The default net: ab at a quarter of the working size, as a distribution over bins."""

    def __init__(self, config: ColorNetConfig) -> None:
        super().__init__(config)
        W = config.width
        self.vgg = VGG16Features(stem=config.stem)
        self.bridge = conv_block(512, W)
        self.overall = nn.Sequential(nn.Linear(512, W), nn.ReLU(), nn.Linear(W, W))
        if config.lite:
            self.lite = LiteFeatures()
            self.lite_map = end_in_zeros(
                nn.Conv2d(sum(CHANNELS), W, 1), nn.ReLU(inplace=True), nn.Conv2d(W, W, 1)
            )
            self.lite_overall = end_in_zeros(
                nn.Linear(CHANNELS[1], W), nn.ReLU(inplace=True), nn.Linear(W, W)
            )
        self.attend16 = nn.Sequential(
            *(AttentionBlock(W, config.heads) for _ in range(config.blocks[0]))
        )
        from16, from8 = config.lifts or (W, W)
        self.lift16 = _narrow(W, from16)
        self.skip8 = conv_block(512, W)
        self.fuse8 = conv_block(from16 + W, W)
        self.attend8 = nn.Sequential(
            *(AttentionBlock(W, config.heads, config.pooled) for _ in range(config.blocks[1]))
        )
        self.lift8 = _narrow(W, from8)
        self.skip4 = conv_block(256, W // 2)
        self.fuse4 = nn.Sequential(
            conv_block(from8 + W // 2, 3 * W // 4), conv_block(3 * W // 4, W // 2)
        )
        self.classify = nn.Conv2d(W // 2, len(self.bins), 1)
        self.regress = nn.Conv2d(W // 2, 2, 1)

    def encode(self, inputs: NetInput) -> list[Tensor]:
        """VGG16's maps at 1/4 and 1/8, and the fused one of ``width`` channels at 1/16."""
        quarter, eighth, sixteenth = self.see(inputs.lightness)
        x = self.bridge(sixteenth) + self.overall(sixteenth.mean((2, 3)))[:, :, None, None]
        if self.config.lite:
            x = x + self._lite(inputs.lightness, x)
        return [quarter, eighth, self.attend16(x)]

    def see(self, lightness: Tensor) -> list[Tensor]:
        """VGG16's maps at 1/4, 1/8 and 1/16, each divided by its number of `SCALES`."""
        maps = self.vgg(lightness)[-len(SCALES) :]
        return [x / scale for x, scale in zip(maps, SCALES, strict=True)]

    def _lite(self, lightness: Tensor, x: Tensor) -> Tensor:
        """What EfficientNet-Lite2 adds to the map at 1/16."""
        middle, deep = self.lite(lightness)
        middle, deep = middle / 4, deep / 2  # to about unit size
        local: Tensor = self.lite_map(torch.cat([middle, upsample_to(deep, x)], 1))
        overall: Tensor = self.lite_overall(deep.mean((2, 3)))
        return local + overall[:, :, None, None]

    def fuse(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Features at 1/4, and those behind the attention at 1/8."""
        joined, coarse = self.join(maps)
        return self.fuse4(joined), coarse

    def join(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """What meets at 1/4 before the last convolutions, and what is behind the attention."""
        quarter, eighth, x = maps
        x = torch.cat([upsample_to(self.lift16(x), eighth), self.skip8(eighth)], 1)
        coarse = self.attend8(self.fuse8(x))
        return torch.cat([upsample_to(self.lift8(coarse), quarter), self.skip4(quarter)], 1), coarse


def _narrow(channels: int, out: int) -> nn.Module:
    """Mixes the channels of a map before it is enlarged: fewer then say as much."""
    return nn.Identity() if out == channels else nn.Conv2d(channels, out, 1, bias=False)


def end_in_zeros(*layers: nn.Module) -> nn.Sequential:
    """The layers in a row; the last begins with zeros, so that a trained net stays what it was."""
    for parameter in layers[-1].parameters():
        nn.init.zeros_(parameter)
    return nn.Sequential(*layers)
