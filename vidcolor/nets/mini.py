"""The preset ``mini``: a small net for slow machines and previews, a student of ``film``."""

from __future__ import annotations

from torch import Tensor, nn

from vidcolor.nets.colornet import ColorNetConfig, DistributionNet, NetInput
from vidcolor.nets.layers import AttentionBlock, ResidualBlock, conv_block, upsample_to


class MiniNet(DistributionNet):
    """Under 1 GMAC for 256 x 352: most of its capacity sits at 1/32, where pixels are few."""

    def __init__(self, config: ColorNetConfig) -> None:
        super().__init__(config)
        attention, residual = config.blocks
        half, quarter, eighth, sixteenth, W = (config.width * k // 12 for k in (1, 2, 4, 8, 12))
        self.stem = conv_block(1, half, stride=2)
        self.down4 = conv_block(half, quarter, stride=2)
        self.down8 = nn.Sequential(
            conv_block(quarter, eighth, stride=2), *(ResidualBlock(eighth) for _ in range(residual))
        )
        self.down16 = nn.Sequential(
            conv_block(eighth, sixteenth, stride=2),
            *(ResidualBlock(sixteenth) for _ in range(residual)),
        )
        self.down32 = conv_block(sixteenth, W, stride=2)
        self.attend32 = nn.Sequential(*(AttentionBlock(W, config.heads) for _ in range(attention)))
        # Upwards a map is narrowed before it is enlarged, and the finer one is added.
        self.up16 = nn.Conv2d(W, sixteenth, 1)
        self.fuse16 = conv_block(sixteenth, eighth)
        self.fuse8 = conv_block(eighth, quarter)
        self.fuse4 = conv_block(quarter, quarter)
        self.classify = nn.Conv2d(quarter, len(self.bins), 1)
        self.regress = nn.Conv2d(quarter, 2, 1)

    def encode(self, inputs: NetInput) -> list[Tensor]:
        """Maps at 1/4, 1/8, 1/16 and, with ``width`` channels, at 1/32."""
        quarter = self.down4(self.stem(inputs.lightness / 50 - 1))
        eighth = self.down8(quarter)
        sixteenth = self.down16(eighth)
        return [quarter, eighth, sixteenth, self.attend32(self.down32(sixteenth))]

    def fuse(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Features at 1/4, and those at 1/8 from which they were made."""
        quarter, eighth, sixteenth, x = maps
        x = self.fuse16(upsample_to(self.up16(x), sixteenth) + sixteenth)
        coarse = self.fuse8(upsample_to(x, eighth) + eighth)
        return self.fuse4(upsample_to(coarse, quarter) + quarter), coarse
