"""`FilmNet` in 8-bit integers: most codes pass from one convolution to the next as they are."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from vidcolor.nets.int8 import Codes, Int8Conv, Int8VGG, Range
from vidcolor.nets.layers import fold_norms, upsample_to
from vidcolor.nets.vgg_fused import SCALES, FilmNet


class Int8FilmNet(FilmNet):
    """The net with VGG16, but for its first block, and the decoder's convolutions in integers.

    Args:
        net: In float32; it is taken apart.
        seen: `ColorNet.ranges` of the net, of all the convolutions that can be in integers.
        dtype: Of all else.
    """

    def __init__(self, net: FilmNet, seen: dict[str, Range], dtype: torch.dtype) -> None:
        super(FilmNet, self).__init__(net.config)  # its layers take the place of new ones
        self.embedding = net.embedding
        vgg = Int8VGG(net.vgg, {key[4:]: seen[key] for key in seen if key.startswith("vgg.")})
        quarter, eighth, sixteenth = (
            Codes(codes.step / scale, codes.zero)
            for codes, scale in zip(vgg.codes, SCALES, strict=True)
        )
        self.step16 = sixteenth.step
        self.into8, self.into4, last = (
            Codes.of(seen[name]) for name in ("fuse8.0", "fuse4.0.0", "fuse4.1.0")
        )
        fuse4 = [cast(nn.Sequential, block) for block in net.fuse4]
        made: dict[str, nn.Module] = {
            "vgg": vgg,
            "skip8": _in_integers(net.skip8, eighth, self.into8),
            "fuse8": _in_integers(net.fuse8, self.into8, dtype),
            "skip4": _in_integers(net.skip4, quarter, self.into4),
            "fuse4": nn.Sequential(
                _in_integers(fuse4[0], self.into4, last), _in_integers(fuse4[1], last, dtype)
            ),
        }
        for name, layer in net.named_children():
            self.add_module(name, made.get(name, layer))

    def see(self, lightness: Tensor) -> list[Tensor]:
        """VGG16's maps: codes at 1/4 and 1/8, floats of about unit size at 1/16."""
        quarter, eighth, sixteenth = self.vgg(lightness)
        return [quarter, eighth, sixteenth.to(self.overall[0].weight.dtype) * self.step16]

    def join(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """As of `FilmNet`, of codes at 1/4 and 1/8; codes meet."""
        quarter, eighth, x = maps
        above = self.into8.write(upsample_to(self.lift16(x), eighth))
        coarse = self.attend8(self.fuse8(torch.cat([above, self.skip8(eighth)], 1)))
        above = self.into4.write(upsample_to(self.lift8(coarse), quarter))
        return torch.cat([above, self.skip4(quarter)], 1), coarse


def _in_integers(block: nn.Sequential, into: Codes, out: Codes | torch.dtype) -> Int8Conv:
    """A `vidcolor.nets.layers.conv_block` from codes to codes or floats."""
    return Int8Conv(cast(nn.Conv2d, fold_norms(block)[0]), into, out)
